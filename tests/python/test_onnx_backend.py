"""ONNX's own conformance runner (onnx.backend.test) drives stoa.onnx_backend over the cases of libonnx-testdata.

Exactly the cases that tests/cli/conformance.txt promises; those whose models would have to be downloaded are left out."""

import os
import unittest

import numpy as np
import onnx
import onnx.backend.test
import stoa.onnx_backend
from onnx.helper import make_node

if "object" not in vars(np):
    np.object = object  # onnx 1.12 asks for a name that NumPy 1.24 no longer has

LIST = os.path.join(os.environ["STOA_SOURCE_ROOT"], "tests", "cli", "conformance.txt")
# Promised cases that the runner's own tolerance refuses, with the reason.
LEFT_OUT = {}


class Promised(stoa.onnx_backend.StoaBackend):
    """What is promised may not be skipped."""

    @classmethod
    def is_compatible(cls, model, device="CPU", **kwargs):
        return True


def promised(folder):
    """Names of a folder's cases in the list that are not left out there."""
    with open(LIST, encoding="utf-8") as file:
        section = file.read().split(f"\n[{folder}]\n")[1].split("\n[")[0]
    return {line.strip() for line in section.splitlines() if "#" not in line} - set(LEFT_OUT)


def cases(suite, folder):
    """One of the runner's classes with the cases of the CPU that are promised."""
    found = onnx.backend.test.BackendTest(Promised, __name__).test_cases[suite]
    for method in [name for name in dir(found) if name.startswith("test_")]:
        if not (method.endswith("_cpu") and method[: -len("_cpu")] in promised(folder)):
            delattr(found, method)
    return found


NodeCases = cases("OnnxBackendNodeModelTest", "node")
SimpleCases = cases("OnnxBackendSimpleModelTest", "simple")
ConvertedCases = cases("OnnxBackendPyTorchConvertedModelTest", "pytorch-converted")
OperatorCases = cases("OnnxBackendPyTorchOperatorModelTest", "pytorch-operator")
FOLDERS = {"node": NodeCases, "simple": SimpleCases, "pytorch-converted": ConvertedCases, "pytorch-operator": OperatorCases}


class Backend(unittest.TestCase):
    def test_every_promised_case_is_there(self):
        for folder, found in FOLDERS.items():
            with self.subTest(folder):
                here = {name[: -len("_cpu")] for name in dir(found) if name.startswith("test_")}
                self.assertEqual(here, promised(folder))

    def test_the_interface(self):
        x = np.array([[-1, 2], [3, -4]], np.float32)
        node = make_node("Relu", ["x"], ["y"])
        np.testing.assert_array_equal(stoa.onnx_backend.run_node(node, [x])[0], np.maximum(x, 0))
        clip = make_node("Clip", ["x", "", "most"], ["y"])
        y = stoa.onnx_backend.run_node(clip, [x, np.float32(1)], outputs_info=[(np.float32, (2, 2))], opset_version=13)
        np.testing.assert_array_equal(y["y"], np.minimum(x, 1))
        graph = onnx.helper.make_graph(
            [node], "g", [onnx.helper.make_tensor_value_info("x", 1, [2, 2])], [onnx.helper.make_tensor_value_info("y", 1, [2, 2])]
        )
        model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)])
        for inputs in ([x], x, {"x": x}):
            np.testing.assert_array_equal(stoa.onnx_backend.run_model(model, inputs).y, np.maximum(x, 0))
        self.assertTrue(stoa.onnx_backend.supports_device("CPU"))
        self.assertFalse(stoa.onnx_backend.supports_device("CUDA:0"))
        with self.assertRaises(ValueError):
            stoa.onnx_backend.prepare(model, "CUDA")
        with self.assertRaises(ValueError):
            stoa.onnx_backend.run_node(node, [x, x])


if __name__ == "__main__":
    unittest.main()
