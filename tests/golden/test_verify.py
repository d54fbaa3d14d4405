#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""rnc verify: accepts what rnc compile makes, and names the layer of every planted fault.

Digests are sealed anew behind each fault: verify has to find it in the weights or the graph.
"""

import pathlib
import subprocess
import tempfile
import unittest

import numpy as np

import ckpt_file
import golden
from rnm_layout import INTERLEAVED

LAYER = "layer2.0.conv2"
TWIN = "layer2.1.conv1"  # of the same shape
STRIDED = "layer2.0.conv1"
STRIDES, PADS = 2, 3  # numbers of attributes


def attribute_word(editor, name, key):
    """Where the words of a node's attribute start; `key` is the attribute's number."""
    graph = editor.rnm.graph
    record = next(node.record for node in graph.nodes if node.name == name)
    start = int(record["first_attr"])
    for attr in graph.raw["attrs"][start:start + int(record["attrs"])]:
        if attr["key"] == key:
            return int(attr["first_word"])
    raise AssertionError(f"{name} has no attribute {key}")


def flip_bit(editor):
    """One sign of one weight."""
    editor.tensor(f"{LAYER}.mask")[100] ^= 4


def swap_pairs(editor):
    """The beta pairs of two blocks."""
    betas = editor.tensor(f"{LAYER}.betas")
    betas[[0, 1]] = betas[[1, 0]]


def interleave(editor):
    """The other order of the blocks."""
    editor.recipe(LAYER)["flags"] = INTERLEAVED


def change_last_bit(part):
    """The smallest possible change of one number."""
    def change(editor):
        array = editor.tensor(f"{LAYER}.{part}").reshape(-1)
        array[3:4].view(np.uint32)[0] ^= 1
    return change


def change_stride(editor):
    """Stride 2 becomes 1 x 2."""
    editor.graph("words")[attribute_word(editor, STRIDED, STRIDES)] = 1


def change_pads(editor):
    """One row of padding moves from the end to the begin: all shapes stay as they are."""
    first = attribute_word(editor, LAYER, PADS)
    editor.graph("words")[first:first + 4] = (2, 1, 0, 1)


def swap_weights(editor):
    """Two nodes of one shape exchange their weights."""
    graph = editor.rnm.graph
    first, second = (1 + int(node.record["first_ref"]) for name in (LAYER, TWIN)
                     for node in graph.nodes if node.name == name)
    refs = editor.graph("refs")
    refs[[first, second]] = refs[[second, first]]


class Verify(golden.GoldenTest):
    """Models are made once for all tests."""

    @classmethod
    def setUpClass(cls):
        if not golden.have_torch():
            raise unittest.SkipTest("no PyTorch: checkpoints cannot be made")
        holder = tempfile.TemporaryDirectory(prefix="rnm-golden-")
        cls.addClassCleanup(holder.cleanup)
        cls.models = pathlib.Path(holder.name)
        cls.made = {}

    def model(self, name, activation, *options):
        """(checkpoint, rnm) of a model, compiled with these options."""
        key = (name, activation, *options)
        if key not in self.made:
            folder = self.models / "-".join(word.strip("-") for word in key)
            folder.mkdir()
            checkpoint = golden.make_checkpoint(folder, name, activation)[0]
            golden.compile_model(checkpoint, folder / "m.rnm", *options)
            self.made[key] = (checkpoint, folder / "m.rnm")
        return self.made[key]

    @staticmethod
    def verify(checkpoint, rnm):
        """The finished process."""
        return subprocess.run([golden.RNC, "verify", rnm, f"--against={checkpoint}"],
                              capture_output=True, text=True, check=False)

    def test_accepts(self):
        """What compile wrote is what the checkpoint says."""
        for key in (("rresnet_cifar_16_2", "bireal"), ("rresnet_cifar_16_2", "swish"),
                    ("rresnet_cifar_16_2", "linear"), ("rresnet_cifar_16_2", "static_drop"),
                    ("rresnet_cifar_16_1", "random_bireal"), ("c4_rep", "bireal"),
                    ("c4_rep", "swish"),
                    ("rresnet_cifar_16_2", "bireal", "--param-type=f16"),
                    ("rresnet_cifar_16_2", "swish", "--param-type=bf16")):
            with self.subTest(" ".join(key)):
                done = self.verify(*self.model(*key))
                self.assertEqual(done.returncode, 0, done.stderr)

    def check_fault(self, key, plant, *names, weights=False):
        """A fault is reported with exit code 1 and the name of each layer that has it.

        With `weights` the derivation of this folder has to see it too: a check that never fails
        proves nothing.
        """
        checkpoint, rnm = self.model(*key)
        broken = self.folder / "broken.rnm"
        file = golden.RnmFile.read(rnm)
        broken.write_bytes(file.changed(plant))
        self.assertNotEqual(broken.read_bytes(), file.content, "nothing was changed")
        done = self.verify(checkpoint, broken)
        said = done.stdout + done.stderr
        self.assertEqual(done.returncode, 1, said)
        self.assertNotIn("digest", said.lower())
        for name in names:
            self.assertIn(name, said)
        if weights:
            with self.assertRaises(AssertionError):
                self.check_weights(broken, ckpt_file.state_dict(checkpoint))

    def test_mask_bit(self):
        self.check_fault(("rresnet_cifar_16_2", "bireal"), flip_bit, LAYER, weights=True)

    def test_drop_bit(self):
        self.check_fault(("rresnet_cifar_16_2", "static_drop"), flip_bit, LAYER, weights=True)

    def test_swapped_pairs(self):
        self.check_fault(("rresnet_cifar_16_2", "swish"), swap_pairs, LAYER, weights=True)

    def test_beta(self):
        self.check_fault(("rresnet_cifar_16_2", "swish"), change_last_bit("betas"), LAYER)

    def test_block_order(self):
        self.check_fault(("rresnet_cifar_16_2", "swish"), interleave, LAYER, weights=True)

    def test_scale(self):
        self.check_fault(("rresnet_cifar_16_2", "bireal"), change_last_bit("scale"), LAYER)

    def test_bias(self):
        self.check_fault(("rresnet_cifar_16_2", "bireal"), change_last_bit("bias"), LAYER)

    def test_parent(self):
        for activation in ("bireal", "swish", "linear", "static_drop"):
            with self.subTest(activation):
                self.check_fault(("rresnet_cifar_16_2", activation), change_last_bit("weight"),
                                 LAYER)

    def test_half_parent(self):
        """One bit of a parent that is stored as f16."""
        def change(editor):
            editor.tensor(f"{LAYER}.weight").reshape(-1)[3:4].view(np.uint16)[0] ^= 1
        self.check_fault(("rresnet_cifar_16_2", "bireal", "--param-type=f16"), change, LAYER)

    def test_stride(self):
        self.check_fault(("rresnet_cifar_16_2", "bireal"), change_stride, STRIDED)

    def test_pads(self):
        self.check_fault(("rresnet_cifar_16_2", "bireal"), change_pads, LAYER)

    def test_swapped_weights(self):
        self.check_fault(("rresnet_cifar_16_2", "bireal"), swap_weights, LAYER, TWIN,
                         weights=True)


if __name__ == "__main__":
    unittest.main()
