# SPDX-License-Identifier: Apache-2.0
"""A compact export compiled again: the same file but for where it comes from. Functions that are not
ours to the letter are no recipes, and inputs that do not fit them are refused.
"""
import random
import struct
import unittest

import network
import onnx_wire
from children import noise
from ckpt_writer import Tensor
from onnx_writer import I64, U8, attribute, graph, message, node, tensor, value
from tool_case import RNRUN, ToolCase

U32 = 12
STRINGS, PROVENANCE = 1, 7

DATASET = """\
dataset: own
color: rgb
shorter_side: 12
crop: [10, 7]
pads: [1, 0, 0, 1]
divisor: 255
mean: [0.4914, 0.4822, 0.4465]
std: [0.2023, 0.1994, 0.201]
labels: [zero, one "two", three, "4", five and more]
"""

ONE_LAYER = """\
topology: one
about: One layer
input: {channels: 6, height: 5, width: 5}

graph:
  - {op: Conv, layer: only, pads: 1}
"""


def sections(content):
    """{kind: bytes}; strings without those of the provenance, which come last."""
    count, = struct.unpack_from("<I", content, 12)
    found = {}
    for k in range(count):
        kind, _, offset, length = struct.unpack_from("<IIQQ", content, 64 + 32 * k)
        found[kind] = content[offset:offset + length]
    pairs = found.pop(PROVENANCE)
    found[STRINGS] = found[STRINGS][:struct.unpack_from("<I", pairs, 4)[0]]
    return found


class CompactCase(ToolCase):
    def again(self, *arguments):
        """Exports net.rnm and compiles what results; both files' sections."""
        self.accepts("export", self.path("net.rnm"))
        result = self.accepts("compile", self.path("net.onnx"), "-o", self.path("again.rnm"),
                              *arguments)
        self.assertNotIn("computation", result.err)
        return sections(self.read("net.rnm")), sections(self.read("again.rnm"))

    def check_same(self, *arguments):
        first, second = self.again(*arguments)
        self.assertEqual(first.keys(), second.keys())
        for kind, content in first.items():
            self.assertEqual(content, second[kind], f"section {kind}")


class Same(CompactCase):
    """Every section, bit for bit."""

    def model(self, activation, *arguments, zeros=None):
        tensors = network.tensors_of(activation)
        for name, tensor_ in tensors.items():
            if zeros is not None and "binary_activation" in name:
                tensor_.values[1::zeros] = [0.0] * len(tensor_.values[1::zeros])
        self.accepts("compile", self.checkpoint(tensors), "-t",
                     self.write("own.yaml", network.TOPOLOGY), *arguments)

    def test_transforms(self):
        for activation, zeros in (("linear", None), ("swish", None), ("bireal", None),
                                  ("bireal", 50), ("bireal", 3), ("static_drop", None),
                                  ("random_bireal", None)):
            for kind in ("f32", "f16", "bf16"):
                with self.subTest(activation=activation, zeros=zeros, kind=kind):
                    self.model(activation, f"--param-type={kind}", zeros=zeros)
                    self.check_same()

    def test_another_type(self):
        """--param-type counts more than what the file has."""
        self.model("linear", "--param-type=f16")
        self.accepts("export", self.path("net.rnm"))
        self.accepts("compile", self.path("net.onnx"), "-o", self.path("again.rnm"),
                     "--param-type=f32")
        self.assertGreater(len(self.read("again.rnm")), len(self.read("net.rnm")))

    def test_dataset(self):
        self.model("bireal", "--dataset", self.write("own-data.yaml", DATASET))
        self.check_same()

    def test_dataset_that_makes_no_sense(self):
        """Left out with a note, or refused where only the format's reader sees it."""
        self.model("bireal", "--dataset", self.write("own-data.yaml", DATASET))
        self.accepts("export", self.path("net.rnm"))
        content = self.read("net.onnx")
        for before, after in ((b"color=rgb", b"color=rgx"), (b"pad=1 0 0 1", b"pad=1 0 0 x"),
                              (b"crop=10 7", b"crop=00 0"), (b"divisor=255", b"divisor=2,5"),
                              (b"divisor=", b"divisors"), (b"input=0", b"input=1"),
                              (b"resize_size=12", b"resize_size=-1")):
            with self.subTest(after=after):
                self.assertIn(before, content)
                self.write("net.onnx", content.replace(before, after))
                result = self.accepts("compile", self.path("net.onnx"), "-o",
                                      self.path("again.rnm"))
                self.assertIn("rnm.preprocess.0", result.err)
        self.write("net.onnx", content.replace(b"divisor=255", b"divisor=000"))
        self.refuses(1, ["divisor"], "compile", self.path("net.onnx"), "-o", self.path("new.rnm"))

    def test_interleaved(self):
        rng = random.Random(5)
        tensors = {"only.bias": noise(rng, (8,)), "only.alphas": noise(rng, (1, 6)),
                   "only.betas": noise(rng, (1, 6)), "only.weight": noise(rng, (4, 2, 3, 3))}
        for generator in ("interleaved", "current"):
            self.accepts("compile", self.checkpoint(tensors), "-t",
                         self.write("one.yaml", ONE_LAYER), f"--generator={generator}")
            self.check_same()

    def test_repetition_that_was_recognised(self):
        """Blocks found in dense weights."""
        rng = random.Random(6)
        block = [rng.gauss(0, 1) for _ in range(4 * 2 * 9)]
        weight = [block[((o % 4) * 2 + i % 2) * 9 + t] * rng.choice((1, -1))
                  for o in range(8) for i in range(6) for t in range(9)]
        for values in (weight, [abs(x) for x in weight]):
            tensors = {"only.weight": Tensor((8, 6, 3, 3), values), "only.bias": noise(rng, (8,))}
            self.accepts("compile", self.checkpoint(tensors), "-t",
                         self.write("one.yaml", ONE_LAYER))
            self.check_same()

    def test_zero_of_either_sign(self):
        """Scales and biases too."""
        tensors = network.tensors_of("linear")
        for name in ("bias", "bn.bias", "bn.running_mean"):
            tensors[f"model.stem.{name}"].values[:3] = [-0.0, 0.0, -0.0]
        self.accepts("compile", self.checkpoint(tensors), "-t",
                     self.write("own.yaml", network.TOPOLOGY))
        self.check_same()

    def test_from_onnx(self):
        """A model that was ONNX to begin with."""
        self.model("bireal")
        self.again()
        self.write("net.rnm", self.read("again.rnm"))
        self.check_same()


