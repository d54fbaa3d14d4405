"""Convolutions whose weights are made from a small parent (RepeatNet, Chavan et al. 2021).

A child W[roc, ric, k, k] is tiled from a parent P[ooc, oic, k, k]:

    T[o, i] = P[o % ooc, i % oic]

and every block (o / ooc, i / oic) is then made different from its siblings:

    linear         W = T
    swish (s)      W = b1 * T / (1 + exp(b2 * T)), one pair (b1, b2) a block
    bireal (f)     W = T * sign(m), one learned mask value m an element
    static_drop    W = T * d, d a frozen mask of 0 and 1
    random_bireal  W = (P and frozen random kernels, laid end to end) * sign(m); nothing repeats

With r0 = roc // ooc and r1 = ric // oic, sizes that do not divide leave e0 = roc % ooc rows and
e1 = ric % oic columns. The s and f transforms build them in a cascade: first the r0 x r1 regular
blocks, then e0 more rows made by transforming the first rows of the result once more, then e1
more columns made by transforming the first columns of that once more.

Names and order of the parameters are those of the authors' checkpoints; do not reorder them.

A network of one's own uses RepeatConv2d where it would use nn.Conv2d, and is written with
export_checkpoint, which puts its graph beside its weights so that `rnc compile` needs nothing
else. The module stands alone: copy it into a project, or put this folder into the path. A parent
is a layer's own (`RepeatConv2d(child, parent, "f")`), another layer's (`owns_parent=False`, and
`layer(x, other.weight)`), or joined: one parent that several layers borrow, a SharedParent.
"""

import math
import os

import torch
import torch.nn.functional as F
from torch import nn

ACTIVATIONS = ("linear", "swish", "bireal", "static_drop", "random_bireal")

# The paper's names of two of them.
ALIASES = {"s": "swish", "f": "bireal"}

DOCUMENT_MOST = 1 << 20  # bytes of a topology or data set that rnc takes

# Masks start this far from zero at most: small against 1, where the straight-through gradient
# ends, so that a few optimiser steps can flip a sign; large against one step, so that signs
# settle as the learning rate falls.
MASK_INIT = 0.05


class StraightThroughSign(torch.autograd.Function):
    """sign(m) forwards; backwards the slope of Bi-Real's piecewise polynomial, 2 - 2|m| or 0."""

    @staticmethod
    def forward(ctx, mask):
        ctx.save_for_backward(mask)
        return torch.sign(mask)

    @staticmethod
    def backward(ctx, grad):
        (mask,) = ctx.saved_tensors
        return grad * (2 - 2 * mask.abs()).clamp_(min=0)


class SignMask(nn.Module):
    """Learned signs, kept as full floats in `weight`; only their sign reaches the output."""

    def __init__(self, shape):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(shape).uniform_(-MASK_INIT, MASK_INIT))

    def forward(self):
        return StraightThroughSign.apply(self.weight)


def tile(parent, rows, columns):
    """parent[ooc, oic, k, k] -> T[rows, columns, k, k] with T[o, i] = parent[o % ooc, i % oic]."""
    ooc, oic = parent.shape[:2]
    # Sizes are tensors to torch.onnx.export, which rounds quotients of negative ones to zero.
    tiled = parent.repeat((rows + ooc - 1) // ooc, (columns + oic - 1) // oic, 1, 1)
    return tiled[:rows, :columns]


def s_transform(block, beta1, beta2):
    """The paper's s: beta1 * p / (1 + exp(beta2 * p)), in exactly this order of roundings."""
    return block * beta1 / (1 + torch.exp(block * beta2))


def check_shapes(child, parent):
    """ValueError for shapes of which none can be made from the other."""
    if len(child) != 4 or len(parent) != 4 or child[2:] != parent[2:] or min(parent) < 1 \
            or parent[0] > child[0] or parent[1] > child[1]:
        raise ValueError(f"a child of {list(child)} cannot be made from a parent of "
                         f"{list(parent)}: both are [out, in, k, k], with the same kernel, and the "
                         "parent is no larger")


class SharedParent(nn.Module):
    """A parent [ooc, oic, k, k] that several layers borrow and none owns; `fan_in` is a child's.

    In a topology: `{op: Conv, layer: deep, parent: shared}` for a SharedParent called `shared`.
    """

    def __init__(self, shape, fan_in):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(tuple(shape)))
        nn.init.normal_(self.weight, std=math.sqrt(2 / fan_in))


