#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""rresnet_18_4 with f at 224x224, from a checkpoint of tools/train: its size against the reference
table, and its memory in panel mode against the dense network's. Takes 2 GB and some minutes.
"""
import json
import os
import subprocess
import tempfile
import unittest

import golden

TABLE_BYTES = 75526816  # compact bytes of the network, as counted from its training code
DENSE_BYTES = 720994976
RNC, RNRUN = os.environ["RNC"], os.environ["RNRUN"]


def peak_of(*arguments):
    """Runs it; (its standard output, the most memory it had resident)."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(write, 1)
        os.execv(arguments[0], arguments)
    os.close(write)
    with os.fdopen(read) as file:
        out = file.read()
    _, status, usage = os.wait4(child, 0)
    if status != 0:
        raise AssertionError(f"{arguments}: status {status}")
    return out, usage.ru_maxrss * 1024


@unittest.skipUnless(golden.have_torch(), "no PyTorch: there is nothing to make the file with")
class WideResnet(unittest.TestCase):
    def test_size_and_memory(self):
        with tempfile.TemporaryDirectory(prefix="wide-") as folder:
            checkpoint, model = (os.path.join(folder, name) for name in ("w.ckpt", "w.rnm"))
            golden.train_tool("make_checkpoint.py", "--model=rresnet_18_4", "--activation=bireal",
                              "-o", checkpoint)
            subprocess.run([RNC, "compile", checkpoint, "-o", model, "--quiet"], check=True)
            os.remove(checkpoint)
            size = os.path.getsize(model)
            print(f".rnm {size} bytes, {size / TABLE_BYTES:.4f} of the table's")
            self.assertTrue(size <= 1.01 * TABLE_BYTES)
            peaks = {}
            for mode in ("panel", "load"):
                out, peaks[mode] = peak_of(RNRUN, model, "--bench=1", "--threads=1", "--json",
                                           f"--expand={mode}")
                bench = json.loads(out)["bench"]
                self.assertEqual(bench["expand"], mode)
                print(f"{mode}: {peaks[mode]} bytes resident at most, {bench['median_ms']:.0f} ms")
            print(f"panel is {peaks['panel'] / peaks['load']:.3f} of load, "
                  f"{peaks['panel'] / DENSE_BYTES:.3f} of the dense weights alone")
            self.assertTrue(peaks["panel"] < peaks["load"] / 5)
            self.assertTrue(peaks["panel"] < DENSE_BYTES / 5)


if __name__ == "__main__":
    unittest.main(verbosity=2)
