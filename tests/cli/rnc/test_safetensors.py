# SPDX-License-Identifier: Apache-2.0
"""safetensors files: the same network as from a PyTorch checkpoint, and refusals of all that the
format forbids.
"""
import json
import os
import random
import struct
import unittest

import network
from tool_case import ToolCase

SEED = int(os.environ.get("RNM_TEST_SEED", "0")) or random.randrange(1, 2**32)
KINDS = {"f32": ("F32", "f"), "i64": ("I64", "q")}


def pack(header, data, padding=b""):
    """A file; `header` is JSON text, or something to make it of."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text + padding)) + text + padding + data


def contents(tensors):
    """(header, data) of a state dict."""
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, tensor in tensors.items():
        kind, letter = KINDS[tensor.dtype]
        raw = struct.pack(f"<{len(tensor.values)}{letter}", *tensor.values)
        header[name] = {"dtype": kind, "shape": list(tensor.dims),
                        "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    return header, data


class Whole(ToolCase):
    def sections(self, name):
        """A .rnm without what names its source."""
        found = json.loads(self.accepts("inspect", "--json", self.path(name)).out)
        return {key: found[key] for key in ("layers", "dense_bytes", "channel_bytes")}

    def test_same_network(self):
        topology = self.write("own.yaml", network.TOPOLOGY)
        for activation in ("linear", "swish", "bireal", "static_drop"):
            tensors = network.tensors_of(activation)
            header, data = contents(tensors)
            source = self.write("net.safetensors", pack(header, data, b"   "))
            self.accepts("compile", source, "-t", topology, "-o", self.path("a.rnm"))
            self.accepts("compile", self.checkpoint(tensors), "-t", topology, "-o",
                         self.path("b.rnm"))
            self.assertEqual(self.sections("a.rnm"), self.sections("b.rnm"))
            self.accepts("verify", self.path("a.rnm"), "--against", self.path("net.ckpt"), "-t",
                         topology)
            self.accepts("verify", self.path("b.rnm"), "--against", source, "-t", topology)


class Refused(ToolCase):
    """One tensor `a` of three f32, and what can be wrong with it."""

    def setUp(self):
        super().setUp()
        self.topology = self.write("own.yaml", network.TOPOLOGY)

    def refuse(self, content, *words):
        path = self.write("bad.safetensors", content)
        self.refuses(1, ["bad.safetensors", *words], "compile", path, "-t", self.topology)

    def refuse_header(self, header, *words, data=bytes(12)):
        self.refuse(pack(header, data), *words)

    def entry(self, **changes):
        return {"a": {"dtype": "F32", "shape": [3], "data_offsets": [0, 12], **changes}}

    def test_the_base_is_sound(self):
        """Only the topology's own tensors are missing."""
        self.refuse_header(self.entry(), "bad.safetensors")
        result = self.rnc("compile", self.path("bad.safetensors"), "-t", self.topology)
        self.assertNotIn("header", result.err)
        self.assertNotIn("tensor a", result.err)

    def test_length(self):
        whole = pack(self.entry(), bytes(12))
        for length in (9, 20, len(whole) - 13):
            self.refuse(whole[:length], "header")
        for length in (10**8 + 1, 2**39, len(whole) - 7):
            self.refuse(struct.pack("<Q", length) + whole[8:], "header")
        self.refuse(struct.pack("<Q", 2**63) + whole[8:])
        self.refuse(struct.pack("<Q", 0) + whole[8:], "header")

    def test_json(self):
        for text in (b"{", b"{}{}", b"{'a': 1}", b'{"a": 1,}', b'{"a": NaN}', b"{/* */}",
                     b'{"a\xff": {}}', b'{"a": {"dtype": "F32", "shape": [3]', b"{]",
                     b'{"a": [0, 01]}', b"{\0}"):
            with self.subTest(text=text):
                self.refuse_header(text, "header")
        self.refuse_header(b"{" + b"[" * 100000, "header")
        self.refuse_header(b'{"a":' * 50000, "header")

    def test_keys(self):
        for entry in ({"a": 3}, {"a": None}, {"a": []}, {"a": {}}, {"a": "F32"}, {"a": 1.5},
                      {"__metadata__": {"a": 1}}, {"__metadata__": {"a": {}}},
                      {"__metadata__": [1]}, self.entry(more=1), self.entry(dtype=3),
                      self.entry(dtype="f32"), self.entry(dtype="F33"), self.entry(shape=3),
                      self.entry(shape=[[3]]), self.entry(shape=["3"]), self.entry(shape=[3.0]),
                      self.entry(shape=[-3]), self.entry(shape=[1] * 9), self.entry(shape=True),
                      self.entry(data_offsets=[0]), self.entry(data_offsets=[0, 12, 12]),
                      self.entry(data_offsets=12), self.entry(data_offsets=[-1, 11])):
            with self.subTest(entry=entry):
                self.refuse_header(entry, "header")
        for key in ("dtype", "shape", "data_offsets"):
            entry = self.entry()
            del entry["a"][key]
            self.refuse_header(entry, "tensor a")
        one = json.dumps(self.entry()["a"])
        self.refuse_header(f'{{"a": {one}, "a": {one}}}'.encode(), "a")
        self.refuse_header(b'{"__metadata__": {}, "__metadata__": {}}', "twice", data=b"")
        self.refuse_header(f'{{"a": {one[:-1]}, "dtype": "F32"}}}}'.encode(), "twice")
        self.refuse_header(f'{{"a\\u0000b": {one}}}'.encode(), "name")
        self.refuse_header({"n" * 2000: self.entry()["a"]}, "name")

    def test_ranges(self):
        for changes in ({"data_offsets": [0, 8]}, {"data_offsets": [0, 16]}, {"shape": [4]},
                        {"data_offsets": [4, 16]}, {"data_offsets": [12, 0]}, {"dtype": "F64"},
                        {"shape": [2**62, 2**62]}, {"shape": [2**62, 4]},
                        {"data_offsets": [0, 2**62]}, {"data_offsets": [2**63 - 1, 2**63 - 1]},
                        {"shape": [3, 0]}):
            with self.subTest(changes=changes):
                self.refuse_header(self.entry(**changes), "tensor a")
        self.refuse_header(self.entry(shape=[2**64]), "header")
        self.refuse_header(self.entry(), "behind the header", data=bytes(13))
        self.refuse_header(self.entry(), "behind the header", data=bytes(11))

    def test_gaps_and_overlaps(self):
        def both(first, second):
            return {name: {"dtype": "U8", "shape": [end - begin], "data_offsets": [begin, end]}
                    for name, (begin, end) in (("a", first), ("b", second))}

        self.refuse_header(both((0, 4), (5, 12)), "tensor b", "begin at 4")
        self.refuse_header(both((0, 6), (5, 12)), "tensor b", "begin at 6")
        self.refuse_header(both((0, 12), (0, 12)), "tensor b")
        self.refuse_header(both((5, 12), (0, 4)), "tensor a", "begin at 4")

    def test_empty_tensors(self):
        """Allowed, whatever their other dimensions are."""
        header = {"e": {"dtype": "F32", "shape": [0, 2**40, 2**40], "data_offsets": [0, 0]},
                  **self.entry()}
        path = self.write("bad.safetensors", pack(header, bytes(12)))
        result = self.rnc("compile", path, "-t", self.topology)
        self.assertEqual(result.code, 1)
        self.assertNotIn("header", result.err)

    def test_mutations(self):
        """Nothing but success or a refusal, whatever bytes change."""
        picks = random.Random(SEED)
        header, data = contents(network.tensors_of("bireal"))
        whole = pack(header, data)
        start = len(whole) - len(data)
        for turn in range(150):
            content = bytearray(whole)
            for _ in range(picks.randrange(1, 4)):
                content[picks.randrange(start)] = picks.choice(b'{}[]",:0123456789\\ \xff\0a')
            path = self.write("bad.safetensors", bytes(content))
            result = self.rnc("compile", path, "-t", self.topology, "-o", self.path("m.rnm"))
            self.assertIn(result.code, (0, 1), f"seed {SEED}, turn {turn}")


if __name__ == "__main__":
    print(f"seed {SEED}; RNM_TEST_SEED repeats it", flush=True)
    unittest.main()
