#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs rnrun as people do: exit codes, sentences, JSON, arrays of any batch.

Usage: test_rnrun.py RNRUN RNRUN_MODELS
"""
import json
import math
import os
import shutil
import re
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

RNRUN, MODELS = (os.path.abspath(path) for path in sys.argv[1:3])


def run(*arguments, code=0):
    """Runs rnrun in the test's folder; checks the exit code; gives stdout and stderr."""
    done = subprocess.run([RNRUN, *arguments], capture_output=True, text=True, timeout=120)
    if done.returncode != code:
        raise AssertionError(f"rnrun {' '.join(arguments)}: exit code {done.returncode}, "
                             f"expected {code}\n{done.stdout}{done.stderr}")
    return done.stdout, done.stderr


def write_png_file(path, width, height, color, data):
    """A PNG of 8 bits a sample; data are its filtered rows, packed."""
    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n"
                   + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, color, 0, 0, 0))
                   + chunk(b"IDAT", data) + chunk(b"IEND", b""))


def write_png(path, width=12, height=10, seed=1):
    """An RGB image of noise."""
    rows = bytearray()
    for _ in range(height):
        rows.append(0)
        for _ in range(3 * width):
            seed = (seed * 1664525 + 1013904223) & 0xFFFFFFFF
            rows.append(seed >> 24)
    write_png_file(path, width, height, 2, zlib.compress(bytes(rows)))


def write_blank_png(path, width, height):
    """A black grey image of any size, also of none."""
    packer = zlib.compressobj()
    rows = [packer.compress(bytes(1 + width)) for _ in range(height if width < 1 << 20 else 0)]
    write_png_file(path, width, height, 0, b"".join(rows) + packer.flush())


def write_npy(path, shape, values, descr="<f4"):
    code = {"<f4": "f", "<f8": "d", "<i8": "q"}[descr]
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {tuple(shape)}, }}\n".encode()
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header +
                   struct.pack(f"<{len(values)}{code}", *values))


def read_npy(path):
    """Shape and values of an array of floats."""
    with open(path, "rb") as file:
        data = file.read()
    size = struct.unpack("<H", data[8:10])[0]
    info = eval(data[10:10 + size].decode(), {"__builtins__": {}})
    assert info["descr"] == "<f4" and not info["fortran_order"], info
    count = math.prod(info["shape"])
    return info["shape"], struct.unpack(f"<{count}f", data[10 + size:])


def noise(count, seed=7):
    values = []
    for _ in range(count):
        seed = (seed * 1664525 + 1013904223) & 0xFFFFFFFF
        values.append((seed >> 8) / 8388608 - 1)
    return values


