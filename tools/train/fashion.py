"""Fashion-MNIST as Debian's dataset-fashion-mnist ships it, made into 3x32x32 network inputs."""

import gzip
import os

import numpy as np

DATASET = "FashionMNIST"
DEFAULT_PATH = "/usr/share/datasets/fashion-mnist"
CLASSES = ("t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag",
           "ankle-boot")
MEAN, STD = 0.2860, 0.3530
PAD = 2
SHIFT = 2


def _read_idx(path):
    """An idx file of bytes: magic 0, 0, type 8, rank; big-endian sizes; data."""
    with gzip.open(path, "rb") as file:
        data = file.read()
    if data[:3] != b"\0\0\x08":
        raise ValueError(f"{path}: not an idx file of bytes")
    rank = data[3]
    shape = np.frombuffer(data, ">u4", count=rank, offset=4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * rank).reshape(shape)


def load(split, path=DEFAULT_PATH):
    """(images[n, 28, 28], labels[n]), both uint8; split is 'train' or 'test'."""
    stem = {"train": "train", "test": "t10k"}[split]
    images = _read_idx(os.path.join(path, f"{stem}-images-idx3-ubyte.gz"))
    labels = _read_idx(os.path.join(path, f"{stem}-labels-idx1-ubyte.gz"))
    return images, labels


def pad(images, margin=PAD):
    """uint8 [n, h, w] -> [n, h + 2 margin, w + 2 margin], black around"""
    return np.pad(images, ((0, 0), (margin, margin), (margin, margin)))


def normalise(padded):
    """uint8 [n, 32, 32] -> float32 [n, 3, 32, 32]: x / 255, then (x - mean) / std, grey thrice"""
    grey = (padded.astype(np.float32) / np.float32(255) - np.float32(MEAN)) / np.float32(STD)
    return np.repeat(grey[:, None], 3, axis=1)


def augment(images, rng):
    """uint8 [n, 28, 28] -> [n, 32, 32]: padded, shifted by up to SHIFT, half of them mirrored"""
    count, size = len(images), images.shape[-1] + 2 * PAD
    wide = pad(images, PAD + SHIFT)
    rows = rng.integers(0, 2 * SHIFT + 1, (count, 1)) + np.arange(size)
    columns = rng.integers(0, 2 * SHIFT + 1, (count, 1)) + np.arange(size)
    mirrored = rng.random(count) < 0.5
    columns[mirrored] = columns[mirrored, ::-1]
    return wide[np.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]]
