#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tools/train/evaluate.py: its figures against loops over single predictions, through rnrun and in
PyTorch, and what it says of data that does not fit.
"""

import json
import subprocess
import sys
import unittest

import numpy as np

import golden

sys.path.insert(0, str(golden.TRAIN))


def loop_miou(predicted, labels, classes):
    """The mean over classes that occur of their intersection over union."""
    shares = []
    for kind in range(classes):
        union = sum(p == kind or l == kind for p, l in zip(predicted.flat, labels.flat))
        both = sum(p == kind and l == kind for p, l in zip(predicted.flat, labels.flat))
        if union:
            shares.append(both / union)
    return sum(shares) / len(shares)


@unittest.skipUnless(golden.have_torch(), "no PyTorch: there is nothing to compare with")
class Evaluate(golden.GoldenTest):
    """Random networks on random inputs with random labels."""

    def evaluate(self, *arguments, expect=0):
        return golden.run([golden.PYTHON, "-B", golden.TRAIN / "evaluate.py", *arguments,
                           f"--rnrun={golden.RNRUN}", f"--rnc={golden.RNC}"], expect)

    def prepare(self, model, shape, labels):
        checkpoint = golden.make_checkpoint(self.folder, model, "bireal")[0]
        rng = np.random.default_rng(5)
        np.save(self.folder / "in.npy", rng.standard_normal(shape).astype(np.float32))
        np.save(self.folder / "labels.npy", labels)
        return checkpoint, (f"--inputs={self.folder / 'in.npy'}",
                            f"--labels={self.folder / 'labels.npy'}")

    def predictions(self, checkpoint):
        golden.compile_model(checkpoint, self.folder / "own.rnm")
        return golden.logits_of(self.folder / "own.rnm", self.folder / "in.npy", [],
                                self.folder / "out.npy").argmax(1)

    def test_accuracy(self):
        labels = np.random.default_rng(1).integers(0, 10, 300)  # more than one part
        checkpoint, data = self.prepare("rresnet_cifar_16_1", (300, 3, 32, 32), labels)
        figures = json.loads(self.evaluate(checkpoint, *data, "--json").stdout)
        right = float((self.predictions(checkpoint) == labels).mean())
        self.assertEqual((figures["measure"], figures["count"]), ("accuracy", 300))
        self.assertEqual((figures["rnrun"], figures["pytorch"]), (right, right))
        self.assertEqual((figures["different"], figures["unexplained"]), (0, 0))
        self.assertLess(figures["largest_difference"], 1e-4)
        self.assertEqual(figures["rnm_bytes"], (self.folder / "own.rnm").stat().st_size)
        first = json.loads(self.evaluate(self.folder / "own.rnm", *data, "--json",
                                         "--count=70").stdout)
        self.assertEqual(first["rnrun"],
                         float((self.predictions(checkpoint)[:70] == labels[:70]).mean()))
        self.assertNotIn("pytorch", first)
        said = self.evaluate(checkpoint, *data, "--quiet", "--count=70").stdout
        self.assertIn(f"accuracy {first['rnrun']:.4f} through rnrun on 70 images", said)
        self.assertIn("0 predictions differ", said)

    def test_miou(self):
        labels = np.random.default_rng(2).integers(0, 9, (3, 64, 64))  # some classes never occur
        checkpoint, data = self.prepare("runet_small_1", (3, 3, 64, 64), labels)
        figures = json.loads(self.evaluate(checkpoint, *data, "--json").stdout)
        wanted = loop_miou(self.predictions(checkpoint), labels, 11)
        self.assertEqual(figures["measure"], "miou")
        self.assertAlmostEqual(figures["rnrun"], wanted, places=12)
        self.assertAlmostEqual(figures["pytorch"], figures["rnrun"], delta=1e-3)
        self.assertEqual(figures["unexplained"], 0)

    def test_another_checkpoint(self):
        """Predictions that rounding cannot explain: exit code 1, and the figures all the same."""
        labels = np.zeros(60, np.int64)
        checkpoint, data = self.prepare("rresnet_cifar_16_1", (60, 3, 32, 32), labels)
        golden.compile_model(checkpoint, self.folder / "own.rnm")
        other = golden.make_checkpoint(self.folder, "rresnet_cifar_16_1", "bireal", "--seed=9")[0]
        figures = json.loads(self.evaluate(self.folder / "own.rnm", f"--against={other}", *data,
                                           "--json", expect=1).stdout)
        self.assertGreater(figures["unexplained"], 0)

    def test_data_that_does_not_fit(self):
        checkpoint, data = self.prepare("rresnet_cifar_16_1", (4, 3, 32, 32), np.zeros(4, int))
        for labels, words in ((np.zeros(3, int), "4 inputs and 3 labels"),
                              (np.full(4, 10), "a label is 10, expected 0 to 9"),
                              (np.full(4, -1), "a label is -1, expected 0 to 9"),
                              (np.zeros((4, 32, 32), int), "do not fit labels of shape (4, 32, 32)"),
                              (np.zeros(4), "labels are float64, expected whole numbers")):
            with self.subTest(words):
                np.save(self.folder / "labels.npy", labels)
                done = self.evaluate(checkpoint, *data, expect=1)
                self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
                self.assertIn(words, done.stderr)

    def test_command_line(self):
        for arguments in (["a.rnm", "--inputs=x.npy"], ["a.ckpt", "b.ckpt", "--against=c.ckpt"],
                          ["a.rnm", "--dataset=CIFAR"], []):
            self.evaluate(*arguments, expect=2)
        missing = self.evaluate(self.folder / "no.rnm", expect=1).stderr
        self.assertIn("no.rnm", missing)
        self.assertNotIn("Traceback", missing)


class Help(unittest.TestCase):
    def test_help(self):
        done = subprocess.run([golden.PYTHON, "-B", golden.TRAIN / "evaluate.py", "--help"],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0)
        self.assertIn("./evaluate.py net.rnm --against=net.ckpt", done.stdout)


if __name__ == "__main__":
    unittest.main()
