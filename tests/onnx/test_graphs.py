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
LARGE_MODES = ("load", "panel")
NETWORKS = ("resnet18", "mobilenet_v2")


class Graphs(onnx_case.OnnxTest):
    """What both sources have in common."""

    def compare(self, name, path, *shape):
        """Compiles, runs in all modes, and prints the largest difference."""
        rnm = path.with_suffix(".rnm")
        golden.run([golden.RNC, "compile", path, "-o", rnm, "--quiet"])
        inputs = self.make_input(*shape)
        wanted, _ = self.run_onnx(path, inputs)
        bounds = max(wanted.max(), 0) - min(wanted.min(), 0)
        largest = {}
        for mode, options, _ in golden.MODES:
            if path.stat().st_size > LARGE and mode not in LARGE_MODES:
                continue
            found = golden.logits_of(rnm, inputs, options, self.folder / "found.npy")
            self.assertEqual((found.shape, found.dtype), (wanted.shape, wanted.dtype), name)
            largest[mode] = float(np.abs(found.astype(np.float64) - wanted).max() / bounds)
            # NaN is within nothing.
            self.assertTrue(largest[mode] <= TOLERANCE, f"{name}, {mode}: {largest[mode]}")
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
                    self.compare(f"{name}, {weights}", self.make(name, *options), 1, 3, 224, 224)


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
                    self.compare(f"{name}, {norms}", self.make(name, *options), 2, 3, 224, 224)


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
