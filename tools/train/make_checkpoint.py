#!/usr/bin/python3
"""Writes a random but numerically meaningful checkpoint of any model, in the authors' layout.

Weights are scaled by fan-in, signs and beta pairs are random, and the batch norms' running
statistics are those of random inputs, so that activations stay near unit size at any depth.
"""

import argparse

import numpy as np
import torch
from torch import nn

import checkpoint
import models
from repeatnet import ACTIVATIONS

BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
CALIBRATION_BATCHES = 3
CALIBRATION_BATCH = 8
# Large inputs are calibrated on smaller ones: statistics hardly change and the time does.
CALIBRATION_SIDE = 64


def parse_arguments(argv):
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, choices=models.model_names(), metavar="NAME")
    parser.add_argument("--activation", default="linear", choices=ACTIVATIONS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--output", required=True, metavar="FILE.ckpt")
    parser.add_argument("--num-classes", type=int, help="1000 for *resnet_18_*, else 10")
    parser.add_argument("--dataset", help="the name recorded; by default one that fits the input")
    parser.add_argument("--optimizer-state", action="store_true",
                        help="add SGD's momentum buffers and its schedule, as training leaves them")
    parser.add_argument("--form", choices=("zip", "legacy"), default="zip")
    parser.add_argument("--half", action="store_true", help="store floats as float16")
    parser.add_argument("--batch", type=int, default=2, help="images in the random input")
    parser.add_argument("--input-out", metavar="X.npy", help="write the random f32 input")
    parser.add_argument("--logits-out", metavar="L.npy", help="write its f32 logits")
    parser.add_argument("--logits-f64-out", metavar="L.npy", help="write its f64 logits")
    return parser.parse_args(argv)


def natural_dataset(model_name):
    """The data set the authors trained this model on, and its number of classes."""
    side = models.input_shape(model_name)[1]
    if model_name in models.UNETS:
        return ({64: "FashionScenes", 224: "IMNET"}[side], 11)
    return {29: ("MNIST-rot", 10), 32: ("CIFAR10", 10), 224: ("IMNET", 1000)}[side]


@torch.no_grad()
def randomise(model, shape):
    """Moves what starts constant (biases, batch norms) to values a trained model might have."""
    for name, parameter in model.named_parameters():
        if name.endswith("bias") and parameter.dim() == 1:
            parameter.normal_(std=0.1)
    norms = [module for module in model.modules() if isinstance(module, BATCH_NORMS)]
    for norm in norms:
        norm.weight.uniform_(0.5, 1.5)
        norm.momentum = None  # a plain mean over all calibration batches
    channels, height, width = shape
    side = (min(height, CALIBRATION_SIDE), min(width, CALIBRATION_SIDE))
    model.train()
    for _ in range(CALIBRATION_BATCHES):
        model(torch.randn(CALIBRATION_BATCH, channels, *side))
    model.eval()


def training_state(model):
    """(optimizer_states, lr_schedulers) like those of the authors' SGD after some epochs."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-3)
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones=[80, 120], gamma=0.1)
    for parameter in model.parameters():
        if parameter.requires_grad:
            momentum = torch.empty_like(parameter).normal_(std=1e-3)
            optimizer.state[parameter]["momentum_buffer"] = momentum
    return [optimizer.state_dict()], [scheduler.state_dict()]


@torch.no_grad()
def write_logits(model, inputs, args):
    """Runs the input in single precision and, where asked for, in double."""
    if args.logits_out:
        np.save(args.logits_out, model(inputs).numpy())
    if args.logits_f64_out:
        np.save(args.logits_f64_out, model.double()(inputs.double()).numpy())


def main(argv=None):
    args = parse_arguments(argv)
    torch.manual_seed(args.seed)
    dataset, num_classes = natural_dataset(args.model)
    dataset, num_classes = args.dataset or dataset, args.num_classes or num_classes
    shape = models.input_shape(args.model)
    model = models.build(args.model, args.activation, num_classes)
    randomise(model, shape)
    if args.half:
        # Rounded before the logits are taken, so that these belong to the file.
        model = model.half().float()

    optimizer_states, lr_schedulers = training_state(model) if args.optimizer_state else ([], [])
    recorded = checkpoint.arguments(args.model, args.activation, dataset, num_classes,
                                    seed=args.seed)
    packed = checkpoint.pack(model, recorded, 128, optimizer_states=optimizer_states,
                             lr_schedulers=lr_schedulers, half=args.half)
    checkpoint.save(args.output, packed, args.form)

    inputs = torch.randn(args.batch, *shape)
    if args.input_out:
        np.save(args.input_out, inputs.numpy())
    write_logits(model, inputs, args)


if __name__ == "__main__":
    main()
