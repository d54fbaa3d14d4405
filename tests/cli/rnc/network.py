# SPDX-License-Identifier: Apache-2.0
"""A small network that nobody has published, as a topology, as a checkpoint and as loops: width
repetition, regular and not, a borrowed parent, groups, strides, poolings, a sum, a concatenation.
"""
import math
import random

from children import Child, Layer, add_layer, noise
from ckpt_writer import Tensor

TOPOLOGY = """\
# A network of the tests' own.
topology: own
about: Everything once
input: {name: image, channels: 3, height: 11, width: 8}
ignore: [helper.weight]

blocks:
  layer:
    - {op: Conv, layer: $at, pads: $pads, strides: $stride}
    - {op: BatchNormalization, layer: $at.bn}
    - {op: Relu}

graph:
  - {use: layer, at: stem, pads: 1, stride: 1}
  - {use: layer, at: wide, pads: 1, stride: 1}
  - {op: MaxPool, kernel_shape: 2, strides: 2, name: pooled}
  - {op: Conv, layer: never, when: never.weight}
  - {op: Conv, layer: deep, parent: wide, pads: 1, strides: 2}
  - {op: BatchNormalization, layer: deep.bn}
  - {op: Conv, layer: short, strides: 2, from: pooled}
  - {op: BatchNormalization, layer: short.bn}
  - {op: Add, from: [deep.bn, short.bn]}
  - {op: Relu, name: summed}
  - {op: Conv, layer: apart, group: 13, pads: 1}
  - {op: BatchNormalization, layer: apart.bn}
  - {op: Elu, alpha: 0.5, name: apart_elu}
  - {op: Concat, axis: 1, from: [apart_elu, summed]}
  - {op: AveragePool, kernel_shape: 2, strides: 1}
  - {op: GlobalAveragePool}
  - {op: Flatten}
  - {op: Gemm, layer: fc, name: scores}
"""

HEIGHT, WIDTH, CHANNELS, CLASSES = 11, 8, 3, 5

STEM = Layer("stem", (6, 3), (6, 3), 3)
WIDE = Layer("wide", (8, 6), (4, 3), 3)
DEEP = Layer("deep", (13, 8), (4, 3), 3, borrows="wide")
SHORT = Layer("short", (13, 8), (6, 4), 1)
APART = Layer("apart", (13, 1), (4, 1), 3)
FC = Layer("fc", (CLASSES, 26), (CLASSES, 26), 0)
CONVOLUTIONS = (STEM, WIDE, DEEP, SHORT, APART)


def tensors_of(activation, seed=1, prefix="model."):
    """The network's state dict."""
    rng = random.Random(f"{activation} {seed}")
    tensors = {}
    for layer in CONVOLUTIONS:
        add_layer(rng, tensors, layer, activation, prefix)
        norm = f"{prefix}{layer.name}.bn."
        outs = layer.outs
        tensors[norm + "weight"] = Tensor((outs,), [rng.uniform(0.5, 1.5) for _ in range(outs)])
        tensors[norm + "bias"] = noise(rng, (outs,), 0.3)
        tensors[norm + "running_mean"] = noise(rng, (outs,), 0.3)
        tensors[norm + "running_var"] = Tensor((outs,),
                                               [rng.uniform(0.2, 2.0) for _ in range(outs)])
        tensors[norm + "num_batches_tracked"] = Tensor((), [70000], "i64")
    tensors[prefix + "fc.weight"] = noise(rng, (CLASSES, FC.ins), 0.5)
    tensors[prefix + "fc.bias"] = noise(rng, (CLASSES,))
    return tensors


def images(count, seed=2):
    rng = random.Random(seed)
    return [rng.gauss(0, 1) for _ in range(count * CHANNELS * HEIGHT * WIDTH)]


def convolve(maps, child, bias, stride=1, pad=0):
    """Maps are [channel][row][column]; a child of one input serves each map apart."""
    layer = child.layer
    k = layer.kernel[0]
    rows, columns = len(maps[0]), len(maps[0][0])
    apart = layer.ins == 1 and len(maps) == layer.outs
    out = []
    for o in range(layer.outs):
        plane = []
        for y in range(-pad, rows + pad - k + 1, stride):
            line = []
            for x in range(-pad, columns + pad - k + 1, stride):
                total = bias.values[o]
                for i in range(layer.ins):
                    source = maps[o if apart else i]
                    for t, weight in enumerate(child.weight[o][i]):
                        row, column = y + t // k, x + t % k
                        if 0 <= row < rows and 0 <= column < columns:
                            total += weight * source[row][column]
                line.append(total)
            plane.append(line)
        out.append(plane)
    return out


def normalise(maps, tensors, key):
    def of(name, c):
        return tensors[f"{key}.{name}"].values[c]

    out = []
    for c, plane in enumerate(maps):
        scale = of("weight", c) / math.sqrt(of("running_var", c) + 1e-5)
        shift = of("bias", c) - of("running_mean", c) * scale
        out.append([[value * scale + shift for value in line] for line in plane])
    return out


def each(function, maps, *others):
    return [[[function(*values) for values in zip(*lines)] for lines in zip(*planes)]
            for planes in zip(maps, *others)]


def pool(maps, reduce, k, stride):
    return [[[reduce([plane[y + dy][x + dx] for dy in range(k) for dx in range(k)])
              for x in range(0, len(plane[0]) - k + 1, stride)]
             for y in range(0, len(plane) - k + 1, stride)] for plane in maps]


def relu(value):
    return max(value, 0.0)


def elu(value):
    return value if value > 0 else 0.5 * math.expm1(value)


def mean(values):
    return sum(values) / len(values)


class Network:
    """The network in loops over single numbers, in double precision."""

    def __init__(self, tensors, activation, prefix="model."):
        self.tensors = {name[len(prefix):]: tensor for name, tensor in tensors.items()}
        self.children = {layer.name: Child(self.tensors, layer, activation)
                         for layer in CONVOLUTIONS}

    def layer(self, name, maps, stride=1, pad=0):
        maps = convolve(maps, self.children[name], self.tensors[name + ".bias"], stride, pad)
        return normalise(maps, self.tensors, name + ".bn")

    def scores(self, values):
        """One image, flat, to its scores."""
        maps = [[values[(c * HEIGHT + y) * WIDTH:(c * HEIGHT + y + 1) * WIDTH]
                 for y in range(HEIGHT)] for c in range(CHANNELS)]
        maps = each(relu, self.layer("stem", maps, pad=1))
        maps = pool(each(relu, self.layer("wide", maps, pad=1)), max, 2, 2)
        maps = each(lambda a, b: relu(a + b), self.layer("deep", maps, stride=2, pad=1),
                    self.layer("short", maps, stride=2))
        maps = each(elu, self.layer("apart", maps, pad=1)) + maps
        maps = pool(maps, mean, 2, 1)
        means = [mean([value for line in plane for value in line]) for plane in maps]
        weight, bias = self.tensors["fc.weight"].values, self.tensors["fc.bias"].values
        return [bias[o] + sum(weight[o * len(means) + i] * value for i, value in enumerate(means))
                for o in range(CLASSES)]

    def batch(self, values):
        size = CHANNELS * HEIGHT * WIDTH
        return [score for at in range(0, len(values), size)
                for score in self.scores(values[at:at + size])]
