#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A dense ONNX file compiles within 2/7 of its size of heap, and says on a terminal how far it is.

The limit is the kernel's, on private writable memory: the file is mapped, so it does not count. With
RNM_LARGE_ONNX=1 the file has 700 MB and the limit is 200 MB. Prints the highest anonymous memory
that was seen while compiling.
"""
import os
import pathlib
import pty
import resource
import subprocess
import sys
import time
import unittest

import numpy as np

import golden

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli" / "rnc"))

from onnx_writer import graph, model, node, tensor, value  # noqa: E402

SIZE = 700_000_000 if os.environ.get("RNM_LARGE_ONNX") == "1" else 70_000_000
HEAP = SIZE // 7 * 2
CHANNELS = 512  # a 3x3 layer takes 9.4 MB


def write_model(path):
    """A chain of random 3x3 convolutions."""
    weight = 4 * CHANNELS * CHANNELS * 9
    layers = -(-SIZE // weight)
    generator = np.random.default_rng(1)
    weights = (generator.standard_normal(weight // 4, dtype=np.float32) * np.float32(0.02)
               for _ in range(layers))
    nodes = [node("Conv", ["x" if k == 0 else f"y{k - 1}", f"w{k}"], [f"y{k}"], f"conv{k}",
                  pads=[1, 1, 1, 1]) for k in range(layers)]
    dims = ["N", CHANNELS, 8, 8]
    path.write_bytes(model(graph(
        nodes, [value("x", dims)], [value(f"y{layers - 1}", dims)],
        [tensor(f"w{k}", [CHANNELS, CHANNELS, 3, 3], raw=numbers.tobytes())
         for k, numbers in enumerate(weights)])))


def anonymous(pid):
    """Bytes of memory that are no file's."""
    try:
        lines = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) << 10 for line in lines if line.startswith("RssAnon:"))


class Heap(golden.GoldenTest):
    """One large file."""

    def test_dense_onnx(self):
        """Compiles under the limit, on a terminal."""
        source, target = self.folder / "big.onnx", self.folder / "big.rnm"
        write_model(source)
        self.assertGreaterEqual(source.stat().st_size, SIZE)
        own, terminal = pty.openpty()
        began, highest = time.monotonic(), 0
        with subprocess.Popen([golden.RNC, "compile", str(source), "-o", str(target)],
                              stderr=terminal, preexec_fn=lambda: resource.setrlimit(
                                  resource.RLIMIT_DATA, (HEAP, HEAP))) as process:
            os.close(terminal)
            while process.poll() is None:
                highest = max(highest, anonymous(process.pid))
                time.sleep(0.001)
        seconds = time.monotonic() - began
        said = os.read(own, 1 << 16).decode()
        os.close(own)
        self.assertEqual(process.returncode, 0, said)
        self.assertGreater(target.stat().st_size, SIZE)
        print(f"{source.stat().st_size} bytes compiled in {seconds:.2f} s within a heap of {HEAP} "
              f"bytes, of which {highest} were seen in use; progress shown {said.count(' of 1000')} "
              f"times", flush=True)
        if SIZE >= 700_000_000:
            self.assertRegex(said, r"\r\x1b\[K\d+ of \d+ ")


if __name__ == "__main__":
    unittest.main()
