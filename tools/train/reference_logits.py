#!/usr/bin/python3
"""Runs a checkpoint in double precision on Fashion-MNIST's test images or on a given input."""

import argparse

import numpy as np
import torch

import checkpoint
import fashion

BATCH = 100


def parse_arguments(argv):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint")
    parser.add_argument("--model", help="needed where the file does not name its model")
    parser.add_argument("--activation", help="likewise")
    parser.add_argument("--input", metavar="X.npy",
                        help="f32 NCHW input to use instead of the test images")
    parser.add_argument("--datapath", default=fashion.DEFAULT_PATH)
    parser.add_argument("--count", type=int, help="only the first COUNT images")
    parser.add_argument("--input-out", metavar="X.npy", help="write the f32 NCHW input used")
    parser.add_argument("--logits-out", metavar="L.npy", help="write the f64 logits")
    parser.add_argument("--predictions-out", metavar="P.txt", help="write one class a line")
    return parser.parse_args(argv)


def read_inputs(args):
    """(f32 inputs [n, c, h, w], labels or None)"""
    if args.input:
        return np.load(args.input).astype(np.float32)[:args.count], None
    images, labels = fashion.load("test", args.datapath)
    return fashion.normalise(fashion.pad(images[:args.count])), labels[:args.count]


@torch.no_grad()
def double_logits(model, inputs):
    """f32 [n, c, h, w] -> f64 [n, classes]; every step after the input is in double."""
    model = model.double().eval()
    batches = np.array_split(inputs, -(-len(inputs) // BATCH))
    return np.concatenate([model(torch.from_numpy(batch).double()).numpy() for batch in batches])


def main(argv=None):
    args = parse_arguments(argv)
    model, _ = checkpoint.restore(args.checkpoint, args.model, args.activation)
    inputs, labels = read_inputs(args)
    if args.input_out:
        np.save(args.input_out, inputs)
    logits = double_logits(model, inputs)
    predictions = logits.argmax(axis=1)
    if args.logits_out:
        np.save(args.logits_out, logits)
    if args.predictions_out:
        np.savetxt(args.predictions_out, predictions, fmt="%d")
    if labels is not None:
        correct = int((predictions == labels).sum())
        print(f"{correct} of {len(labels)} correct")


if __name__ == "__main__":
    main()
