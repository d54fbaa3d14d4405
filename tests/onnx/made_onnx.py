# SPDX-License-Identifier: Apache-2.0
"""Small models of what ONNX's backend tests leave out of exports.

    made_onnx.py make FOLDER     writes NAME.onnx for each
    made_onnx.py check FOLDER    runs NAME.dense.onnx and NAME.compact.onnx beside NAME.onnx in ONNX
                                 Runtime: all outputs within 1e-5, and ONNX's checker
"""

import pathlib
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
import onnxruntime

RANDOM = np.random.default_rng(1)


def constant(name, values, dtype=np.float32):
    """An initializer."""
    return numpy_helper.from_array(np.asarray(values, dtype), name)


def node(op, inputs, outputs, **attributes):
    """A node of the default domain."""
    return helper.make_node(op, inputs.split(), outputs.split(), **attributes)


def absent(op, inputs, output, **attributes):
    """One with absent inputs among others."""
    return helper.make_node(op, inputs, [output], **attributes)


def activations():
    """Beside a reduction, whose axes are an input from opset 18 on."""
    return 20, ["N", 3, 4], [
        node("Gelu", "x", "a"), node("Gelu", "x", "b", approximate="tanh"), node("Mish", "x", "c"),
        node("CumSum", "x one", "d", reverse=1, exclusive=1), node("CumSum", "x zero", "e"),
        node("LpNormalization", "x", "f", p=1, axis=1), node("ReduceMax", "x axes", "g", keepdims=0),
        node("ReduceProd", "x", "h"), node("Sigmoid", "x", "i"), node("HardSwish", "x", "j"),
    ], [constant("one", 1, np.int64), constant("zero", 0, np.int64), constant("axes", [1], np.int64)]


def moves():
    """Newer opsets, and sizes that stay symbolic."""
    return 19, ["N", 4, "H", "W"], [
        node("Pad", "x pads", "a", mode="wrap"),
        absent("Resize", ["x", "", "", "sizes"], "b", mode="linear", axes=[3],
               coordinate_transformation_mode="half_pixel_symmetric"),
        absent("Resize", ["x", "", "scales"], "c", mode="nearest"),
        node("Split", "x", "d e", axis=1, num_outputs=2), node("SpaceToDepth", "x", "f", blocksize=2),
        node("ReduceMean", "x last", "g0"), node("Squeeze", "g0 last", "g"),
        node("Unsqueeze", "g zero", "h"), node("Shape", "e", "unused"),
        node("AveragePool", "x", "i", kernel_shape=[2, 2], dilations=[2, 1]),
        node("MaxPool", "x", "j k", kernel_shape=[2, 2], strides=[2, 2], storage_order=1),
        node("TopK", "x two", "l m", axis=1, largest=0),
    ], [constant("pads", [0, 0, 1, 2, 0, 0, 0, 1], np.int64), constant("sizes", [5], np.int64),
        constant("scales", [1, 1, 2, 1.5]), constant("last", [3], np.int64),
        constant("zero", [0], np.int64), constant("two", [2], np.int64)]


def transposed():
    """Weights of ConvTranspose as they are, and made by functions, in one group and in two; a batch
    norm behind one of them and one that stands alone."""
    block = RANDOM.standard_normal((4, 2, 3, 3))
    signs = np.where(RANDOM.random((8, 4, 3, 3)) < 0.5, -1.0, 1.0)
    norm = [constant("s", RANDOM.random(4) + 0.5), constant("t", RANDOM.standard_normal(4)),
            constant("m", RANDOM.standard_normal(4)), constant("v", RANDOM.random(4) + 0.5)]
    return 13, ["N", 8, 5, 6], [
        node("ConvTranspose", "x plain", "a0", strides=[2, 1], output_padding=[1, 0]),
        node("BatchNormalization", "a0 s t m v", "a"),
        node("ConvTranspose", "x grouped", "b", group=2, pads=[1, 0, 0, 1]),
        node("ConvTranspose", "x linear", "c", dilations=[1, 2]),
        node("ConvTranspose", "x signed", "d0"), node("Relu", "d0", "d"),
        node("ConvTranspose", "x signed", "e", group=2),
        node("Relu", "a", "f0"), node("BatchNormalization", "f0 s t m v", "f"),
    ], norm + [constant("plain", RANDOM.standard_normal((8, 4, 3, 3))),
               constant("grouped", RANDOM.standard_normal((8, 3, 2, 2))),
               constant("linear", np.tile(block, (2, 2, 1, 1))),
               constant("signed", np.tile(block, (2, 2, 1, 1)) * signs)]


MADE = (activations, moves, transposed)


def make(folder):
    """Outputs are all values that nothing reads, without a shape."""
    for case in MADE:
        opset, dims, nodes, initializers = case()
        read = {name for one in nodes for name in one.input}
        outputs = [name for one in nodes for name in one.output
                   if name not in read and name != "unused"]
        graph = helper.make_graph(
            nodes, case.__name__, [helper.make_tensor_value_info("x", TensorProto.FLOAT, dims)],
            [onnx.ValueInfoProto(name=name) for name in outputs], initializers)
        model = helper.make_model(graph, ir_version=9,
                                  opset_imports=[helper.make_opsetid("", opset)])
        model = onnx.shape_inference.infer_shapes(model)
        onnx.save(model, folder / f"{case.__name__}.onnx")


def run(path, given):
    """All outputs by name."""
    settings = onnxruntime.SessionOptions()
    settings.log_severity_level = 4
    settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])
    return {value.name: found for value, found in
            zip(session.get_outputs(), session.run(None, {"x": given}))}


def check(folder):
    """Fails on the first difference."""
    for case in MADE:
        sizes = {"N": 2, "H": 8, "W": 6}
        given = RANDOM.standard_normal([sizes.get(dim, dim) for dim in case()[1]])
        wanted = run(folder / f"{case.__name__}.onnx", given.astype(np.float32))
        for kind in ("dense", "compact"):
            path = folder / f"{case.__name__}.{kind}.onnx"
            onnx.checker.check_model(str(path), full_check=True)
            found = run(path, given.astype(np.float32))
            assert list(found) == list(wanted), (path, list(found), list(wanted))
            for name, value in wanted.items():
                assert found[name].dtype == value.dtype, (path, name)
                np.testing.assert_allclose(found[name], value, 1e-5, 1e-5, err_msg=f"{path} {name}")
        operators = {one.op_type for one in onnx.load(path).graph.node}
        print(case.__name__, len(wanted), *sorted(operators))


{"make": make, "check": check}[sys.argv[1]](pathlib.Path(sys.argv[2]))
