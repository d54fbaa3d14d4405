#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Photos of every kind against Pillow and the arithmetic of torchvision's transforms, written out.

Usage: test_photos.py RNRUN_MODELS   (environment: RNC, RNRUN, PYTHON)
"""
import json
import os
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

import numpy as np
import torch
from PIL import Image, ImageOps

HERE = os.path.dirname(os.path.abspath(__file__))
TRAIN = os.path.join(HERE, "..", "..", "tools", "train")
MODELS = os.path.abspath(sys.argv[1])
RNC, RNRUN = os.environ["RNC"], os.environ["RNRUN"]
MEAN, STD = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])
ORIENTATION = 0x0112


def scene(width, height, seed):
    """Smooth colours, an edge, and noise: uint8 [height, width, 3]."""
    y, x = np.mgrid[:height, :width].astype(np.float64)
    rng = np.random.default_rng(seed)
    planes = [127 + 90 * np.sin(x / (7 + 3 * c) + seed) * np.cos(y / (11 + 5 * c))
              + 40 * (x + 2 * y > width) for c in range(3)]
    return np.clip(np.stack(planes, -1) + rng.normal(0, 12, (height, width, 3)), 0,
                   255).astype(np.uint8)


def grey_alpha_16(path):
    """Pillow reads 16-bit grey with alpha, but does not write it."""
    pixels = scene(300, 250, 12)[..., :2].astype(np.uint16) * 251 + 77
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)

    def chunk(kind, data):
        return (struct.pack(">I", len(data)) + kind + data
                + struct.pack(">I", zlib.crc32(kind + data)))

    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 300, 250, 16, 4,
                                                                   0, 0, 0))
                   + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def write_photos(folder):
    """The twelve kinds; gives their paths."""
    def image(width, height, seed):
        return Image.fromarray(scene(width, height, seed))

    def turned(orientation):
        exif = Image.Exif()
        exif[ORIENTATION] = orientation
        return exif

    rgb = image(500, 333, 0)
    alpha = Image.fromarray(scene(300, 400, 1)[..., 0])
    photos = {
        "baseline.jpg": (image(640, 427, 2), {"quality": 90}),
        "progressive.jpg": (image(427, 640, 3), {"quality": 85, "progressive": True}),
        "grey.jpg": (image(300, 300, 4).convert("L"), {"quality": 80}),
        "cmyk.jpg": (image(320, 400, 5).convert("CMYK"), {"quality": 92}),
        "turned.jpg": (image(400, 260, 6), {"quality": 90, "exif": turned(6)}),
        "mirrored.jpg": (image(260, 400, 7), {"subsampling": 0, "exif": turned(7)}),
        "turned.png": (image(310, 270, 8), {"exif": turned(8)}),
        "grey.png": (image(257, 301, 9).convert("L"), {}),
        "palette.png": (rgb.quantize(64), {"transparency": 3}),
        "alpha.png": (Image.merge("RGBA", (*image(300, 400, 10).split(), alpha)), {}),
        "wide.png": (image(1200, 40, 11), {}),
    }
    paths = []
    for name, (picture, options) in photos.items():
        paths.append(os.path.join(folder, name))
        picture.save(paths[-1], **options)
    paths.append(os.path.join(folder, "grey_alpha_16.png"))
    grey_alpha_16(paths[-1])
    return paths


def open_photo(path):
    return ImageOps.exif_transpose(Image.open(path)).convert("RGB")


def to_input(picture):
    """torchvision's ToTensor and Normalize: f32 [3, h, w]."""
    pixels = np.asarray(picture).astype(np.float32) / np.float32(255)
    return ((pixels - MEAN) / STD).transpose(2, 0, 1)


def imagenet_input(path):
    """Resize(256), CenterCrop(224), as torchvision computes their sizes."""
    picture = open_photo(path)
    width, height = picture.size
    short, long = min(width, height), max(width, height)
    new_long = int(256 * long / short)
    size = (256, new_long) if width <= height else (new_long, 256)
    picture = picture.resize(size, Image.BILINEAR)
    left, top = (int(round((side - 224) / 2.0)) for side in size)
    return to_input(picture.crop((left, top, left + 224, top + 224)))


def run(*arguments, code=0):
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=600)
    if done.returncode != code:
        raise AssertionError(f"{arguments}: exit code {done.returncode}\n{done.stdout}"
                             f"{done.stderr}")
    return done.stdout, done.stderr


