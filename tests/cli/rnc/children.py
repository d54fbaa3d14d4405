# SPDX-License-Identifier: Apache-2.0
"""Layers as training code stores them, and the weights that they stand for: made tensor by tensor
and read back by loops over single elements, after the description of the training code alone.
"""
import math

from ckpt_writer import Tensor

ACTIVATIONS = ("linear", "swish", "bireal", "static_drop", "random_bireal")


class Layer:
    """A weighted layer: child [outs, ins, k, k] from a parent [parent_outs, parent_ins, k, k], its
    own or that of the layer `borrows`. k is 0 for a fully connected layer."""

    def __init__(self, name, child, parent, k, borrows=None):
        self.name = name
        self.outs, self.ins = child
        self.parent_outs, self.parent_ins = parent
        self.kernel = (k, k) if k else ()
        self.taps = k * k if k else 1
        self.borrows = borrows
        self.repeats = child != parent
        self.rows, self.columns = self.outs // self.parent_outs, self.ins // self.parent_ins
        self.row_edge, self.column_edge = self.outs % self.parent_outs, self.ins % self.parent_ins


def noise(rng, dims, spread=1.0):
    count = math.prod(dims)
    return Tensor(dims, [rng.gauss(0, spread) for _ in range(count)])


def _swish(rng, layer, add):
    if not layer.repeats:
        return
    pairs = layer.rows * layer.columns
    add("alphas", noise(rng, (1, pairs)))
    add("betas", noise(rng, (1, pairs)))
    if layer.row_edge:
        add("ealpha1", noise(rng, (1,)))
        add("ebeta1", noise(rng, (1,)))
    if layer.column_edge:
        add("ealpha2", noise(rng, (1, 1)))
        add("ebeta2", noise(rng, (1, 1)))


def _bireal(rng, layer, add):
    regular = layer.columns * layer.parent_ins
    add("binary_activation.weight",
        noise(rng, (layer.rows * layer.parent_outs, regular, *layer.kernel)))
    if layer.row_edge:
        add("binary_activation0.weight", noise(rng, (layer.row_edge, regular, *layer.kernel)))
    if layer.column_edge:
        add("binary_activation1.weight",
            noise(rng, (layer.outs, layer.column_edge, *layer.kernel)))


def _static_drop(rng, layer, add):
    dims = (layer.outs, layer.ins, *layer.kernel)
    add("drop_mask", Tensor(dims, [float(rng.random() < 0.7) for _ in range(math.prod(dims))]))


def _random_bireal(rng, layer, add):
    kernels = layer.outs * layer.ins - layer.parent_outs * layer.parent_ins
    add("random_weights", noise(rng, (kernels, *layer.kernel), 0.3))
    add("binary_activation.weight", noise(rng, (layer.outs, layer.ins, *layer.kernel)))


STEERING = {"linear": None, "swish": _swish, "bireal": _bireal, "static_drop": _static_drop,
            "random_bireal": _random_bireal}


def add_layer(rng, tensors, layer, activation, prefix=""):
    """Adds the tensors of a layer to a dict, in the training code's order."""
    def add(key, tensor):
        tensors[f"{prefix}{layer.name}.{key}"] = tensor

    add("bias", noise(rng, (layer.outs,), 0.2))
    if activation == "swish":
        _swish(rng, layer, add)
    if layer.borrows is None:
        fan_in = layer.ins * layer.taps
        add("weight", noise(rng, (layer.parent_outs, layer.parent_ins, *layer.kernel),
                            math.sqrt(2.0 / fan_in)))
    if activation not in ("linear", "swish"):
        STEERING[activation](rng, layer, add)


def sign(value):
    return (value > 0) - (value < 0)


def silu(value, alpha, beta):
    try:
        return value * alpha / (1.0 + math.exp(value * beta))
    except OverflowError:
        return 0.0


def _cell(tensor, o, i, t, ins, taps):
    return tensor.values[(o * ins + i) * taps + t]


class Child:
    """The weight of a layer, element by element."""

    def __init__(self, tensors, layer, activation, prefix=""):
        self.layer = layer
        self.tensors = tensors
        self.own = f"{prefix}{layer.name}."
        self.parent = tensors[f"{prefix}{layer.borrows or layer.name}.weight"]
        self.activation = activation
        element = getattr(self, "_" + activation)
        self.weight = [[[element(o, i, t) for t in range(layer.taps)] for i in range(layer.ins)]
                       for o in range(layer.outs)]

    def _tensor(self, key):
        return self.tensors[self.own + key]

    def _linear(self, o, i, t):
        a = self.layer
        return _cell(self.parent, o % a.parent_outs, i % a.parent_ins, t, a.parent_ins, a.taps)

    def _swish(self, o, i, t):
        a = self.layer
        if not a.repeats:
            return self._linear(o, i, t)
        row_edge = o >= a.rows * a.parent_outs
        column_edge = i >= a.columns * a.parent_ins
        block = ((0 if row_edge else o // a.parent_outs) * a.columns
                 + (0 if column_edge else i // a.parent_ins))
        value = silu(self._linear(o, i, t), self._tensor("alphas").values[block],
                     self._tensor("betas").values[block])
        if row_edge:
            value = silu(value, self._tensor("ealpha1").values[0],
                         self._tensor("ebeta1").values[0])
        if column_edge:
            value = silu(value, self._tensor("ealpha2").values[0],
                         self._tensor("ebeta2").values[0])
        return value

    def _bireal(self, o, i, t):
        a = self.layer
        if not a.repeats:
            return self._linear(o, i, t)
        regular_outs, regular_ins = a.rows * a.parent_outs, a.columns * a.parent_ins
        value = self._linear(o, i, t)
        if i >= regular_ins:
            value *= sign(_cell(self._tensor("binary_activation1.weight"), o, i - regular_ins, t,
                                a.column_edge, a.taps))
            i -= regular_ins
        if o >= regular_outs:
            value *= sign(_cell(self._tensor("binary_activation0.weight"), o - regular_outs, i, t,
                                regular_ins, a.taps))
            o -= regular_outs
        return value * sign(_cell(self._tensor("binary_activation.weight"), o, i, t, regular_ins,
                                  a.taps))

    def _static_drop(self, o, i, t):
        a = self.layer
        value = self._linear(o, i, t)
        return value * _cell(self._tensor("drop_mask"), o, i, t, a.ins, a.taps) if a.repeats \
            else value

    def _random_bireal(self, o, i, t):
        a = self.layer
        flat = (o * a.ins + i) * a.taps + t
        kernels = self.parent.values + self._tensor("random_weights").values
        return kernels[flat] * sign(self._tensor("binary_activation.weight").values[flat])
