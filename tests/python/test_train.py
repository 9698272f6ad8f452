"""Building and training networks."""

import os
import signal
import tempfile
import threading
import unittest

import numpy as np
import stoa
import torch

RANDOM = np.random.default_rng(3)


def small_net(seed=1):
    net = stoa.Net(seed=seed)
    x = net.input("input", (1, 8, 8))
    x = net.max_pool2d(net.relu(net.conv2d(x, 4, 3, pad=1, name="conv")), 2, stride=2)
    net.output("output", net.linear(net.flatten(x), 3, name="fc"))
    return net.finish()


def examples(count=96):
    """Three classes that a small net tells apart: a bright third."""
    labels = np.arange(count) % 3
    x = RANDOM.normal(size=(count, 1, 8, 8)).astype(np.float32) * 0.3
    for i, label in enumerate(labels):
        x[i, 0, :, label * 3 : label * 3 + 2] += 1
    return x, labels


class Building(unittest.TestCase):
    def test_every_layer(self):
        net = stoa.Net(seed=3)
        x = net.input("input", (4, 8, 8))
        self.assertEqual(x.shape, (None, 4, 8, 8))
        a = net.conv2d(x, 6, 3, pad=1, groups=2, bias=False)
        for layer in ("relu", "selu", "sigmoid", "tanh", "softplus", "hard_sigmoid", "leaky_relu", "elu", "batch_norm", "dropout"):
            a = getattr(net, layer)(a)
        a = net.clip(a, 0, 6)
        a = net.mul(net.add(a, a), a)
        a = net.concat([a, net.conv2d(x, 2, 1)])
        self.assertEqual(a.shape, (None, 8, 8, 8))
        a = net.upsample(net.avg_pool2d(net.max_pool2d(a, 2, stride=2), 2, stride=2), 2)
        a = net.conv_transpose2d(a, 5, 2, stride=2)
        self.assertEqual(a.shape, (None, 5, 8, 8))
        a = net.softmax(net.linear(net.flatten(net.global_avg_pool(a)), 7, bias=False, init="zeros"))
        net.output("scores", a)
        model = net.finish()
        y = stoa.Session(model).run({"input": RANDOM.normal(size=(2, 4, 8, 8)).astype(np.float32)})["scores"]
        np.testing.assert_allclose(y, np.full((2, 7), 1 / 7), rtol=1e-6)
        self.assertTrue(stoa.verify(model))

    def test_errors(self):
        net = stoa.Net()
        x = net.input("input", (4, 8, 8))
        with self.assertRaisesRegex(stoa.Error, "wide"):
            net.conv2d(x, 6, 30, name="wide")
        with self.assertRaisesRegex(ValueError, "this Net is closed"):
            net.relu(x)
        with self.assertRaisesRegex(ValueError, "no value of this net"):
            stoa.Net().relu(x)
        with self.assertRaises(stoa.Error):
            stoa.Net().finish()
        stoa.Net().close()

    def test_ready_made(self):
        self.assertIn("lenet5", stoa.net_names())
        model = stoa.create_net("lenet5", classes=4, seed=5)
        self.assertEqual(model.outputs[0].shape, (None, 4))
        with self.assertRaisesRegex(stoa.Error, "lenet5"):
            stoa.create_net("lenet6")
        with self.assertRaisesRegex(TypeError, "no option"):
            stoa.create_net("lenet5", colour="red")


