# SPDX-License-Identifier: Apache-2.0
"""What a checkpoint means, worked out again in NumPy from its key names and shapes alone.

derive(state) gives, for each weighted layer, the child weight, the scale and the bias that a .rnm
should have. Nothing here comes from the compiler: semantics are those of the training code.
"""

import collections
import re

import numpy as np

Layer = collections.namedtuple("Layer", "name kind weight scale bias")

EPS = 1e-5

# rep_vgg_N, told by how many convolutions have a weight of their own: who borrows from whom.
VGG_CONVS = ("1_1", "1_2", "2_1", "2_2", "3_1", "3_2", "4_1", "4_2", "5_1", "5_2")
BORROWED = {
    3: {"2_2": "2_1", "3_1": "2_1", "3_2": "2_1", "4_1": "2_1", "4_2": "2_1", "5_1": "2_1",
        "5_2": "2_1"},
    4: {"3_1": "2_1", "4_1": "2_1", "5_1": "2_1", "3_2": "2_2", "4_2": "2_2", "5_2": "2_2"},
    5: {"3_2": "2_1", "4_1": "2_2", "5_1": "2_2", "4_2": "3_1", "5_2": "3_1"},
    6: {"4_1": "2_1", "4_2": "2_2", "5_1": "3_1", "5_2": "3_2"},
    7: {"4_2": "3_1", "5_1": "3_2", "5_2": "4_1"},
    8: {"5_1": "4_1", "5_2": "4_2"},
    9: {"5_2": "5_1"},
}


def tile(parent, rows, columns):
    """T[o, i] = P[o mod Po, i mod Pi]"""
    return parent[np.arange(rows) % parent.shape[0]][:, np.arange(columns) % parent.shape[1]]


def f32(array):
    """Halves are widened before anything is done to them."""
    return np.asarray(array).astype(np.float32)


def swish(block, alpha, beta):
    """T * a / (1 + exp(T * b)), each step rounded to f32, the exponential once."""
    with np.errstate(over="ignore", under="ignore"):
        exponential = np.exp((block * beta).astype(np.float64)).astype(np.float32)
        return (block * alpha) / (np.float32(1) + exponential)


def random_child(parent, keys, rows, columns):
    """P's kernels and the random ones laid end to end, times the signs."""
    kernels = np.concatenate([parent.reshape(-1, *parent.shape[2:]),
                              f32(keys["random_weights"])])
    child = kernels.reshape(rows, columns, *parent.shape[2:])
    return child * np.sign(f32(keys["binary_activation.weight"]))


def swish_child(parent, keys, rows, columns, interleaved):
    """Blocks, then e0 rows, then e1 columns, each from what is there by then."""
    ooc, oic = parent.shape[:2]
    r0, e0 = divmod(rows, ooc)
    r1, e1 = divmod(columns, oic)
    outputs, inputs = np.arange(r0 * ooc)[:, None], np.arange(r1 * oic)[None]
    index = outputs % r0 * r1 + inputs % r1 if interleaved else outputs // ooc * r1 + inputs // oic
    alphas, betas = (f32(keys[key]).reshape(-1)[index][..., None, None]
                     for key in ("alphas", "betas"))
    child = swish(tile(parent, r0 * ooc, r1 * oic), alphas, betas)
    if e0:
        edge = swish(child[:e0], *(f32(keys[key]).reshape(()) for key in ("ealpha1", "ebeta1")))
        child = np.concatenate([child, edge])
    if e1:
        edge = swish(child[:, :e1], *(f32(keys[key]).reshape(()) for key in ("ealpha2", "ebeta2")))
        child = np.concatenate([child, edge], axis=1)
    return child


def bireal_child(parent, keys, rows, columns):
    """Signs compound: the edges are taken from what has its signs already."""
    ooc, oic = parent.shape[:2]
    r0, e0 = divmod(rows, ooc)
    r1, e1 = divmod(columns, oic)
    signs = {key: np.sign(f32(array)) for key, array in keys.items()
             if key.startswith("binary_activation")}
    child = tile(parent, r0 * ooc, r1 * oic) * signs["binary_activation.weight"]
    if e0:
        child = np.concatenate([child, child[:e0] * signs["binary_activation0.weight"]])
    if e1:
        edge = child[:, :e1] * signs["binary_activation1.weight"]
        child = np.concatenate([child, edge], axis=1)
    return child


