# SPDX-License-Identifier: Apache-2.0
"""rnc export: usage, refusals, and what it writes, read by the wire format alone. Whether other
programs take it and give the same answers is for tests/onnx.
"""
import math
import os
import resource
import struct
import unittest

import network
import onnx_wire
from children import ACTIVATIONS, Child
from ckpt_writer import Tensor
from tool_case import ToolCase

WIDE = 24576
TOO_LARGE = f"""\
topology: large
about: More than 2 GiB expanded
input: {{channels: {WIDE}, height: 1, width: 1}}

graph:
  - {{op: Conv, layer: large}}
"""


class ExportCase(ToolCase):
    def setUp(self):
        super().setUp()
        self.topology = self.write("own.yaml", network.TOPOLOGY)

    def model(self, activation="bireal", *arguments):
        """Compiles the tests' own network; returns its tensors."""
        tensors = network.tensors_of(activation)
        self.accepts("compile", self.checkpoint(tensors), "-t", self.topology, *arguments)
        return tensors

    def export(self, *arguments):
        self.accepts("export", self.path("net.rnm"), "--dense", *arguments)
        return onnx_wire.read(self.read("net.onnx"))


class Usage(ExportCase):
    def test_help(self):
        result = self.accepts("export", "--help")
        self.assertIn("rnc export model.rnm", result.out)
        self.assertEqual(result.err, "")

    def test_usage(self):
        self.model()
        rnm = self.path("net.rnm")
        self.refuses(2, ["expected one .rnm"], "export", "--dense")
        self.refuses(2, ["expected one .rnm"], "export", "--dense", rnm, rnm)
        self.refuses(2, ["--frobnicate"], "export", rnm, "--dense", "--frobnicate")
        self.refuses(2, [], "export", rnm, "--dense", "-o")

    def test_target_is_the_source(self):
        self.model()
        os.symlink("net.rnm", self.path("link.onnx"))
        for target in ("net.rnm", "./net.rnm", "link.onnx"):
            self.refuses(2, ["overwrite"], "export", self.path("net.rnm"), "--dense", "-o", target)

    def test_default_target(self):
        self.model()
        self.accepts("export", self.path("net.rnm"), "--dense")
        first = self.read("net.onnx")
        self.accepts("export", self.path("net.rnm"), "--dense", "-o", self.path("other.onnx"))
        self.assertEqual(first, self.read("other.onnx"))


class Refusals(ExportCase):
    def test_no_model(self):
        self.refuses(1, ["none.rnm"], "export", self.path("none.rnm"), "--dense")
        path = self.write("bad.rnm", b"\x89RNM\r\n\x1a\n" + bytes(100))
        self.refuses(1, ["bad.rnm"], "export", path, "--dense")

    def test_damaged(self):
        self.model()
        content = bytearray(self.read("net.rnm"))
        content[-1] ^= 1
        path = self.write("bad.rnm", bytes(content))
        self.refuses(1, ["bad.rnm", "digest"], "export", path, "--dense")

    def test_no_such_folder(self):
        self.model()
        self.refuses(1, ["none/net.onnx"], "export", self.path("net.rnm"), "--dense", "-o",
                     self.path("none/net.onnx"))

    def test_over_two_gigabytes(self):
        topology = self.write("large.yaml", TOO_LARGE)
        tensors = {"large.weight": Tensor((64, 64, 1, 1), [1.0] * 4096),
                   "large.bias": Tensor((WIDE,), [0.0] * WIDE)}
        self.accepts("compile", self.checkpoint(tensors), "-t", topology)
        self.write("net.onnx", "precious")
        self.refuses(1, ["net.onnx", "2147483647"], "export", self.path("net.rnm"), "--dense")
        self.assertEqual(self.read("net.onnx"), b"precious")

    def test_scaled_weight_overflows(self):
        tensors = network.tensors_of("linear")
        tensors["model.stem.weight"].values[7] = 3e38
        tensors["model.stem.bn.running_var"].values[0] = 1e-4
        self.accepts("compile", self.checkpoint(tensors), "-t", self.topology)
        self.write("net.onnx", "precious")
        self.refuses(1, ["net.onnx", "stem"], "export", self.path("net.rnm"), "--dense")

    def test_full_disk(self):
        """A limit on the size of files stands for it."""
        self.model()
        self.write("net.onnx", "precious")
        self.refuses(3, ["net.onnx"], "export", self.path("net.rnm"), "--dense",
                     restore_signals=False,  # Python ignores SIGXFSZ, and so shall rnc
                     preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000)))