class Photos(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="photos-")
        cls.addClassCleanup(cls.folder.cleanup)
        cls.photos = write_photos(cls.folder.name)
        run(MODELS, cls.folder.name)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def compare(self, model, reference, side, *options, paths=None):
        """Every photo's numbers; a pixel is 1 / 255 before the normalisation."""
        for path in paths or self.photos:
            with self.subTest(photo=os.path.basename(path)):
                run(RNRUN, self.path(model), path, *options, "--output=" + self.path("x.npy"))
                found = np.load(self.path("x.npy")).reshape(3, side, side)
                expected = reference(path)
                self.assertEqual(found.shape, expected.shape)
                pixels = np.abs(found - expected) * STD[:, None, None] * 255
                self.assertTrue((pixels <= 1.001).all(), f"off by {pixels.max()} pixel values")
                # In fact they are the same, but for the order of f32 operations.
                self.assertTrue((pixels <= 1e-3).all(), f"off by {pixels.max()} pixel values")

    def test_twelve(self):
        self.assertEqual(len(self.photos), 12)

    def test_imagenet(self):
        self.compare("imagenet.rnm", imagenet_input, 224)

    def test_tiny_imagenet(self):
        self.compare("tiny.rnm", lambda path: to_input(
            open_photo(path).resize((64, 64), Image.BILINEAR)), 64)

    def test_preparation_by_options(self):
        options = ["--resize=10x9", "--crop=8", "--mean=0.485,0.456,0.406",
                   "--std=0.229,0.224,0.225", "--channels=bgr"]

        def reference(path):
            picture = open_photo(path).resize((9, 10), Image.BILINEAR).crop((0, 1, 8, 9))
            pixels = np.asarray(picture).astype(np.float32)[..., ::-1] / np.float32(255)
            return ((pixels - MEAN) / STD).transpose(2, 0, 1)

        self.compare("photo.rnm", reference, 8, *options)

    def test_no_preparation(self):
        err = run(RNRUN, self.path("photo.rnm"), self.photos[0], code=1)[1]
        for option in ("--resize", "--crop", "--channels", "--divisor", "--mean", "--std"):
            self.assertIn(option, err)
        for option in ("--mean=1,2", "--std=0", "--resize=0x5", "--crop=3x", "--divisor=nan",
                       "--mean=1,,2", "--mean=,", "--mean=0,1,", "--resize=99999999999"):
            err = run(RNRUN, self.path("photo.rnm"), self.photos[0], option, code=2)[1]
            self.assertIn(option.split("=")[0] + " is a", err)

    def test_sizes(self):
        for width, height in ((1, 1), (1, 300), (300, 1), (2, 3)):
            path = self.path("small.png")
            Image.fromarray(scene(width, height, 1)).save(path)
            self.compare("imagenet.rnm", imagenet_input, 224, paths=[path])
        for width, height in ((20000, 1), (1, 20000)):
            path = self.path("strip.png")
            Image.fromarray(scene(width, height, 1)).save(path)
            run(RNRUN, self.path("imagenet.rnm"), path, "--output=" + self.path("x.npy"))
        path = self.path("huge.jpg")
        Image.new("L", (20000, 20000)).save(path)
        self.assertIn("huge.jpg: an image of 20000 x 20000 pixels; the most that is taken is",
                      run(RNRUN, self.path("imagenet.rnm"), path, code=1)[1])
        for name, words in (("none.png", "an image of 0 x "), ("none.jpg", "is a broken JPEG")):
            with open(self.path("baseline.jpg" if name.endswith("jpg") else "grey.png"),
                      "rb") as file:
                data = bytearray(file.read())
            at = data.index(b"\xff\xc0") + 5 if name.endswith("jpg") else 16
            data[at:at + (2 if name.endswith("jpg") else 4)] = bytes(
                2 if name.endswith("jpg") else 4)
            with open(self.path(name), "wb") as file:
                file.write(data)
            self.assertIn(f"{name}: {words}", run(RNRUN, self.path("imagenet.rnm"),
                                                  self.path(name), code=1)[1])

    def test_grey_16_is_refused_by_name(self):
        Image.fromarray(np.zeros((30, 30), np.uint16)).save(self.path("deep.png"))
        self.assertIn("deep.png: is a PNG image of 16-bit grey",
                      run(RNRUN, self.path("imagenet.rnm"), self.path("deep.png"), code=1)[1])

    def test_top_5_of_a_resnet_18(self):
        sys.path.insert(0, TRAIN)
        import checkpoint
        run(os.environ["PYTHON"], os.path.join(TRAIN, "make_checkpoint.py"), "--model=resnet_18_1",
            "--seed=3", "-o", self.path("r18.ckpt"))
        run(RNC, "compile", self.path("r18.ckpt"), "-o", self.path("r18.rnm"), "--quiet")
        model, _ = checkpoint.restore(self.path("r18.ckpt"))
        results = json.loads(run(RNRUN, self.path("r18.rnm"), "--json", "--top=6",
                                 *self.photos)[0])["results"]
        self.assertEqual(len(results), 12)
        for path, result in zip(self.photos, results):
            with torch.no_grad():
                logits = model(torch.from_numpy(imagenet_input(path)[None]))[0]
            probabilities = torch.softmax(logits.double(), 0)
            best = torch.topk(probabilities, 6)
            gaps = (best.values[:-1] - best.values[1:]).min()
            found = [entry["class"] for entry in result["top"]]
            # Random weights do not tie; if they did, this would be no test.
            self.assertGreater(gaps, 1e-7)
            self.assertEqual(found[:5], best.indices[:5].tolist(), path)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
