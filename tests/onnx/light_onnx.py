# SPDX-License-Identifier: Apache-2.0
"""Writes out one of the light_* models of the onnx package: graphs of well-known networks whose
weights are constants made by ConstantOfShape.

    light_onnx.py NAME OUTPUT.onnx [--random]

With --random, weights become random numbers of a size that keeps activations near 1, and the
output is what Softmax would have taken: behind it little could differ. Without a NAME the names
are printed.
"""

import pathlib
import sys

import numpy as np
import onnx
from onnx import numpy_helper

DATA = pathlib.Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
NORM = ("scale", "bias", "mean", "variance")  # inputs 1 to 4 of BatchNormalization


def roles(graph):
    """What each value is to the first node that takes it: weight, shift, scale ..."""
    found = {}
    for node in graph.node:
        for k, name in enumerate(node.input):
            role = "other"
            if node.op_type in ("Conv", "Gemm") and k in (1, 2):
                role = "weight" if k == 1 else "bias"
            elif node.op_type == "BatchNormalization" and k > 0:
                role = NORM[k - 1]
            elif node.op_type in ("Mul", "Add"):
                role = "scale" if node.op_type == "Mul" else "bias"
            elif node.op_type == "Unsqueeze":
                role = f"like {node.output[0]}"
            found.setdefault(name, role)
    for name, role in found.items():
        if role.startswith("like "):
            found[name] = found.get(role[5:], "other")
    return found


def random_tensor(generator, role, shape):
    """Numbers that suit the role."""
    numbers = generator.standard_normal(shape, dtype=np.float32)
    if role == "weight":
        return numbers * np.float32(np.sqrt(2 / np.prod(shape[1:])))
    if role == "variance":
        return np.exp(numbers * np.float32(0.2))
    return numbers * np.float32(0.1) + np.float32(role == "scale")


def randomise(model):
    """In the place of every constant weight."""
    graph, generator = model.graph, np.random.default_rng(1)
    role_of = roles(graph)
    shapes = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    made, nodes, dead = [], [], set()
    for node in graph.node:
        if node.op_type == "ConstantOfShape":
            shape = tuple(int(size) for size in shapes[node.input[0]])
            made.append((node.output[0], shape))
            dead.add(node.input[0])
        else:
            nodes.append(node)
    for tensor in graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT and tensor.name in role_of:
            made.append((tensor.name, tuple(tensor.dims)))
            dead.add(tensor.name)
    kept = [tensor for tensor in graph.initializer if tensor.name not in dead]
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend(kept)
    graph.initializer.extend(
        numpy_helper.from_array(random_tensor(generator, role_of.get(name, "other"), shape), name)
        for name, shape in made)
    inputs = [value for value in graph.input if value.name not in dead]
    del graph.input[:]
    graph.input.extend(inputs)
    if nodes[-1].op_type == "Softmax":
        before = nodes.pop()
        nodes[-1].output[0] = before.output[0]
    graph.node.extend(nodes)
    model.ir_version = max(model.ir_version, 4)  # initializers that are no inputs


def main(name=None, output=None, *options):
    """See above."""
    if name is None:
        print(*sorted(path.stem for path in DATA.glob("light_*.onnx")), sep="\n")
        return
    model = onnx.load(DATA / f"{name}.onnx")
    if "--random" in options:
        randomise(model)
    onnx.save(model, output)


main(*sys.argv[1:])