class RepeatConv2d(nn.Module):
    """A convolution of child shape [roc, ric, k, k] stored as a parent and a transform.

    `parent_shape` is [ooc, oic, k, k]. With `owns_parent` the layer holds the parent as `weight`;
    otherwise forward() and expand() are given another layer's weight. When both shapes are equal
    nothing is repeated and the child is the parent, except that random_bireal still applies
    its signs; masks exist all the same, as the checkpoints have them.
    """

    def __init__(self, child_shape, parent_shape, activation, *, owns_parent=True, stride=1,
                 padding=0):
        super().__init__()
        activation = ALIASES.get(activation, activation)
        if activation not in ACTIVATIONS:
            raise ValueError(f"unknown weight activation '{activation}'")
        self.child_shape, self.parent_shape = tuple(child_shape), tuple(parent_shape)
        check_shapes(self.child_shape, self.parent_shape)
        self.activation = activation
        self.stride, self.padding = stride, padding
        roc, ric = self.child_shape[:2]
        ooc, oic = self.parent_shape[:2]
        self.r0, self.e0 = divmod(roc, ooc)
        self.r1, self.e1 = divmod(ric, oic)
        self.do_repeat = self.child_shape != self.parent_shape

        self.bias = nn.Parameter(torch.zeros(roc))
        self._add_transform_parameters()
        if owns_parent:
            self.weight = nn.Parameter(torch.empty(self.parent_shape))
            fan_in = ric * math.prod(self.child_shape[2:])
            nn.init.normal_(self.weight, std=math.sqrt(2 / fan_in))
        self._add_masks()

    def _add_transform_parameters(self):
        roc, ric, *kernel = self.child_shape
        ooc, oic = self.parent_shape[:2]
        if self.activation == "swish" and self.do_repeat:
            self.alphas, self.betas = self._new_betas((1, self.r0 * self.r1))
            if self.e0:
                self.ealpha1, self.ebeta1 = self._new_betas((1,))
            if self.e1:
                self.ealpha2, self.ebeta2 = self._new_betas((1, 1))
        elif self.activation == "static_drop":
            drop_mask = torch.empty(self.child_shape).bernoulli_(0.5)
            self.drop_mask = nn.Parameter(drop_mask, requires_grad=False)
        elif self.activation == "random_bireal":
            random = torch.empty(roc * ric - ooc * oic, *kernel)
            random.normal_(std=math.sqrt(2 / (ric * math.prod(kernel))))
            self.random_weights = nn.Parameter(random, requires_grad=False)

    def _new_betas(self, shape):
        """One (beta1, beta2) pair a block, random so that no two blocks start alike.

        beta1 is near +-2 because 1 / (1 + exp(0)) = 1/2. beta2 counts in units of one over a
        parent weight's typical size: less would leave s linear, and linear copies are lost on
        the batch norm behind them.
        """
        beta1 = torch.empty(shape).uniform_(1.5, 2.5) * (torch.rand(shape) - 0.5).sign()
        fan_in = self.child_shape[1] * math.prod(self.child_shape[2:])
        beta2 = torch.empty(shape).normal_(std=math.sqrt(fan_in / 2))
        return nn.Parameter(beta1), nn.Parameter(beta2)

    def _add_masks(self):
        roc, _, *kernel = self.child_shape
        rows, columns = self._regular_size()
        if self.activation == "bireal":
            self.binary_activation = SignMask((rows, columns, *kernel))
            if self.e0:
                self.binary_activation0 = SignMask((self.e0, columns, *kernel))
            if self.e1:
                self.binary_activation1 = SignMask((roc, self.e1, *kernel))
        elif self.activation == "random_bireal":
            self.binary_activation = SignMask(self.child_shape)

    def _regular_size(self):
        """Rows and columns covered by whole blocks."""
        return self.r0 * self.parent_shape[0], self.r1 * self.parent_shape[1]

    def expand(self, parent=None):
        """The child weight [roc, ric, k, k]; `parent` is needed iff the layer owns none."""
        parent = self.weight if parent is None else parent
        if self.activation == "random_bireal":
            kernels = torch.cat([parent.flatten(0, 1), self.random_weights])
            return kernels.view(self.child_shape) * self.binary_activation()
        if not self.do_repeat:
            return parent
        if self.activation == "linear":
            return tile(parent, *self.child_shape[:2])
        if self.activation == "static_drop":
            return tile(parent, *self.child_shape[:2]) * self.drop_mask
        regular = tile(parent, *self._regular_size())
        return self._expand_s(regular) if self.activation == "swish" else self._expand_f(regular)

    def _expand_s(self, regular):
        child = s_transform(regular, self._per_kernel(self.alphas), self._per_kernel(self.betas))
        if self.e0:
            edge = s_transform(child[:self.e0], self.ealpha1, self.ebeta1)
            child = torch.cat([child, edge])
        if self.e1:
            edge = s_transform(child[:, :self.e1], self.ealpha2, self.ebeta2)
            child = torch.cat([child, edge], dim=1)
        return child

    def _per_kernel(self, block_values):
        """[1, r0*r1] values, row-major over blocks -> [r0*ooc, r1*oic, 1, 1]."""
        ooc, oic = self.parent_shape[:2]
        grid = block_values.view(self.r0, 1, self.r1, 1)
        # torch.onnx.export loses the shape of repeat_interleave, and a convolution needs it.
        each = grid.expand(self.r0, ooc, self.r1, oic)
        return each.reshape(self.r0 * ooc, self.r1 * oic, 1, 1)

    def _expand_f(self, regular):
        child = regular * self.binary_activation()
        if self.e0:
            child = torch.cat([child, child[:self.e0] * self.binary_activation0()])
        if self.e1:
            child = torch.cat([child, child[:, :self.e1] * self.binary_activation1()], dim=1)
        return child

    def forward(self, x, parent=None):
        """x[n, ric, h, w] -> [n, roc, h', w']"""
        return F.conv2d(x, self.expand(parent), self.bias, self.stride, self.padding)

    def extra_repr(self):
        return f"{self.parent_shape} -> {self.child_shape}, {self.activation}"