class Training(unittest.TestCase):
    def test_a_step_is_pytorchs(self):
        model = small_net()
        trainer = stoa.Trainer(model, batch=6, learning_rate=0.1, momentum=0.9, weight_decay=0.01, decay_all=True, threads=1)
        weights = {name: torch.tensor(value, requires_grad=True) for name, value in trainer.parameters().items()}
        optimiser = torch.optim.SGD(weights.values(), 0.1, 0.9, weight_decay=0.01)
        x, labels = examples(6)
        for step in range(4):
            h = torch.nn.functional.conv2d(torch.tensor(x), weights["conv.weight"], weights["conv.bias"], padding=1).relu()
            scores = torch.nn.functional.max_pool2d(h, 2).flatten(1) @ weights["fc.weight"].T + weights["fc.bias"]
            loss = torch.nn.functional.cross_entropy(scores, torch.tensor(labels))
            optimiser.zero_grad()
            loss.backward()
            result = trainer.step(x, labels)
            self.assertAlmostEqual(result["loss"], loss.item(), places=4)
            for name, gradient in trainer.gradients().items():
                np.testing.assert_allclose(gradient, weights[name].grad.numpy(), rtol=1e-3, atol=1e-5, err_msg=name)
            optimiser.step()
        for name, value in trainer.parameters().items():
            np.testing.assert_allclose(value, weights[name].detach().numpy(), rtol=1e-3, atol=1e-5, err_msg=name)
        self.assertEqual((trainer.steps, trainer.batch), (4, 6))

    def test_fit_learns_and_resumes_to_the_bit(self):
        data, test = examples(), examples(32)
        options = dict(batch=16, learning_rate=0.05, momentum=0.9, threads=1)
        batches, epochs = [], []
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "checkpoint")
            whole = stoa.Trainer(small_net(), **options)
            result = whole.fit(data, test, epochs=4, on_batch=batches.append, on_epoch=epochs.append)
            self.assertEqual((result["end"], result["epochs"], len(batches)), ("done", 4, 4 * 6))
            self.assertEqual(epochs, result["history"])
            self.assertGreater(result["best_accuracy"], 0.9)
            stoa.Trainer(small_net(), **options).fit(data, test, epochs=2, checkpoint=path)
            resumed = stoa.Trainer(small_net(), **options)
            resumed.load(path)
            resumed.fit(data, test, epochs=4)
        for name, value in whole.parameters().items():
            np.testing.assert_array_equal(resumed.parameters()[name], value)
        evaluation = whole.evaluate(test, confusion=True)
        self.assertEqual(evaluation["examples"], 32)
        self.assertEqual(np.trace(evaluation["confusion"]), evaluation["top1"])
        self.assertEqual(evaluation["accuracy"], evaluation["top1"] / 32)
        scores = stoa.Session(whole.model()).run({"input": test[0]})["output"]
        self.assertEqual((scores.argmax(1) == test[1]).sum(), evaluation["top1"])
        self.assertEqual(whole.best_model().outputs[0].name, "output")

    def test_numbers_as_labels(self):
        net = stoa.Net(seed=2)
        net.output("y", net.linear(net.input("x", (3,)), 2, name="fc"))
        trainer = stoa.Trainer(net.finish(), loss="mean-squared", optimiser="adam", learning_rate=0.05, batch=10)
        x = RANDOM.normal(size=(50, 3)).astype(np.float32)
        y = x @ np.array([[1, 2], [3, 4], [5, 6]], np.float32)
        self.assertLess(trainer.fit((x, y), epochs=200)["history"][-1]["loss"], 1e-2)
        with self.assertRaisesRegex(ValueError, "labels: have shape"):
            trainer.step(x[:10], y[:10, 0])

    def test_callbacks_that_raise_or_cancel(self):
        trainer, data = stoa.Trainer(small_net(), batch=16), examples()

        def fail(_):
            raise KeyError("mine")

        def fail_as(kind):
            raise kind

        for callback in ("on_batch", "on_epoch"):
            with self.assertRaisesRegex(KeyError, "mine"):
                trainer.fit(data, epochs=2, **{callback: fail})
        with self.assertRaises(KeyboardInterrupt):
            trainer.fit(data, epochs=99, cancel=lambda: fail_as(KeyboardInterrupt))
        self.assertEqual(trainer.fit(data, cancel=lambda: True, epochs=99)["end"], "cancelled")

        class Bad:
            batch = 16

            def __len__(self):
                return 2

            def get(self, epoch, position):
                return np.zeros((16, 1, 8, 9), np.float32), np.zeros(16, int), 16

        with self.assertRaisesRegex(ValueError, r"x: takes shape \[16,1,8,8\], not \[16,1,8,9\]"):
            stoa.Trainer(small_net(), batch=16).fit(Bad())

    def test_ctrl_c_ends_with_a_checkpoint(self):
        trainer, data = stoa.Trainer(small_net(), batch=16), examples(32)
        with tempfile.TemporaryDirectory() as folder:
            for i in range(10):
                path = os.path.join(folder, str(i))
                timer = threading.Timer(0.02, os.kill, (os.getpid(), signal.SIGINT))
                with self.assertRaises(KeyboardInterrupt):
                    trainer.fit(data, checkpoint=path, epochs=100_000, on_batch=lambda _: timer.is_alive() or timer.start())
                self.assertTrue(os.path.exists(path))

    def test_what_is_refused(self):
        trainer = stoa.Trainer(small_net(), batch=6)
        x, labels = examples(6)
        weights = trainer.parameters()
        rows = [
            (lambda: trainer.step(x[:5], labels[:5]), ValueError, r"x: takes shape \[6,1,8,8\]"),
            (lambda: trainer.step(x, labels[:5]), ValueError, r"labels: takes shape \[6\]"),
            (lambda: trainer.step(x, labels + 0.5), TypeError, "labels: takes int64, not float64"),
            (lambda: trainer.step(x, labels + 7), stoa.Error, ""),
            (lambda: trainer.step(x * np.float32(np.nan), labels), stoa.Error, ""),
            (lambda: trainer.load("/no/such/file"), stoa.Error, "no/such"),
            (lambda: trainer.fit(stoa.Arrays(x, labels, 3)), ValueError, "batches of 3, the trainer takes 6"),
            (lambda: stoa.Arrays(x, labels[:3]), ValueError, "x has 6 examples, labels 3"),
            (lambda: stoa.Arrays(x, labels, 0), ValueError, "batch is 0, must be at least 1"),
            (lambda: trainer.fit(None), TypeError, "data is None: neither a pair of arrays, nor has it batch and get"),
            (lambda: stoa.Trainer(small_net(), tuning=3), TypeError, "tuning is 3, must be a stoa.Tuning"),
            (lambda: stoa.Trainer(small_net(), learning_rate="0.1"), TypeError, "learning_rate is '0.1', must be a number"),
            (lambda: stoa.Net().input("x", (2**64 + 3,)), ValueError, "shape is 18446744073709551619, must be from 0"),
            (lambda: stoa.gradient_check(small_net(), frozen="nothing.*"), stoa.Error, r"nothing\.\*"),
            (lambda: stoa.Trainer(small_net(), frozen=["nothing.*"]), stoa.Error, "nothing"),
            (lambda: stoa.Trainer(small_net(), optimiser="magic"), ValueError, "known are sgd, adam, adamw"),
        ]
        for i, (call, kind, message) in enumerate(rows):
            with self.subTest(i), self.assertRaisesRegex(kind, message):
                call()
        for name, value in trainer.parameters().items():
            np.testing.assert_array_equal(value, weights[name])
        trainer.close()
        with self.assertRaisesRegex(ValueError, "this Trainer is closed"):
            trainer.step(x, labels)

    def test_frozen(self):
        trainer = stoa.Trainer(small_net(), batch=6, frozen=["conv.*"])
        trainer.step(*examples(6))
        self.assertEqual(set(trainer.gradients()), {"fc.weight", "fc.bias"})
        before, after = (model.to_bytes() for model in (small_net(), trainer.model()))
        kept, changed = (stoa.Trainer(stoa.Model(data), batch=6).parameters() for data in (before, after))
        np.testing.assert_array_equal(changed["conv.weight"], kept["conv.weight"])
        self.assertFalse(np.array_equal(changed["fc.weight"], kept["fc.weight"]))

    def test_gradient_check(self):
        report = stoa.gradient_check(small_net(), samples=4, seed=1, check_inputs=True)
        self.assertTrue(report)
        self.assertEqual({item["name"] for item in report.items}, {"input", "conv.weight", "conv.bias", "fc.weight", "fc.bias"})


