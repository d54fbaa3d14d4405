#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""rnc export: ONNX's checker takes what it writes and ONNX Runtime gives the same answers."""

import pathlib
import sys
import unittest

import numpy as np

import onnx_case
import golden
from rnm_expand import parent_shape
from rnm_file import RnmFile
from rnm_layout import CASCADED, S

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli" / "rnc"))

import ckpt_writer  # noqa: E402  pylint: disable=wrong-import-position
import network  # noqa: E402  pylint: disable=wrong-import-position

# Every known family of topologies, and every transform among them.
FAMILIES = [
    ("rresnet_cifar_16_2", "swish"), ("rresnet_cifar_16_2", "bireal"),
    ("rresnet_cifar_16_4", "static_drop"), ("rresnet_cifar_16_1", "random_bireal"),
    ("resnet_cifar_16_2", None), ("rep_vgg_4", "linear"), ("rep_vgg_6", "bireal"),
    ("rep_vgg_8", "swish"), ("VGG4", None), ("VGG11", None), ("baseline", None),
    ("c4_rep", "bireal"), ("c16_rep", "swish"), ("rresnet_18_1", "bireal"), ("resnet_18_1", None),
]
SEEDS = onnx_case.ROOT / "tests" / "fuzz" / "seeds" / "rnm"


def export(rnm, *options):
    """rnc export beside the model."""
    path = rnm.with_suffix(".onnx")
    golden.run([golden.RNC, "export", rnm, "-o", path, *options])
    return path


class Exports(onnx_case.OnnxTest):
    """Both kinds."""

    def make_family(self, model, activation, *options):
        """(a compiled random checkpoint, inputs for it)"""
        seed = sum(map(ord, f"{model} {activation}"))
        checkpoint, inputs, *_ = golden.make_checkpoint(self.folder, model, activation, "--batch",
                                                        2, "--seed", seed)
        rnm = self.folder / "m.rnm"
        golden.compile_model(checkpoint, rnm, *options)
        return rnm, inputs

    def check_compact(self, rnm, inputs):
        """Small, the same answers, and every child bit for bit (s within a few ulp)."""
        path = export(rnm)
        tensors = sum(tensor.data.nbytes for tensor in RnmFile.read(rnm).tensors)
        self.assertLess(path.stat().st_size, 1.01 * tensors + 40000)
        self.check_children(rnm, path)
        return self.check_answers(rnm, inputs, path)

    def check_children(self, rnm, path):
        """What the functions make against a reader that shares no line with the exporter."""
        model = RnmFile.read(rnm)
        recipes = {recipe.name: recipe for recipe in model.recipes}
        for options in ((), ("--optimize",)):
            result = self.folder / "weights.npz"
            golden.run([onnx_case.ONNX_PYTHON, "-B", onnx_case.HERE / "weights_onnx.py", path,
                        result, *options])
            for name, found in np.load(result).items():
                wanted = model.child(name)
                self.assertEqual((found.shape, found.dtype), (wanted.shape, np.float32), name)
                if recipes[name].transform == S:
                    self.check_s(name, found, wanted, recipes[name])
                else:
                    self.assertTrue(golden.same_bits(found, wanted), name)

    def check_s(self, name, found, wanted, recipe):
        """Within 4 ulp; edges of cascaded ones pass through up to three, the later ones of which
        may amplify what the first has left."""
        self.assertLessEqual(golden.ulps(found, wanted), 32 if recipe.flags & CASCADED else 4, name)
        outputs, inputs = (size - size % block for size, block in
                           zip(recipe.dims[:2], parent_shape(recipe)))
        regular = np.s_[:outputs, :inputs]
        self.assertLessEqual(golden.ulps(found[regular], wanted[regular]), 4, name)

    def check_dense(self, rnm, inputs):
        """Convolutions and nothing but that."""
        operators = self.check_answers(rnm, inputs, export(rnm, "--dense"))
        self.assertIn("Conv", operators)
        self.assertNotIn("BatchNormalization", operators)

    def test_families(self):
        """Random checkpoints of all families."""
        self.assertTrue(golden.have_torch(), "checkpoints need PyTorch")
        for model, activation in FAMILIES:
            rnm, inputs = self.make_family(model, activation)
            with self.subTest("dense", model=model, activation=activation):
                self.check_dense(rnm, inputs)
            with self.subTest("compact", model=model, activation=activation):
                self.check_compact(rnm, inputs)

    def test_variants(self):
        """Interleaved blocks, and parents in half precision."""
        rnm, inputs = self.make_family("rresnet_cifar_16_2", "swish", "--generator=interleaved")
        self.assertIn("SInterleaved", self.check_compact(rnm, inputs))
        for kind in ("f16", "bf16"):
            rnm, inputs = self.make_family("rep_vgg_6", "bireal", f"--param-type={kind}")
            self.check_dense(rnm, inputs)
            self.assertIn("F", self.check_compact(rnm, inputs))

    def compile_own(self, activation, zeros=None):
        """The command line tests' network, with some signs of exactly zero."""
        tensors = network.tensors_of(activation)
        for name, tensor in tensors.items():
            if zeros is not None and "binary_activation" in name:
                tensor.values[1::zeros] = [0.0] * len(tensor.values[1::zeros])
        ckpt_writer.write(str(self.folder / "own.ckpt"), tensors, None, None)
        (self.folder / "own.yaml").write_text(network.TOPOLOGY)
        rnm = self.folder / "own.rnm"
        golden.run([golden.RNC, "compile", self.folder / "own.ckpt", "-o", rnm, "--quiet", "-t",
                    self.folder / "own.yaml"])
        return rnm

    def test_irregular(self):
        """Partial blocks, groups, borrowed parents; zeros as a list and as a plane."""
        inputs = self.make_input(2, network.CHANNELS, network.HEIGHT, network.WIDTH)
        for activation, zeros, function in (
                ("linear", None, "Linear"), ("swish", None, "SCascaded"), ("bireal", None, "F"),
                ("bireal", 50, "FZeroList"), ("bireal", 3, "FZeroPlane"),
                ("static_drop", None, "Drop"), ("random_bireal", None, "Conv")):
            with self.subTest(function=function):
                rnm = self.compile_own(activation, zeros)
                self.check_dense(rnm, inputs)
                self.assertIn(function, self.check_compact(rnm, inputs))

    def check_seed(self, name, *shape):
        """A small model of the fuzz target's, both ways; the operators of each."""
        rnm = self.folder / name
        rnm.write_bytes((SEEDS / name).read_bytes())
        inputs = self.make_input(*shape)
        return (self.check_answers(rnm, inputs, export(rnm, "--dense")),
                self.check_compact(rnm, inputs))

    def test_operators(self):
        """Every operator of the format."""
        for operators in self.check_seed("operators.rnm", 1, 4, 4, 4):
            for wanted in ("HardSwish", "Clip", "BatchNormalization", "Softmax", "Concat"):
                self.assertIn(wanted, operators)

    def test_unfolded(self):
        """Activations and residuals that the model has fused, and a batch of any size."""
        dense, compact = self.check_seed("small_cnn.rnm", 5, 3, 8, 8)
        plain = ["Conv", "Relu", "Conv", "Conv", "Add", "MaxPool", "GlobalAveragePool", "Flatten",
                 "Gemm"]
        self.assertEqual(dense, plain)
        self.assertEqual([name for name in compact if name in plain], plain)


if __name__ == "__main__":
    onnx_case.skip_without_onnx()
    unittest.main()
