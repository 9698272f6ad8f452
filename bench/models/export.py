#!/usr/bin/python3
"""Exports torchvision architectures, and a few networks written here, as ONNX, with inputs and PyTorch's outputs for them.

    /usr/bin/python3 export.py DIR [NAME... | more]

For each NAME (default: what the benchmarks time; more: what only the tests check) that is not there already this writes DIR/NAME.onnx (opset 13,
the batch left open) and, for batches of 1 and 3, DIR/NAME.b1/ and DIR/NAME.b3/ with input_0.npy and output_0.npy, which
`stoa verify DIR/NAME.onnx --data DIR/NAME.b3` compares with. Needs Debian's python3-torchvision. Weights are random,
seeds fixed: they check the arithmetic and time like trained ones; what the networks answer means nothing.
"""
import os
import sys
import warnings

BATCHES = (1, 3)
# What the benchmarks time.
NAMES = ('alexnet', 'vgg16', 'squeezenet1_1', 'resnet18', 'resnet50', 'mobilenet_v2', 'googlenet', 'mobilenet_v3_small')
# Further ones, which the tests check.
MORE = ('vgg11_bn', 'squeezenet1_0', 'wide_resnet50_2', 'resnext50_32x4d', 'densenet121', 'inception_v3',
        'mobilenet_v3_large', 'shufflenet_v2_x1_0', 'mnasnet1_0', 'efficientnet_b0', 'regnet_y_400mf', 'convnext_tiny',
        'fcn_resnet50', 'deeplabv3_mobilenet_v3_large', 'unet', 'esrgan', 'crnn', 'detector')
# Height and width of the input where it is not 224.
SIDES = {'inception_v3': 299, 'unet': 96, 'esrgan': 48, 'crnn': 64, 'detector': 320}


def complete(name, directory):
    """Whether an earlier run wrote everything: the file it writes last is there."""
    return os.path.exists(os.path.join(directory, '%s.b%d' % (name, BATCHES[-1]), 'output_0.npy'))


def unet():
    """Down by pooling, up by transposed and by interpolated convolutions, joined across."""
    nn = torch.nn

    def twice(channels, wider):
        return nn.Sequential(nn.Conv2d(channels, wider, 3, padding=1), nn.BatchNorm2d(wider), nn.ReLU(),
                             nn.Conv2d(wider, wider, 3, padding=1), nn.GroupNorm(4, wider), nn.GELU())

    class UNet(nn.Module):
        def __init__(self):
            super().__init__()
            self.down = nn.ModuleList([twice(3, 16), twice(16, 32), twice(32, 64)])
            self.bottom = twice(64, 128)
            self.up = nn.ModuleList([nn.ConvTranspose2d(128, 64, 2, stride=2),
                                     nn.Sequential(nn.Upsample(scale_factor=2, mode='bilinear', align_corners=True),
                                                   nn.Conv2d(64, 32, 1)),
                                     nn.ConvTranspose2d(32, 16, 3, stride=2, padding=1, output_padding=1)])
            self.join = nn.ModuleList([twice(128, 64), twice(64, 32), twice(32, 16)])
            self.head = nn.Conv2d(16, 2, 1)

        def forward(self, x):
            kept = []
            for down in self.down:
                x = down(x)
                kept.append(x)
                x = nn.functional.max_pool2d(x, 2)
            x = self.bottom(x)
            for up, join, other in zip(self.up, self.join, reversed(kept)):
                x = join(torch.cat([up(x), other], 1))
            return self.head(x)

    return UNet()


