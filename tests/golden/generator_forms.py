#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Layers whose weights are made in the ways in which people write generators, each exported alone
by torch.onnx.export without constant folding: generator_forms.py FOLDER.

Writes NAME.onnx, and forms.npz with each form's weight, one input and output, and the recipe that
it should become: transform and flags, or -1 for a form that stays a computation.
"""

import pathlib
import sys
import warnings

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

SIZE = 9  # of the images

torch.manual_seed(7)


def ste_clamped(mask):
    """Straight through, the gradient cut at +-1: forwards the sign alone."""
    hard = torch.sign(mask)
    soft = torch.clamp(mask, -1.0, 1.0)
    return hard.detach() - soft.detach() + soft


def ste_plain(mask):
    """Straight through."""
    return torch.sign(mask).detach() - mask.detach() + mask


def s_of(x, b1, b2):
    """The paper's s."""
    return x * b1 / (1 + torch.exp(x * b2))


class Form(nn.Module):
    """A convolution, or a linear layer, with parameters of given shapes and a way to its weight."""

    def __init__(self, weight, shapes, linear=False, zeros=0):
        super().__init__()
        self.make, self.linear = weight, linear
        for name, shape in shapes.items():
            values = torch.randn(shape) * 0.3
            if name.startswith("drop"):
                values = (values > 0).float()
            if zeros and name == "m":
                values.view(-1)[:zeros] = 0.0
            setattr(self, name, nn.Parameter(values))

    def weight(self):
        """The child."""
        return self.make(self)

    def forward(self, x):
        """x[n, inputs, h, w] -> [n, outputs, h, w]; of a linear layer, the last axis alone."""
        if self.linear:
            return F.linear(x, self.weight())
        return F.conv2d(x, self.weight(), padding=1)


def blocks(grid, po, pi):
    """[r0, r1] -> one number an element of the blocks, to be broadcast over the kernel."""
    r0, r1 = grid.shape
    return grid.view(r0, 1, r1, 1).expand(r0, po, r1, pi).reshape(r0 * po, r1 * pi, 1, 1)


def tiled(p):
    """[8, 4] -> [16, 12], as one views and expands."""
    rows = p.unsqueeze(0).expand(2, 8, 4, 3, 3).contiguous().view(16, 4, 3, 3)
    return rows.unsqueeze(1).expand(16, 3, 4, 3, 3).contiguous().view(16, 12, 3, 3)


def cascade(o):
    """Edges of rows, then of columns, transformed once more."""
    w = s_of(o.p.repeat(2, 2, 1, 1), blocks(o.b1, 7, 5), blocks(o.b2, 7, 5))
    w = torch.cat([w, s_of(w[:3], o.r1, o.r2)])
    return torch.cat([w, s_of(w[:, :2], o.c1, o.c2)], dim=1)


def interleaved(o):
    """One pair for outputs o mod 2 and inputs i mod 3."""
    pairs = [b.repeat(8, 4).view(16, 12, 1, 1) for b in (o.b1, o.b2)]
    return s_of(o.p.repeat(2, 3, 1, 1), *pairs)


P, C = (8, 4, 3, 3), (16, 12, 3, 3)
ONE = {"p": P}
MASKED = {"p": P, "m": C}
DROPPED = {"p": P, "drop": C}
PAIRED = {"p": P, "b1": (2, 3), "b2": (2, 3)}


def pairs_of(o):
    """The pairs of PAIRED."""
    return blocks(o.b1, 8, 4), blocks(o.b2, 8, 4)


KINDS = ("linear", "s", "f", "drop")  # by their numbers in the format

