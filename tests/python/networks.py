"""Small ONNX models and what they compute, and how near PyTorch results are, for the tests."""

import numpy as np
from onnx import TensorProto
from onnx.helper import make_graph, make_model, make_node, make_opsetid, make_tensor_value_info
from onnx.numpy_helper import from_array


def model(nodes, inputs, outputs, weights=(), opset=13):
    """ONNX as bytes. inputs and outputs: (name, type, dims); weights: {name: array}."""
    graph = make_graph(
        nodes, "graph", [make_tensor_value_info(*i) for i in inputs], [make_tensor_value_info(*o) for o in outputs],
        [from_array(array, name) for name, array in dict(weights).items()],
    )
    return make_model(graph, opset_imports=[make_opsetid("", opset)], ir_version=8).SerializeToString()


W = np.random.default_rng(7).normal(size=(4, 3, 3, 3)).astype(np.float32)


def conv(size="s"):
    """x [n, 3, s, s] -> y, features: a convolution with pad 1, and the means of Relu of it."""
    return model(
        [
            make_node("Conv", ["x", "w"], ["features"], "conv", pads=[1, 1, 1, 1]),
            make_node("Relu", ["features"], ["hidden"], "relu"),
            make_node("GlobalAveragePool", ["hidden"], ["y"], "mean"),
        ],
        [("x", TensorProto.FLOAT, ["n", 3, size, size])],
        [("y", TensorProto.FLOAT, ["n", 4, 1, 1]), ("features", TensorProto.FLOAT, ["n", 4, size, size])],
        {"w": W},
    )


def conv_by_numpy(x, weights=W, stride=1):
    """What `conv` gives for x as y and features; loops, in double."""
    padded = np.pad(x.astype(np.float64), ((0, 0), (0, 0), (1, 1), (1, 1)))
    n, _, h, w = x.shape
    rows, columns = (h - 1) // stride + 1, (w - 1) // stride + 1
    features = np.zeros((n, len(weights), rows, columns))
    for i in range(rows):
        for j in range(columns):
            patch = padded[:, :, i * stride : i * stride + 3, j * stride : j * stride + 3]
            features[:, :, i, j] = np.einsum("ncrs,ocrs->no", patch, weights)
    return np.maximum(features, 0).mean((2, 3), keepdims=True), features


def reshape():
    """x [2, 6], shape [2] -> y: a value that shapes depend on."""
    return model(
        [make_node("Reshape", ["x", "shape"], ["y"])],
        [("x", TensorProto.FLOAT, [2, 6]), ("shape", TensorProto.INT64, [2])],
        [("y", TensorProto.FLOAT, ["a", "b"])],
    )


def resize():
    """x [1, 1, h, w], scales [4] -> y, each element repeated: numbers that shapes depend on."""
    return model(
        [make_node("Resize", ["x", "", "scales"], ["y"], mode="nearest", coordinate_transformation_mode="asymmetric",
                   nearest_mode="floor")],
        [("x", TensorProto.FLOAT, [1, 1, "h", "w"]), ("scales", TensorProto.FLOAT, [4])],
        [("y", TensorProto.FLOAT, [1, 1, "a", "b"])],
    )


def gather():
    """x [3, 2], rows [2] -> y [2, 2]: whole numbers that no shape depends on."""
    return model(
        [make_node("Gather", ["x", "rows"], ["y"])],
        [("x", TensorProto.FLOAT, [3, 2]), ("rows", TensorProto.INT64, [2])],
        [("y", TensorProto.FLOAT, [2, 2])],
    )


def add(number, dims):
    """a + b of one type."""
    return model(
        [make_node("Add", ["a", "b"], ["y"])], [("a", number, dims), ("b", number, dims)], [("y", number, dims)], opset=14
    )


def near(got, expected):
    """Of an array and a tensor. Rounding errors are as large as sums are, not as what is left of them, and Winograd's
    reach 1e-5 of the largest."""
    expected = expected.detach().numpy()
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-5 * np.abs(expected).max())
