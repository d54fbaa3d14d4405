# SPDX-License-Identifier: Apache-2.0
"""Weights that a graph makes of constants: what is recognised in graphs that no exporter wrote, what
is left alone, and that looking for it ends. Exporters' graphs are for tests/golden.
"""
import json
import math
import random
import unittest

from onnx_writer import I64, graph, model, node, tensor, value
from tool_case import RNRUN, ToolCase

X = value("x", ["N", 6, 1, 1])


def ints(name, *numbers):
    return tensor(name, (len(numbers),), numbers, I64)


def floats(rng, name, *dims):
    count = math.prod(dims)
    return tensor(name, dims, [rng.gauss(0, 1) for _ in range(count)])


class Generators(ToolCase):
    def setUp(self):
        super().setUp()
        self.rng = random.Random(8)

    def compile(self, nodes, initializers, *arguments, outputs=4, opset=18):
        """A Conv of 1x1 with weight `w`; what rnc inspect tells of it, and its notes."""
        conv = node("Conv", ["x", "w"], ["y"], "only")
        self.write("net.onnx", model(graph([*nodes, conv], [X],
                                           [value("y", ["N", outputs, 1, 1])], initializers),
                                     opset))
        result = self.accepts("compile", self.path("net.onnx"), "-o", self.path("net.rnm"),
                              *arguments)
        layers = json.loads(self.accepts("inspect", "--json", self.path("net.rnm")).out)["layers"]
        return (layers[0] if layers else None), result.err

    def answer(self):
        images = self.write_array("x.npy", (1, 6, 1, 1), [0.5, -1.0, 2.0, 0.25, -3.0, 1.5])
        self.accepts(self.path("net.rnm"), images, f"--output={self.path('y.npy')}", "--quiet",
                     tool=RNRUN)
        return self.read_array("y.npy")[1]

    def both(self, nodes, initializers, transform, parent):
        """Recognised, with the answers of the computation that it was."""
        layer, _ = self.compile(nodes, initializers)
        self.assertEqual((layer["transform"], layer["parent_outputs"], layer["parent_inputs"]),
                         (transform, *parent))
        found = self.answer()
        layer, _ = self.compile(nodes, initializers, "--no-recognise")
        self.assertIsNone(layer)
        for a, b in zip(found, self.answer()):
            self.assertTrue(abs(a - b) <= 1e-5 * max(1.0, abs(b)), f"{a}, {b}")

    def test_unfolded_blocks(self):
        """Blocks as columns, transformed, and folded into an image."""
        shapes = [ints("each", 1, 4, 6), ints("image", 4, 6), ints("block", 2, 2),
                  ints("child", 4, 6, 1, 1)]
        fold = node("Col2Im", ["c", "image", "block"], ["i"], "fold", strides=(2, 2))
        last = node("Reshape", ["i", "child"], ["w"], "last")
        expand = node("Expand", ["p", "each"], ["e"], "each")
        parent = floats(self.rng, "p", 1, 4, 1)
        self.both([node("Expand", ["p", "each"], ["c"], "each"), fold, last], [parent, *shapes],
                  "linear", (2, 2))
        pairs = [node("Mul", ["e", "a"], ["n"]), node("Mul", ["b", "e"], ["t"]),
                 node("Exp", ["t"], ["u"]), node("Add", ["one", "u"], ["d"]),
                 node("Div", ["n", "d"], ["c"])]
        self.both([expand, *pairs, fold, last],
                  [parent, floats(self.rng, "a", 1, 1, 6), floats(self.rng, "b", 1, 1, 6),
                   tensor("one", (), [1.0]), *shapes], "s", (2, 2))

    def test_parts_of_a_constant(self):
        """Parents that are slices, or parts that a Split makes, of one constant."""
        both = floats(self.rng, "p", 4, 3, 1, 1)
        lists = [ints("from", 2), ints("to", 4), ints("axis", 0), ints("times", 2, 2, 1, 1)]
        tile = node("Tile", ["q", "times"], ["w"])
        self.both([node("Slice", ["p", "from", "to", "axis"], ["q"]), tile], [both, *lists],
                  "linear", (2, 3))
        self.both([node("Split", ["p"], ["o", "q"], axis=0, num_outputs=2), tile], [both, *lists],
                  "linear", (2, 3))

    def test_one_parent_for_two(self):
        """A layer's own weight that another is made of is stored once."""
        for parent in (floats(self.rng, "p", 4, 6, 1, 1), floats(self.rng, "p", 4, 6, 3, 1)):
            kernel = {"pads": (1, 0, 1, 0)} if len(parent) > 200 else {}
            self.write("net.onnx", model(graph(
                [node("Conv", ["x", "p"], ["y"], "first", **kernel),
                 node("Tile", ["p", "times"], ["w"]),
                 node("Conv", ["x", "w"], ["z"], "second", **kernel)],
                [X], [value("y", ["N", 4, 1, 1]), value("z", ["N", 12, 1, 1])],
                [parent, ints("times", 3, 1, 1, 1)])))
            self.accepts("compile", self.path("net.onnx"), "-o", self.path("net.rnm"))
            layers = json.loads(self.accepts("inspect", "--json", self.path("net.rnm")).out)
            self.assertEqual([layer["parent_shared"] for layer in layers["layers"]],
                             [False, True])

    def test_backwards(self):
        """A parent that is read from its end is no view of it."""
        lists = [ints("from", -1), ints("to", -100), ints("axis", 0), ints("step", -1),
                 ints("times", 2, 2, 1, 1)]
        _, notes = self.compile([node("Slice", ["p", "from", "to", "axis", "step"], ["q"]),
                                 node("Tile", ["q", "times"], ["w"])],
                                [floats(self.rng, "p", 2, 3, 1, 1), *lists])
        self.assertIn("stays a computation", notes)

    def test_blocks_that_overlap(self):
        self.write("net.onnx", model(graph(
            [node("Col2Im", ["x", "image", "block"], ["y"], "fold", strides=(1, 1))],
            [value("x", [1, 4, 4])], [value("y", [1, 1, 3, 3])],
            [ints("image", 3, 3), ints("block", 2, 2)]), 18))
        self.refuses(1, ["fold", "side by side"], "compile", self.path("net.onnx"), "-o",
                     self.path("net.rnm"))

    def test_col2im(self):
        """Blocks of what comes at run time."""
        self.write("net.onnx", model(graph(
            [node("Col2Im", ["x", "image", "block"], ["y"], "fold", strides=(2, 3))],
            [value("x", ["N", 12, 4])], [value("y", ["N", 2, 4, 6])],
            [ints("image", 4, 6), ints("block", 2, 3)]), 18))
        self.accepts("compile", self.path("net.onnx"), "-o", self.path("net.rnm"))
        images = self.write_array("x.npy", (1, 12, 4), [float(k) for k in range(48)])
        self.accepts(self.path("net.rnm"), images, f"--output={self.path('y.npy')}", "--quiet",
                     tool=RNRUN)
        dims, found = self.read_array("y.npy")
        self.assertEqual(dims, [1, 2, 4, 6])
        self.assertEqual(found, [float((c * 6 + y % 2 * 3 + x % 3) * 4 + y // 2 * 2 + x // 3)
                                 for c in range(2) for y in range(4) for x in range(6)])

    def test_nothing_to_find(self):
        """What reads an input is no generator, and is not spoken of."""
        shape = ints("child", 4, 6, 1, 1)
        conv = node("Conv", ["x", "w"], ["y"], "only")
        self.write("net.onnx", model(graph(
            [node("Reshape", ["v", "child"], ["w"]), conv], [X, value("v", [24])],
            [value("y", ["N", 4, 1, 1])], [shape])))
        result = self.accepts("compile", self.path("net.onnx"), "-o", self.path("net.rnm"))
        self.assertNotIn("computation", result.err)

    def test_a_number_in_front(self):
        """Any other factor than a sign makes it a computation."""
        layer, notes = self.compile([node("Tile", ["p", "times"], ["t"]),
                                     node("Mul", ["t", "half"], ["w"])],
                                    [floats(self.rng, "p", 2, 3, 1, 1), ints("times", 2, 2, 1, 1),
                                     tensor("half", (), [0.5])])
        self.assertIsNone(layer)
        self.assertIn("stays a computation", notes)
        layer, _ = self.compile([node("Tile", ["p", "times"], ["t"]),
                                 node("Mul", ["t", "minus"], ["w"])],
                                [floats(self.rng, "p", 2, 3, 1, 1), ints("times", 2, 2, 1, 1),
                                 tensor("minus", (), [-1.0])])
        self.assertEqual(layer["transform"], "f")

    def test_small_files_of_huge_weights(self):
        """Looking at them goes by the size of the file."""
        sizes = ints("times", 1 << 14, 1 << 14, 1, 1)
        nodes, outputs = [], []
        for k in range(16):
            nodes += [node("Tile", ["p", "times"], [f"t{k}"]),
                      node("Neg", [f"t{k}"], [f"w{k}"]),
                      node("Conv", ["x", f"w{k}"], [f"y{k}"], f"conv{k}")]
            outputs.append(value(f"y{k}", ["N", 1 << 15, 1, 1]))
        self.write("net.onnx", model(graph(nodes, [value("x", ["N", 1 << 15, 1, 1])], outputs,
                                           [floats(self.rng, "p", 2, 2, 1, 1), sizes])))
        result = self.rnc("compile", self.path("net.onnx"), "-o", self.path("net.rnm"))
        self.assertIn("too large to be looked through", result.err)

    def test_trees_without_end(self):
        """Sums of sums double each time."""
        nodes = [node("Add", ["p", "p"], ["v0"])]
        nodes += [node("Add", [f"v{k}", f"v{k}"], [f"v{k + 1}"]) for k in range(100)]
        nodes.append(node("Mul", ["v100", "p"], ["w"]))
        layer, notes = self.compile(nodes, [floats(self.rng, "p", 4, 6, 1, 1)])
        self.assertIsNone(layer)
        self.assertIn("too large to be looked through", notes)


if __name__ == "__main__":
    unittest.main()
