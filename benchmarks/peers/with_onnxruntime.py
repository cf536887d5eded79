"""onnxruntime: the outputs of the CNN, a graph that is written here node by node."""

import itertools
import os

import numpy as np
import onnxruntime
from answer import Model, serve
from onnx import TensorProto, helper, numpy_helper
from work import Work, batches

random = np.random.default_rng(1)


def cnn(batch: int) -> tuple[bytes, int]:
    """The model, and how many weights it has."""
    weights = {
        "conv": random.normal(0, 0.1, (32, 1, 3, 3)), "conv_bias": np.zeros(32),
        "hidden": random.normal(0, 0.02, (5408, 128)), "hidden_bias": np.zeros(128),
        "last": random.normal(0, 0.1, (128, 10)), "last_bias": np.zeros(10),
    }  # fmt: skip
    nodes = [
        helper.make_node("Conv", ["image", "conv", "conv_bias"], ["a"]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("MaxPool", ["b"], ["c"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Flatten", ["c"], ["d"]),
        helper.make_node("Gemm", ["d", "hidden", "hidden_bias"], ["e"]),
        helper.make_node("Relu", ["e"], ["f"]),
        helper.make_node("Gemm", ["f", "last", "last_bias"], ["out"]),
    ]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [batch, 1, 28, 28])
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, [batch, 10])
    tensors = [numpy_helper.from_array(w.astype(np.float32), name) for name, w in weights.items()]
    graph = helper.make_graph(nodes, "cnn", [image], [out], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return model.SerializeToString(), sum(weight.size for weight in weights.values())


def prepare(work: Work) -> Model:
    if work.trains or work.net != "cnn":
        raise ValueError("onnxruntime computes outputs of the CNN")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(os.environ["THREADS"])
    model, parameters = cnn(work.batch)
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    turns = itertools.cycle([x.transpose(0, 3, 1, 2).copy() for x, _ in batches(work)])

    def run(steps: int) -> float:
        for _ in range(steps):
            (out,) = session.run(None, {"image": next(turns)})
        return out[0, 0]

    return Model(parameters, run)


if __name__ == "__main__":
    serve(prepare)
