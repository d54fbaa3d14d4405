#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The trained models of models/trained on Fashion-MNIST's test images, against f64 logits.

    test_fashion.py [--count=N] [unittest option...]        N images, 500 unless given, 10000 is all

No top-1 may differ where the f64 margin is above twice the tolerance; those that differ within it
are listed. Logits themselves must be within the tolerance as well.
"""

import sys
import unittest

import numpy as np

import golden

TRAINED = golden.HERE.parents[1] / "models" / "trained"
CHECKPOINTS = sorted(TRAINED.glob("*.ckpt"))
EXPECTED = ("rresnet_cifar_16_2_bireal", "rresnet_cifar_16_2_swish")
COUNT = 500


@unittest.skipUnless(golden.have_torch(), "no PyTorch: there is nothing to compare with")
class Fashion(golden.GoldenTest):
    """One test a trained model; added below."""

    def check_model(self, checkpoint):
        """All images in all modes."""
        inputs, logits = self.folder / "x.npy", self.folder / "f64.npy"
        golden.train_tool("reference_logits.py", checkpoint, "--count", COUNT, "--input-out",
                          inputs, "--logits-out", logits)
        wanted = np.load(logits)
        self.assertEqual(len(wanted), COUNT)
        rnm = self.folder / "m.rnm"
        golden.compile_model(checkpoint, rnm)
        for name, mode, _ in golden.MODES:
            with self.subTest(name):
                found = golden.logits_of(rnm, inputs, mode, self.folder / "out.npy")
                self.check_predictions(found, wanted, name)

    def check_predictions(self, found, wanted, mode):
        """Winners first, since they are what a user sees; then the numbers."""
        self.assertEqual(found.shape, wanted.shape)
        self.assertTrue(np.isfinite(found).all(), "not finite")
        ordered = np.sort(wanted, axis=1)
        margin = ordered[:, -1] - ordered[:, -2]
        tolerance = golden.TOLERANCE * np.maximum(1, np.abs(wanted))
        differ = found.argmax(axis=1) != wanted.argmax(axis=1)
        clear = margin > 2 * tolerance.max(axis=1)
        for image in np.flatnonzero(differ & ~clear):
            print(f"{mode}: image {image} differs within a margin of {margin[image]:.3g}")
        self.assertEqual(list(np.flatnonzero(differ & clear)), [], "top-1 differs")
        within = np.abs(found.astype(np.float64) - wanted) <= tolerance
        self.assertTrue(within.all(), f"{np.count_nonzero(~within)} of {within.size} logits")


def add_tests():
    """A method for each file; for one that is expected and not there, one that says so."""
    for name in sorted({path.stem for path in CHECKPOINTS} | set(EXPECTED)):
        def test(self, path=TRAINED / f"{name}.ckpt"):
            if not path.exists():
                self.skipTest(f"{path.name} is not there yet")
            self.check_model(path)
        test.__doc__ = name
        setattr(Fashion, f"test_{name}", test)


def main(argv):
    """Takes --count, leaves the rest to unittest."""
    global COUNT
    for word in argv:
        if word.startswith("--count="):
            COUNT = int(word.split("=", 1)[1])
    add_tests()
    unittest.main(argv=[word for word in argv if not word.startswith("--count=")])


if __name__ == "__main__":
    main(sys.argv)