class Compact(ExportCase):
    """Initializers are what the model stores, byte for byte."""

    def test_stored(self):
        for activation, function in (("linear", "Linear"), ("swish", "SCascaded"), ("bireal", "F"),
                                     ("static_drop", "Drop"), ("random_bireal", "Conv")):
            with self.subTest(activation=activation):
                self.model(activation)
                self.accepts("export", self.path("net.rnm"))
                model = onnx_wire.read(self.read("net.onnx"))
                stored = self.read("net.rnm")
                calls = [node for node in model.nodes if "dims" in node.attributes]
                self.assertIn(function, [node.op for node in model.nodes])
                self.assertEqual(len({node.name for node in model.nodes}), len(model.nodes))
                for name in {name for node in calls for name in node.inputs}:
                    self.assertIn(bytes(model.initializers[name].raw), stored)
                if calls:
                    self.assertEqual((model.ir_version, model.opsets), (8, [("", 15), ("rnm", 1)]))
                    borrowed = next(node for node in calls if node.name == "deep/weight")
                    owner = next(node for node in calls if node.name == "wide/weight")
                    self.assertEqual(borrowed.inputs[0], owner.inputs[0])
                    self.assertEqual(borrowed.attributes["dims"], (13, 8, 3, 3))

    def test_half_parents(self):
        for kind, data_type in (("f16", 10), ("bf16", 16)):
            self.model("linear", f"--param-type={kind}")
            self.accepts("export", self.path("net.rnm"))
            model = onnx_wire.read(self.read("net.onnx"))
            parents = {node.inputs[0] for node in model.nodes if node.op == "Linear"}
            self.assertEqual({model.initializers[name].data_type for name in parents}, {data_type})

    def test_over_two_gigabytes_expanded(self):
        """What is too large for a dense export is small here."""
        topology = self.write("large.yaml", TOO_LARGE)
        tensors = {"large.weight": Tensor((64, 64, 1, 1), [1.0] * 4096),
                   "large.bias": Tensor((WIDE,), [0.0] * WIDE)}
        self.accepts("compile", self.checkpoint(tensors), "-t", topology)
        self.accepts("export", self.path("net.rnm"))
        self.assertLess(len(self.read("net.onnx")), 130000)


class Frame(ExportCase):
    """Weights against loops over single numbers."""

    def check_weight(self, model, tensors, layer, activation):
        child = Child(tensors, layer, activation, "model.")
        node = next(node for node in model.nodes if node.name == layer.name)
        weight = model.initializers[node.inputs[1]]
        self.assertEqual(weight.dims, (layer.outs, layer.ins, *layer.kernel))
        self.assertEqual(weight.data_type, 1)
        self.assertEqual(len(weight.raw), 4 * math.prod(weight.dims))
        found = iter(struct.unpack(f"<{len(weight.raw) // 4}f", weight.raw))
        norm = f"model.{layer.name}.bn."
        tolerance = 1e-6 if activation == "swish" else 3e-7
        for o, rows in enumerate(child.weight):
            scale = tensors[norm + "weight"].values[o] / math.sqrt(
                tensors[norm + "running_var"].values[o] + 1e-5)
            for row in rows:
                for wanted in row:
                    value = next(found)
                    self.assertTrue(abs(value - wanted * scale) <= tolerance * abs(wanted * scale),
                                    f"{layer.name}: {value}, expected {wanted * scale}")

    def test_weights(self):
        for activation in ACTIVATIONS:
            tensors = self.model(activation)
            model = self.export()
            for layer in network.CONVOLUTIONS:
                with self.subTest(activation=activation, layer=layer.name):
                    self.check_weight(model, tensors, layer, activation)

    def test_graph(self):
        self.model()
        model = self.export()
        self.assertEqual((model.ir_version, model.opsets, model.producer), (7, [("", 13)], "rnc"))
        self.assertEqual((model.inputs, model.outputs), (["image"], ["scores"]))
        self.assertEqual([node.op for node in model.nodes],
                         ["Conv", "Relu", "Conv", "Relu", "MaxPool", "Conv", "Conv", "Add", "Relu",
                          "Conv", "Elu", "Concat", "AveragePool", "GlobalAveragePool", "Flatten",
                          "Gemm"])
        known = set(model.inputs) | set(model.initializers)
        for node in model.nodes:
            self.assertTrue(set(node.inputs) <= known, node)
            self.assertFalse(set(node.outputs) & known, node)
            known |= set(node.outputs)
        self.assertTrue(set(model.outputs) <= known)

    def test_half_parents(self):
        for kind in ("f16", "bf16"):
            self.model("linear", f"--param-type={kind}")
            model = self.export()
            self.assertEqual({tensor.data_type for tensor in model.initializers.values()}, {1})

    def test_same_bytes_again(self):
        self.model("swish")
        self.export()
        first = self.read("net.onnx")
        self.export()
        self.assertEqual(first, self.read("net.onnx"))


if __name__ == "__main__":
    unittest.main()
