"""What networks see: arrays as the C library's tests check them; here that they come through."""

import os
import tempfile
import unittest

import numpy as np
import stoa
from stoa import show

IMAGE = np.random.default_rng(3).normal(size=(1, 1, 28, 28)).astype(np.float32)


class Show(unittest.TestCase):
    def setUp(self):
        self.model = stoa.create_net("lenet5", classes=10, channels=1, height=28, width=28)
        try:
            show.filters(self.model)
        except stoa.Error as error:
            self.assertEqual(error.status, stoa.Status.ERROR_UNSUPPORTED)
            self.skipTest(str(error))

    def test_shapes(self):
        weights = show.filters(self.model)
        maps = show.activations(self.model, IMAGE)
        self.assertEqual(maps.shape[1], weights.shape[0])
        self.assertEqual(show.saliency(self.model, {"input": IMAGE}, 3).shape, IMAGE.shape)
        heat, channels = show.gradcam(self.model, IMAGE, 3, "conv1")
        self.assertEqual((heat.shape, len(channels)), (maps.shape[2:], len(weights)))
        self.assertEqual(show.occlusion(self.model, IMAGE, 3, size=14, stride=7).shape, (3, 3))
        made, score = show.maximize(self.model, IMAGE.shape, unit=3, steps=5)
        scores = stoa.Session(self.model).run({"input": made})["output"]
        self.assertAlmostEqual(float(scores[0, 3]), score, places=3)

    def test_maximize_a_channel(self):
        image, score = show.maximize(self.model, IMAGE.shape, "conv1", unit=2, steps=20, seed=1)
        maps = show.activations(self.model, image, "conv1")
        self.assertAlmostEqual(score, float(maps[0, 2].mean(dtype=np.float64)), places=4)

    def test_errors(self):
        with self.assertRaisesRegex(stoa.Error, "no layer 'nowhere'"):
            show.filters(self.model, "nowhere")
        with self.assertRaisesRegex(stoa.Error, "no layer 'nowhere'"):
            show.steps(self.model, IMAGE, "nowhere")
        with self.assertRaisesRegex(stoa.Error, "no layer 'nowhere'"):
            show.Deconv(self.model, "nowhere")
        with self.assertRaisesRegex(stoa.Error, r"batch 0: labels\[0\] is 10, there are 10 classes"):
            show.confusion(self.model, (IMAGE, [10]))
        with self.assertRaises(ValueError):
            show.graph(stoa.Session(self.model), [1.0])
        with self.assertRaisesRegex(ValueError, "class_index is -1, must be from 0"):
            show.saliency(self.model, IMAGE, -1)
        with self.assertRaisesRegex(ValueError, "pixel has 1 numbers, must have 2"):
            show.steps(self.model, IMAGE, pixel=(1,))
        with self.assertRaisesRegex(ValueError, r"the model has no inputs \['image'\]"):
            show.activations(self.model, {"image": IMAGE})

    def test_confusion_and_errors_are_what_single_runs_say(self):
        images = np.random.default_rng(5).normal(size=(50, 1, 28, 28)).astype(np.float32)
        labels = np.arange(50) % 10
        session = stoa.Session(self.model)
        scores = np.concatenate([session.run({"input": image[None]})["output"] for image in images]).astype(np.float64)
        taken = scores.argmax(1)
        expected = np.zeros((10, 10), np.int64)
        np.add.at(expected, (labels, taken), 1)
        np.testing.assert_array_equal(show.confusion(self.model, (images, labels), batch=16), expected)
        probabilities = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
        wrong = np.flatnonzero(taken != labels)
        wrong = wrong[np.argsort(-probabilities.max(1)[wrong], kind="stable")]
        found = show.errors(self.model, (images, labels), most=7, batch=16)
        self.assertEqual((found["examples"], found["made"]), (50, len(wrong)))
        np.testing.assert_array_equal(found["index"], wrong[:7])
        np.testing.assert_array_equal(found["taken"], taken[wrong[:7]])
        np.testing.assert_allclose(found["probability"], probabilities.max(1)[wrong[:7]], rtol=1e-4)
        np.testing.assert_allclose(found["of_label"], probabilities[wrong[:7], labels[wrong[:7]]], rtol=1e-4)

    def test_what_a_set_raises_comes_through(self):
        class Torn:
            batch = 1

            def __len__(self):
                return 2

            def get(self, epoch, position):
                if position:
                    raise KeyError("torn")
                return IMAGE, np.zeros(1, np.int64), 1

        with self.assertRaises(KeyError):
            show.confusion(self.model, Torn())

    def test_steps_add_up_to_the_layer(self):
        maps = show.activations(self.model, IMAGE, "conv1")
        steps = show.steps(self.model, IMAGE, "conv1", pixel=(0, 27), channel=3)
        np.testing.assert_array_equal(steps["image"][..., 0], IMAGE[0, 0])
        np.testing.assert_array_equal(steps["filter"], show.filters(self.model, "conv1")[3].transpose(1, 2, 0))
        np.testing.assert_allclose(steps["row"] * steps["filter"].astype(np.float64), steps["products"])
        self.assertAlmostEqual(steps["sum"], steps["products"].sum(), places=10)
        for way in "chosen", "matrix", "view":
            self.assertAlmostEqual(steps[way]["value"], float(maps[0, 3, 0, 27]), places=5)
        self.assertTrue(steps["matrix"]["how"].startswith("im2col-full"), steps["matrix"])
        outside = [tap for tap in steps["taps"] if not tap["inside"]]
        self.assertEqual(steps["row"].reshape(len(steps["taps"]), -1).any(1).sum(), len(steps["taps"]) - len(outside))
        layer = stoa.conv2d(IMAGE, show.filters(self.model, "conv1"), **steps["conv"])
        bias = steps["bias"] or 0
        self.assertAlmostEqual(float(layer[0, 3, 0, 27]) + bias, steps["chosen"]["value"], places=5)

    def test_curves(self):
        lines = ['{"settings": {}}', '{"epoch": 1, "loss": 2.5}', '{"epoch": 2, "loss": 1, "test_accuracy": 0.75}']
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "log.jsonl")
            with open(path, "w", encoding="utf-8") as file:
                file.write("\n".join(lines))
            try:
                curves = show.curves(path)
            except stoa.Error as error:
                self.assertEqual(error.status, stoa.Status.ERROR_UNSUPPORTED)
                self.skipTest(str(error))
            np.testing.assert_array_equal(curves["epoch"], [1, 2])
            np.testing.assert_array_equal(curves["loss"], [2.5, 1])
            np.testing.assert_array_equal(curves["test-accuracy"], [np.nan, 0.75])
            with self.assertRaisesRegex(stoa.Error, "missing.jsonl"):
                show.curves(os.path.join(folder, "missing.jsonl"))

    def test_graph_has_the_steps(self):
        session = stoa.Session(self.model, profile=True)
        session.run({"input": IMAGE})
        seconds = [step["seconds"] for step in session.profile()]
        for dot in show.graph(session), show.graph(session, seconds):
            self.assertTrue(dot.startswith("digraph") and "conv1" in dot, dot)
        self.assertIn(" ms", show.graph(session, seconds))

    def test_deconv(self):
        images = np.random.default_rng(8).normal(size=(12, 1, 28, 28)).astype(np.float32)
        with show.Deconv(self.model, "conv1") as deconv:
            maps = np.stack([deconv.run(image) for image in images])
            np.testing.assert_allclose(
                maps[0], show.activations(self.model, images[:1], "conv1")[0], rtol=1e-4, atol=1e-5
            )
            rows = deconv.strongest(images, maps=2, top=3)
            self.assertEqual([len(row) for row in rows], [3, 3])
            self.assertEqual(np.float32(rows[0][0]["value"]), maps.max())
            for item in rows[0]:
                self.assertEqual(np.float32(item["value"]), maps[item["image"], item["map"]].max())
                pixels = deconv.project(images[item["image"]], item["map"], item["row"], item["column"])
                height, width = deconv.info["field_height"], deconv.info["field_width"]
                there = (slice(None), slice(item["top"], item["top"] + height), slice(item["left"], item["left"] + width))
                np.testing.assert_array_equal(item["projection"], pixels[there])
                np.testing.assert_array_equal(item["picture"], images[item["image"]][there])


if __name__ == "__main__":
    unittest.main()