def esrgan():
    """Super-resolution: dense blocks, one enlargement by nearest pixels and one by shuffled channels."""
    nn = torch.nn

    class Dense(nn.Module):
        def __init__(self, channels, growth):
            super().__init__()
            self.layers = nn.ModuleList(
                [nn.Conv2d(channels + i * growth, growth if i < 4 else channels, 3, padding=1) for i in range(5)])

        def forward(self, x):
            seen = [x]
            for layer in self.layers[:-1]:
                seen.append(nn.functional.leaky_relu(layer(torch.cat(seen, 1)), 0.2))
            return x + 0.2 * self.layers[-1](torch.cat(seen, 1))

    class Enlarger(nn.Module):
        def __init__(self, channels=32):
            super().__init__()
            self.first = nn.Conv2d(3, channels, 3, padding=1)
            self.blocks = nn.Sequential(*[Dense(channels, 16) for _ in range(3)])
            self.nearest = nn.Conv2d(channels, channels, 3, padding=1)
            self.shuffled = nn.Sequential(nn.Conv2d(channels, 4 * channels, 3, padding=1), nn.PixelShuffle(2), nn.PReLU())
            self.last = nn.Conv2d(channels, 3, 3, padding=1)

        def forward(self, x):
            x = self.first(x)
            x = x + self.blocks(x)
            x = nn.functional.interpolate(x, scale_factor=2, mode='nearest')
            x = nn.functional.leaky_relu(self.nearest(x), 0.2)
            return torch.tanh(self.last(self.shuffled(x)))

    return Enlarger()


def crnn():
    """A line of text: columns of the picture become steps, which LSTMs and GRUs walk both ways."""
    nn = torch.nn

    class CRNN(nn.Module):
        def __init__(self):
            super().__init__()

            def layer(channels, wider, pool):
                return nn.Sequential(nn.Conv2d(channels, wider, 3, padding=1), nn.BatchNorm2d(wider), nn.ReLU(),
                                     nn.MaxPool2d(pool))

            self.columns = nn.Sequential(layer(3, 16, 2), layer(16, 32, 2), layer(32, 64, (4, 1)), layer(64, 96, (4, 1)))
            self.lstm = nn.LSTM(96, 64, num_layers=2, bidirectional=True, batch_first=True)
            self.gru = nn.GRU(128, 48, bidirectional=True, batch_first=True)
            self.head = nn.Linear(96, 37)

        def forward(self, x):
            x, _ = self.lstm(self.columns(x).squeeze(2).transpose(1, 2))
            x, _ = self.gru(x)
            return self.head(x).log_softmax(2)

    return CRNN()


