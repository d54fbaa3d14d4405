#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The models of models/miniature give the accuracies that docs/MINIATURE.md names, and the scripts
that made them do what they say: training that is killed and begun again, the table.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
import unittest

import numpy as np

import golden

ROOT = golden.HERE.parents[1]
KEPT = ROOT / "models" / "miniature"
NEAR = 1e-3  # two scores that are nearer may change places on another CPU
sys.path.insert(0, str(golden.TRAIN))


def results():
    """docs/miniature/results.json"""
    return json.loads((ROOT / "docs" / "miniature" / "results.json").read_text(encoding="ascii"))


def have_images():
    """Whether Debian's dataset-fashion-mnist is there."""
    import fashion
    return os.path.isdir(fashion.DEFAULT_PATH)


@unittest.skipUnless(have_images(), "no dataset-fashion-mnist: there is nothing to classify")
class Kept(golden.GoldenTest):
    """Every .rnm, through rnrun, on the first test images."""

    def scores(self, name, dataset, count):
        import datasets
        kind = datasets.get(dataset)
        images, labels = kind.load("test", limit=count)
        np.save(self.folder / "x.npy", kind.inputs(images))
        found = golden.logits_of(KEPT / f"{name}.rnm", self.folder / "x.npy", ["--threads=2"],
                                 self.folder / "y.npy")
        ordered = np.sort(found, axis=1)
        return found, labels, int((ordered[:, -1] - ordered[:, -2] < NEAR).sum())

    def test_rows(self):
        rows = results()["rows"]
        small = {name for name, row in rows.items() if row["rnm_bytes"] < 4_000_000}
        self.assertEqual(len(rows), 17)
        self.assertEqual({path.stem for path in KEPT.glob("*.rnm")} - {"runet_small_2_bireal"},
                         small)
        for name in sorted(small):
            with self.subTest(name):
                row = rows[name]
                self.assertEqual((KEPT / f"{name}.rnm").stat().st_size, row["rnm_bytes"])
                found, labels, near = self.scores(name, row["dataset"], row["first"])
                right = int((found.argmax(1) == labels).sum())
                wanted = round(row["first_rnrun"] * row["first"])
                print(f"{name}: {right} of {row['first']} right, the table's figure is of {wanted}")
                self.assertLessEqual(abs(right - wanted), near)

    def test_segmentation(self):
        """mIoU from counts, which near pixels may move a little."""
        row = results()["segmentation"]
        found, labels, near = self.scores("runet_small_2_bireal", row["dataset"], row["first"])
        predicted, shares = found.argmax(1), []
        for kind in range(found.shape[1]):
            union = ((predicted == kind) | (labels == kind)).sum()
            if union:
                shares.append(((predicted == kind) & (labels == kind)).sum() / union)
        print(f"mIoU {np.mean(shares):.4f}, the table's {row['first_rnrun']:.4f}, {near} pixels near")
        self.assertAlmostEqual(np.mean(shares), row["first_rnrun"], delta=1e-3)

    def test_page(self):
        """The tables are those of the figures, and each row's log begins with its command."""
        text = (ROOT / "docs" / "MINIATURE.md").read_text(encoding="utf-8")
        for name, row in results()["rows"].items():
            self.assertIn(f"| {100 * row['rnrun']:.2f} % | {row['different']} | "
                          f"{row['rnm_bytes']:,} | {row['dense_bytes']:,} |", text, name)
            self.assertIn(f"| {row['latency_ms']:.2f} | {row['cpu_seconds']} |", text, name)
            self.assertEqual(row["different"], 0, name)
            log = (ROOT / "docs" / "miniature" / f"{name}.log").read_text(encoding="ascii")
            self.assertTrue(log.startswith(f"# train.py RUNS/{name} --model="), name)
            self.assertTrue(re.search(rf"^ 10 .* {row['pytorch']:.4f}  ", log, re.M), name)


@unittest.skipUnless(golden.have_torch(), "no PyTorch: there is nothing to train with")
@unittest.skipUnless(have_images(), "no dataset-fashion-mnist: there is nothing to train on")
class Training(golden.GoldenTest):
    """miniature.py on a budget of seconds."""

    OPTIONS = ("--rows", "resnet_cifar_16_1", "--epochs=3", "--epoch-images=128",
               "--batch-size=32", "--test-images=50")

    def start(self, folder):
        return subprocess.Popen([golden.PYTHON, "-B", golden.TRAIN / "miniature.py", folder,
                                 *self.OPTIONS], stdout=subprocess.PIPE, text=True)

    def listed(self, folder):
        return golden.train_tool("miniature.py", folder, "--list", "--rows",
                                 "resnet_cifar_16_1").stdout.split()[-2:]

    def test_killed_and_begun_again(self):
        import torch
        whole, parts = self.folder / "whole", self.folder / "parts"
        self.assertEqual(self.listed(parts), ["to", "do"])
        run = self.start(parts)
        last = parts / "resnet_cifar_16_1" / "last.ckpt"
        for _ in range(1200):
            if last.exists() or run.poll() is not None:
                break
            time.sleep(0.05)
        run.send_signal(signal.SIGKILL)
        run.communicate()
        self.assertTrue(last.exists())
        for folder in (parts, whole):
            out, _ = self.start(folder).communicate()
            self.assertIn("to do" if folder is whole else "resnet_cifar_16_1", out)
            self.assertEqual(self.listed(folder)[-1], "done")
        states = [torch.load(folder / "resnet_cifar_16_1" / "final.ckpt")["state_dict"]
                  for folder in (whole, parts)]
        for key, value in states[0].items():
            self.assertTrue(torch.equal(value, states[1][key]), key)
        self.assertIn("done", self.start(whole).communicate()[0])

    def test_unknown_row(self):
        done = subprocess.run([golden.PYTHON, "-B", golden.TRAIN / "miniature.py", self.folder,
                               "--rows", "VGG12"], capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr),
                         (1, "miniature.py: no row or table 'VGG12'\n"))


if __name__ == "__main__":
    unittest.main()