class Batches(unittest.TestCase):
    def test_arrays(self):
        x, labels = np.arange(10, dtype=np.float32).reshape(10, 1), np.arange(10)
        batches = stoa.Arrays(x, labels, 4, shuffle=True, seed=9)
        seen = [batches.get(1, i) for i in range(len(batches))]
        self.assertEqual([count for _, _, count in seen], [4, 4, 2])
        self.assertEqual(sorted(np.concatenate([l for _, l, _ in seen])), [-1, -1, *range(10)])
        self.assertTrue(all((a[:n, 0] == l[:n]).all() for a, l, n in seen))
        np.testing.assert_array_equal(seen[2][0][2:], seen[2][0][:2])
        again = stoa.Arrays(x, labels, 4, shuffle=True, seed=9)
        np.testing.assert_array_equal(again.get(1, 2)[1], seen[2][1])
        self.assertFalse(all((again.get(0, i)[1] == seen[i][1]).all() for i in range(3)))

    def test_dataset_of_pictures(self):
        from skimage.io import imsave

        with tempfile.TemporaryDirectory() as folder:
            for name, value in (("black", 10), ("white", 240)):
                os.makedirs(os.path.join(folder, name))
                for i in range(10):
                    picture = np.clip(RANDOM.normal(value, 5, (8, 8)), 0, 255).astype(np.uint8)
                    imsave(os.path.join(folder, name, f"{i}.png"), picture, check_contrast=False)
            dataset = stoa.Dataset(f"folder:{folder}", test_share=0.2)
            self.assertEqual((dataset.counts, dataset.shape), ({"training": 16, "test": 4}, (1, 8, 8)))
            self.assertEqual(dataset.class_names, ["black", "white"])
            images, labels = dataset.arrays("test")
            self.assertEqual(((images.mean((1, 2, 3)) > 128) == labels).sum(), 4)
            pixels, labels, count = dataset.batches("training", batch=5).get(0, 0)  # which outlive what made them
            self.assertEqual((pixels.shape, count), ((5, *dataset.shape), 5))
            self.assertTrue(np.isfinite(pixels).all() and set(labels) <= set(range(len(dataset.class_names))))
            batches = dataset.batches("training", batch=5, shuffle=True, seed=1)
            self.assertEqual(sum(len(labels) for _, labels in batches), 16)
            trainer = stoa.Trainer(small_net(), batch=5)
            result = trainer.fit(batches, dataset.batches("test", batch=2), epochs=3)
            self.assertEqual(result["best_accuracy"], 1.0)
        with self.assertRaisesRegex(stoa.Error, "nowhere"):
            stoa.Dataset("folder:/nowhere")


if __name__ == "__main__":
    unittest.main()
