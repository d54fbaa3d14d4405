# SPDX-License-Identifier: Apache-2.0
"""Exports a network of torchvision with random weights, as torch.onnx.export writes it.

    torchvision_onnx.py NAME OUTPUT.onnx [--norms] [--any-size]

With --norms batch norms stay nodes of their own, else the exporter folds them into weights. Batch,
and with --any-size height and width, are symbolic. Run by a Python that has torchvision.
"""

import sys

import torch
import torchvision


def main(name, output, *options):
    """Statistics of batch norms are those of a random batch, so that activations stay near 1."""
    torch.manual_seed(1)
    model = getattr(torchvision.models, name)(weights=None)
    for layer in model.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.momentum = None
            torch.nn.init.uniform_(layer.weight, 0.5, 1.5)
            torch.nn.init.uniform_(layer.bias, -0.2, 0.2)
    model.train()
    with torch.no_grad():
        model(torch.randn(4, 3, 96, 96))
    model.eval()
    axes = {0: "N", 2: "H", 3: "W"} if "--any-size" in options else {0: "N"}
    training = torch.onnx.TrainingMode
    torch.onnx.export(model, torch.randn(1, 3, 224, 224), output, opset_version=13,
                      input_names=["x"], output_names=["y"],
                      dynamic_axes={"x": axes, "y": {0: "N"}},
                      training=training.PRESERVE if "--norms" in options else training.EVAL,
                      do_constant_folding="--norms" not in options)


main(*sys.argv[1:])
