"""Single layers against PyTorch."""

import pickle
import sys
import threading
import unittest

import numpy as np
import stoa
import torch
import torch.nn.functional as F
from networks import near

RANDOM = np.random.default_rng(2)


def normal(*shape):
    return RANDOM.normal(size=shape).astype(np.float32)


def other_layout(x):
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1))


class Layers(unittest.TestCase):
    def test_conv2d(self):
        rows = [
            dict(c=3, oc=8, k=(3, 3)),
            dict(c=20, oc=5, k=(5, 3), stride=(2, 1), pad=(2, 1)),
            dict(c=16, oc=16, k=(3, 3), pad=1, groups=16),
            dict(c=32, oc=64, k=(3, 3), pad=1),
            dict(c=6, oc=4, k=(1, 1), groups=2, stride=2),
            dict(c=4, oc=4, k=(3, 3), dilation=2, pad=2),
        ]
        for row in rows:
            row = dict(row)
            c, oc, k = row.pop("c"), row.pop("oc"), row.pop("k")
            x, w, b = normal(2, c, 13, 11), normal(oc, c // row.get("groups", 1), *k), normal(oc)
            names = {"pad": "padding"}
            expected = F.conv2d(torch.tensor(x), torch.tensor(w), torch.tensor(b), **{names.get(n, n): v for n, v in row.items()})
            with self.subTest(**row):
                near(stoa.conv2d(x, w, b, **row), expected)
                near(stoa.conv2d(other_layout(x), w, b, layout="NHWC", **row).transpose(0, 3, 1, 2), expected)
                near(stoa.conv2d(x, w, b, activation="relu", threads=2, **row), expected.relu())
                near(stoa.conv2d(x, w, **row), expected - torch.tensor(b).reshape(1, -1, 1, 1))

    def test_empty_batches(self):
        w, b, guarded = normal(4, 3, 3, 3), normal(4), np.ones(1000, np.float32)
        rows = [
            (lambda x, out: stoa.conv2d(x, w, b, pad=1, out=out), (0, 4, 7, 7)),
            (lambda x, out: stoa.max_pool2d(x, 3, out=out), (0, 3, 5, 5)),
            (lambda x, out: stoa.avg_pool2d(x, 3, stride=2, out=out), (0, 3, 3, 3)),
            (lambda x, out: stoa.global_avg_pool2d(x, out=out), (0, 3, 1, 1)),
            (lambda x, out: stoa.linear(x.reshape(0, 147), normal(5, 147), out=out), (0, 5)),
            (lambda x, out: stoa.softmax(x, out=out), (0, 3, 7, 7)),
        ]
        for function, shape in rows:
            with self.subTest(shape=shape):
                self.assertEqual(function(normal(0, 3, 7, 7), None).shape, shape)
                function(normal(0, 3, 7, 7), guarded[:0].reshape(shape))
        self.assertTrue((guarded == 1).all())
        self.assertEqual(stoa.conv2d(normal(0, 7, 7, 3), w, layout="NHWC").shape, (0, 5, 5, 4))

    def test_out_may_be_x_but_no_part_of_it(self):
        for function in (stoa.sigmoid, stoa.softmax, stoa.relu):
            x = normal(11)
            expected = function(x)
            np.testing.assert_array_equal(function(x, out=x), expected)
            with self.assertRaisesRegex(ValueError, "out: overlaps a part of the input"):
                function(x[:-1], out=x[1:])

    def test_conv2d_of_uneven_pads(self):
        x, w = normal(1, 3, 8, 8), normal(4, 3, 3, 3)
        near(stoa.conv2d(x, w, pad=(0, 1, 2, 3)), F.conv2d(F.pad(torch.tensor(x), (1, 3, 0, 2)), torch.tensor(w)))

    def test_conv2d_packed_once(self):
        w = normal(8, 4, 3, 3)
        conv, kept = stoa.Conv2d(w, pad=1), w.copy()
        w[...] = 0
        for n, size in [(1, 6), (2, 9), (1, 6), *((1, s) for s in range(3, 14))]:
            x = normal(n, 4, size, size)
            near(conv(x), F.conv2d(torch.tensor(x), torch.tensor(kept), padding=1))
        y = np.empty((1, 8, 6, 6), np.float32)
        self.assertIs(conv(normal(1, 4, 6, 6), out=y), y)
        choice = conv.explain((1, 4, 6, 6))
        self.assertEqual(sum(lowering["chosen"] for lowering in choice["lowerings"]), 1)
        self.assertIn("[1,4,6,6] to [1,8,6,6]", choice["shape"])

    def test_conv2d_in_threads(self):
        conv, x = stoa.Conv2d(normal(16, 16, 3, 3), pad=1), normal(2, 16, 20, 20)
        expected, wrong = conv(x), []

        def work():
            for _ in range(50):
                if not np.array_equal(conv(x), expected):
                    wrong.append(1)

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])

    def test_more_shapes_than_are_kept_from_several_threads(self):
        conv, failures = stoa.Conv2d(normal(2, 1, 1, 1)), []

        def work(seed):
            try:
                for size in np.random.default_rng(seed).integers(1, 40, 1000):
                    conv(np.ones((1, 1, size, 1), np.float32))
            except BaseException as failure:
                failures.append(failure)

        threads, interval = [threading.Thread(target=work, args=(seed,)) for seed in range(6)], sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            sys.setswitchinterval(interval)
        self.assertEqual(failures, [])

    def test_a_pickled_layer(self):
        x, conv = normal(1, 3, 5, 5), stoa.Conv2d(normal(2, 3, 3, 3), normal(2), pad=1)
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(conv))(x), conv(x))

    def test_linear(self):
        x, w, b = normal(5, 7), normal(3, 7), normal(3)
        near(stoa.linear(x, w, b), F.linear(torch.tensor(x), torch.tensor(w), torch.tensor(b)))
        near(stoa.linear(x, w, activation="sigmoid"), F.linear(torch.tensor(x), torch.tensor(w)).sigmoid())
        layer = stoa.Linear(w, b)
        for n in (1, 4, 1):
            near(layer(x[:n]), F.linear(torch.tensor(x[:n]), torch.tensor(w), torch.tensor(b)))

    def test_pooling(self):
        x = normal(2, 5, 9, 7)
        t = torch.tensor(x)
        near(stoa.max_pool2d(x, 3, stride=2, pad=1), F.max_pool2d(t, 3, 2, 1))
        near(stoa.max_pool2d(x, (2, 3), stride=2, ceil_mode=True), F.max_pool2d(t, (2, 3), 2, ceil_mode=True))
        near(stoa.max_pool2d(x, 2), F.max_pool2d(t, 2, 1))
        near(stoa.avg_pool2d(x, 3, stride=2, pad=1), F.avg_pool2d(t, 3, 2, 1, count_include_pad=False))
        near(stoa.avg_pool2d(x, 3, stride=2, pad=1, count_include_pad=True), F.avg_pool2d(t, 3, 2, 1))
        near(stoa.global_avg_pool2d(x), t.mean((2, 3), keepdim=True))
        near(stoa.global_max_pool2d(x), t.amax((2, 3), keepdim=True))
        near(stoa.max_pool2d(other_layout(x), 3, layout="NHWC").transpose(0, 3, 1, 2), F.max_pool2d(t, 3, 1))

    def test_elementwise(self):
        x = normal(3, 4, 5)
        t = torch.tensor(x)
        for axis in (-1, 0, 1, 2, -2):
            near(stoa.softmax(x, axis), t.softmax(axis))
        near(stoa.relu(x), t.relu())
        near(stoa.sigmoid(x), t.sigmoid())
        near(stoa.tanh(x), t.tanh())
        near(stoa.activate(x, "hard-swish"), F.hardswish(t))
        in_place = x.copy()
        self.assertIs(stoa.relu(in_place, out=in_place), in_place)
        near(in_place, t.relu())
        near(stoa.relu(t), t.relu())
        self.assertEqual(stoa.relu(-1.5).shape, ())
        self.assertEqual(stoa.softmax(np.zeros((2, 0), np.float32)).shape, (2, 0))

    def test_bad_arguments(self):
        x, w = normal(1, 3, 8, 8), normal(4, 3, 3, 3)
        rows = [
            (lambda: stoa.conv2d(x[0], w), ValueError, "x: has rank 3"),
            (lambda: stoa.conv2d(x, w[0]), ValueError, "weights: have rank 3"),
            (lambda: stoa.conv2d(x[:, :2], w), ValueError, "x: has 2 channels, the weights are for 3"),
            (lambda: stoa.conv2d(x, w, normal(3)), ValueError, r"bias: takes shape \[4\]"),
            (lambda: stoa.conv2d(x.astype(np.float64), w), TypeError, "x: takes float32, not float64"),
            (lambda: stoa.conv2d(x, w, strides=2), TypeError, "no option 'strides'"),
            (lambda: stoa.conv2d(x, w, height=3), TypeError, "no option 'height'; options are accuracy, activation, dilation, "
             "groups, layout, lowering, pad, stride, threads"),
            (lambda: stoa.Conv2d(w, kernel=1), TypeError, "no option 'kernel'"),
            (lambda: stoa.Linear(np.ones((3, 2), np.float32), out_features=3), TypeError, "no option 'out_features'"),
            (lambda: stoa.conv2d(x, w, stride=(1, 2, 3)), ValueError, "stride has 3 numbers, must have 1 or 2"),
            (lambda: stoa.conv2d(x, w, pad=-1), ValueError, "pad is -1"),
            (lambda: stoa.conv2d(x, w, layout="CHWN"), ValueError, "layout is 'CHWN'; known are nchw, nhwc"),
            (lambda: stoa.conv2d(x, w, out=np.empty((1, 4, 8, 8), np.float32)), ValueError, "out: takes shape"),
            (lambda: stoa.conv2d(x, normal(4, 3, 9, 9)), stoa.Error, "kernel"),
            (lambda: stoa.linear(normal(2, 3), normal(4, 5)), ValueError, r"x: takes shape \[\?,5\], not \[2,3\]"),
            (lambda: stoa.max_pool2d(x, 3, pad=3), stoa.Error, "pad"),
            (lambda: stoa.activate(x, "magic"), ValueError, "activation is 'magic'"),
            (lambda: stoa.softmax(np.float32(1)), ValueError, "axis"),
            (lambda: stoa.conv2d(x, w, groups="a"), TypeError, "groups is 'a', must be a whole number"),
            (lambda: stoa.conv2d(x, w, threads=2**64 + 1), ValueError, "threads is 18446744073709551617, must be from"),
            (lambda: stoa.conv2d(x, w, accuracy=7), ValueError, "accuracy is 7; known are fast, strict"),
        ]
        for i, (call, kind, message) in enumerate(rows):
            with self.subTest(i), self.assertRaisesRegex(kind, message):
                call()


if __name__ == "__main__":
    unittest.main()
