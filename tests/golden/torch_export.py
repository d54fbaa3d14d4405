#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Exports a checkpoint as torch.onnx.export writes it: torch_export.py CHECKPOINT OUT.onnx WAY."""

import pathlib
import sys
import warnings

import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools" / "train"))

import checkpoint  # noqa: E402  pylint: disable=wrong-import-position
import models  # noqa: E402  pylint: disable=wrong-import-position
import repeatnet  # noqa: E402  pylint: disable=wrong-import-position

KEEP = torch.onnx.TrainingMode.PRESERVE  # in evaluation mode: batch norms stay apart


class Folded(torch.nn.Module):
    """A network whose generators were folded away: each repeating layer holds its child."""

    def __init__(self, model):
        super().__init__()
        for name, layer in list(model.named_modules()):
            if isinstance(layer, repeatnet.RepeatConv2d):
                layer.expanded = None
        self.model = model

    def forward(self, x):
        """Runs once to see the parents, then with constants in their place."""
        return self.model(x)


def fold(model):
    """Makes every child weight a buffer, as an exporter that folds all constants would."""
    def freeze(layer, inputs):
        parent = inputs[1] if len(inputs) > 1 else None
        layer.child = layer.expand(parent).detach().clone()
    layers = [layer for layer in model.modules() if isinstance(layer, repeatnet.RepeatConv2d)]
    hooks = [layer.register_forward_pre_hook(freeze) for layer in layers]
    return layers, hooks


WAYS = {
    "unfolded": {"do_constant_folding": False},
    "unfolded_norms": {"do_constant_folding": False, "training": KEEP},
    "folded_norms": {"do_constant_folding": True, "training": KEEP},
    "folded": {"do_constant_folding": True},
    "inputs": {"do_constant_folding": False, "keep_initializers_as_inputs": True},
}


def main():
    path, out, way = sys.argv[1:4]
    warnings.filterwarnings("ignore")
    model, args = checkpoint.restore(path)
    example = torch.zeros(1, *models.input_shape(args.model_name))
    torch.onnx.export(model, example, out, input_names=["input"], output_names=["logits"],
                      dynamic_axes={"input": {0: "N"}, "logits": {0: "N"}}, **WAYS[way])


if __name__ == "__main__":
    main()