def detector():
    """Boxes at three scales, by a network like YOLOv5's smallest: split blocks, SiLU, pools of pools, features up and down."""
    nn = torch.nn

    def conv(channels, wider, kernel=1, stride=1, pad=None):
        return nn.Sequential(nn.Conv2d(channels, wider, kernel, stride, kernel // 2 if pad is None else pad, bias=False),
                             nn.BatchNorm2d(wider), nn.SiLU())

    class Block(nn.Module):
        """Half of the channels through `depth` bottlenecks, half past them."""
        def __init__(self, channels, wider, depth, adds=True):
            super().__init__()
            half = wider // 2
            self.through, self.past, self.join = conv(channels, half), conv(channels, half), conv(2 * half, wider)
            self.steps = nn.ModuleList([nn.Sequential(conv(half, half), conv(half, half, 3)) for _ in range(depth)])
            self.adds = adds

        def forward(self, x):
            y = self.through(x)
            for step in self.steps:
                y = y + step(y) if self.adds else step(y)
            return self.join(torch.cat([y, self.past(x)], 1))

    class Pools(nn.Module):
        def __init__(self, channels):
            super().__init__()
            self.first, self.last = conv(channels, channels // 2), conv(2 * channels, channels)

        def forward(self, x):
            seen = [self.first(x)]
            for _ in range(3):
                seen.append(nn.functional.max_pool2d(seen[-1], 5, 1, 2))
            return self.last(torch.cat(seen, 1))

    class Detector(nn.Module):
        def __init__(self):
            super().__init__()
            self.fine = nn.Sequential(conv(3, 16, 6, 2, 2), conv(16, 32, 3, 2), Block(32, 32, 1), conv(32, 64, 3, 2),
                                      Block(64, 64, 2))
            self.middle = nn.Sequential(conv(64, 128, 3, 2), Block(128, 128, 3))
            self.coarse = nn.Sequential(conv(128, 256, 3, 2), Block(256, 256, 1), Pools(256), conv(256, 128))
            self.up = nn.ModuleList([nn.Sequential(Block(256, 128, 1, False), conv(128, 64)), Block(128, 64, 1, False)])
            self.down = nn.ModuleList([conv(64, 64, 3, 2), conv(128, 128, 3, 2)])
            self.join = nn.ModuleList([Block(128, 128, 1, False), Block(256, 256, 1, False)])
            self.heads = nn.ModuleList([nn.Conv2d(channels, 255, 1) for channels in (64, 128, 256)])

        def forward(self, x):
            wider = nn.Upsample(scale_factor=2, mode='nearest')
            fine = self.fine(x)
            middle = self.middle(fine)
            coarse = self.coarse(middle)
            half = self.up[0](torch.cat([wider(coarse), middle], 1))
            first = self.up[1](torch.cat([wider(half), fine], 1))
            second = self.join[0](torch.cat([self.down[0](first), half], 1))
            third = self.join[1](torch.cat([self.down[1](second), coarse], 1))
            seen = [head(part).flatten(2) for head, part in zip(self.heads, (first, second, third))]
            return torch.cat(seen, 2).sigmoid()

    return Detector()


def build(name):
    """The network in inference mode, each batch norm given numbers that change something."""
    if name in ('unet', 'esrgan', 'crnn', 'detector'):
        network = globals()[name]()
    elif hasattr(torchvision.models.segmentation, name):
        network = plain(getattr(torchvision.models.segmentation, name)(weights=None, weights_backbone=None))
    else:
        options = {'aux_logits': False, 'init_weights': True} if name in ('googlenet', 'inception_v3') else {}
        network = getattr(torchvision.models, name)(weights=None, **options)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.normal_(0, 0.1)
        elif hasattr(module, 'layer_scale'):  # as small as it begins, what it scales would hardly count
            module.layer_scale.data.uniform_(0.1, 0.5)
    return network.eval()


def plain(network):
    """The one output of a network that returns it in a dictionary."""
    class Plain(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.network = network

        def forward(self, x):
            return self.network(x)['out']

    return Plain()


def export(name, directory):
    torch.manual_seed(0)
    network = build(name)
    side = SIDES.get(name, 224)
    torch.onnx.export(
        network, torch.randn(1, 3, side, side), os.path.join(directory, name + '.onnx'), opset_version=13,
        input_names=['input'], output_names=['output'], dynamic_axes={'input': {0: 'N'}, 'output': {0: 'N'}})
    for batch in BATCHES:
        data = os.path.join(directory, '%s.b%d' % (name, batch))
        os.makedirs(data, exist_ok=True)
        x = torch.randn(batch, 3, side, side)
        with torch.no_grad():
            y = network(x)
        numpy.save(os.path.join(data, 'input_0.npy'), x.numpy())
        numpy.save(os.path.join(data, 'output_0.npy'), y.numpy())


def main():
    if len(sys.argv) < 2 or sys.argv[1].startswith('-') or not set(sys.argv[2:]) <= set(NAMES + MORE + ('more',)):
        sys.exit(__doc__ + '\nNames: ' + ' '.join(NAMES + MORE))
    directory = sys.argv[1]
    wanted = MORE if sys.argv[2:] == ['more'] else sys.argv[2:] or NAMES
    missing = [name for name in wanted if not complete(name, directory)]
    if not missing:
        return
    global numpy, torch, torchvision  # slow to load, so only when there is something to do
    import numpy
    import torch
    import torchvision.models.segmentation
    warnings.filterwarnings('ignore')  # the exporter's notes on tracing
    os.makedirs(directory, exist_ok=True)
    for name in missing:
        export(name, directory)
        print(name, flush=True)


if __name__ == '__main__':
    main()
