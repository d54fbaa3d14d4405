# SPDX-License-Identifier: Apache-2.0
"""Damaged .rnm files: whoever reads them refuses them in one sentence."""
import os
import random
import unittest

import network
from tool_case import RNRUN, ToolCase

SEED = int(os.environ.get("RNM_TEST_SEED", "0")) or random.randrange(1, 2**32)
FLIPS = 200


class BadRnm(ToolCase):
    def setUp(self):
        super().setUp()
        self.topology = self.write("own.yaml", network.TOPOLOGY)
        self.checkpoint(network.tensors_of("bireal"))
        self.accepts("compile", self.path("net.ckpt"), "-t", self.topology)
        self.whole = self.read("net.rnm")
        self.input = self.write_array(
            "x.npy", (1, network.CHANNELS, network.HEIGHT, network.WIDTH), network.images(1))

    def readers(self, path):
        return ((None, ("inspect", path)), (None, ("inspect", "--json", path)),
                (None, ("verify", path, "--against", self.path("net.ckpt"), "-t", self.topology)),
                (RNRUN, (path, self.input)), (RNRUN, (path, "--report")))

    def all_refuse(self, content, words=()):
        path = self.write("bad.rnm", content)
        for tool, arguments in self.readers(path):
            self.refuses(1, ["bad.rnm", *words], *arguments, tool=tool)

    def one_refuses(self, content, turn):
        """For many cases: each reader in turn."""
        tool, arguments = self.readers(self.write("bad.rnm", content))[turn % 5]
        self.refuses(1, ["bad.rnm"], *arguments, tool=tool)

    def test_whole(self):
        for tool, arguments in self.readers(self.path("net.rnm")):
            self.accepts(*arguments, tool=tool)

    def test_truncated(self):
        size = len(self.whole)
        points = [1, 7, 8, 63, 64, 65, 127, 256, 320, size // 2, size - 64, size - 2, size - 1]
        for turn, length in enumerate(points):
            with self.subTest(length=length):
                self.one_refuses(self.whole[:length], turn)
        self.all_refuse(self.whole[:size // 3])

    def test_longer(self):
        for tail in (b"\0", b"\0" * 64, self.whole):
            with self.subTest(tail=len(tail)):
                self.all_refuse(self.whole + tail)

    def test_empty(self):
        self.all_refuse(b"")

    def test_magic(self):
        self.all_refuse(b"\x89RNN" + self.whole[4:])
        self.all_refuse(b"PK\3\4" + self.whole[4:])
        self.all_refuse(self.whole.replace(b"\r\n\x1a\n", b"\n\x1a\n", 1))

    def test_later_version(self):
        for major, minor in ((2, 0), (1, 1), (0, 0), (65535, 65535)):
            content = (self.whole[:8] + major.to_bytes(2, "little") + minor.to_bytes(2, "little")
                       + self.whole[12:])
            with self.subTest(major=major, minor=minor):
                self.all_refuse(content, ["version"])

    def test_flipped_bits(self):
        picks = random.Random(SEED)
        for turn in range(FLIPS):
            at, bit = picks.randrange(len(self.whole)), picks.randrange(8)
            content = bytearray(self.whole)
            content[at] ^= 1 << bit
            with self.subTest(seed=SEED, byte=at, bit=bit):
                self.one_refuses(bytes(content), turn)

    def test_directory(self):
        os.mkdir(self.path("bad.rnm"))
        for tool, arguments in self.readers(self.path("bad.rnm")):
            self.refuses(1, ["bad.rnm"], *arguments, tool=tool)

    def test_missing(self):
        for tool, arguments in self.readers(self.path("bad.rnm")):
            self.refuses(1, ["bad.rnm"], *arguments, tool=tool)

    def test_a_checkpoint_instead(self):
        self.all_refuse(self.read("net.ckpt"))


if __name__ == "__main__":
    print(f"seed {SEED}; RNM_TEST_SEED repeats it", flush=True)
    unittest.main()
