"""The data sets that train.py and evaluate.py know: images, labels, and how they become inputs.

FashionMNIST      28x28 with two black pixels around, normalised, copied to three channels
FashionMNIST-rot  every image turned by its own random angle, one black row and column behind,
                  in 0..1, one channel: what MNIST-rot is to MNIST, and of its size

FashionMNIST.yaml and FashionMNIST-rot.yaml in models/datasets say the same to `rnc`.
"""

import numpy as np
from PIL import Image

import fashion

ROTATED_COUNT = {"train": 12000, "test": 10000}
ROTATED_SEED = {"train": 1, "test": 2}


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


KNOWN = {kind.name: kind for kind in (Fashion, RotatedFashion)}


def get(name):
    """The data set of that name; ValueError where there is none."""
    if name not in KNOWN:
        raise ValueError(f"unknown data set '{name}'; there are {', '.join(KNOWN)}")
    return KNOWN[name]
