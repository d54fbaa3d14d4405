#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/TUTORIAL.md word for word: its files written, its commands run in its order. Only the first
block, which builds, is left out: what it builds is what runs this test.
"""
import os
import re
import shutil
import subprocess
import tempfile
import unittest

import golden

ROOT = golden.HERE.parents[1]


@unittest.skipUnless(golden.have_torch(), "no PyTorch: there is nothing to train with")
class Tutorial(unittest.TestCase):
    def test_word_for_word(self):
        text = (ROOT / "docs" / "TUTORIAL.md").read_text(encoding="utf-8")
        files = re.findall(r"^```\w+ file=(\S+)\n(.*?)^```$", text, re.M | re.S)
        commands = re.findall(r"^```sh\n(.*?)^```$", text, re.M | re.S)
        self.assertEqual([name for name, _ in files],
                         ["mine/net.py", "mine/net.yaml", "mine/images.yaml"])
        self.assertIn("cmake --build build", commands[0])
        self.assertEqual(len(commands), 4)
        with tempfile.TemporaryDirectory(prefix="tutorial-") as folder:
            for part in ("tools", "models"):
                shutil.copytree(ROOT / part, os.path.join(folder, part))
            os.mkdir(os.path.join(folder, "mine"))
            for name, content in files:
                with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                    file.write(content)
            tools = {os.path.dirname(os.environ[name]) for name in ("RNC", "RNRUN")}
            environment = dict(os.environ, PATH=":".join([*tools, os.environ["PATH"]]))
            out = ""
            for block in commands[1:]:
                done = subprocess.run(["bash", "-e", "-c", block], cwd=folder, env=environment,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=900)
                out += done.stdout.decode()
                self.assertEqual(done.returncode, 0, out)
            right = float(re.search(r"([\d.]+) % of the test images are right", out)[1])
            self.assertGreater(right, 60, out)
            self.assertIn("equal the checkpoint bit for bit", out)
            first = re.search(r"9_ankle-boot.png\n +[\d.]+ %  (.*)", out)[1]
            self.assertIn(first, ("ankle boot", "sneaker", "sandal"), out)
            self.assertTrue(os.path.getsize(os.path.join(folder, "mine", "net.svg")) > 1000)


if __name__ == "__main__":
    unittest.main(verbosity=2)
