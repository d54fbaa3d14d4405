"""The data sets that train.py and evaluate.py know: images, labels, and how they become inputs.

FashionMNIST      28x28 with two black pixels around, normalised, copied to three channels
FashionMNIST-rot  every image turned by its own random angle, one black row and column behind,
                  in 0..1, one channel: what MNIST-rot is to MNIST, and of its size
FashionScenes     64x64 in colour, three to five items on a textured ground, and a mask that tells
                  for each pixel which class it is, 0 being the ground

FashionMNIST.yaml, FashionMNIST-rot.yaml and FashionScenes.yaml in models/datasets say the same to `rnc`.
"""

import numpy as np
from PIL import Image

import fashion

ROTATED_COUNT = {"train": 12000, "test": 10000}
ROTATED_SEED = {"train": 1, "test": 2}
SCENE_COUNT = {"train": 12000, "test": 500}
SCENE_SIDE = 64
SCENE_CUT = 40  # pixels of an item above this are the item


class Fashion:
    """See the module's docstring."""

    name, classes, task = fashion.DATASET, fashion.CLASSES, "classes"

    @staticmethod
    def load(split, path=fashion.DEFAULT_PATH, limit=None):
        """(images[n, 28, 28], labels[n]), both uint8"""
        images, labels = fashion.load(split, path)
        return images[:limit], labels[:limit]

    @staticmethod
    def inputs(images):
        """uint8 [n, 28, 28] -> f32 [n, 3, 32, 32]"""
        return fashion.normalise(fashion.pad(images))

    @staticmethod
    def augmented(images, labels, rng):
        """Inputs and labels of a training batch"""
        return fashion.normalise(fashion.augment(images, rng)), labels


class RotatedFashion:
    """See the module's docstring."""

    name, classes, task = "FashionMNIST-rot", fashion.CLASSES, "classes"

    @staticmethod
    def load(split, path=fashion.DEFAULT_PATH, limit=None):
        """(images[n, 28, 28], labels[n]), both uint8; the angles are the same every time"""
        images, labels = fashion.load(split, path)
        count = min(ROTATED_COUNT[split], len(images))
        angles = np.random.default_rng(ROTATED_SEED[split]).uniform(0, 360, count)[:limit]
        turned = [np.asarray(Image.fromarray(image).rotate(angle, Image.BILINEAR))
                  for image, angle in zip(images, angles)]
        return np.stack(turned), labels[:count][:limit]

    @staticmethod
    def inputs(images):
        """uint8 [n, 28, 28] -> f32 [n, 1, 29, 29]"""
        padded = np.pad(images, ((0, 0), (0, 1), (0, 1)))
        return padded[:, None].astype(np.float32) / np.float32(255)

    @staticmethod
    def augmented(images, labels, _rng):
        """Inputs and labels of a training batch: as they are, the angles being random"""
        return RotatedFashion.inputs(images), labels


class FashionScenes:
    """See the module's docstring."""

    name, classes, task = "FashionScenes", ("ground", *fashion.CLASSES), "masks"

    @staticmethod
    def ground(rng):
        """f64 [side, side, 3]: coarse coloured noise, a grain, and stripes of any direction"""
        coarse = rng.integers(20, 150, (5, 5, 3)).astype(np.uint8)
        smooth = np.asarray(Image.fromarray(coarse).resize((SCENE_SIDE, SCENE_SIDE),
                                                           Image.BICUBIC)).astype(np.float64)
        y, x = np.mgrid[:SCENE_SIDE, :SCENE_SIDE]
        angle, period = rng.uniform(0, np.pi), rng.uniform(3, 12)
        stripes = np.sin((x * np.cos(angle) + y * np.sin(angle)) * 2 * np.pi / period)
        return smooth + 15 * stripes[..., None] + rng.normal(0, 8, (SCENE_SIDE, SCENE_SIDE, 1))

    @staticmethod
    def scene(images, labels, rng):
        """(uint8 [side, side, 3], mask uint8 [side, side])"""
        pixels = FashionScenes.ground(rng)
        mask = np.zeros((SCENE_SIDE, SCENE_SIDE), np.uint8)
        for _ in range(rng.integers(3, 6)):
            index = rng.integers(len(images))
            item = images[index].astype(np.float64)
            top, left = rng.integers(0, SCENE_SIDE - item.shape[0] + 1, 2)
            place = np.s_[top:top + item.shape[0], left:left + item.shape[1]]
            inside = item > SCENE_CUT
            tint = rng.uniform(0.55, 1, 3)
            pixels[place][inside] = (item[..., None] * tint)[inside]
            mask[place][inside] = labels[index] + 1
        return np.clip(pixels, 0, 255).astype(np.uint8), mask

    @staticmethod
    def load(split, path=fashion.DEFAULT_PATH, limit=None):
        """(images[n, 64, 64, 3], masks[n, 64, 64]), both uint8; the same every time"""
        images, labels = fashion.load(split, path)
        rng = np.random.default_rng(ROTATED_SEED[split])
        scenes = [FashionScenes.scene(images, labels, rng)
                  for _ in range(min(SCENE_COUNT[split], limit or SCENE_COUNT[split]))]
        return tuple(np.stack(part) for part in zip(*scenes))

    @staticmethod
    def inputs(images):
        """uint8 [n, 64, 64, 3] -> f32 [n, 3, 64, 64]"""
        scaled = (images.astype(np.float32) / np.float32(255) - np.float32(0.5)) / np.float32(0.25)
        return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2))

    @staticmethod
    def augmented(images, labels, rng):
        """Inputs and masks of a training batch, half of them mirrored"""
        mirrored = rng.random(len(images)) < 0.5
        images, labels = images.copy(), labels.copy()
        images[mirrored], labels[mirrored] = images[mirrored, :, ::-1], labels[mirrored, :, ::-1]
        return FashionScenes.inputs(images), labels


KNOWN = {kind.name: kind for kind in (Fashion, RotatedFashion, FashionScenes)}


def get(name):
    """The data set of that name; ValueError where there is none."""
    if name not in KNOWN:
        raise ValueError(f"unknown data set '{name}'; there are {', '.join(KNOWN)}")
    return KNOWN[name]