def _document(source, what):
    """The text of a YAML document given as text or as a path."""
    if isinstance(source, os.PathLike) or "\n" not in source:
        with open(source, encoding="utf-8") as file:
            source = file.read()
    if len(source.encode()) > DOCUMENT_MOST:
        raise ValueError(f"the {what} has more than {DOCUMENT_MOST} bytes")
    return source


def export_checkpoint(model, path, *, topology=None, dataset=None):
    """Writes model's weights, and what rnc must know of it, as one file for `rnc compile`.

    `topology` is the graph and `dataset` how images are prepared and what the classes are called:
    YAML (models/topology/README.md, models/datasets), each as text or as the path of a file.
    Without a topology `rnc compile` wants one by --topology. The file is whole or absent; the model
    is left as it is. torch.load reads it: `torch.load(path)["state_dict"]`.
    """
    parameters = {}
    if topology is not None:
        parameters["rnc_topology"] = _document(topology, "topology")
    if dataset is not None:
        parameters["rnc_dataset"] = _document(dataset, "data set")
    state = {key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()}
    temporary = f"{os.fspath(path)}.tmp"
    try:
        with open(temporary, "wb") as file:
            torch.save({"state_dict": state, "hyper_parameters": parameters}, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        if os.path.exists(temporary):
            os.remove(temporary)
