# SPDX-License-Identifier: Apache-2.0
"""What the tests of this folder share: finding ONNX Runtime, running a model in it."""

import os
import pathlib
import subprocess
import sys

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "tests" / "golden"))

import golden  # noqa: E402  pylint: disable=wrong-import-position

ONNX_PYTHON = os.environ.get("RNM_ONNX_PYTHON") or sys.executable
SKIPPED = 77
DIRECT = ("--direct", "--expand=layer")


def skip_without_onnx():
    """Ends the program where there is nothing to compare with."""
    probe = subprocess.run([ONNX_PYTHON, "-c", "import numpy, onnx, onnxruntime"],
                           capture_output=True, check=False)
    if probe.returncode != 0:
        print(f"skipped: {ONNX_PYTHON} has no onnx and onnxruntime; RNM_ONNX_PYTHON names a "
              "Python that has")
        sys.exit(SKIPPED)


class OnnxTest(golden.GoldenTest):
    """Comparing exports with the model they came from."""

    def run_onnx(self, path, inputs, *options):
        """(first output, operators of the graph)"""
        result = self.folder / "onnx.npy"
        done = golden.run([ONNX_PYTHON, "-B", HERE / "run_onnx.py", path, inputs, result, *options])
        return np.load(result), done.stdout.split()

    def make_input(self, *shape, seed=1):
        """A file of random numbers."""
        path = self.folder / "made.npy"
        np.save(path, np.random.default_rng(seed).standard_normal(shape).astype(np.float32))
        return path

    def check_answers(self, rnm, inputs, path):
        """ONNX Runtime, as written and optimised, gives what rnrun gives; returns operators."""
        wanted = golden.logits_of(rnm, inputs, DIRECT, self.folder / "direct.npy")
        for options in ((), ("--optimize",)):
            found, operators = self.run_onnx(path, inputs, *options)
            self.assertEqual(found.dtype, wanted.dtype)
            self.check_logits(found, wanted, f"ONNX Runtime {options}")
        return operators
