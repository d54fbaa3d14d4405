# SPDX-License-Identifier: Apache-2.0
"""A topology of one's own: compiled, verified and run in every mode, in every activation, against
loops over single numbers.
"""
import json
import struct
import unittest

import network
from children import ACTIVATIONS
from ckpt_writer import Tensor
from tool_case import RNRUN, ToolCase

MODES = {"load": ("--expand=load",), "load without XNNPACK": ("--expand=load", "--no-xnnpack"),
         "lazy": ("--expand=lazy",), "layer": ("--expand=layer",),
         "panel": ("--expand=panel",), "panel, plain": ("--expand=panel", "--isa=plain")}
TRANSFORM = {"linear": "linear", "swish": "s", "bireal": "f", "static_drop": "drop",
             "random_bireal": "linear"}
BATCH = 3


class OwnNetwork(ToolCase):
    def setUp(self):
        super().setUp()
        self.topology = self.write("own.yaml", network.TOPOLOGY)
        self.images = network.images(BATCH)
        self.input = self.write_array(
            "x.npy", (BATCH, network.CHANNELS, network.HEIGHT, network.WIDTH), self.images)

    def compile(self, tensors, *arguments, args=None):
        source = self.checkpoint(tensors, args)
        return self.accepts("compile", source, "-t", self.topology, "-o", self.path("net.rnm"),
                            *arguments)

    def compare(self, expected, mode, tolerance=2e-5):
        self.accepts(*MODES[mode], self.path("net.rnm"), self.input,
                     f"--output={self.path('y.npy')}", tool=RNRUN)
        dims, found = self.read_array("y.npy")
        self.assertEqual(dims, [BATCH, network.CLASSES])
        for at, (want, have) in enumerate(zip(expected, found)):
            difference = abs(want - have)
            self.assertTrue(difference <= tolerance * max(1.0, abs(want)),
                            f"{mode}: score {at} is {have}, expected {want}")

    def test_every_activation_in_every_mode(self):
        for activation in ACTIVATIONS:
            tensors = network.tensors_of(activation)
            expected = network.Network(tensors, activation).batch(self.images)
            self.assertGreater(max(expected) - min(expected), 0.1)  # not a dead network
            self.compile(tensors)
            self.accepts("verify", self.path("net.rnm"), "--against", self.path("net.ckpt"), "-t",
                         self.topology)
            for mode in MODES:
                with self.subTest(activation=activation, mode=mode):
                    self.compare(expected, mode)

    def test_args_name_the_activation(self):
        tensors = network.tensors_of("bireal")
        self.compile(tensors, args={"model_name": "own", "weight_activation": "bireal"})
        self.compare(network.Network(tensors, "bireal").batch(self.images), "load")

    def test_no_prefix(self):
        tensors = network.tensors_of("static_drop", prefix="")
        self.compile(tensors)
        self.compare(network.Network(tensors, "static_drop", "").batch(self.images), "layer")

    def test_zero_signs(self):
        tensors = network.tensors_of("bireal", seed=5)
        for name, tensor in tensors.items():
            if "binary_activation" in name:
                tensor.values[1::3] = [-0.0 if k % 2 else 0.0
                                       for k in range(len(tensor.values[1::3]))]
                tensor.values[0] = float("inf")
        expected = network.Network(tensors, "bireal").batch(self.images)
        self.compile(tensors)
        for mode in MODES:
            with self.subTest(mode=mode):
                self.compare(expected, mode)

    def test_half_parents(self):
        tensors = network.tensors_of("swish", seed=6)
        expected = network.Network(tensors, "swish").batch(self.images)
        for param_type in ("f16", "bf16"):
            self.compile(tensors, f"--param-type={param_type}")
            for mode in MODES:
                with self.subTest(param_type=param_type, mode=mode):
                    self.compare(expected, mode, 0.01 if param_type == "f16" else 0.1)

    def test_half_checkpoint(self):
        tensors = network.tensors_of("linear", seed=7)
        for name, tensor in tensors.items():
            if tensor.dtype == "f32":
                half = Tensor(tensor.dims, tensor.values, "f16")
                tensors[name] = half
        source = self.checkpoint(tensors)
        self.accepts("compile", source, "-t", self.topology, "-o", self.path("net.rnm"))
        for tensor in tensors.values():
            if tensor.dtype == "f16":
                tensor.values = list(struct.unpack(f"<{len(tensor.values)}e", tensor.data()))
        self.compare(network.Network(tensors, "linear").batch(self.images), "lazy")

    def test_inspect_tells_what_is_stored(self):
        for activation in ACTIVATIONS:
            self.compile(network.tensors_of(activation))
            info = json.loads(self.accepts("inspect", "--json", self.path("net.rnm")).out)
            layers = {layer["name"]: layer for layer in info["layers"]}
            with self.subTest(activation=activation):
                self.assertEqual(set(layers), {"stem", "wide", "deep", "short", "apart",
                                               "scores"})
                self.assertEqual(layers["wide"]["child"], [8, 6, 3, 3])
                self.assertEqual(info["file_bytes"], len(self.read("net.rnm")))
                if activation == "random_bireal":
                    continue
                self.assertEqual(layers["wide"]["transform"], TRANSFORM[activation])
                self.assertEqual(layers["wide"]["parent_bytes"], 4 * 3 * 9 * 4)
                self.assertTrue(layers["deep"]["parent_shared"])
                self.assertEqual(layers["deep"]["parent_bytes"], 0)

    def test_equal_input_gives_equal_bytes(self):
        self.compile(network.tensors_of("swish"))
        first = self.read("net.rnm")
        self.compile(network.tensors_of("swish"))
        self.assertEqual(self.read("net.rnm"), first)

    def test_verify_sees_another_input_size(self):
        self.compile(network.tensors_of("linear"), "--input-size=13x10")
        line = ("verify", self.path("net.rnm"), "--against", self.path("net.ckpt"), "-t",
                self.topology)
        self.accepts(*line, "--input-size=13x10")
        self.refuses(1, ["net.rnm", "input"], *line)

    def test_verify_sees_another_checkpoint(self):
        self.compile(network.tensors_of("bireal"))
        other = network.tensors_of("bireal")
        other["model.deep.binary_activation.weight"].values[7] *= -1
        self.checkpoint(other, name="other.ckpt")
        self.refuses(1, ["net.rnm", "deep"], "verify", self.path("net.rnm"), "--against",
                     self.path("other.ckpt"), "-t", self.topology)


if __name__ == "__main__":
    unittest.main()
