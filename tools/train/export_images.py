#!/usr/bin/python3
"""Writes one test image of each class as a PNG: the first that every given model gets right."""

import argparse
import os

import numpy as np
from PIL import Image

import checkpoint
import fashion
from reference_logits import double_logits

# Enough images for each class to occur many times, few enough to run in seconds.
CANDIDATES = 200


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory")
    parser.add_argument("checkpoints", nargs="*")
    parser.add_argument("--datapath", default=fashion.DEFAULT_PATH)
    args = parser.parse_args(argv)

    images, labels = (part[:CANDIDATES] for part in fashion.load("test", args.datapath))
    inputs = fashion.normalise(fashion.pad(images))
    eligible = np.ones(len(images), bool)
    for path in args.checkpoints:
        model, _ = checkpoint.restore(path)
        eligible &= double_logits(model, inputs).argmax(axis=1) == labels

    os.makedirs(args.directory, exist_ok=True)
    with open(os.path.join(args.directory, "labels.txt"), "w", encoding="ascii") as listing:
        for index, name in enumerate(fashion.CLASSES):
            first = np.flatnonzero(eligible & (labels == index))[0]
            file_name = f"{index}_{name}.png"
            Image.fromarray(images[first]).save(os.path.join(args.directory, file_name))
            listing.write(f"{file_name} {index} {name}\n")


if __name__ == "__main__":
    main()
