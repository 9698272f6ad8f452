"""ONNX's backend interface (onnx.backend.base), which its conformance runner drives. Needs the package onnx.

    rep = stoa.onnx_backend.prepare(onnx.load("net.onnx")); outputs = rep.run([x])"""

import numpy as np
import onnx
import onnx.shape_inference
from onnx.backend.base import Backend, BackendRep, namedtupledict
from onnx.helper import make_graph, make_model, make_opsetid, make_tensor_value_info
from onnx.mapping import NP_TYPE_TO_TENSOR_TYPE, TENSOR_TYPE_TO_NP_TYPE

from .library import Error, Status
from .session import Session


class StoaRep(BackendRep):
    """A prepared model."""

    def __init__(self, model, options):
        self.session = Session(model.SerializeToString(), **options)
        # What is given of these has a value in the file; float16 and bfloat16 are widened inside and narrowed here.
        self._dtypes = {output.name: TENSOR_TYPE_TO_NP_TYPE.get(output.type.tensor_type.elem_type) for output in model.graph.output}

    def run(self, inputs, **_):
        """inputs: a list in the order of the model's inputs, one array, or a dict by name. Returns a named tuple of
        arrays."""
        names = [info.name for info in self.session.get_inputs()]
        if isinstance(inputs, np.ndarray):
            inputs = [inputs]
        if not isinstance(inputs, dict) and len(inputs) != len(names):
            raise ValueError(f"{len(inputs)} arrays for the inputs {names}")
        feed = inputs if isinstance(inputs, dict) else dict(zip(names, inputs))
        results = self.session.run(feed)
        arrays = [array.astype(self._dtypes[name] or array.dtype, copy=False) for name, array in results.items()]
        return namedtupledict("Outputs", list(results))(*arrays)


class StoaBackend(Backend):
    """The CPU only."""

    @classmethod
    def is_compatible(cls, model, device="CPU", **kwargs):
        """Whether the engine has all that the model asks for, as far as that shows without its inputs."""
        try:
            cls.prepare(model, device, **kwargs)
        except Error as error:
            return error.status != Status.ERROR_UNSUPPORTED
        return True

    @classmethod
    def prepare(cls, model, device="CPU", **kwargs):
        """A StoaRep; kwargs are options of stoa.Session. Raises stoa.Error for what the engine does not do."""
        if not cls.supports_device(device):
            raise ValueError(f"device {device!r} is not the CPU")
        super().prepare(model, device, **kwargs)
        return StoaRep(model, kwargs)

    @classmethod
    def run_node(cls, node, inputs, device="CPU", outputs_info=None, **kwargs):
        """Runs one node on a list of arrays, one for each of its inputs that has a name. opset_version: of its
        definition."""
        super().run_node(node, inputs, device, outputs_info, **kwargs)
        opset = kwargs.pop("opset_version", onnx.defs.onnx_opset_version())
        names = [name for name in node.input if name]
        values = [np.asarray(value) for value in inputs]
        if len(values) != len(names):
            raise ValueError(f"{len(values)} values for the inputs {names}")
        graph = make_graph(
            [node], "node",
            [make_tensor_value_info(n, NP_TYPE_TO_TENSOR_TYPE[v.dtype], v.shape) for n, v in zip(names, values)],
            cls._outputs(node, outputs_info),
        )
        model = make_model(graph, opset_imports=[make_opsetid(node.domain, opset)])
        return cls.prepare(onnx.shape_inference.infer_shapes(model), device, **kwargs).run(values)

    @staticmethod
    def _outputs(node, outputs_info):
        """Of types and shapes that are told, or else inferred."""
        if not outputs_info:
            return [onnx.ValueInfoProto(name=name) for name in node.output if name]
        infos = zip(node.output, outputs_info)
        return [make_tensor_value_info(n, NP_TYPE_TO_TENSOR_TYPE[np.dtype(dtype)], shape) for n, (dtype, shape) in infos if n]

    @classmethod
    def supports_device(cls, device):
        return device.split(":")[0] == "CPU"


is_compatible = StoaBackend.is_compatible
prepare = StoaBackend.prepare
run_model = StoaBackend.run_model
run_node = StoaBackend.run_node
supports_device = StoaBackend.supports_device
