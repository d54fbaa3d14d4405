#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Networks exported by torch.onnx.export: generators left in the graph, and generators folded away,
become what the checkpoint becomes."""

import re
import unittest

import numpy as np

import golden
from rnm_file import RnmFile
from rnm_layout import CASCADED, S

DIRECT = ("--direct", "--expand=layer")


def layer_name(node):
    """'/layer1/layer1.0/conv1/Conv' -> 'layer1.0.conv1', as the module is called"""
    parts = re.sub(r"/(Conv|Gemm|MatMul)$", "", node).strip("/").split("/")
    return ".".join(part for part, after in zip(parts, parts[1:] + [""])
                    if not after.startswith(part + "."))


@unittest.skipUnless(golden.have_torch(), "no PyTorch: nothing can be exported")
class Families(golden.GoldenTest):
    """Networks of the training code, by two routes."""

    def check_ways(self, model, activation, *ways):
        """The same network within 1 % of the bytes, and the same weights, scales and answers to
        the bit; but where batch norms were fused only the first and about the same answers."""
        checkpoint, inputs, f32, _ = golden.make_checkpoint(self.folder, model, activation,
                                                            "--batch", 2)
        golden.run([golden.PYTHON, "-B", golden.HERE / "torch_export.py", checkpoint, self.folder,
                    *ways])
        rnm = self.folder / "checkpoint.rnm"
        golden.compile_model(checkpoint, rnm)
        wanted = golden.logits_of(rnm, inputs, DIRECT, self.folder / "wanted.npy")
        for way in ways:
            with self.subTest(f"{model} {activation} {way}"):
                other = self.folder / f"{way}.rnm"
                golden.compile_model(self.folder / f"{way}.onnx", other)
                self.assertLess(abs(other.stat().st_size / rnm.stat().st_size - 1), 0.01)
                found = golden.logits_of(other, inputs, DIRECT, self.folder / "found.npy")
                self.check_logits(found, np.load(f32), way)
                if way != "unfolded_fused":
                    self.assertTrue(golden.same_bits(found, wanted), "logits")
                    self.check_layers(RnmFile.read(rnm), RnmFile.read(other), way == "dense")

    def check_layers(self, ours, theirs, dense):
        """Weights bit for bit; recipes too, unless the weights were expanded before."""
        recipes = [{recipe.name: recipe for recipe in file.recipes} for file in (ours, theirs)]
        found = {layer_name(node.name): recipe for node, recipe, *_ in theirs.graph.weighted()}
        for node, recipe, *_ in ours.graph.weighted():
            other = found.pop(node.name)
            self.assertTrue(golden.same_bits(ours.child(recipe), theirs.child(other)), node.name)
            if not dense:
                first, second = recipes[0][recipe], recipes[1][other]
                self.assertEqual((first.transform, first.flags, first.dims),
                                 (second.transform, second.flags, second.dims), node.name)
        self.assertEqual(found, {})

    def test_width(self):
        """A parent a layer."""
        self.check_ways("rresnet_cifar_16_4", "bireal", "unfolded", "folded", "dense",
                        "unfolded_fused")
        self.check_ways("rresnet_cifar_16_4", "swish", "unfolded", "inputs", "unfolded_fused")
        self.check_ways("rresnet_cifar_16_2", "linear", "unfolded", "folded", "dense")
        self.check_ways("rresnet_cifar_16_2", "static_drop", "unfolded")

    def test_depth(self):
        """One parent for seven layers, of which it is one."""
        self.check_ways("rep_vgg_4", "bireal", "unfolded", "folded", "dense")
        self.check_ways("rep_vgg_4", "linear", "unfolded", "folded", "dense")
        self.check_ways("rep_vgg_4", "swish", "unfolded")

    def test_edges(self):
        """Parents that do not divide their children."""
        self.check_ways("c16_rep", "bireal", "unfolded", "folded", "unfolded_fused")
        self.check_ways("c16_rep", "swish", "unfolded")
        self.check_ways("c4_rep", "linear", "unfolded", "folded")


@unittest.skipUnless(golden.have_torch(), "no PyTorch: nothing can be exported")
class Forms(golden.GoldenTest):
    """Ways in which people write generators."""

    def check_form(self, name, arrays):
        """One layer."""
        rnm, inputs = self.folder / f"{name}.rnm", self.folder / "x.npy"
        transform, flags = arrays[f"{name}.recipe"]
        done = golden.compile_model(self.folder / f"{name}.onnx", rnm)
        np.save(inputs, arrays[f"{name}.input"])
        found = golden.logits_of(rnm, inputs, DIRECT, self.folder / "found.npy")
        np.testing.assert_allclose(found, arrays[f"{name}.output"], rtol=2e-5, atol=2e-5)
        file = RnmFile.read(rnm)
        if transform < 0:
            self.assertEqual(len(file.recipes), 0)
            self.assertIn("its weight stays a computation", done.stderr)
            return
        recipe, = file.recipes
        self.assertEqual((recipe.transform, recipe.flags), (transform, flags))
        self.assertEqual(len(file.graph.nodes), 3 if found.ndim == 4 else 1)
        child, wanted = file.child(recipe.name), arrays[f"{name}.weight"]
        if transform == S:
            self.assertLessEqual(golden.ulps(child, wanted), 32 if flags & CASCADED else 4)
        else:
            self.assertTrue(golden.same_bits(child, wanted))

    def test_forms(self):
        """All of generator_forms.py."""
        golden.run([golden.PYTHON, "-B", golden.HERE / "generator_forms.py", self.folder])
        with np.load(self.folder / "forms.npz") as arrays:
            names = sorted({key.split(".")[0] for key in arrays})
            self.assertGreater(len(names), 20)
            for name in names:
                with self.subTest(name):
                    self.check_form(name, arrays)


if __name__ == "__main__":
    unittest.main()
