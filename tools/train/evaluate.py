#!/usr/bin/python3
"""Accuracy, or mIoU, of .rnm files and checkpoints on a data set, through rnrun and in PyTorch.

    ./evaluate.py net.ckpt                         both: compiled for it, and PyTorch, compared
    ./evaluate.py net.rnm                          rnrun alone
    ./evaluate.py net.rnm --against=net.ckpt       both
    ./evaluate.py net.rnm --inputs=x.npy --labels=y.npy      another data set, ready as inputs
    ./evaluate.py *.ckpt --count=2000 --json       figures for programs

Known data sets are those of datasets.py, by the checkpoint's own word unless --dataset says. Only
numbers pass between this script and rnrun: .npy files in a temporary folder, a part at a time.
The exit code is 1 where predictions differ by more than rounding can explain.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile

import numpy as np

import datasets

PART = 250
# Scores of two classes nearer than this may change places by rounding alone.
NEAR = 1e-3


def parse_arguments(argv):
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", metavar="MODEL", help=".rnm or checkpoint")
    parser.add_argument("--against", metavar="CKPT", help="the checkpoint of a .rnm")
    parser.add_argument("--dataset", choices=datasets.KNOWN)
    parser.add_argument("--datapath", default=datasets.fashion.DEFAULT_PATH)
    parser.add_argument("--inputs", metavar="X.npy", help="f32 inputs instead of a data set")
    parser.add_argument("--labels", metavar="Y.npy", help="their classes [n] or masks [n, h, w]")
    parser.add_argument("--count", type=int, help="the first COUNT images; all unless given")
    parser.add_argument("--rnrun", default=os.environ.get("RNRUN", "rnrun"))
    parser.add_argument("--rnc", default=os.environ.get("RNC", "rnc"))
    parser.add_argument("--option", action="append", default=[], metavar="OPTION",
                        help="for rnrun, as in --option=--expand=load; may be given again")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="one JSON object a model and line")
    parser.add_argument("--quiet", action="store_true", help="no progress")
    args = parser.parse_args(argv)
    if (args.inputs is None) != (args.labels is None):
        parser.error("--inputs and --labels go together")
    if args.against and len(args.models) > 1:
        parser.error("--against goes with one model")
    return args


class Data:
    """Inputs and labels, a part at a time."""

    def __init__(self, args, name):
        if args.inputs:
            self.name, self.images = args.inputs, np.load(args.inputs, mmap_mode="r")
            self.labels, self.prepare = np.load(args.labels), np.asarray
        else:
            kind = datasets.get(args.dataset or name or datasets.fashion.DATASET)
            self.name, self.prepare = kind.name, kind.inputs
            self.images, self.labels = kind.load("test", args.datapath, args.count)
        self.images, self.labels = self.images[:args.count], self.labels[:args.count]
        if len(self.images) != len(self.labels) or not len(self.images):
            sys.exit(f"evaluate.py: {len(self.images)} inputs and {len(self.labels)} labels")
        if self.labels.dtype.kind not in "iu":
            sys.exit(f"evaluate.py: labels are {self.labels.dtype}, expected whole numbers")

    def parts(self):
        """(inputs f32, labels) in order"""
        for start in range(0, len(self.images), PART):
            inputs = self.prepare(self.images[start:start + PART]).astype(np.float32)
            yield inputs, self.labels[start:start + PART]


class Tally:
    """Counts of (true class, predicted class), which give accuracy and mIoU alike."""

    def __init__(self):
        self.counts, self.masks = None, False

    def add(self, scores, labels):
        """Scores [n, classes, ...] and labels [n, ...]; a mask of another size is an error."""
        if scores.shape[:1] + scores.shape[2:] != labels.shape:
            sys.exit(f"evaluate.py: scores of shape {scores.shape} do not fit labels of shape "
                     f"{labels.shape}")
        classes = scores.shape[1]
        if labels.min() < 0 or labels.max() >= classes:
            wrong = labels.min() if labels.min() < 0 else labels.max()
            sys.exit(f"evaluate.py: a label is {wrong}, expected 0 to {classes - 1}")
        self.masks = labels.ndim > 1
        counts = np.bincount(labels.astype(np.int64).ravel() * classes + scores.argmax(1).ravel(),
                             minlength=classes * classes).reshape(classes, classes)
        self.counts = counts if self.counts is None else self.counts + counts

    def value(self):
        """mIoU of masks, over the classes that occur; accuracy of classes"""
        hits = np.diag(self.counts)
        if not self.masks:
            return hits.sum() / self.counts.sum()
        union = self.counts.sum(0) + self.counts.sum(1) - hits
        return (hits[union > 0] / union[union > 0]).mean()


class Difference:
    """How two runs' scores compare."""

    def __init__(self):
        self.predictions = self.unexplained = 0
        self.largest = 0.0

    def add(self, ours, theirs):
        self.largest = max(self.largest, float(np.abs(ours - theirs).max()))
        differ = ours.argmax(1) != theirs.argmax(1)
        ordered = np.sort(theirs, axis=1)
        near = ordered[:, -1] - ordered[:, -2] <= NEAR * np.maximum(1, np.abs(ordered[:, -1]))
        self.predictions += int(differ.sum())
        self.unexplained += int((differ & ~near).sum())


