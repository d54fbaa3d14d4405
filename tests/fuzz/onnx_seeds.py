#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the seeds of fuzz_onnx into a folder: onnx_seeds.py FOLDER"""
import glob
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli", "rnc"))
from onnx_writer import I64, function, graph, model, node, tensor, value  # noqa: E402

# Debian's libonnx-testdata
DATA = "/usr/lib/python3/dist-packages/onnx/backend/test/data/*/*/model.onnx"
LARGEST = 8192

X = value("x", ["N", 2, 4, 4])
WEIGHT = tensor("w", [2, 2, 1, 1], [1.0, 2.0, 3.0, 4.0])
SHAPE = tensor("s", [2], [-1, 32], I64)


def chain(*ops, initializers=(), functions=(), opset=13):
    """Operators one behind the other, each given as (name, further inputs, attributes)."""
    nodes = []
    last = "x"
    for number, (op, inputs, attributes) in enumerate(ops):
        name = f"v{number}"
        domain = "own" if op == "Twice" else ""
        nodes.append(node(op, [last, *inputs], [name], f"n{number}", domain, **attributes))
        last = name
    return model(graph(nodes, [X], [value(last, ["N"])], initializers), opset, functions)


SEEDS = {
    "conv": chain(("Conv", ["w"], {"pads": [1, 0, 0, 1]}), ("Relu", [], {}), initializers=[WEIGHT]),
    "pool": chain(("MaxPool", [], {"kernel_shape": [2, 2], "auto_pad": "SAME_UPPER"}),
                  ("GlobalAveragePool", [], {}), ("Flatten", [], {"axis": 1})),
    "norm": chain(("BatchNormalization", ["g", "g", "g", "g"], {"epsilon": 0.5}),
                  initializers=[tensor("g", [2], [1.0, 2.0])]),
    "shape": chain(("Reshape", ["s"], {}), ("Softmax", [], {"axis": 1}), initializers=[SHAPE]),
    "gemm": chain(("Flatten", [], {}), ("Gemm", ["m"], {"transB": 0, "alpha": 2.0}),
                  initializers=[tensor("m", [32, 2], [0.5] * 64)], opset=9),
    "function": chain(("Twice", [], {}), functions=[function(
        "Twice", ["a"], ["b"], [node("Relu", ["a"], ["t"]), node("Relu", ["t"], ["b"])])]),
    "fold": model(graph([node("Shape", ["x"], ["d"]), node("Gather", ["d", "i"], ["n"], axis=0),
                         node("Unsqueeze", ["n", "z"], ["m"]),
                         node("Concat", ["m", "r"], ["t"], axis=0),
                         node("Reshape", ["x", "t"], ["y"])], [X], [value("y", ["N", 32])],
                        [tensor("i", [], [0], I64), tensor("z", [1], [0], I64),
                         tensor("r", [1], [-1], I64)])),
    "signs": model(graph(
        [node("Tile", ["w", "t"], ["r"]), node("Sign", ["m"], ["s"]), node("Mul", ["r", "s"], ["c"]),
         node("Conv", ["x", "c"], ["y"], "conv")], [X], [value("y", ["N", 4, 4, 4])],
        [WEIGHT, tensor("t", [4], [2, 1, 1, 1], I64),
         tensor("m", [4, 2, 1, 1], [0.5, -0.5, 0.0, 2.0, -1.0, -3.0, 0.25, 1.0])])),
    "pairs": model(graph(
        [node("Concat", ["w", "w"], ["p"], axis=0), node("Mul", ["p", "a"], ["n"]),
         node("Mul", ["p", "b"], ["e"]), node("Exp", ["e"], ["u"]), node("Add", ["u", "o"], ["d"]),
         node("Div", ["n", "d"], ["c"]), node("Conv", ["x", "c"], ["y"], "conv")],
        [X], [value("y", ["N", 4, 4, 4])],
        [WEIGHT, tensor("a", [4, 1, 1, 1], [1.5, 1.5, 2.0, 2.0]), tensor("o", [], [1.0]),
         tensor("b", [4, 1, 1, 1], [0.5, 0.5, -1.0, -1.0])])),
    "sizes": model(graph(
        [node("Conv", ["x", "w"], ["a"], strides=[2, 2]), node("Relu", ["a"], ["b"]),
         node("MaxPool", ["b"], ["c"], kernel_shape=[2, 2]),
         node("ConvTranspose", ["c", "w"], ["d"], strides=[2, 2]),
         node("Concat", ["d", "b"], ["e"], axis=2), node("GlobalAveragePool", ["a"], ["f"]),
         node("Mul", ["e", "f"], ["g"]), node("Squeeze", ["f", "s"], ["h"]),
         node("Flatten", ["g"], ["y"])],
        [value("x", ["N", 2, "H", "W"])], [value("y", ["N", "?"]), value("h", ["N", 2])],
        [WEIGHT, tensor("s", [2], [2, 3], I64)])),
    "old": chain(("Add", ["w"], {"broadcast": 1, "axis": 0}), initializers=[
        tensor("w", [1], [1.0])], opset=6),
}


def main():
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    for name, content in SEEDS.items():
        with open(os.path.join(folder, name + ".onnx"), "wb") as file:
            file.write(content)
    for path in glob.glob(DATA):
        if os.path.getsize(path) <= LARGEST:
            name = os.path.basename(os.path.dirname(path))
            shutil.copyfile(path, os.path.join(folder, f"{name}.onnx"))


if __name__ == "__main__":
    main()
