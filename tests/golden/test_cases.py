#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Checkpoints that the authors' own code wrote, with what the training framework made of them.

The folder of cases is named by RNM_CASES (environment); without it everything here is skipped.
"""

import os
import pathlib
import subprocess
import unittest

import numpy as np

import ckpt_file
import golden

CASES = pathlib.Path(os.environ.get("RNM_CASES") or "/nonexistent")
# What each variant of a checkpoint must give: a file beside it, or the case's own logits.
VARIANTS = {"plain.pt": None, "legacy.ckpt": None, "channels_last.pt": None,
            "half.ckpt": "variants/logits_half.npy",
            "zero_masks.pt": "variants/logits_zero_masks.npy"}


def case_folders():
    """All cases there are."""
    return sorted(path.parent for path in CASES.glob("*/model.ckpt"))


@unittest.skipUnless(case_folders(), "RNM_CASES names no folder of cases")
class Cases(golden.GoldenTest):
    """Each test goes through all cases that have what it looks at."""

    def compiled(self, checkpoint):
        """The .rnm of a checkpoint, made without any option."""
        rnm = self.folder / "m.rnm"
        rnm.unlink(missing_ok=True)
        golden.compile_model(checkpoint, rnm)
        return rnm

    def test_logits_and_weights(self):
        """model.ckpt runs like the original and stores what its keys say."""
        for case in case_folders():
            with self.subTest(case.name):
                rnm = self.compiled(case / "model.ckpt")
                if not golden.ISA:
                    self.check_weights(rnm, ckpt_file.state_dict(case / "model.ckpt"))
                self.check_modes(rnm, case / "input.npy",
                                 [np.load(case / name) for name in ("logits.npy",
                                                                    "logits_f64.npy")],
                                 strict=True)

    @unittest.skipIf(golden.ISA, "nothing runs here")
    def test_expanded(self):
        """Children against those that the original expanded."""
        for archive in sorted(CASES.glob("*/expanded.npz")):
            case = archive.parent
            with self.subTest(case.name):
                rnm = golden.RnmFile.read(self.compiled(case / "model.ckpt"))
                for key, wanted in np.load(archive).items():
                    name = key.removeprefix("model.").removesuffix(".weight")
                    found = rnm.child(name)
                    if "swish" in case.name:
                        self.assertLessEqual(golden.ulps(found, wanted), 4, name)
                    else:
                        self.assertTrue(golden.same_bits(found, wanted), name)

    @unittest.skipIf(golden.ISA, "the same networks once more")
    def test_variants(self):
        """Other forms of the same checkpoint, some with their own logits."""
        for case in case_folders():
            for name, reference in VARIANTS.items():
                variant = case / "variants" / name
                if not variant.exists():
                    continue
                with self.subTest(f"{case.name}/{name}"):
                    rnm = self.compiled(variant)
                    if name != "legacy.ckpt":
                        self.check_weights(rnm, ckpt_file.state_dict(variant))
                    self.check_modes(rnm, case / "input.npy",
                                     [np.load(case / (reference or "logits.npy"))], strict=True)

    @unittest.skipIf(golden.ISA, "nothing runs here")
    def test_refused(self):
        """Damaged, hostile and incomplete files: one line, exit code 1, no file left."""
        for case in case_folders():
            refused = sorted((case / "variants").glob("reject_*"))
            refused += sorted((case / "variants").glob("parameters_only.pt"))
            for path in refused:
                with self.subTest(f"{case.name}/{path.name}"):
                    self.check_refused(path)

    def check_refused(self, path):
        """One refusal."""
        rnm = self.folder / "refused.rnm"
        done = subprocess.run([golden.RNC, "compile", path, "-o", rnm], capture_output=True,
                              text=True, check=False)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(len(done.stderr.strip().splitlines()), 1, done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertEqual(list(self.folder.iterdir()), [])


if __name__ == "__main__":
    unittest.main()