def run_rnm(path, inputs, folder, args):
    """The first output of a .rnm for a part."""
    x, y = (os.path.join(folder, name) for name in ("x.npy", "y.npy"))
    np.save(x, inputs)
    done = subprocess.run([args.rnrun, path, x, f"--output={y}", "--quiet",
                           f"--threads={args.threads}", *args.option], stderr=subprocess.PIPE,
                          text=True, check=False)
    if done.returncode != 0:
        sys.exit(done.stderr.rstrip())
    return np.load(y)


def compile_rnm(path, folder, args):
    """A checkpoint as a .rnm in the folder."""
    target = os.path.join(folder, "model.rnm")
    done = subprocess.run([args.rnc, "compile", path, "-o", target, "--quiet"],
                          stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        sys.exit(done.stderr.rstrip())
    return target


def progress(args, text):
    if not args.quiet and sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{text}")
        sys.stderr.flush()


def restore(path, args):
    """The PyTorch network of a checkpoint that names one of models.py, and its `args`."""
    import torch
    import checkpoint
    torch.set_num_threads(args.threads)
    return checkpoint.restore(path)


def evaluate(path, folder, args):
    """A dictionary of figures for one model."""
    import_torch = not path.endswith(".rnm") or args.against
    checkpoint_path = args.against if path.endswith(".rnm") else path
    network, recorded = restore(checkpoint_path, args) if import_torch else (None, None)
    rnm = path if path.endswith(".rnm") else compile_rnm(path, folder, args)
    data = Data(args, getattr(recorded, "dataset", None))
    ours, theirs, difference = Tally(), Tally(), Difference()
    done = 0
    for inputs, labels in data.parts():
        scores = run_rnm(rnm, inputs, folder, args)
        ours.add(scores, labels)
        if network is not None:
            import torch
            with torch.no_grad():
                reference = network(torch.from_numpy(inputs)).numpy()
            theirs.add(reference, labels)
            difference.add(scores, reference)
        done += len(labels)
        progress(args, f"{os.path.basename(path)}: {done}/{len(data.labels)} images, "
                       f"{ours.value():.4f}")
    progress(args, "")
    figures = {"model": path, "dataset": data.name, "count": len(data.labels),
               "measure": "miou" if ours.masks else "accuracy", "rnrun": float(ours.value()),
               "rnm_bytes": os.path.getsize(rnm)}
    if network is not None:
        figures.update(pytorch=float(theirs.value()), different=difference.predictions,
                       unexplained=difference.unexplained,
                       largest_difference=difference.largest)
    return figures


def say(figures):
    text = (f"{figures['model']}: {figures['measure']} {figures['rnrun']:.4f} through rnrun on "
            f"{figures['count']} images of {figures['dataset']}")
    if "pytorch" in figures:
        text += (f", {figures['pytorch']:.4f} in PyTorch; {figures['different']} predictions "
                 f"differ, scores by at most {figures['largest_difference']:.2g}")
    print(text, flush=True)


def main(argv=None):
    args = parse_arguments(argv)
    bad = 0
    for path in args.models:
        with tempfile.TemporaryDirectory(prefix="evaluate-") as folder:
            figures = evaluate(path, folder, args)
        bad += figures.get("unexplained", 0)
        print(json.dumps(figures), flush=True) if args.json else say(figures)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
