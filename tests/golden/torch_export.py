#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Exports a checkpoint as torch.onnx.export writes it, in several ways:

    torch_export.py CHECKPOINT FOLDER WAY...

writes FOLDER/WAY.onnx. All are in evaluation mode; what torch calls training mode decides whether
the exporter multiplies batch norms into the weights before them.
"""

import pathlib
import sys
import types
import warnings

import torch
import torch.nn.functional as F

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools" / "train"))

import checkpoint  # noqa: E402  pylint: disable=wrong-import-position
import models  # noqa: E402  pylint: disable=wrong-import-position
from repeatnet import RepeatConv2d  # noqa: E402  pylint: disable=wrong-import-position

NORMS = {"training": torch.onnx.TrainingMode.PRESERVE}
PLAIN = {"do_constant_folding": False}

WAYS = {
    "unfolded": {**PLAIN, **NORMS},
    "unfolded_fused": PLAIN,  # batch norms of dense layers are multiplied into them
    "folded": {"do_constant_folding": True, **NORMS},
    "inputs": {"keep_initializers_as_inputs": True, **PLAIN, **NORMS},
    "dense": {"do_constant_folding": True, **NORMS},  # of weights expanded before
}


def expand_all(model, example):
    """Puts expanded weights in the place of every generator, as whoever folds all constants."""
    def keep(layer, inputs):
        layer.child = layer.expand(*inputs[1:]).detach().clone()

    def run(layer, x, parent=None):
        del parent
        return F.conv2d(x, layer.child, layer.bias, layer.stride, layer.padding)

    layers = [layer for layer in model.modules() if isinstance(layer, RepeatConv2d)]
    hooks = [layer.register_forward_pre_hook(keep) for layer in layers]
    with torch.no_grad():
        model(example)
    for hook in hooks:
        hook.remove()
    for layer in layers:
        layer.child = torch.nn.Parameter(layer.child)
        layer.forward = types.MethodType(run, layer)


def main():
    """One file for each way."""
    path, folder, *ways = sys.argv[1:]
    warnings.filterwarnings("ignore")
    for way in ways:
        model, args = checkpoint.restore(path)
        example = torch.zeros(1, *models.input_shape(args.model_name))
        if way == "dense":
            expand_all(model, example)
        torch.onnx.export(model, example, f"{folder}/{way}.onnx", input_names=["input"],
                          output_names=["logits"],
                          dynamic_axes={"input": {0: "N"}, "logits": {0: "N"}}, **WAYS[way])


if __name__ == "__main__":
    main()
