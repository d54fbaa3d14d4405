#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Exports of ONNX's backend tests, nearly every operator among them, and of models made for the
rest: compiled, exported both ways, run in ONNX Runtime.

    test_node_exports.py ONNX_NODE LISTS
"""

import pathlib
import sys
import unittest

import onnx_case
import golden

DATA = pathlib.Path("/usr/lib/python3/dist-packages/onnx/backend/test/data")
PROGRAM, LISTS = sys.argv[1], pathlib.Path(sys.argv[2])
MADE = ("activations", "moves", "transposed")
# Backend tests beyond LISTS that compile all the same; the rest is what the importer refuses.
OTHERS_LEAST = 160


class NodeExports(onnx_case.OnnxTest):
    """All at once."""

    def export_all(self):
        """Every .rnm of the folder; gives their number."""
        models = sorted(self.folder.glob("*.rnm"))
        for rnm in models:
            for kind, options in (("dense", ["--dense"]), ("compact", [])):
                golden.run([golden.RNC, "export", rnm, "-o", rnm.with_suffix(f".{kind}.onnx"),
                            *options])
        return len(models)

    def check_all(self, what):
        """As many good files as models, twice."""
        models = self.export_all()
        done = golden.run([onnx_case.ONNX_PYTHON, "-B", onnx_case.HERE / "node_exports.py",
                           self.folder, DATA])
        lines = done.stdout.splitlines()
        failed = [line for line in lines if not line.startswith("ok ")]
        print(f"{len(lines) - len(failed)} of {len(lines)} exports of {models} models of {what} "
              "give what the tests want", flush=True)
        self.assertEqual(failed, [])
        self.assertEqual(len(lines), 2 * models)
        return models

    def test_expected(self):
        """Those that must pass."""
        golden.run([PROGRAM, f"--keep={self.folder}", LISTS])
        passing = len((LISTS / "expected.txt").read_text(encoding="utf-8").splitlines())
        self.assertGreater(self.check_all("backend tests"), passing)

    def test_others(self):
        """What compiles of the rest."""
        known = {line for path in LISTS.glob("cnn_*.txt")
                 for line in path.read_text(encoding="utf-8").splitlines()}
        others = sorted(f"{path.parent.name}/{path.name}" for path in DATA.glob("*/test_*"))
        for path in LISTS.glob("cnn_*.txt"):
            (self.folder / path.name).write_text("", encoding="utf-8")
        (self.folder / "cnn_node.txt").write_text(
            "".join(f"{name}\n" for name in others
                    if name not in known and not name.startswith("real/")), encoding="utf-8")
        (self.folder / "expected.txt").write_text("", encoding="utf-8")
        golden.run([PROGRAM, f"--keep={self.folder}", self.folder], expect=1)
        self.assertGreater(self.check_all("other backend tests"), OTHERS_LEAST)

    def test_made(self):
        """Several outputs, newer opsets, symbolic sizes, weights of ConvTranspose."""
        script = onnx_case.HERE / "made_onnx.py"
        golden.run([onnx_case.ONNX_PYTHON, "-B", script, "make", self.folder])
        for name in MADE:
            golden.run([golden.RNC, "compile", self.folder / f"{name}.onnx", "-o",
                        self.folder / f"{name}.rnm", "--quiet"])
        self.export_all()
        done = golden.run([onnx_case.ONNX_PYTHON, "-B", script, "check", self.folder])
        self.assertEqual([line.split()[0] for line in done.stdout.splitlines()], list(MADE))
        self.assertIn("Linear", done.stdout)
        self.assertIn("F", done.stdout.split())


if __name__ == "__main__":
    onnx_case.skip_without_onnx()
    if not DATA.is_dir():
        print(f"skipped: no test data in {DATA} (Debian: libonnx-testdata)")
        sys.exit(onnx_case.SKIPPED)
    unittest.main(argv=sys.argv[:1])
