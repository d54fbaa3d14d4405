# SPDX-License-Identifier: Apache-2.0
"""Dense weights that repeat: what is recognised, what it is stored as, and that nothing changes."""
import json
import math
import random
import unittest

import onnx_wire
from children import noise
from ckpt_writer import Tensor
from tool_case import RNRUN, ToolCase

TOPOLOGY = """\
topology: repeats
about: Dense layers that repeat
input: {channels: 8, height: 6, width: 6}

graph:
"""


def tile(parent, sizes, outs, ins, taps):
    """parent is flat [po][pi][taps]; the tiled weight, flat."""
    po, pi = sizes
    return [parent[((o % po) * pi + i % pi) * taps + t]
            for o in range(outs) for i in range(ins) for t in range(taps)]


def with_signs(rng, values):
    return [value if rng.random() < 0.5 else -value for value in values]


class Case(ToolCase):
    """Each layer is (name, outs, ins, kernel, values); a Conv each, one behind the other."""

    def compile_layers(self, layers, *arguments, name="net.rnm"):
        graph, tensors = TOPOLOGY, {}
        for layer, outs, ins, k, values in layers:
            graph += f"  - {{op: Conv, layer: {layer}, pads: {k // 2}}}\n  - {{op: Relu}}\n"
            tensors[f"{layer}.weight"] = Tensor((outs, ins, k, k), values)
        result = self.accepts("compile", self.checkpoint(tensors), "-t",
                              self.write("own.yaml", graph), "-o", self.path(name), *arguments)
        return [line for line in result.notes() if "block" in line or "repetition" in line]

    def layers_of(self, name="net.rnm"):
        found = json.loads(self.accepts("inspect", "--json", self.path(name)).out)
        return {layer["name"]: layer for layer in found["layers"]}

    def check(self, layers, wanted):
        """`wanted`: by layer (transform, parent outputs, parent inputs, shared). The .rnm must say
        the same as one without recognition: the same bytes of weights, verified, and answers."""
        notes = self.compile_layers(layers)
        found = self.layers_of()
        for name, expected in wanted.items():
            layer = found[name]
            self.assertEqual((layer["transform"], layer["parent_outputs"], layer["parent_inputs"],
                              layer["parent_shared"]), expected, name)
        self.accepts("verify", self.path("net.rnm"), "--against", self.path("net.ckpt"), "-t",
                     self.path("own.yaml"))
        self.assertEqual(self.compile_layers(layers, "--no-recognise", name="dense.rnm"), [])
        for name, layer in self.layers_of("dense.rnm").items():
            self.assertEqual((layer["transform"], layer["mask_bytes"]), ("dense", 0), name)
        weights = []
        for name in ("net", "dense"):
            self.accepts("export", "--dense", self.path(f"{name}.rnm"))
            model = onnx_wire.read(self.read(f"{name}.onnx"))
            weights.append({key: bytes(tensor.raw) for key, tensor in model.initializers.items()})
        self.assertEqual(*weights)
        self.same_answers()
        return notes

    def same_answers(self):
        rng = random.Random(3)
        inputs = self.write_array("x.npy", (2, 8, 6, 6), [rng.gauss(0, 1) for _ in range(576)])
        answers = []
        for name in ("net", "dense"):
            self.accepts(self.path(f"{name}.rnm"), inputs, "--direct",
                         f"--output={self.path('y.npy')}", tool=RNRUN)
            answers.append(self.read_array("y.npy")[1])
        for a, b in zip(*answers):
            self.assertTrue(abs(a - b) <= 2e-5 * max(1.0, abs(b)))


