#!/usr/bin/python3
"""Exports torchvision architectures with random weights as ONNX, with inputs and PyTorch's own outputs for them.

    /usr/bin/python3 export.py DIR [NAME...]

For each NAME (default: all) that is not there already this writes DIR/NAME.onnx (opset 13, the batch left open) and, for batches of 1 and 3,
DIR/NAME.b1/ and DIR/NAME.b3/ with input_0.npy and output_0.npy, which `stoa verify DIR/NAME.onnx --data DIR/NAME.b3`
compares with. Needs Debian's python3-torchvision. Seeds are fixed. Random weights check the arithmetic and time like
trained ones; what the network answers means nothing.
"""
import os
import sys
import warnings

SIDE = 224
BATCHES = (1, 3)
NAMES = ('alexnet', 'vgg16', 'squeezenet1_1', 'resnet18', 'resnet50', 'mobilenet_v2', 'googlenet', 'mobilenet_v3_small')


def complete(name, directory):
    """Whether an earlier run wrote everything: the file it writes last is there."""
    return os.path.exists(os.path.join(directory, '%s.b%d' % (name, BATCHES[-1]), 'output_0.npy'))


def build(name):
    """The network in inference mode, each batch norm given numbers that change something."""
    options = {'aux_logits': False, 'init_weights': True} if name == 'googlenet' else {}
    network = getattr(torchvision.models, name)(weights=None, **options).eval()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.normal_(0, 0.1)
    return network


def export(name, directory):
    torch.manual_seed(0)
    network = build(name)
    torch.onnx.export(
        network, torch.randn(1, 3, SIDE, SIDE), os.path.join(directory, name + '.onnx'), opset_version=13,
        input_names=['input'], output_names=['output'], dynamic_axes={'input': {0: 'N'}, 'output': {0: 'N'}})
    for batch in BATCHES:
        data = os.path.join(directory, '%s.b%d' % (name, batch))
        os.makedirs(data, exist_ok=True)
        x = torch.randn(batch, 3, SIDE, SIDE)
        with torch.no_grad():
            y = network(x)
        numpy.save(os.path.join(data, 'input_0.npy'), x.numpy())
        numpy.save(os.path.join(data, 'output_0.npy'), y.numpy())


def main():
    if len(sys.argv) < 2 or sys.argv[1].startswith('-') or not set(sys.argv[2:]) <= set(NAMES):
        sys.exit(__doc__ + '\nNames: ' + ' '.join(NAMES))
    directory = sys.argv[1]
    missing = [name for name in sys.argv[2:] or NAMES if not complete(name, directory)]
    if not missing:
        return
    global numpy, torch, torchvision  # slow to load, so only when there is something to do
    import numpy
    import torch
    import torchvision.models
    warnings.filterwarnings('ignore')  # the exporter's notes on tracing
    os.makedirs(directory, exist_ok=True)
    for name in missing:
        export(name, directory)
        print(name, flush=True)


if __name__ == '__main__':
    main()