class Folder(unittest.TestCase):
    """Every test has a folder of its own, with the models in it."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="rnrun-")
        self.addCleanup(self.folder.cleanup)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.folder.name)
        subprocess.run([MODELS, "."], check=True)


class Usage(Folder):
    def test_help_and_version(self):
        out, err = run("--help")
        for word in ("Usage: rnrun", "--expand=panel|load|lazy|layer", "--output=", "Examples:"):
            self.assertIn(word, out)
        self.assertEqual(err, "")
        self.assertRegex(run("--version")[0], r"^rnrun \d+\.\d+\.\d+\n$")

    def test_refusals(self):
        write_png("a.png")
        write_npy("x.npy", [1, 4], noise(4))
        cases = [
            ([], "which model?"),
            (["small.rnm"], "nothing to run"),
            (["small.rnm", "a.png", "--nosuch"], "unknown option '--nosuch'"),
            (["small.rnm", "a.png", "--repot"], "did you mean '--report'?"),
            (["small.rnm", "a.png", "--expand=sheet"], "--expand is one of panel, load, lazy, layer"),
            (["small.rnm", "a.png", "--top=0"], "--top wants a whole number from 1 to 1000"),
            (["small.rnm", "a.png", "--threads=65"], "from 1 to 64"),
            (["small.rnm", "a.png", "a.png", "--output=y.npy"], "--output goes with .npy inputs"),
            (["small.rnm", "a.png", "x.npy"], "'x.npy': an array is the only file"),
            (["bare.rnm", "a.png", "--input=x.npy"], "'a.png': an array is the only file"),
        ]
        for arguments, sentence in cases:
            out, err = run(*arguments, code=2)
            self.assertEqual(out, "")
            self.assertIn(sentence, err)
            self.assertIn("rnrun --help", err)

    def test_names_of_inputs_and_outputs(self):
        write_npy("x.npy", [2, 3], noise(6))
        cases = [
            (["sum.rnm", "x.npy", "--output=y.npy"], "input 'b' has no file"),
            (["sum.rnm", "--input=c=x.npy", "--output=y.npy"], "expected NAME=FILE"),
            (["sum.rnm", "--input=a=x.npy", "--input=x.npy"], "'a' was given a file already"),
            (["sum.rnm", "--input=a=", "--output=y.npy"], "expected NAME=FILE"),
            (["sum.rnm", "--input=a=x.npy", "--input=b=x.npy", "--output=sum=y.npy",
              "--output=product=y.npy"], "two outputs go to 'y.npy'"),
        ]
        for arguments, sentence in cases:
            self.assertIn(sentence, run(*arguments, code=2)[1])
            self.assertFalse(os.path.exists("y.npy"))


class Images(Folder):
    def test_labels(self):
        write_png("a.png")
        out, err = run("small.rnm", "a.png")
        lines = out.splitlines()
        self.assertEqual(lines[0], "a.png")
        self.assertEqual(len(lines), 6)
        for line in lines[1:]:
            self.assertRegex(line, r"^ +\d+\.\d\d %  (ant|bee|crab|duck|eel|fox|gnu)$")
        self.assertEqual(err, "")
        self.assertEqual(len(run("small.rnm", "a.png", "--top=1")[0].splitlines()), 2)
        self.assertEqual(len(run("small.rnm", "a.png", "--top=1000")[0].splitlines()), 8)

    def test_json(self):
        write_png("a.png")
        result = json.loads(run("small.rnm", "a.png", "--json", "--report", "--top=7")[0])
        self.assertEqual(result["model"], "small.rnm")
        top = result["results"][0]["top"]
        self.assertEqual(sorted(entry["class"] for entry in top), list(range(7)))
        self.assertAlmostEqual(sum(entry["probability"] for entry in top), 1)
        self.assertEqual(top, sorted(top, key=lambda entry: -entry["probability"]))
        self.assertEqual(top[0]["label"], ["ant", "bee", "crab", "duck", "eel", "fox",
                                           "gnu"][top[0]["class"]])
        self.assertEqual(result["report"]["file"], os.path.getsize("small.rnm"))

    def test_options_do_not_change_the_ranking(self):
        write_png("a.png")
        reference = json.loads(run("small.rnm", "a.png", "--json")[0])["results"]
        for options in (["--expand=load"], ["--expand=lazy"], ["--expand=layer"],
                        ["--expand=panel"], ["--isa=plain"], ["--isa=best"], ["--direct"],
                        ["--expand=load", "--no-xnnpack"], ["--threads=1"], ["--threads=3"]):
            found = json.loads(run("small.rnm", "a.png", "--json", *options)[0])["results"]
            for entry, expected in zip(found[0]["top"], reference[0]["top"]):
                self.assertEqual(entry["class"], expected["class"])
                self.assertAlmostEqual(entry["probability"], expected["probability"], 5)

    def test_instruction_sets(self):
        """Those of this architecture hold back; those of the other are refused in a sentence."""
        families = (("plain", "sse2", "avx2", "avx512"), ("plain", "neon"))
        best = json.loads(run("small.rnm", "--report", "--json")[0])["report"]["isa"]
        ours = next(names for names in families if best in names)
        for name in ("plain", "sse2", "avx2", "avx512", "neon"):
            arguments = ("small.rnm", "--report", "--json", f"--isa={name}")
            if name in ours:
                found = json.loads(run(*arguments)[0])["report"]["isa"]
                self.assertIn(found, ours[:ours.index(name) + 1])
            else:
                out, err = run(*arguments, code=2)
                self.assertIn(f"found {name}, which is another's", json.loads(out)["error"])
                self.assertEqual(len(err.splitlines()), 1)
        self.assertEqual(json.loads(run("small.rnm", "--report", "--json", "--isa=plain")[0])
                         ["report"]["isa"], "plain")

    def test_folder_is_sorted_and_failures_do_not_stop(self):
        os.mkdir("folder")
        for name in ("c.png", "a.png", "d.png"):
            write_png(f"folder/{name}")
        with open("folder/b.jpg", "w") as file:
            file.write("no image")
        out, err = run("small.rnm", "missing.png", "folder", "--json", code=1)
        results = json.loads(out)["results"]
        self.assertEqual([entry["file"] for entry in results],
                         ["missing.png"] + [f"folder/{name}" for name in
                                            ("a.png", "b.jpg", "c.png", "d.png")])
        self.assertEqual(["error" in entry for entry in results],
                         [True, False, True, False, False])
        self.assertIn("missing.png: No such file", err)
        self.assertIn("folder/b.jpg: is neither a PNG nor a JPEG image", err)

    def test_models_that_take_no_images(self):
        write_png("a.png")
        self.assertIn("--input 'x=FILE.npy'", run("bare.rnm", "a.png", code=1)[1])
        self.assertIn("takes no image", run("bare.rnm", "a.png", "--mean=1", code=1)[1])
        self.assertIn("has 2 inputs", run("sum.rnm", "a.png", code=1)[1])
        for option in ("--output=m.png", "--overlay=m.png"):
            self.assertIn("to make a mask", run("small.rnm", "a.png", option, code=1)[1])
        self.assertFalse(os.path.exists("m.png"))

    def test_too_small_an_image(self):
        write_png("strip.png", width=1, height=3)
        run("small.rnm", "strip.png")
        os.mkdir("empty")
        self.assertIn("empty: has no *.png", run("small.rnm", "empty", code=1)[1])

    def test_sides(self):
        """0, 1 and 20,000 pixels a side: all that has a pixel and does not fill memory is taken."""
        for width, height in ((1, 1), (20000, 1), (1, 20000), (500, 20000)):
            write_blank_png("a.png", width, height)
            self.assertEqual(len(run("small.rnm", "a.png", "--top=1")[0].splitlines()), 2)
        for width, height, words in ((0, 0, "expected at least one"),
                                     (0, 7, "expected at least one"),
                                     (7, 0, "expected at least one"),
                                     (20000, 20000, "the most that is taken is 100000000 pixels"),
                                     (2**31 - 1, 1, "the most that is taken is 100000000 pixels"),
                                     (2**32 - 1, 2**32 - 1, "the most that is taken")):
            write_blank_png("a.png", width, height)
            err = run("small.rnm", "a.png", code=1)[1]
            self.assertIn(f"rnrun: a.png: an image of {width} x {height} pixels; {words}", err)
            self.assertEqual(len(err.splitlines()), 1)


def read_png(path):
    """(width, height, colour type, palette, rows without their filter bytes), filters undone."""
    with open(path, "rb") as file:
        data = file.read()
    at, chunks = 8, {}
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        chunks[kind] = chunks.get(kind, b"") + data[at + 8:at + 8 + size]
        at += 12 + size
    width, height, depth, color = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    assert depth == 8, depth
    pixel = {2: 3, 3: 1}[color]
    raw, rows, before = zlib.decompress(chunks[b"IDAT"]), [], bytes(width * pixel)
    for y in range(height):
        kind, *line = raw[y * (width * pixel + 1):(y + 1) * (width * pixel + 1)]
        row = bytearray()
        for i, byte in enumerate(line):
            left = row[i - pixel] if i >= pixel else 0
            up, corner = before[i], before[i - pixel] if i >= pixel else 0
            guess = left + up - corner
            paeth = min((left, up, corner), key=lambda v: abs(guess - v))
            row.append((byte + (0, left, up, (left + up) // 2, paeth)[kind]) & 255)
        rows.append(bytes(row))
        before = rows[-1]
    return width, height, color, chunks.get(b"PLTE"), rows


class Masks(Folder):
    """maps.rnm gives its 2x2 input as scores of three classes, `crop.rnm` the middle of an image."""

    def write_quarters(self, path, side):
        """Red, green, blue and red again."""
        half = side // 2
        red, green, blue = b"\xff\0\0", b"\0\xff\0", b"\0\0\xff"
        upper, lower = red * half + green * half, blue * half + red * half
        rows = b"".join(b"\0" + row for row in [upper] * half + [lower] * half)
        write_png_file(path, side, side, 2, zlib.compress(rows))

    def test_mask(self):
        self.write_quarters("a.png", 20)
        out, _ = run("maps.rnm", "a.png", "--resize=2x2", "--output=m.png")
        self.assertEqual(out, "a.png\n   50.00 %  class 0\n   25.00 %  class 1\n"
                              "   25.00 %  class 2\n")
        width, height, color, palette, rows = read_png("m.png")
        self.assertEqual((width, height, color), (20, 20, 3))
        self.assertEqual(palette[:9], bytes([0, 0, 0, 128, 0, 0, 0, 128, 0]))
        self.assertEqual(len({palette[3 * c:3 * c + 3] for c in range(255)}), 255)
        for y, row in enumerate(rows):
            upper, lower = bytes(10) + b"\1" * 10, b"\2" * 10 + bytes(10)
            self.assertEqual(row, upper if y < 10 else lower)
        areas = json.loads(run("maps.rnm", "a.png", "--resize=2x2", "--json")[0])["results"][0]
        self.assertEqual(areas, {"file": "a.png", "areas": [
            {"class": 0, "label": None, "pixels": 200}, {"class": 1, "label": None, "pixels": 100},
            {"class": 2, "label": None, "pixels": 100}]})

    def test_crop_leaves_pixels_unseen(self):
        self.write_quarters("a.png", 4)
        out, _ = run("maps.rnm", "a.png", "--crop=2", "--output=m.png")
        self.assertIn("   75.00 %  not seen: outside the crop\n", out)
        rows = read_png("m.png")[4]
        self.assertEqual(rows, [b"\xff" * 4, b"\xff\0\1\xff", b"\xff\2\0\xff", b"\xff" * 4])

    def test_overlay(self):
        self.write_quarters("a.png", 200)
        run("maps.rnm", "a.png", "--resize=2x2", "--overlay=o.png")
        width, height, color, _, rows = read_png("o.png")
        self.assertEqual((width, color), (200, 2))
        self.assertGreater(height, 200 + 3 * 9)
        self.assertEqual(rows[0][:3], b"\xff\0\0")
        self.assertEqual(rows[0][-3:], bytes([64, 128, 0]))
        self.assertEqual(rows[199][:3], bytes([0, 64, 128]))
        self.assertEqual(set(rows[-1]), {255})
        # Every class's colour and some ink are in the legend.
        legend = {bytes(row[i:i + 3]) for row in rows[200:] for i in range(0, len(row), 3)}
        self.assertLessEqual({b"\0\0\0", b"\x80\0\0", b"\0\x80\0"}, legend)

    def test_refusals(self):
        write_png("a.png")
        for arguments in (["maps.rnm", "a.png", "a.png", "--overlay=o.png"],
                          ["maps.rnm", "x.npy", "--overlay=o.png"]):
            self.assertIn("--overlay goes with one image", run(*arguments, code=2)[1])
        for option in ("--plan", "--profile", "--bench=1", "--tune"):
            self.assertIn("go with a model alone", run("maps.rnm", "a.png", option, code=2)[1])
        os.mkdir("both")
        for name in ("1.png", "2.png"):
            shutil.copy("a.png", os.path.join("both", name))
        for option in ("--output=m.png", "--output=m.npy", "--overlay=m.png"):
            self.assertIn("expected one image for --output or --overlay, found 2 in the folder",
                          run("maps.rnm", "both", option, code=2)[1])
            self.assertFalse(os.path.exists(option.split("=")[1]))
        for option in ("--output=no/m.png", "--overlay=no/m.png"):
            self.assertIn("no/m.png: No such file",
                          run("maps.rnm", "a.png", "--resize=2x2", option, code=1)[1])


class Arrays(Folder):
    def test_any_batch(self):
        sample = 3 * 8 * 8
        for count in (1, 2, 5, 16, 17, 33):
            write_npy("x.npy", [count, 3, 8, 8], noise(count * sample))
            run("small.rnm", "x.npy", "--output=y.npy", "--quiet", "--batch=64")
            shape, reference = read_npy("y.npy")
            self.assertEqual(shape, (count, 7))
            for batch in ("1", "3", "16"):
                run("small.rnm", "x.npy", "--output=z.npy", f"--batch={batch}")
                shape, found = read_npy("z.npy")
                self.assertEqual(shape, (count, 7))
                self.assertTrue(all(abs(a - b) <= 1e-5 for a, b in zip(found, reference)))
        self.assertEqual(sorted(name for name in os.listdir(".") if "npy" in name),
                         ["x.npy", "y.npy", "z.npy"])

    def test_without_output_rows_are_ranked(self):
        write_npy("x.npy", [3, 4], [0, 1, 2, 3, 9, 0, 0, 0, 0, 0, 5, 0])
        out, _ = run("bare.rnm", "x.npy", "--json", "--top=1", "--batch=2")
        results = json.loads(out)["results"]
        self.assertEqual([entry["item"] for entry in results], [0, 1, 2])
        self.assertEqual([entry["top"][0]["class"] for entry in results], [3, 0, 2])
        self.assertIsNone(results[0]["top"][0]["label"])
        self.assertIn("x.npy[2]\n   98.02 %  class 2\n", run("bare.rnm", "x.npy")[0])

    def test_several_inputs_and_outputs(self):
        a, b = noise(15, 1), noise(15, 2)
        write_npy("a.npy", [5, 3], a)
        write_npy("b.npy", [5, 3], b)
        out, _ = run("sum.rnm", "--input", "b=b.npy", "--input=a.npy", "--output=s.npy",
                     "--output", "product=p.npy", "--batch=2", "--json", "--report")
        outputs = json.loads(out)["outputs"]
        self.assertEqual([(o["name"], o["file"], o["dtype"], o["shape"]) for o in outputs],
                         [("sum", "s.npy", "f32", [5, 3]), ("product", "p.npy", "f32", [5, 3])])
        for path, operation in (("s.npy", lambda x, y: x + y), ("p.npy", lambda x, y: x * y)):
            shape, found = read_npy(path)
            self.assertEqual(shape, (5, 3))
            for value, x, y in zip(found, a, b):
                self.assertTrue(abs(value - operation(x, y)) <= 1e-6)

    def test_what_does_not_fit(self):
        write_npy("good.npy", [2, 4], noise(8))
        write_npy("wide.npy", [2, 5], noise(10))
        write_npy("flat.npy", [4], noise(4))
        write_npy("none.npy", [0, 4], [])
        write_npy("f8.npy", [2, 4], noise(8), "<f8")
        with open("good.npy", "rb") as file:
            whole = file.read()
        with open("short.npy", "wb") as file:
            file.write(whole[:-1])
        with open("text.npy", "w") as file:
            file.write("1 2 3 4 5 6")
        cases = [
            ("wide.npy", "wide.npy: input 'x' is f32 [N, 4], found f32 (2, 5)"),
            ("flat.npy", "found f32 (4,)"),
            ("none.npy", "found f32 (0, 4)"),
            ("f8.npy", "found f64 (2, 4)"),
            ("short.npy", "short.npy: its header asks for 32 bytes of data, found 31"),
            ("text.npy", "text.npy: is no .npy file"),
            ("missing.npy", "missing.npy: No such file"),
        ]
        for path, sentence in cases:
            out, err = run("bare.rnm", path, "--output=y.npy", "--json", code=1)
            self.assertIn(sentence, err)
            self.assertIn(sentence, json.loads(out)["error"])
            self.assertFalse(os.path.exists("y.npy"))
        write_npy("three.npy", [3, 3], noise(9))
        write_npy("two.npy", [2, 3], noise(6))
        self.assertIn("two.npy: input 'b'", run("sum.rnm", "--input=a=three.npy",
                                                "--input=b=two.npy", "--output=y.npy", code=1)[1])

    def test_results_not_finite(self):
        write_npy("x.npy", [2, 4], [0, 0, 0, 0, 0, math.inf, 0, 0])
        self.assertIn("x.npy: item 1: the score of class 1 is inf",
                      run("bare.rnm", "x.npy", code=1)[1])
        run("bare.rnm", "x.npy", "--output=y.npy")
        self.assertEqual(read_npy("y.npy")[1][5], math.inf)

    def test_where_output_cannot_go(self):
        write_npy("x.npy", [2, 4], noise(8))
        self.assertIn("no/y.npy: No such file",
                      run("bare.rnm", "x.npy", "--output=no/y.npy", code=1)[1])
        run("bare.rnm", "x.npy", "--output=x.npy")
        self.assertEqual(read_npy("x.npy")[0], (2, 4))
        if os.path.exists("/dev/full"):
            self.assertIn("/dev/full: No space", run("bare.rnm", "x.npy", "--output=/dev/full",
                                                     code=3)[1])


class Models(Folder):
    def test_report_alone(self):
        out, _ = run("small.rnm", "--report", "--expand=layer", "--threads=1")
        self.assertIn("memory of small.rnm (--expand=layer, 1 thread, ", out)
        self.assertIn("dense equivalent", out)
        report = json.loads(run("small.rnm", "--report", "--json")[0])["report"]
        for key in ("file", "mapped", "resident_weights", "largest_scratch", "activations",
                    "xnnpack", "total", "dense", "compact", "total_over_dense"):
            self.assertIn(key, report)

    def test_bench(self):
        held = bytearray(b"x") * (400 << 20)  # of the parent, which is none of the child's
        bench = json.loads(run("small.rnm", "--bench=5", "--batch=3", "--threads=1", "--json")[0])
        bench = bench["bench"]
        self.assertEqual(len(held), 400 << 20)
        self.assertEqual((bench["runs"], bench["threads"], bench["batch"]), (5, 1, 3))
        self.assertLessEqual(bench["min_ms"], bench["median_ms"])
        self.assertGreater(bench["min_ms"], 0)
        self.assertGreater(bench["load_ms"], 0)
        self.assertGreater(bench["first_answer_ms"], bench["load_ms"])
        self.assertLess(bench["peak_bytes"], 200 << 20)
        self.assertIn("first answer after", run("small.rnm", "--bench=1")[0])

    def test_profile(self):
        profile = json.loads(run("small.rnm", "--profile", "--bench=5", "--batch=2", "--threads=1",
                                 "--isa=plain", "--json")[0])["profile"]
        self.assertEqual((profile["runs"], profile["threads"], profile["batch"]), (5, 1, 2))
        self.assertGreater(profile["peak_gflops"], 0)
        layers = {layer["node"]: layer for layer in profile["layers"]}
        conv = layers["conv2"]
        self.assertEqual((conv["op"], conv["algorithm"], conv["weights"]),
                         ("Conv", "direct", "panel"))
        self.assertEqual(conv["flops"], 2 * 2 * 12 * 16 * 90)
        self.assertEqual(conv["activation_bytes"], 2 * 10 * 64 * 4)
        self.assertGreater(conv["parent_bytes"], 0)
        self.assertAlmostEqual(conv["gflops"], conv["flops"] / conv["median_ms"] * 1e-6, places=6)
        self.assertAlmostEqual(conv["of_peak"], conv["gflops"] / profile["peak_gflops"], places=6)
        self.assertIsNone(next(layer for layer in profile["layers"]
                               if layer["op"] == "Reorder")["gflops"])
        out, _ = run("small.rnm", "--profile", "--bench=3")
        self.assertIn("medians of 3 runs", out)
        self.assertIn("conv2", out)

    def test_memory_limit(self):
        write_npy("x.npy", [1, 3, 8, 8], noise(192))
        run("small.rnm", "x.npy", "--output=free.npy", "--threads=1")
        err = run("small.rnm", "x.npy", "--output=y.npy", "--threads=1", "--memory-limit=2K",
                  code=1)[1]
        self.assertRegex(err, "^rnrun: small.rnm: .*at least [0-9]+ bytes, which is the smallest "
                              "workable figure, found 2048$")
        smallest = int(re.search("at least ([0-9]+)", err)[1])
        for limit in (smallest, smallest + 20000, 1 << 30):
            report = json.loads(run("small.rnm", "x.npy", "--output=y.npy", "--json", "--report",
                                    "--threads=1", f"--memory-limit={limit}")[0])["report"]
            self.assertLessEqual(report["total"], limit)
            self.assertEqual(read_npy("y.npy"), read_npy("free.npy"))
        self.assertIn("--memory-limit wants a number of bytes",
                      run("small.rnm", "--report", "--memory-limit=much", code=2)[1])

    def test_plan(self):
        plan = json.loads(run("small.rnm", "--plan", "--json", "--threads=1")[0])["plan"]
        layers = {layer["node"]: layer for layer in plan["layers"]}
        self.assertEqual({layer["weights"] for layer in layers.values()}, {None, "panel"})
        self.assertEqual(layers["conv2"]["algorithm"], "direct")
        self.assertEqual(list(layers["conv2"]["estimates_ms"]), ["direct", "F(2x2,3x3)/2"])
        self.assertEqual(len(layers["conv1"]["estimates_ms"]), 3)
        curve = plan["curve"]
        self.assertEqual(curve[0]["bytes"], plan["smallest"])
        self.assertEqual(sorted(curve, key=lambda point: point["bytes"]), curve)
        self.assertEqual(sorted(curve, key=lambda point: -point["ms"]), curve)
        self.assertGreater(len(curve), 1)
        most = json.loads(run("small.rnm", "--plan", "--json", "--threads=1",
                              "--memory-limit=1G")[0])["plan"]
        self.assertEqual(most["total"], curve[-1]["bytes"])
        kept = [layer for layer in most["layers"] if layer["weights"] == "expanded"]
        self.assertGreater(len(kept), 0)
        self.assertTrue(all("kept: gains" in layer["reason"] for layer in kept))
        out, _ = run("small.rnm", "--plan", "--threads=1")
        self.assertIn("panels of all: the smallest limit that works", out)
        self.assertIn(str(plan["smallest"]), out)
        self.assertIn("smallest workable figure",
                      run("small.rnm", "--plan", "--memory-limit=1", code=1)[1])

    def test_tune(self):
        write_npy("x.npy", [1, 3, 8, 8], noise(192))
        run("small.rnm", "x.npy", "--output=plain.npy", "--threads=1")
        tuning = json.loads(run("small.rnm", "--tune=t.txt", "--bench=2", "--threads=1",
                                "--json")[0])["tuning"]
        self.assertEqual(tuning["file"], "t.txt")
        ways = {layer["node"]: layer for layer in tuning["layers"]}
        # Which is faster here is the machine's to say.
        self.assertIn(ways["conv2"]["algorithm"], ("direct", "F(2x2,3x3)/2"))
        run("small.rnm", "x.npy", "--output=tuned.npy", "--threads=1", "--tuning=t.txt")
        plain, tuned = read_npy("plain.npy")[1], read_npy("tuned.npy")[1]
        most = max(map(abs, plain))
        for a, b in zip(plain, tuned):
            self.assertTrue(abs(a - b) <= 1e-4 * max(1, most))
        plan = json.loads(run("small.rnm", "--plan", "--json", "--threads=1",
                              "--tuning=t.txt")[0])["plan"]
        for layer in plan["layers"]:
            if layer["node"] in ways:
                way = ways[layer["node"]]
                self.assertEqual(layer["algorithm"], way["algorithm"])
                self.assertAlmostEqual(layer["panel_ms"], way["panel_ms"], places=9)
        self.assertIn("written to small.rnm.tuning",
                      run("small.rnm", "--tune", "--bench=1", "--threads=2")[0])
        self.assertIn("small.rnm.tuning: line 5: expected 'threads 1', found 'threads 2'",
                      run("small.rnm", "x.npy", "--threads=1", "--tuning=small.rnm.tuning",
                          "--output=y.npy", code=2)[1])
        self.assertIn("t.txt: line 2: expected 'model ",
                      run("bare.rnm", "--report", "--threads=1", "--tuning=t.txt", code=2)[1])
        with open("nul.txt", "wb") as file:
            file.write(b"rnm-tuning 1\n\0")
        for name, text in (("missing.txt", "missing.txt: No such file"),
                           ("nul.txt", "nul.txt: expected text"),
                           ("x.npy", "x.npy: ")):
            self.assertIn(text, run("small.rnm", "--report", f"--tuning={name}", code=1)[1])
        self.assertIn("no/t.txt: No such file",
                      run("small.rnm", "--tune=no/t.txt", "--bench=1", code=1)[1])
        self.assertEqual([name for name in os.listdir() if name.startswith("t.txt.")], [])

    def test_broken_models(self):
        write_png("a.png")
        with open("small.rnm", "rb") as file:
            whole = file.read()
        broken = {"cut.rnm": whole[:-1], "empty.rnm": b"", "flipped.rnm":
                  whole[:200] + bytes([whole[200] ^ 1]) + whole[201:]}
        for name, content in broken.items():
            with open(name, "wb") as file:
                file.write(content)
        for name in [*broken, "missing.rnm", "a.png", "."]:
            out, err = run(name, "a.png", "--json", code=1)
            self.assertTrue(err.startswith("rnrun: "))
            self.assertIn(name, err)
            self.assertIn("error", json.loads(out))

    def test_full_standard_output(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("no /dev/full")
        write_png("a.png")
        with open("/dev/full", "w") as full:
            done = subprocess.run([RNRUN, "small.rnm", "a.png"], stdout=full,
                                  stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, 3)
        self.assertIn("standard output: No space", done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