def child_of(parent, keys, rows, columns, interleaved):
    """(kind, child) of one layer; `keys` are its own, without its name."""
    parent = f32(parent)
    if "random_weights" in keys:
        return "random", random_child(parent, keys, rows, columns)
    if parent.shape[:2] == (rows, columns):
        return "dense", parent
    if "alphas" in keys:
        return "s", swish_child(parent, keys, rows, columns, interleaved)
    if "binary_activation.weight" in keys:
        return "f", bireal_child(parent, keys, rows, columns)
    tiled = tile(parent, rows, columns)
    if "drop_mask" in keys:
        return "drop", tiled * f32(keys["drop_mask"])
    return "linear", tiled


def affine(state, bias, norm):
    """(scale or None, bias), in double, rounded once; `norm` is the batch norm's name or None."""
    bias = 0.0 if bias is None else np.asarray(bias).astype(np.float64)
    if norm is None:
        return None, np.asarray(bias).astype(np.float32)
    gamma, beta, mean, variance = (
        np.asarray(state[f"{norm}.{key}"]).astype(np.float64)
        for key in ("weight", "bias", "running_mean", "running_var"))
    scale = gamma / np.sqrt(variance + EPS)
    return scale.astype(np.float32), (beta + (bias - mean) * scale).astype(np.float32)


class Network:
    """Collects the layers of one state dict."""

    def __init__(self, state, interleaved):
        self.state, self.interleaved, self.layers = state, interleaved, {}

    def add(self, name, norm, columns, owner=None):
        """A convolution or linear layer that reads `columns` channels; returns its outputs."""
        prefix = name + "."
        keys = {key[len(prefix):]: array for key, array in self.state.items()
                if key.startswith(prefix)}
        parent = self.state[f"{owner or name}.weight"]
        counted = keys.get("bias", self.state.get(f"{norm}.weight"))
        rows = parent.shape[0] if counted is None else len(counted)
        kind, weight = child_of(parent, keys, rows, columns, self.interleaved)
        scale, bias = affine(self.state, keys.get("bias"), norm)
        self.layers[name] = Layer(name, kind, weight, scale, bias)
        return rows


def rep_vgg(network):
    """conv1_1 .. conv5_2, then fc."""
    owners = [name for name in VGG_CONVS if f"conv{name}.weight" in network.state]
    borrowed, channels = BORROWED.get(len(owners), {}), 3
    for index, name in enumerate(VGG_CONVS, start=1):
        owner = f"conv{borrowed[name]}" if name in borrowed else None
        channels = network.add(f"conv{name}", f"bn{index}", channels, owner)
    network.add("fc", None, channels)


def vgg(network):
    """features.N with a batch norm at N + 1, then classifier."""
    numbers = sorted(int(match[1]) for key in network.state
                     if (match := re.fullmatch(r"features\.(\d+)\.weight", key))
                     and network.state[key].ndim == 4)
    channels = 3
    for number in numbers:
        channels = network.add(f"features.{number}", f"features.{number + 1}", channels)
    network.add("classifier", None, channels)


def resnet(network):
    """A stem, then stages of two blocks."""
    channels = network.add("conv1", "bn1", 3)
    stage = 1
    while f"layer{stage}.0.conv1.weight" in network.state:
        for block in range(2):
            name = f"layer{stage}.{block}"
            if f"{name}.downsample.0.weight" in network.state:
                network.add(f"{name}.downsample.0", f"{name}.downsample.1", channels)
            channels = network.add(f"{name}.conv1", f"{name}.bn1", channels)
            channels = network.add(f"{name}.conv2", f"{name}.bn2", channels)
        stage += 1
    network.add("fc", None, channels)


def rotation(network):
    """conv1 .. conv6, then two linear layers with a batch norm between."""
    channels = 1
    for index in range(1, 7):
        channels = network.add(f"conv{index}", f"bn{index}", channels)
    channels = network.add("fully_net.0", "fully_net.1", channels)
    network.add("fully_net.3", None, channels)


def derive(state, interleaved=False):
    """{layer name: Layer} for the state dict of any known family."""
    network = Network(state, interleaved)
    if "conv1_1.weight" in state:
        rep_vgg(network)
    elif "features.0.weight" in state:
        vgg(network)
    elif "layer1.0.conv1.weight" in state:
        resnet(network)
    elif "fully_net.0.weight" in state:
        rotation(network)
    else:
        raise ValueError("no family that this test knows")
    return network.layers
