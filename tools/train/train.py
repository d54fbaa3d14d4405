#!/usr/bin/python3
"""Trains a model on a data set; started again with the same directory, it goes on.

The directory gets last.ckpt (each epoch, with the optimiser), train.log and, at the end,
final.ckpt without the optimiser.
"""

import argparse
import os
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

import checkpoint
import checkpoint_reader
import datasets
import fashion
import models
from repeatnet import SignMask

WARM_UP = 0.2
LABEL_SMOOTHING = 0.05
WEIGHT_DECAY = 0.05


def parse_arguments(argv):
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", help="where checkpoints and the log go")
    parser.add_argument("--model", default="rresnet_cifar_16_2")
    parser.add_argument("--activation", default="bireal")
    parser.add_argument("--epochs", type=int, default=11)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--lr", type=float, default=3e-3, help="highest learning rate")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--dataset", default=fashion.DATASET, choices=datasets.KNOWN)
    parser.add_argument("--datapath", default=fashion.DEFAULT_PATH)
    parser.add_argument("--limit", type=int, help="use only the first LIMIT images of each split")
    parser.add_argument("--epoch-images", type=int, metavar="N",
                        help="an epoch is N images drawn at random, not all")
    parser.add_argument("--test-images", type=int, metavar="N",
                        help="test on the first N images only, and only after the last epoch")
    parser.add_argument("--stop-after", type=int, metavar="EPOCH",
                        help="leave after this epoch, as if interrupted")
    parser.add_argument("--bf16", action="store_true",
                        help="convolve in bfloat16: twice as fast where the CPU has it")
    return parser.parse_args(argv)


def learning_rate_factor(step, steps):
    """One cycle: a line up from 1/25 over the first WARM_UP of all steps, then a line to zero."""
    rising = 0.04 + 0.96 * step / (WARM_UP * steps)
    falling = (steps - step) / ((1 - WARM_UP) * steps)
    return min(rising, falling)


def make_optimizer(model, lr):
    """AdamW, since a mask's gradient is scaled by its parent's weight and no one step size fits.

    Only weights decay: a decaying mask would drift to where its sign is noise.
    """
    masks = {id(module.weight) for module in model.modules() if isinstance(module, SignMask)}
    trainable = [p for p in model.parameters() if p.requires_grad]
    decaying = [p for p in trainable if p.dim() > 1 and id(p) not in masks]
    decaying_ids = {id(p) for p in decaying}
    others = [p for p in trainable if id(p) not in decaying_ids]
    return torch.optim.AdamW([{"params": decaying, "weight_decay": WEIGHT_DECAY},
                              {"params": others, "weight_decay": 0.0}], lr=lr)


def to_tensor(inputs):
    """f32 [n, c, h, w], channels last in memory"""
    return torch.from_numpy(inputs).contiguous(memory_format=torch.channels_last)


def train_epoch(model, optimizer, scheduler, images, labels, args, epoch):
    """Mean loss over one pass; all randomness comes from the seed and the epoch's number."""
    rng = np.random.default_rng([args.seed, epoch])
    order = rng.permutation(len(images))[:args.epoch_images]
    dataset = datasets.get(args.dataset)
    model.train()
    total = 0.0
    for start in range(0, len(order), args.batch_size):
        chosen = order[start:start + args.batch_size]
        x, target = dataset.augmented(images[chosen], labels[chosen], rng)
        target = torch.from_numpy(target.astype(np.int64))
        with torch.autocast("cpu", torch.bfloat16, enabled=args.bf16):
            logits = model(to_tensor(x))
        loss = F.cross_entropy(logits.float(), target, label_smoothing=LABEL_SMOOTHING)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        scheduler.step()
        total += loss.item() * len(chosen)
    return total / len(order)


@torch.no_grad()
def accuracy(model, dataset, images, labels, batch_size=250):
    """Share of images (or, for masks, of pixels) that are right, in f32, not augmented."""
    model.eval()
    correct = 0
    for start in range(0, len(images), batch_size):
        scores = model(to_tensor(dataset.inputs(images[start:start + batch_size])))
        correct += int((scores.argmax(1).numpy() == labels[start:start + batch_size]).sum())
    return correct / labels.size


def main(argv=None):
    args = parse_arguments(argv)
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    dataset = datasets.get(args.dataset)
    train_images, train_labels = dataset.load("train", args.datapath, args.limit)
    test_images, test_labels = dataset.load("test", args.datapath, args.test_images or args.limit)

    model = models.build(args.model, args.activation, len(dataset.classes))
    model = model.to(memory_format=torch.channels_last)
    optimizer = make_optimizer(model, args.lr)
    epoch_images = min(args.epoch_images or len(train_images), len(train_images))
    epoch_steps = -(-epoch_images // args.batch_size)
    steps = args.epochs * epoch_steps
    scheduler = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: learning_rate_factor(step, steps))

    os.makedirs(args.directory, exist_ok=True)
    last = os.path.join(args.directory, "last.ckpt")
    done = 0
    if os.path.exists(last):
        saved = checkpoint_reader.load(last)
        model.load_state_dict(checkpoint.model_state(saved))
        optimizer.load_state_dict(saved["optimizer_states"][0])
        scheduler.load_state_dict(saved["lr_schedulers"][0])
        done = saved["epoch"]

    recorded = checkpoint.arguments(args.model, args.activation, args.dataset,
                                    len(dataset.classes), datapath=args.datapath,
                                    epochs=args.epochs, lr=args.lr, seed=args.seed)
    with open(os.path.join(args.directory, "train.log"), "a", encoding="ascii", buffering=1) as log:
        verb = f"# resumed after epoch {done}:" if done else "#"
        log.write(f"{verb} {os.path.basename(__file__)} {' '.join(argv or sys.argv[1:])}\n")
        log.write("# epoch  lr  train_loss  test_accuracy  seconds  cpu_seconds\n")
        for epoch in range(done + 1, args.epochs + 1):
            begin, cpu_begin = time.monotonic(), time.process_time()
            loss = train_epoch(model, optimizer, scheduler, train_images, train_labels, args, epoch)
            tested = epoch == args.epochs or not args.test_images
            correct = (f"{accuracy(model, dataset, test_images, test_labels):.4f}" if tested
                       else "-     ")
            packed = checkpoint.pack(model, recorded, args.batch_size, epoch=epoch,
                                     global_step=epoch * epoch_steps,
                                     optimizer_states=[optimizer.state_dict()],
                                     lr_schedulers=[scheduler.state_dict()])
            checkpoint.save(last, packed)
            log.write(f"{epoch:3d}  {scheduler.get_last_lr()[0]:.3e}  {loss:.4f}  {correct}  "
                      f"{time.monotonic() - begin:.0f}  {time.process_time() - cpu_begin:.0f}\n")
            if epoch == args.stop_after:
                return
    final = checkpoint.pack(model, recorded, args.batch_size, epoch=args.epochs, global_step=steps)
    checkpoint.save(os.path.join(args.directory, "final.ckpt"), final)


if __name__ == "__main__":
    main()
