#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Graphs that others wrote: the same answers as ONNX Runtime, within 1e-4 of their range.

    test_graphs.py light|torchvision

light: the light_* models of PyPI's onnx package, as given (every weight one number) and with random
weights. torchvision: networks of Debian's python3-torchvision, exported by torch.onnx.export.
Prints a row of docs/ONNX_GRAPHS.md for each.
"""

import subprocess
import sys
import unittest

import numpy as np

import onnx_case
import golden

TOLERANCE = 1e-4  # of the range of the output, zero included
LARGE = 150e6  # bytes of a model that two modes are enough for
FEW_MODES = ("load", "panel")
NETWORKS = ("resnet18", "mobilenet_v2")
# Convolutions, and a mean over whatever maps there are at the end.
ANY_SIZE = NETWORKS + ("densenet121", "efficientnet_b0", "googlenet", "mobilenet_v3_small",
                       "regnet_y_400mf", "squeezenet1_1")
SIZES = ((224, 224), (97, 131), (64, 256))


class Graphs(onnx_case.OnnxTest):
    """What both sources have in common."""

    def compare(self, name, path, sizes, *, few=False):
        """Compiles, runs inputs of all sizes in all modes, or a `few`, and prints the largest
        difference."""
        rnm = path.with_suffix(".rnm")
        golden.run([golden.RNC, "compile", path, "-o", rnm, "--quiet"])
        largest = {}
        for shape in sizes:
            inputs = self.make_input(*shape)
            wanted, _ = self.run_onnx(path, inputs)
            bounds = max(wanted.max(), 0) - min(wanted.min(), 0)
            for mode, options, _ in golden.MODES:
                if (few or path.stat().st_size > LARGE) and mode not in FEW_MODES:
                    continue
                found = golden.logits_of(rnm, inputs, options, self.folder / "found.npy")
                self.assertEqual((found.shape, found.dtype), (wanted.shape, wanted.dtype), name)
                difference = float(np.abs(found.astype(np.float64) - wanted).max() / bounds)
                # NaN is within nothing.
                self.assertTrue(difference <= TOLERANCE, f"{name}, {shape}, {mode}: {difference}")
                largest[mode] = max(largest.get(mode, 0), difference)
        size = "x".join(str(size) for size in wanted.shape)
        worst = max(largest, key=largest.get)
        print(f"| {name} | {size} | {len(largest)} | {largest[worst]:.1e} | {worst} |", flush=True)
        path.unlink()
        rnm.unlink()


class Light(Graphs):
    """Of PyPI's onnx package."""

    def make(self, name, *options):
        """Its file."""
        path = self.folder / "graph.onnx"
        golden.run([onnx_case.ONNX_PYTHON, "-B", onnx_case.HERE / "light_onnx.py", name, path,
                    *options])
        return path

    def test_all(self):
        """As given, and with random weights."""
        names = golden.run([onnx_case.ONNX_PYTHON, "-B", onnx_case.HERE / "light_onnx.py"])
        self.assertGreaterEqual(len(names.stdout.split()), 9)
        for name in names.stdout.split():
            for options in ((), ("--random",)):
                with self.subTest(name, options=options):
                    weights = "random" if options else "as given"
                    self.compare(f"{name}, {weights}", self.make(name, *options),
                                 [(1, 3, 224, 224)])


class Torchvision(Graphs):
    """Of Debian's python3-torchvision."""

    def make(self, name, *options):
        """Its file."""
        path = self.folder / f"{name}.onnx"
        golden.run([golden.PYTHON, "-B", onnx_case.HERE / "torchvision_onnx.py", name, path,
                    *options])
        return path

    def test_networks(self):
        """Batch norms folded and kept, a batch of two."""
        for name in NETWORKS:
            for options in ((), ("--norms",)):
                with self.subTest(name, options=options):
                    norms = "batch norms kept" if options else "batch norms folded"
                    self.compare(f"{name}, {norms}", self.make(name, *options),
                                 [(2, 3, 224, 224)])

    def test_any_size(self):
        """Height and width symbolic too: compiled once, run at several sizes."""
        for name in ANY_SIZE:
            with self.subTest(name):
                self.compare(f"{name}, any size", self.make(name, "--any-size"),
                             [(1, 3, *size) for size in SIZES], few=True)

    def test_one_size(self):
        """Channels are shuffled by shapes that name height and width: one sentence."""
        path = self.make("shufflenet_v2_x1_0", "--any-size")
        done = golden.run([golden.RNC, "compile", path, "-o", self.folder / "no.rnm"], expect=1)
        self.assertIn("depends on symbols", done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.compare("shufflenet_v2_x1_0", self.make("shufflenet_v2_x1_0"), [(2, 3, 224, 224)])


def main(kind):
    """Runs one of the two, or says why not."""
    onnx_case.skip_without_onnx()
    probe = subprocess.run([golden.PYTHON, "-c", "import torch, torchvision"], capture_output=True,
                           check=False)
    if kind == "torchvision" and probe.returncode != 0:
        print(f"skipped: {golden.PYTHON} has no torchvision")
        sys.exit(onnx_case.SKIPPED)
    unittest.main(argv=["test_graphs.py", kind.capitalize()])


if __name__ == "__main__":
    main(*sys.argv[1:])
