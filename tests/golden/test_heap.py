#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A checkpoint of 450 MB with its optimiser's state compiles within 64 MiB of heap.

The limit is the kernel's, on private writable memory: storages are mapped, so they do not count.
"""
import resource
import subprocess
import unittest

import golden

HEAP = 64 << 20


def limit_heap():
    resource.setrlimit(resource.RLIMIT_DATA, (HEAP, HEAP))


@unittest.skipUnless(golden.have_torch(), "no PyTorch: checkpoints cannot be made")
class Heap(golden.GoldenTest):
    def test_large_checkpoint(self):
        checkpoint = self.folder / "big.ckpt"
        golden.train_tool("make_checkpoint.py", "--model", "rresnet_18_2", "--activation", "bireal",
                          "--optimizer-state", "-o", checkpoint)
        self.assertGreater(checkpoint.stat().st_size, 450_000_000)
        done = subprocess.run([golden.RNC, "compile", str(checkpoint), "-o",
                               str(self.folder / "big.rnm"), "--quiet"], check=False,
                              preexec_fn=limit_heap, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    unittest.main()
