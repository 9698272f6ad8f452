"""Backward passes of single layers, and batch normalisation, against PyTorch."""

import unittest

import numpy as np
import stoa
import torch
import torch.nn.functional as F
from networks import near

RANDOM = np.random.default_rng(3)


def normal(*shape):
    return RANDOM.normal(size=shape).astype(np.float32)


def other_layout(x):
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1))


def gradients(function, *arrays):
    """dy at random, and PyTorch's gradients with regard to the arrays."""
    tensors = [torch.tensor(array, requires_grad=True) for array in arrays]
    y = function(*tensors)
    dy = normal(*y.shape)
    y.backward(torch.tensor(dy))
    return dy, [tensor.grad for tensor in tensors]


class Backward(unittest.TestCase):
    def test_empty_batches(self):
        x, w = normal(0, 3, 7, 7), normal(4, 3, 3, 3)
        saved = normal(3), normal(3)
        rows = [
            (stoa.conv2d_backward(x, w, normal(0, 4, 5, 5)), [x.shape, w.shape, (4,)]),
            (stoa.linear_backward(normal(0, 5), normal(2, 5), normal(0, 2)), [(0, 5), (2, 5), (2,)]),
            ((stoa.max_pool2d_backward(x, normal(0, 3, 5, 5), 3),), [x.shape]),
            (stoa.batch_norm_backward(x, x, normal(3), saved), [x.shape, (3,), (3,)]),
        ]
        for gradients_of_it, shapes in rows:
            self.assertEqual([gradient.shape for gradient in gradients_of_it], shapes)
            self.assertTrue(all((gradient == 0).all() for gradient in gradients_of_it))
        self.assertEqual(stoa.batch_norm(x, *(normal(3) for _ in range(4))).shape, x.shape)
        mean, variance = np.zeros(3, np.float32), np.ones(3, np.float32)
        with self.assertRaisesRegex(ValueError, "has no mean"):
            stoa.batch_norm_training(x, normal(3), normal(3), mean, variance)
        with self.assertRaisesRegex(ValueError, "running_variance: overlaps"):
            stoa.batch_norm_training(normal(1, 3, 2, 2), normal(3), normal(3), mean, mean)

    def test_conv2d(self):
        rows = [
            dict(c=3, oc=8, k=(3, 3)),
            dict(c=20, oc=5, k=(5, 3), stride=(2, 1), pad=(2, 1)),
            dict(c=16, oc=16, k=(3, 3), pad=1, groups=16),
            dict(c=6, oc=4, k=(1, 1), groups=2, stride=2),
            dict(c=4, oc=4, k=(3, 3), dilation=2, pad=2),
        ]
        for row in rows:
            row = dict(row)
            c, oc, k = row.pop("c"), row.pop("oc"), row.pop("k")
            x, w, b = normal(2, c, 13, 11), normal(oc, c // row.get("groups", 1), *k), normal(oc)
            there = {{"pad": "padding"}.get(name, name): value for name, value in row.items()}
            dy, expected = gradients(lambda x, w, b: F.conv2d(x, w, b, **there), x, w, b)
            with self.subTest(**row):
                for got, grad in zip(stoa.conv2d_backward(x, w, dy, threads=2, **row), expected):
                    near(got, grad)
                dx, dw, _ = stoa.conv2d_backward(other_layout(x), w, other_layout(dy), layout="NHWC", **row)
                near(dx.transpose(0, 3, 1, 2), expected[0])
                near(dw, expected[1])
                dx, dw, _ = stoa.conv2d_backward(x, w, dy, need_dx=False, **row)
                self.assertIsNone(dx)
                near(dw, expected[1])

    def test_linear(self):
        x, w, b = normal(5, 7), normal(3, 7), normal(3)
        dy, expected = gradients(F.linear, x, w, b)
        for got, grad in zip(stoa.linear_backward(x, w, dy), expected):
            near(got, grad)

    def test_pooling(self):
        x = normal(2, 5, 9, 7)
        rows = [
            (stoa.max_pool2d_backward, (3,), dict(stride=2, pad=1), lambda t: F.max_pool2d(t, 3, 2, 1)),
            (stoa.max_pool2d_backward, (2,), {}, lambda t: F.max_pool2d(t, 2, 1)),
            (stoa.avg_pool2d_backward, (3,), dict(stride=2, pad=1), lambda t: F.avg_pool2d(t, 3, 2, 1, count_include_pad=False)),
            (stoa.global_avg_pool2d_backward, (), {}, lambda t: t.mean((2, 3), keepdim=True)),
            (stoa.global_max_pool2d_backward, (), {}, lambda t: F.adaptive_max_pool2d(t, 1)),
        ]
        for function, arguments, options, peer in rows:
            dy, (expected,) = gradients(peer, x)
            with self.subTest(function.__name__, **options):
                near(function(x, dy, *arguments, **options), expected)
                dx = function(other_layout(x), other_layout(dy), *arguments, layout="NHWC", **options)
                near(dx.transpose(0, 3, 1, 2), expected)

    def test_elementwise(self):
        x = normal(3, 4, 5)
        for axis in (-1, 0, 1):
            dy, (expected,) = gradients(lambda t: t.softmax(axis), x)
            near(stoa.softmax_backward(stoa.softmax(x, axis), dy, axis), expected)
        rows = [("relu", F.relu), ("sigmoid", torch.sigmoid), ("tanh", torch.tanh), ("hard-swish", F.hardswish)]
        for name, peer in rows:
            dy, (expected,) = gradients(peer, x)
            with self.subTest(name):
                near(stoa.activate_backward(dy, name, x=x, y=stoa.activate(x, name)), expected)
        with self.assertRaisesRegex(ValueError, "hard-swish is computed from x"):
            stoa.activate_backward(x, "hard-swish", y=x)

    def test_batch_norm(self):
        x, scale, shift = normal(4, 6, 5, 3), normal(6), normal(6)
        mean, variance = normal(6), np.abs(normal(6)) + 1
        peer = F.batch_norm(*map(torch.tensor, (x, mean, variance, scale, shift)))
        near(stoa.batch_norm(x, scale, shift, mean, variance), peer)
        near(stoa.batch_norm(other_layout(x), scale, shift, mean, variance, layout="NHWC").transpose(0, 3, 1, 2), peer)

        dy, expected = gradients(lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True), x, scale, shift)
        before = mean.copy()
        y, saved = stoa.batch_norm_training(x, scale, shift, mean, variance, momentum=0.75)
        near(y, F.batch_norm(torch.tensor(x), None, None, torch.tensor(scale), torch.tensor(shift), training=True))
        np.testing.assert_allclose(mean, 0.75 * before + 0.25 * x.mean((0, 2, 3)), rtol=1e-4, atol=1e-5)
        for got, grad in zip(stoa.batch_norm_backward(x, dy, scale, saved), expected):
            near(got, grad)
        with self.assertRaisesRegex(TypeError, "running_mean"):
            stoa.batch_norm_training(x, scale, shift, mean.tolist(), variance)

    def test_bad_arguments(self):
        x, w = normal(1, 3, 8, 8), normal(4, 3, 3, 3)
        dy = normal(1, 4, 6, 6)
        rows = [
            (lambda: stoa.conv2d_backward(x, w, dy[:, :3]), ValueError, r"dy: takes shape \[1,4,6,6\], not \[1,3,6,6\]"),
            (lambda: stoa.conv2d_backward(x[:, :2], w, dy), ValueError, "x: has 2 channels, the weights are for 3"),
            (lambda: stoa.conv2d_backward(x, normal(4, 3, 9, 9), dy), stoa.Error, "kernel"),
            (lambda: stoa.conv2d_backward(x, w, dy, strides=2), TypeError, "no option 'strides'"),
            (lambda: stoa.linear_backward(normal(2, 3), normal(4, 3), normal(2, 3)), ValueError, r"dy: takes shape \[2,4\]"),
            (lambda: stoa.max_pool2d_backward(x, dy, 2), ValueError, r"dy: takes shape \[1,3,7,7\]"),
            (lambda: stoa.softmax_backward(x, dy), ValueError, "dy: takes shape"),
            (lambda: stoa.batch_norm(x, normal(4), normal(3), normal(3), normal(3)), ValueError, r"scale: takes shape \[3\]"),
        ]
        for i, (call, kind, message) in enumerate(rows):
            with self.subTest(i), self.assertRaisesRegex(kind, message):
                call()


if __name__ == "__main__":
    unittest.main()
