# SPDX-License-Identifier: Apache-2.0
"""Checkpoints whose tensors do not fit: missing, left over, of wrong shapes, types and values."""
import random
import unittest

import network
from children import noise
from ckpt_writer import Tensor
from tool_case import ToolCase

INF, NAN = float("inf"), float("nan")


class BadTensors(ToolCase):
    def setUp(self):
        super().setUp()
        self.topology = self.write("own.yaml", network.TOPOLOGY)

    def refuses_tensors(self, tensors, words, *arguments):
        source = self.checkpoint(tensors)
        return self.refuses(1, ["net.ckpt", *words], "compile", source, "-t", self.topology, "-o",
                            self.path("net.rnm"), *arguments)

    def accepts_tensors(self, tensors, *arguments):
        source = self.checkpoint(tensors)
        return self.accepts("compile", source, "-t", self.topology, "-o", self.path("net.rnm"),
                            *arguments)

    def changed(self, activation, key, dims=None, value=None, at=0):
        """The network with one tensor of other dims, or with one value put in."""
        tensors = network.tensors_of(activation)
        old = tensors["model." + key]
        if dims is not None:
            count = 1
            for dim in dims:
                count *= dim
            tensors["model." + key] = Tensor(dims, [1.0] * count)
        else:
            old.values[at] = value
        return tensors

    def test_missing(self):
        for activation, key in [
                ("linear", "stem.weight"), ("linear", "wide.weight"), ("linear", "fc.weight"),
                ("linear", "wide.bn.running_mean"), ("linear", "wide.bn.running_var"),
                ("linear", "wide.bn.weight"), ("linear", "wide.bn.bias"),
                ("swish", "wide.betas"), ("swish", "deep.ealpha1"),
                ("swish", "deep.ebeta1"), ("bireal", "deep.binary_activation0.weight"),
                ("random_bireal", "wide.binary_activation.weight")]:
            with self.subTest(activation=activation, key=key):
                tensors = network.tensors_of(activation)
                del tensors["model." + key]
                self.refuses_tensors(tensors, [key])

    def test_betas_without_alphas(self):
        tensors = network.tensors_of("swish")
        del tensors["model.wide.alphas"]
        self.refuses_tensors(tensors, ["model.wide.betas"])

    def test_surplus_under_the_prefix(self):
        tensors = network.tensors_of("linear")
        tensors["model.extra.weight"] = Tensor((2,), [1, 2])
        self.refuses_tensors(tensors, ["extra.weight"])

    def test_surplus_steering(self):
        """A tensor that a layer's transform has no use for is left over too."""
        for activation, key, dims in [("linear", "wide.ealpha1", (1,)),
                                      ("linear", "stem.drop", (1, 1)),
                                      ("swish", "wide.ealpha1", (1,)),
                                      ("bireal", "wide.binary_activation0.weight", (1, 6, 3, 3))]:
            with self.subTest(activation=activation, key=key):
                tensors = network.tensors_of(activation)
                count = 1
                for dim in dims:
                    count *= dim
                tensors["model." + key] = Tensor(dims, [0.5] * count)
                self.refuses_tensors(tensors, [key])

    def test_surplus_outside_the_prefix(self):
        tensors = network.tensors_of("linear")
        tensors["criterion.weight"] = Tensor((2,), [1, 2])
        result = self.accepts_tensors(tensors)
        self.assertTrue(any("outside" in note for note in result.notes()), result.err)

    def test_surplus_ignored(self):
        tensors = network.tensors_of("linear")
        tensors["model.helper.weight"] = Tensor((2,), [1, 2])
        self.accepts_tensors(tensors)

    def test_surplus_ignored_by_pattern(self):
        self.write("own.yaml", network.TOPOLOGY.replace("helper.weight", '"ema_*"'))
        tensors = network.tensors_of("linear")
        tensors["model.ema_stem"] = Tensor((2,), [1, 2])
        self.accepts_tensors(tensors)

    def test_wrong_shapes(self):
        for activation, key, dims in [
                ("linear", "stem.bias", (6, 1)),
                ("linear", "stem.weight", (6, 3, 9)), ("linear", "short.weight", (6, 4)),
                ("linear", "fc.weight", (5, 26, 1, 1)),
                ("linear", "wide.bn.weight", (9,)), ("linear", "wide.bn.bias", (7,)),
                ("linear", "wide.bn.running_mean", (4,)), ("linear", "wide.bn.running_var", (1,)),
                ("swish", "wide.alphas", (1, 3)), ("swish", "wide.alphas", (1, 5)),
                ("swish", "wide.betas", (1, 8)), ("swish", "deep.ealpha1", (2,)),
                ("swish", "deep.ebeta2", (1, 2)),
                ("bireal", "wide.binary_activation.weight", (8, 6, 3, 2)),
                ("bireal", "wide.binary_activation.weight", (8, 5, 3, 3)),
                ("bireal", "deep.binary_activation.weight", (13, 8, 3, 3)),
                ("bireal", "deep.binary_activation0.weight", (1, 8, 3, 3)),
                ("bireal", "deep.binary_activation1.weight", (12, 2, 3, 3)),
                ("static_drop", "wide.drop_mask", (8, 6, 1, 1)),
                ("static_drop", "deep.drop_mask", (12, 6, 3, 3)),
                ("random_bireal", "wide.random_weights", (35, 3, 3)),
                ("random_bireal", "wide.binary_activation.weight", (4, 3, 3, 3))]:
            with self.subTest(activation=activation, key=key, dims=dims):
                self.refuses_tensors(self.changed(activation, key, dims), [key])

    def test_bias_tells_another_size(self):
        """Which of the layer's tensors is at fault nobody can know: one of them is named."""
        for key, layer in (("stem.bias", "stem."), ("fc.bias", "fc.")):
            with self.subTest(key=key):
                self.refuses_tensors(self.changed("linear", key, (7 if key[0] == "s" else 4,)),
                                     ["tensor model." + layer])

    def test_parent_larger_than_its_child(self):
        for dims in ((9, 6, 3, 3), (8, 7, 3, 3), (16, 16, 3, 3)):
            with self.subTest(dims=dims):
                self.refuses_tensors(self.changed("linear", "wide.weight", dims), ["wide.weight"])

    def test_parent_of_nothing(self):
        self.refuses_tensors(self.changed("linear", "wide.weight", (0, 3, 3, 3)), ["wide.weight"])

    def test_not_finite(self):
        cases = [("linear", key) for key in
                 ("stem.weight", "wide.weight", "wide.bias", "fc.weight", "fc.bias",
                  "wide.bn.weight", "wide.bn.bias", "wide.bn.running_mean", "wide.bn.running_var")]
        cases += [("swish", key) for key in ("wide.alphas", "wide.betas", "deep.ealpha1",
                                             "deep.ebeta1", "deep.ealpha2", "deep.ebeta2")]
        cases.append(("random_bireal", "wide.random_weights"))
        for activation, key in cases:
            for value in (NAN, INF, -INF):
                with self.subTest(activation=activation, key=key, value=value):
                    self.refuses_tensors(self.changed(activation, key, value=value), [key])

    def test_nan_at_the_end(self):
        self.refuses_tensors(self.changed("linear", "wide.weight", value=NAN, at=-1),
                             ["wide.weight"])

    def test_masks(self):
        for key in ("wide.binary_activation.weight", "deep.binary_activation0.weight",
                    "deep.binary_activation1.weight"):
            with self.subTest(key=key):
                self.refuses_tensors(self.changed("bireal", key, value=NAN, at=5), [key])
                for value in (INF, -INF):
                    self.accepts_tensors(self.changed("bireal", key, value=value, at=5))
        self.refuses_tensors(
            self.changed("random_bireal", "wide.binary_activation.weight", value=NAN),
            ["wide.binary_activation.weight"])

    def test_drop_masks(self):
        for value in (0.5, -1.0, 2.0, NAN, INF):
            with self.subTest(value=value):
                self.refuses_tensors(self.changed("static_drop", "wide.drop_mask", value=value),
                                     ["wide.drop_mask"])

    def test_negative_variance(self):
        self.refuses_tensors(self.changed("linear", "wide.bn.running_var", value=-0.5),
                             ["model.wide.bn", "variance -0.5"])

    def test_batch_norm_overflows(self):
        tensors = self.changed("linear", "wide.bn.weight", value=3e38)
        tensors["model.wide.bn.running_var"].values[0] = 1e-30
        self.refuses_tensors(tensors, ["wide.bn"])

    def test_two_transforms_in_a_layer(self):
        tensors = network.tensors_of("swish")
        tensors["model.wide.binary_activation.weight"] = Tensor((8, 6, 3, 3), [1.0] * 432)
        self.refuses_tensors(tensors, ["wide"])
        tensors = network.tensors_of("bireal")
        tensors["model.wide.drop_mask"] = Tensor((8, 6, 3, 3), [1.0] * 432)
        self.refuses_tensors(tensors, ["wide"])

    def test_integer_weights(self):
        for key, dtype in (("stem.weight", "i64"), ("wide.weight", "i32"), ("fc.weight", "u8"),
                           ("wide.bias", "i64")):
            with self.subTest(key=key):
                tensors = network.tensors_of("linear")
                old = tensors["model." + key]
                tensors["model." + key] = Tensor(old.dims, [1] * len(old.values), dtype)
                self.refuses_tensors(tensors, [key])

    def test_double_weights(self):
        """More digits than a float has are rounded; a double beyond all floats is refused."""
        tensors = network.tensors_of("linear")
        tensors["model.stem.weight"].dtype = "f64"
        self.accepts_tensors(tensors)
        tensors["model.stem.weight"].values[3] = 1e300
        self.refuses_tensors(tensors, ["stem.weight"])

    def test_s_overflows(self):
        tensors = self.changed("swish", "wide.alphas", value=3e38)
        tensors["model.wide.weight"].values[0] = 1e3
        self.refuses_tensors(tensors, ["wide"])

    def test_s_overflows_along_a_chain(self):
        tensors = self.changed("swish", "deep.alphas", value=1e20)
        tensors["model.deep.ealpha1"].values[0] = 1e20
        self.refuses_tensors(tensors, ["deep"])

    def test_too_large_for_half(self):
        tensors = self.changed("linear", "wide.weight", value=1e6, at=3)
        self.accepts_tensors(tensors)
        self.accepts_tensors(tensors, "--param-type=bf16")
        self.refuses_tensors(tensors, ["wide.weight"], "--param-type=f16", "-o",
                             self.path("half.rnm"))
        tensors = self.changed("linear", "wide.weight", value=3.4028234e38, at=3)
        self.refuses_tensors(tensors, ["wide.weight"], "--param-type=bf16", "-o",
                             self.path("half.rnm"))

    def test_input_channels(self):
        self.write("own.yaml", network.TOPOLOGY.replace("channels: 3", "channels: 4"))
        self.refuses_tensors(network.tensors_of("bireal"), ["stem"])

    def test_group_does_not_divide(self):
        self.write("own.yaml", network.TOPOLOGY.replace("group: 13", "group: 4"))
        self.refuses_tensors(network.tensors_of("linear"), ["apart"])

    def test_too_small_an_input(self):
        for size in ("1x1", "1x8", "2x2"):
            with self.subTest(size=size):
                self.refuses_tensors(network.tensors_of("linear"), [], f"--input-size={size}")

    def test_tensors_that_fit_nothing(self):
        tensors = {"model.what.weight": noise(random.Random(3), (2, 3))}
        for args in (None, {"model_name": "unheard_of", "weight_activation": "bireal"}):
            source = self.checkpoint(tensors, args)
            with self.subTest(args=args):
                words = ["net.ckpt"] + (["unheard_of"] if args else [])
                self.refuses(1, words, "compile", source, "-o", self.path("net.rnm"))


if __name__ == "__main__":
    unittest.main()
