"""What networks see: arrays as the C library's tests check them; here that they come through."""

import unittest

import numpy as np
import stoa
from stoa import show

IMAGE = np.random.default_rng(3).normal(size=(1, 1, 28, 28)).astype(np.float32)


class Show(unittest.TestCase):
    def setUp(self):
        self.model = stoa.create_net("lenet5", classes=10, channels=1, height=28, width=28)

    def test_shapes(self):
        try:
            weights = show.filters(self.model)
        except stoa.Error as error:
            self.assertEqual(error.status, stoa.Status.ERROR_UNSUPPORTED)
            self.skipTest(str(error))
        maps = show.activations(self.model, IMAGE)
        self.assertEqual(maps.shape[1], weights.shape[0])
        self.assertEqual(show.saliency(self.model, {"input": IMAGE}, 3).shape, IMAGE.shape)
        heat, channels = show.gradcam(self.model, IMAGE, 3, "conv1")
        self.assertEqual((heat.shape, len(channels)), (maps.shape[2:], len(weights)))
        self.assertEqual(show.occlusion(self.model, IMAGE, 3, size=14, stride=7).shape, (3, 3))
        made, score = show.maximize(self.model, IMAGE.shape, unit=3, steps=5)
        scores = stoa.Session(self.model).run({"input": made})["output"]
        self.assertAlmostEqual(float(scores[0, 3]), score, places=3)

    def test_errors(self):
        with self.assertRaisesRegex(stoa.Error, "no layer 'nowhere'|was built without"):
            show.filters(self.model, "nowhere")


if __name__ == "__main__":
    unittest.main()
