# SPDX-License-Identifier: Apache-2.0
"""What the tests of the command lines have in common: a folder of their own, running a tool, and
what must hold of every refusal: one sentence, the right exit code, nothing left behind.
"""
import os
import shutil
import struct
import subprocess
import tempfile
import unittest

import ckpt_writer

RNC = os.environ.get("RNC", "rnc")
RNRUN = os.environ.get("RNRUN", "rnrun")
TIMEOUT = 120


class Result:
    def __init__(self, process):
        self.code = process.returncode
        self.out = process.stdout.decode("utf-8", "replace")
        self.err = process.stderr.decode("utf-8", "replace")

    def notes(self):
        return [line for line in self.err.splitlines() if line.startswith("rnc: note: ")]

    def failures(self):
        """Lines that say what went wrong, notes aside."""
        return [line for line in self.err.splitlines() if not line.startswith("rnc: note: ")]


class ToolCase(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="rnc-test-")
        self.addCleanup(shutil.rmtree, self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, content):
        """Writes text or bytes into the folder; returns the path."""
        with open(self.path(name), "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
        return self.path(name)

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def checkpoint(self, tensors, args=None, extra=None, name="net.ckpt"):
        ckpt_writer.write(self.path(name), tensors, args, extra)
        return self.path(name)

    def run_tool(self, tool, *arguments, **settings):
        process = subprocess.run([tool, *arguments], stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                                 timeout=TIMEOUT, cwd=self.folder, check=False, **settings)
        result = Result(process)
        for report in ("AddressSanitizer", "LeakSanitizer", "runtime error:"):
            self.assertNotIn(report, result.err)
        self.assertGreaterEqual(result.code, 0, f"{tool} {arguments} died: {result.err}")
        return result

    def rnc(self, *arguments, **settings):
        return self.run_tool(RNC, *arguments, **settings)

    def rnrun(self, *arguments, **settings):
        return self.run_tool(RNRUN, *arguments, **settings)

    def accepts(self, *arguments, tool=None):
        """The tool must succeed; returns what it said."""
        result = self.run_tool(tool or RNC, *arguments)
        self.assertEqual(result.code, 0, f"{arguments}: {result.err}")
        return result

    def refuses(self, code, words, *arguments, tool=None, **settings):
        """The tool must end with the code and one sentence that has all the words, and leave the
        folder as it was. Returns what it said."""
        tool = tool or RNC
        before = self.snapshot()
        result = self.run_tool(tool, *arguments, **settings)
        self.assertEqual(result.code, code, f"{arguments}: {result.err}")
        self.one_sentence(os.path.basename(tool), code, words, result)
        self.assertEqual(self.snapshot(), before, "files came, went or changed")
        return result

    def one_sentence(self, tool, code, words, result):
        failures = result.failures()
        if code == 2 and len(failures) > 1:  # a usage error may point to the help below
            self.assertIn("--help", failures[-1])
            failures = failures[:1]
        self.assertEqual(len(failures), 1, result.err)
        # "rnc compile: " for the command line's own faults
        self.assertRegex(failures[0], rf"^{tool}( [a-z]+)?: " if code == 2 else rf"^{tool}: ")
        for word in words:
            self.assertIn(word, failures[0])

    def snapshot(self):
        return {entry.name: (entry.stat().st_size, entry.stat().st_mtime_ns)
                for entry in os.scandir(self.folder)}

    def write_array(self, name, dims, values):
        """A .npy file of f32."""
        header = ("{'descr': '<f4', 'fortran_order': False, 'shape': ("
                  + ", ".join(map(str, dims)) + ",), }").encode()
        header += b" " * (-(len(header) + 11) % 64) + b"\n"
        return self.write(name, b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header
                          + struct.pack(f"<{len(values)}f", *values))

    def read_array(self, name):
        """Dims and values of a .npy file of f32."""
        data = self.read(name)
        self.assertEqual(data[:8], b"\x93NUMPY\1\0")
        start = 10 + struct.unpack("<H", data[8:10])[0]
        header = data[10:start].decode()
        self.assertIn("'<f4'", header)
        dims = header[header.index("(") + 1:header.index(")")].split(",")
        return ([int(dim) for dim in dims if dim.strip()],
                list(struct.unpack(f"<{(len(data) - start) // 4}f", data[start:])))
