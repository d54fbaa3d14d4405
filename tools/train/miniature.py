#!/usr/bin/python3
"""Trains the rows of a miniature of the paper's tables on Fashion-MNIST, one after the other.

Every row gets the same budget: --epochs times --epoch-images images, one random seed, one thread.
Each has a folder of its own with train.log and its checkpoints. Started again with the same
folder, it goes on where it was, after the last whole epoch; rows that are done are passed over.

    ./miniature.py RUNS                       all rows
    ./miniature.py RUNS --rows width          the rows of one table, or those named
    ./miniature.py RUNS --list                what there is and what is done
    ./miniature.py RUNS --epochs=20 --epoch-images=60000    a budget for a larger machine
"""

import argparse
import fcntl
import os
import sys

import train

# Table, row, model, activation, data set. Cheap rows first.
ROWS = (
    ("width", "resnet_cifar_16_1", "linear", "FashionMNIST"),
    ("rotation", "baseline", "linear", "FashionMNIST-rot"),
    ("depth", "VGG4", "linear", "FashionMNIST"),
    ("width", "resnet_cifar_16_2", "linear", "FashionMNIST"),
    ("width", "rresnet_cifar_16_2", "linear", "FashionMNIST"),
    ("width", "rresnet_cifar_16_2", "swish", "FashionMNIST"),
    ("width", "rresnet_cifar_16_2", "bireal", "FashionMNIST"),
    ("rotation", "c4_rep", "bireal", "FashionMNIST-rot"),
    ("rotation", "c4_rep", "swish", "FashionMNIST-rot"),
    ("depth", "VGG11", "linear", "FashionMNIST"),
    ("depth", "rep_vgg_4", "linear", "FashionMNIST"),
    ("depth", "rep_vgg_4", "swish", "FashionMNIST"),
    ("depth", "rep_vgg_4", "bireal", "FashionMNIST"),
    ("width", "resnet_cifar_16_4", "linear", "FashionMNIST"),
    ("width", "rresnet_cifar_16_4", "linear", "FashionMNIST"),
    ("width", "rresnet_cifar_16_4", "swish", "FashionMNIST"),
    ("width", "rresnet_cifar_16_4", "bireal", "FashionMNIST"),
)


def row_name(row):
    """The row's folder: the model, and how its weights repeat if they do."""
    _, model, activation, _ = row
    return f"{model}_{activation}" if train.models.is_repeating(model) and model != "baseline" \
        else model


def parse_arguments(argv):
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", help="a folder for each row goes here")
    parser.add_argument("--rows", nargs="+", metavar="ROW", help="rows or tables (width, depth, "
                        "rotation); all unless given")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--epoch-images", type=int, default=960)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--test-images", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--datapath", default=train.fashion.DEFAULT_PATH)
    parser.add_argument("--list", action="store_true", help="only say what is done")
    return parser.parse_args(argv)


def chosen_rows(args):
    """The rows asked for, in the table's order."""
    wanted = set(args.rows or [row_name(row) for row in ROWS])
    rows = [row for row in ROWS if row_name(row) in wanted or row[0] in wanted]
    unknown = wanted - {row_name(row) for row in rows} - {row[0] for row in rows}
    if unknown:
        sys.exit(f"miniature.py: no row or table '{sorted(unknown)[0]}'")
    return rows


def train_row(row, folder, args):
    """Trains one row to its end, unless it is there already."""
    _, model, activation, dataset = row
    train.main([folder, f"--model={model}", f"--activation={activation}", f"--dataset={dataset}",
                f"--epochs={args.epochs}", f"--epoch-images={args.epoch_images}",
                f"--batch-size={args.batch_size}", f"--test-images={args.test_images}",
                f"--seed={args.seed}", f"--threads={args.threads}",
                *([f"--datapath={args.datapath}"]
                  if args.datapath != train.fashion.DEFAULT_PATH else [])])


def main(argv=None):
    args = parse_arguments(argv)
    for row in chosen_rows(args):
        folder = os.path.join(args.directory, row_name(row))
        done = os.path.exists(os.path.join(folder, "final.ckpt"))
        print(f"{row[0]:8}  {row_name(row):28}  {'done' if done else 'to do'}", flush=True)
        if done or args.list:
            continue
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "lock"), "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # two runs over one folder do not mix
            train_row(row, folder, args)


if __name__ == "__main__":
    main()