# name: (transform or None, flags, form)
FORMS = {
    "repeat": ("linear", 0, Form(lambda o: o.p.repeat(2, 3, 1, 1), ONE)),
    "expand": ("linear", 0, Form(lambda o: tiled(o.p), ONE)),
    "cat": ("linear", 0, Form(lambda o: torch.cat([torch.cat([o.p] * 3, 1)] * 2, 0), ONE)),
    "gather": ("linear", 0, Form(lambda o: o.p[torch.arange(16) % 8][:, torch.arange(12) % 4],
                                 ONE)),
    "cut": ("linear", 0, Form(lambda o: o.p.repeat(3, 4, 1, 1)[:19, :13], ONE)),
    "turned": ("linear", 0, Form(lambda o: o.p.permute(3, 2, 0, 1).repeat(2, 3, 1, 1),
                                 {"p": (3, 3, 4, 8)})),
    "matrix": ("linear", 0, Form(lambda o: o.p.repeat(2, 3), {"p": (8, 4)}, linear=True)),
    "sign": ("f", 0, Form(lambda o: tiled(o.p) * torch.sign(o.m), MASKED)),
    "clamped": ("f", 0, Form(lambda o: ste_clamped(o.m) * tiled(o.p), MASKED)),
    "through": ("f", 0, Form(lambda o: tiled(o.p) * ste_plain(o.m), MASKED)),
    "where": ("f", 0, Form(lambda o: torch.where(o.m > 0, tiled(o.p), -tiled(o.p)), MASKED)),
    "where_signs": ("f", 0, Form(lambda o: tiled(o.p) * torch.where(
        o.m >= 0, torch.tensor(1.0), torch.tensor(-1.0)), MASKED)),
    "steps": ("f", 0, Form(lambda o: tiled(o.p) * ((o.m > 0).float() * 2 - 1), MASKED)),
    "some_zeros": ("f", 0, Form(lambda o: tiled(o.p) * torch.sign(o.m), MASKED, zeros=3)),
    "many_zeros": ("f", 0, Form(lambda o: tiled(o.p) * torch.sign(o.m), MASKED, zeros=300)),
    "drop": ("drop", 0, Form(lambda o: tiled(o.p) * o.drop, DROPPED)),
    "drop_where": ("drop", 0, Form(lambda o: tiled(o.p) * (o.m > 0.1).float(), MASKED)),
    "s": ("s", 0, Form(lambda o: s_of(tiled(o.p), *pairs_of(o)), PAIRED)),
    "s_negated": ("s", 0, Form(lambda o: tiled(o.p) * pairs_of(o)[0] / (
        torch.exp(-(pairs_of(o)[1] * tiled(o.p))) + 1.0), PAIRED)),
    "s_cut": ("s", 0, Form(lambda o: s_of(o.p.repeat(2, 3, 1, 1), *pairs_of(o))[:13, :11],
                           PAIRED)),
    "s_cascaded": ("s", 1, Form(cascade, {
        "p": (7, 5, 3, 3), "b1": (2, 2), "b2": (2, 2), "r1": (1,), "r2": (1,), "c1": (1, 1),
        "c2": (1, 1)})),
    "s_interleaved": ("s", 2, Form(interleaved, PAIRED)),
    "near_f": (None, 0, Form(lambda o: tiled(o.p) * (torch.sign(o.m) * 0.999), MASKED)),
    "near_s": (None, 0, Form(lambda o: tiled(o.p) * torch.sigmoid(tiled(o.p)), ONE)),
    "two_parents": (None, 0, Form(lambda o: torch.cat([o.p, o.q], 1).repeat(2, 1, 1, 1),
                                  {"p": P, "q": P})),
}


def export(form, folder, name):
    """(weight, input, output)"""
    with torch.no_grad():
        weight = form.weight()
        shape = (2, weight.shape[1]) + (() if form.linear else (SIZE, SIZE))
        x = torch.randn(shape)
        torch.onnx.export(form, x, str(folder / f"{name}.onnx"), do_constant_folding=False,
                          input_names=["input"], output_names=["output"])
        return weight.numpy(), x.numpy(), form(x).numpy()


def main():
    """Everything into one folder."""
    warnings.filterwarnings("ignore")
    folder = pathlib.Path(sys.argv[1])
    arrays = {}
    for name, (kind, flags, form) in FORMS.items():
        for part, array in zip(("weight", "input", "output"), export(form, folder, name)):
            arrays[f"{name}.{part}"] = array
        arrays[f"{name}.recipe"] = np.array([-1 if kind is None else KINDS.index(kind), flags])
    np.savez(folder / "forms.npz", **arrays)


if __name__ == "__main__":
    main()