class Functions(CompactCase):
    """Calls of a model that this test writes, with the functions of an export, or nearly."""

    def setUp(self):
        super().setUp()
        tensors = network.tensors_of("bireal")
        for layer in ("wide", "deep"):
            mask = next(tensor_ for name, tensor_ in tensors.items()
                        if name.startswith(f"model.{layer}.binary_activation."))
            mask.values[::2 if layer == "wide" else 60] = [0.0] * len(
                mask.values[::2 if layer == "wide" else 60])
        functions = {}
        for activation, arguments in (("bireal", ()), ("swish", ()), ("static_drop", ()),
                                      ("linear", ())):
            chosen = tensors if activation == "bireal" else network.tensors_of(activation)
            self.accepts("compile", self.checkpoint(chosen), "-t",
                         self.write("own.yaml", network.TOPOLOGY), *arguments)
            self.accepts("export", self.path("net.rnm"))
            for body in onnx_wire.fields(memoryview(self.read("net.onnx")))[25]:
                name = bytes(onnx_wire.fields(body)[1][0]).decode()
                functions[name] = bytes(body)
        self.functions = functions

    def model(self, function, inputs, dims=(8, 4, 3, 3), change=None, version=1, extra=()):
        """One Conv whose weight a call makes; `change` edits a function's body."""
        bodies = dict(self.functions)
        if change is not None:
            name, before, after = change
            self.assertIn(before, bodies[name])
            bodies[name] = bodies[name].replace(before, after, 1)
        call = message(*((1, name) for name, _ in inputs), (2, "w"), (3, "c/weight"),
                       (4, function), (5, attribute("dims", dims)), (7, "rnm"))
        conv = node("Conv", ["x", "w"], ["y"], "c", pads=(1, 1, 1, 1))
        content = graph([call, conv, *extra], [value("x", ["N", 4, 5, 5])],
                        [value("y", ["N", dims[0], 5, 5])], [one for _, one in inputs])
        self.write("net.onnx", message((1, 8), (7, content), (8, message((1, ""), (2, 15))),
                                       (8, message((1, "rnm"), (2, version))),
                                       *((25, body) for body in bodies.values())))

    def refused(self, words, *arguments, **settings):
        self.model(*arguments, **settings)
        self.refuses(1, ["net.onnx", *words], "compile", self.path("net.onnx"), "-o",
                     self.path("new.rnm"))

    def accepted(self, *arguments, **settings):
        self.model(*arguments, **settings)
        return self.accepts("compile", self.path("net.onnx"), "-o", self.path("new.rnm"))

    PARENT = ("p", tensor("p", (2, 3, 3, 4), [float(k) for k in range(72)]))
    BYTES = 1 * 4 * 9  # one panel of 8 outputs, a byte a word
    MASK = ("m", tensor("m", (BYTES,), [0x5A] * BYTES, U8))

    def test_good_ones(self):
        plane = ("z", tensor("z", (self.BYTES,), [1] * self.BYTES, U8))
        positions = ("l", tensor("l", (2,), raw=struct.pack("<2I", 3, 200), dtype=U32))
        betas = ("b", tensor("b", (4, 2), [0.5] * 8))
        edges = ("b", tensor("b", (3, 2), [0.5] * 6))
        for function, inputs, dims in (
                ("Linear", [self.PARENT], (8, 4, 3, 3)), ("F", [self.PARENT, self.MASK], None),
                ("FZeroPlane", [self.PARENT, self.MASK, plane], None),
                ("FZeroList", [self.PARENT, self.MASK, positions], None),
                ("Drop", [self.PARENT, self.MASK], None), ("SCascaded", [self.PARENT, betas], None),
                ("SCascaded", [self.PARENT, edges], (6, 4, 3, 3))):
            with self.subTest(function=function, dims=dims):
                result = self.accepted(function, inputs, dims or (8, 4, 3, 3))
                self.assertNotIn("computation", result.err)

    def test_inputs_that_do_not_fit(self):
        def mask(count):
            return "m", tensor("m", (count,), [0] * count, U8)

        def parent(*dims):
            count = dims[0] * dims[1] * dims[2] * dims[3]
            return "p", tensor("p", dims, [1.0] * count)

        positions = ("l", tensor("l", (1,), raw=struct.pack("<I", 8 * self.BYTES), dtype=U32))
        p, m = self.PARENT, self.MASK
        self.refused(["36 bytes", "found 35"], "F", [p, mask(35)])
        self.refused(["36 bytes", "found 37"], "Drop", [p, mask(37)])
        self.refused(["positions of elements", "288"], "FZeroList", [p, m, positions])
        self.refused(["input 2"], "FZeroPlane", [p, m])
        self.refused(["input 1", "rank 1"], "F", [p, ("m", tensor("m", (6, 6), [0] * 36, U8))])
        self.refused(["input 1", "f32"], "SCascaded", [p, m])
        self.refused(["4 pairs", "found 3"], "SCascaded", [p, ("b", tensor("b", (3, 2), [1.0] * 6))])
        self.refused(["4 pairs"], "SCascaded", [p, ("b", tensor("b", (4, 3), [1.0] * 12))])
        self.refused(["pair 1 ", "nan"], "SCascaded",
                     [p, ("b", tensor("b", (4, 2), [1.0] * 3 + [float("nan")] * 5))])
        self.refused(["overflows"], "SCascaded", [p, ("b", tensor("b", (4, 2), [3e38] * 8))])
        self.refused(["no larger than the child"], "Linear", [parent(2, 3, 3, 9)])
        self.refused(["no larger than the child"], "Linear", [parent(5, 3, 3, 4)])
        self.refused(["no larger than the child"], "Linear", [parent(2, 3, 1, 4)])
        self.refused(["no larger than the child"], "Linear",
                     [("p", tensor("p", (2, 3, 3, 4), [1] * 72, I64))])
        self.refused(["no larger than the child"], "Linear", [], extra=())
        self.refused(["dims"], "Linear", [p], dims=(8,))
        self.refused(["dims"], "Linear", [p], dims=(8, 0, 3, 3))
        self.refused(["dims"], "Linear", [p], dims=(8, 1 << 40, 3, 3))
        self.refused(["NaN"], "Linear", [("p", tensor("p", (2, 3, 3, 4), [float("nan")] * 72))])

    def test_weights_only(self):
        """A recipe in another place than a weight's."""
        self.refused(["weight of a Conv"], "Linear", [self.PARENT],
                     extra=[node("Relu", ["w"], ["v"], "after")])

    def test_other_functions(self):
        """The body counts, not the name."""
        before = b"\x0a\x07outputs\x0a\x02po\x12\x0bfrom_output\x1a\x00\x22\x03Mod"
        self.accepted("Linear", [self.PARENT])
        plain = self.read("new.rnm")
        images = self.write_array("x.npy", (1, 4, 5, 5), [float(k % 7) for k in range(100)])

        def answer():
            self.accepts(self.path("new.rnm"), images, f"--output={self.path('y.npy')}",
                         "--quiet", tool=RNRUN)
            return self.read_array("y.npy")[1]

        first = answer()
        result = self.accepted("Linear", [self.PARENT],
                               change=("Linear", before, before[:-3] + b"Div"))
        self.assertIn("not those of its version 1", result.err)
        second = answer()
        self.assertNotEqual(first, second)
        self.assertEqual(second[:50], first[:25] * 2)  # outputs 0 .. 3 read parent output 0
        self.accepted("Linear", [self.PARENT], version=2)
        self.assertNotEqual(self.read("new.rnm"), plain)
        self.assertEqual(answer(), first)
        self.refused(["BitShift"], "F", [self.PARENT, self.MASK],
                     change=("Zeroed", b"factor", b"foctor"))


if __name__ == "__main__":
    unittest.main()
