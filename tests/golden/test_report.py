#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The memory report against what the kernel counts, and what --expand=layer keeps expanded.

Every figure comes from a process of its own: a high-water mark never falls.
"""

import json
import os
import unittest

import numpy as np

import golden

PROBE = os.environ.get("MEMORY_PROBE", "memory_probe")
MODES = (("load",), ("load", "no-xnnpack"), ("lazy",), ("layer",), ("panel",))
MEGABYTE = 1 << 20


@unittest.skipUnless(golden.have_torch(), "no PyTorch: checkpoints cannot be made")
class Report(golden.GoldenTest):
    """Memory is counted at the allocators; the kernel must agree."""

    def model(self, name, activation):
        """(.rnm, input) of a random model."""
        checkpoint, inputs, *_ = golden.make_checkpoint(self.folder, name, activation,
                                                        "--batch", 1)
        golden.compile_model(checkpoint, self.folder / "m.rnm")
        return self.folder / "m.rnm", inputs

    def check_totals(self, name, activation):
        """Reported total against growth of the resident set, each mode."""
        rnm, _ = self.model(name, activation)
        for mode in MODES:
            with self.subTest(" ".join((name, activation, *mode))):
                figures = json.loads(golden.run([PROBE, rnm, *mode]).stdout)
                grown = figures["highest"] - figures["before"]
                allowed = max(MEGABYTE, 0.05 * grown)
                self.assertLessEqual(abs(figures["total"] - grown), allowed,
                                     f"the kernel counts {grown}: {figures}")

    def test_bireal(self):
        self.check_totals("rresnet_cifar_16_4", "bireal")

    def test_swish(self):
        self.check_totals("rresnet_cifar_16_4", "swish")

    def test_vgg(self):
        self.check_totals("rep_vgg_4", "bireal")

    def test_layer_mode_stays_compact(self):
        """Resident weights: compact, and one largest layer expanded at the most."""
        rnm, inputs = self.model("rresnet_cifar_16_8", "bireal")
        file = golden.RnmFile.read(rnm)
        largest = max(4 * int(np.prod(recipe.dims)) for recipe in file.recipes)
        compact = sum(tensor.data.nbytes for tensor in file.tensors)
        report = json.loads(golden.run([
            golden.RNRUN, rnm, inputs, f"--output={self.folder / 'o.npy'}", "--expand=layer",
            "--direct", "--report", "--json"]).stdout)["report"]
        # Alignment between tensors is the file's, not an expansion's.
        padding = 64 * len(file.tensors)
        self.assertLessEqual(abs(report["compact"] - compact), padding)
        self.assertLessEqual(report["resident_weights"], compact + padding + largest)
        # What is expanded must not hide under another name (Winograd's scratch is its own).
        self.assertLessEqual(report["largest_scratch"], largest + MEGABYTE)
        self.assertLessEqual(report["total"], report["mapped"] + largest + report["activations"]
                             + report["bookkeeping"] + MEGABYTE)


if __name__ == "__main__":
    unittest.main()