class Recognise(Case):
    def setUp(self):
        super().setUp()
        self.rng = random.Random(11)

    def random(self, count):
        return noise(self.rng, (count,), 0.2).values

    def test_signs_over_layers(self):
        """One block, with signs of their own, in layers of several sizes."""
        parent = self.random(4 * 2 * 9)
        wide = with_signs(self.rng, tile(parent, (4, 2), 16, 8, 9))
        deep = with_signs(self.rng, tile(parent, (4, 2), 20, 16, 9))
        notes = self.check([("wide", 16, 8, 3, wide), ("deep", 20, 16, 3, deep)],
                           {"wide": ("f", 4, 2, False), "deep": ("f", 4, 2, True)})
        self.assertEqual(len(notes), 3)
        self.assertIn("wide: 4x4 times a block of 4x2 with signs: 4608 bytes become 432", notes[0])
        self.assertIn("deep: 5x8 times a block of 4x2 with signs, that of wide", notes[1])
        self.assertIn("saves", notes[2])

    def test_linear(self):
        for sizes in ((4, 8), (1, 1), (5, 8), (20, 1), (1, 8), (10, 2)):
            with self.subTest(sizes=sizes):
                parent = self.random(math.prod(sizes) * 9)
                weight = tile(parent, sizes, 20, 8, 9)
                self.check([("a", 20, 8, 3, weight)], {"a": ("linear", *sizes, False)})

    def test_linear_larger_than_with_signs(self):
        """Signs that repeat too: the larger block is the smaller thing to store."""
        block = with_signs(self.rng, tile(self.random(2 * 2), (2, 2), 4, 4, 1))
        self.check([("a", 64, 8, 1, tile(block, (4, 4), 64, 8, 1))],
                   {"a": ("linear", 4, 4, False)})

    def test_equal_layers(self):
        """Stored once; up to signs, with a mask."""
        first = self.random(8 * 8 * 9)
        layers = [("a", 8, 8, 3, first), ("b", 8, 8, 3, self.random(8 * 8 * 9)),
                  ("c", 8, 8, 3, list(first)), ("d", 8, 8, 3, with_signs(self.rng, first))]
        self.check(layers, {"a": ("dense", 8, 8, False), "b": ("dense", 8, 8, False),
                            "c": ("dense", 8, 8, True), "d": ("f", 8, 8, True)})

    def test_folded_scale(self):
        """A factor an output leaves the repetition along the inputs."""
        parent = self.random(16 * 2 * 9)
        weight = [value * (1.5 + k // (8 * 9))
                  for k, value in enumerate(tile(parent, (16, 2), 16, 8, 9))]
        self.check([("a", 16, 8, 3, with_signs(self.rng, weight))], {"a": ("f", 16, 2, False)})
        self.check([("a", 16, 8, 3, weight)], {"a": ("linear", 16, 2, False)})

    def test_zeros_have_signs(self):
        parent = self.random(2 * 2 * 9)
        parent[3:9] = [0.0, -0.0] * 3
        weight = with_signs(self.rng, tile(parent, (2, 2), 8, 8, 9))
        self.check([("a", 8, 8, 3, weight)], {"a": ("f", 2, 2, False)})

    def test_nothing_repeats(self):
        """One bit is enough: nothing near is taken for equal."""
        weight = tile(self.random(4 * 4 * 9), (4, 4), 8, 8, 9)
        exact = Tensor((len(weight),), weight).values
        for at in (0, 300, len(weight) - 1):
            changed = list(exact)
            changed[at] *= 1 + 2**-22
            with self.subTest(at=at):
                notes = self.check([("a", 8, 8, 3, changed)], {})
                found = self.layers_of()["a"]
                self.assertEqual((found["parent_outputs"], found["parent_inputs"]), (8, 8))
                self.assertEqual(notes, [])

    def test_partial_blocks_stay_dense(self):
        weight = tile(self.random(3 * 8), (3, 8), 8, 8, 1)
        self.check([("a", 8, 8, 1, weight)], {"a": ("dense", 8, 8, False)})

    def test_half_parents(self):
        """Equal weights round to equal ones."""
        weight = with_signs(self.rng, tile(self.random(4 * 2 * 9), (4, 2), 16, 8, 9))
        for kind in ("f16", "bf16"):
            self.compile_layers([("a", 16, 8, 3, weight)], f"--param-type={kind}")
            self.assertEqual(self.layers_of()["a"]["transform"], "f")
            self.accepts("verify", self.path("net.rnm"), "--against", self.path("net.ckpt"), "-t",
                         self.path("own.yaml"))


if __name__ == "__main__":
    unittest.main()
