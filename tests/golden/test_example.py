"""The README's own network: what it prints is what stands in models/example, and it runs."""
import os
import subprocess
import sys
import tempfile
import unittest

import numpy as np

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
EXAMPLE = os.path.join(ROOT, "models", "example")
RNC, RNRUN = sys.argv[1:3]
MODES = (["--expand=load"], ["--expand=load", "--no-xnnpack"], ["--expand=lazy"],
         ["--expand=layer"], ["--expand=panel"], ["--isa=plain"])


def read(*parts):
    with open(os.path.join(ROOT, *parts), encoding="utf-8") as file:
        return file.read()


class Example(unittest.TestCase):
    def test_readme_shows_the_files(self):
        readme = read("README.md")
        self.assertIn(read("models", "example", "tiny.yaml").rstrip(), readme)
        code = read("models", "example", "tiny.py")
        self.assertIn(code[code.index("class Tiny"):code.index("def main")].rstrip(), readme)

    def check_fused(self, folder):
        """Batch norms, the addition and all activations are in the layers' epilogues."""
        text = subprocess.run([RNC, "compile", "tiny.pt", "--dump-ir=fuse_epilogue", "--quiet",
                               "--topology=" + os.path.join(EXAMPLE, "tiny.yaml")],
                              cwd=folder, check=True, stderr=subprocess.PIPE).stderr.decode()
        operators = [line.split(" = ")[1].split("(")[0]
                     for line in text.splitlines() if " = " in line]
        self.assertEqual(operators, ["Conv"] * 3 + ["GlobalAveragePool", "Flatten", "Gemm"])
        self.assertIn("residual", text)

    def test_runs_in_every_mode(self):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([os.path.join(EXAMPLE, "tiny.py")], cwd=folder, check=True)
            subprocess.run([RNC, "compile", "tiny.pt", "--quiet",
                            "--topology=" + os.path.join(EXAMPLE, "tiny.yaml")],
                           cwd=folder, check=True)
            self.check_fused(folder)
            wanted = np.load(os.path.join(folder, "y.npy"))
            for mode in MODES:
                subprocess.run([RNRUN, "tiny.rnm", "x.npy", "--output=out.npy", "--quiet"] + mode,
                               cwd=folder, check=True)
                found = np.load(os.path.join(folder, "out.npy"))
                self.assertEqual(found.shape, wanted.shape)
                within = np.abs(found - wanted) <= 2e-5 * np.maximum(1, np.abs(wanted))
                self.assertTrue(within.all(), mode)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
