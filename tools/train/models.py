"""Every network of the RepeatNet paper's code, by the names its checkpoints use.

Attribute names and their order fix the keys of the state dict, so they are not free to change.
"""

import re

import torch
import torch.nn.functional as F
from torch import nn

from repeatnet import RepeatConv2d

# rep_vgg_N: the layer whose weight each repeating layer borrows. Layers not listed are dense.
VGG_CONVS = ("1_1", "1_2", "2_1", "2_2", "3_1", "3_2", "4_1", "4_2", "5_1", "5_2")
VGG_WIDTHS = (64, 64, 128, 128, 256, 256, 512, 512, 512, 512)
VGG_PARENTS = {
    4: {"2_2": "2_1", "3_1": "2_1", "3_2": "2_1", "4_1": "2_1", "4_2": "2_1", "5_1": "2_1",
        "5_2": "2_1"},
    5: {"3_1": "2_1", "3_2": "2_2", "4_1": "2_1", "4_2": "2_2", "5_1": "2_1", "5_2": "2_2"},
    6: {"3_2": "2_1", "4_1": "2_2", "4_2": "3_1", "5_1": "2_2", "5_2": "3_1"},
    7: {"4_1": "2_1", "4_2": "2_2", "5_1": "3_1", "5_2": "3_2"},
    8: {"4_2": "3_1", "5_1": "3_2", "5_2": "4_1"},
    9: {"5_1": "4_1", "5_2": "4_2"},
    10: {"5_2": "5_1"},
}

# Width of the six convolutions; the baseline's are the parents of the others.
ROTATION_WIDTHS = {
    "baseline": (22, 33, 45, 45, 67, 90),
    "c4_rep": (64, 96, 128, 128, 192, 256),
    "c8_rep": (90, 135, 181, 181, 271, 362),
    "c16_rep": (128, 192, 256, 256, 384, 512),
}
ROTATION_PADS = (1, 2, 2, 2, 2, 0)


def mean_over_map(x):
    """x[n, c, h, w] -> [n, c]"""
    return x.mean(dim=(2, 3))


class RepVGG(nn.Module):
    """Depth repetition: ten convolutions, the later ones made from earlier ones' weights."""

    def __init__(self, depth, activation, num_classes):
        super().__init__()
        self.parents = VGG_PARENTS[depth]
        shapes, in_channels = {}, 3
        for name, width in zip(VGG_CONVS, VGG_WIDTHS):
            shapes[name] = (width, in_channels, 3, 3)
            in_channels = width
        for name, shape in shapes.items():
            if name in self.parents:
                conv = RepeatConv2d(shape, shapes[self.parents[name]], activation,
                                    owns_parent=False, padding=1)
            else:
                conv = nn.Conv2d(shape[1], shape[0], 3, padding=1)
            self.add_module(f"conv{name}", conv)
        for index, width in enumerate(VGG_WIDTHS, start=1):
            self.add_module(f"bn{index}", nn.BatchNorm2d(width))
        self.fc = nn.Linear(VGG_WIDTHS[-1], num_classes)

    def forward(self, x):
        """x[n, 3, 32, 32] -> logits[n, num_classes]"""
        for index, name in enumerate(VGG_CONVS, start=1):
            conv = getattr(self, f"conv{name}")
            if name in self.parents:
                x = conv(x, getattr(self, f"conv{self.parents[name]}").weight)
            else:
                x = conv(x)
            x = F.relu(getattr(self, f"bn{index}")(x))
            if name.endswith("_2"):
                x = F.max_pool2d(x, 2)
        return self.fc(mean_over_map(x))


class VGG(nn.Module):
    """The dense counterpart of RepVGG: its first `depth - 1` convolutions."""

    def __init__(self, depth, num_classes):
        super().__init__()
        layers, in_channels = [], 3
        for index, width in enumerate(VGG_WIDTHS[:depth - 1]):
            layers += [nn.Conv2d(in_channels, width, 3, padding=1), nn.BatchNorm2d(width),
                       nn.ReLU()]
            in_channels = width
            if index % 2 == 1 or index == depth - 2:
                layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Linear(in_channels, num_classes)

    def forward(self, x):
        """x[n, 3, 32, 32] -> logits[n, num_classes]"""
        return self.classifier(mean_over_map(self.features(x)))


def block_conv(in_channels, out_channels, kernel, stride, activation, width, first):
    """A residual block's convolution: dense without bias, or made from a parent 1/width its size.

    The `first` layers read the stem, which is not widened, so their parent keeps all inputs.
    """
    padding = kernel // 2
    if activation is None:
        return nn.Conv2d(in_channels, out_channels, kernel, stride, padding, bias=False)
    parent_in = in_channels if first else in_channels // width
    return RepeatConv2d((out_channels, in_channels, kernel, kernel),
                        (out_channels // width, parent_in, kernel, kernel),
                        activation, stride=stride, padding=padding)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut, projected where the shape changes."""

    def __init__(self, in_channels, out_channels, stride, activation, width, first):
        super().__init__()
        common = {"activation": activation, "width": width}
        self.conv1 = block_conv(in_channels, out_channels, 3, stride, first=first, **common)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = block_conv(out_channels, out_channels, 3, 1, first=False, **common)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.downsample = None
        if stride != 1 or in_channels != out_channels:
            self.downsample = nn.Sequential(
                block_conv(in_channels, out_channels, 1, stride, first=first, **common),
                nn.BatchNorm2d(out_channels))

    def forward(self, x):
        """x[n, in, h, w] -> [n, out, h / stride, w / stride]"""
        shortcut = x if self.downsample is None else self.downsample(x)
        x = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(x)) + shortcut)


class ResNet(nn.Module):
    """Width repetition: every block `width` times wider than its parents; no activation, dense."""

    def __init__(self, stages, stem_channels, large_input, width, activation, num_classes):
        super().__init__()
        self.large_input, self.stages = large_input, stages
        stem = {"kernel_size": 7, "stride": 2} if large_input else {"kernel_size": 3, "stride": 1}
        self.conv1 = nn.Conv2d(3, stem_channels, padding=stem["kernel_size"] // 2, bias=False,
                               **stem)
        self.bn1 = nn.BatchNorm2d(stem_channels)
        channels = stem_channels
        for stage in range(stages):
            out_channels = stem_channels * 2 ** stage * width
            blocks = []
            for block in range(2):
                stride = 2 if stage > 0 and block == 0 else 1
                blocks.append(BasicBlock(channels, out_channels, stride, activation, width,
                                         first=stage == 0 and block == 0))
                channels = out_channels
            self.add_module(f"layer{stage + 1}", nn.Sequential(*blocks))
        self.fc = nn.Linear(channels, num_classes)

    def forward(self, x):
        """x[n, 3, 32, 32], or [n, 3, 224, 224] with large_input -> logits[n, num_classes]"""
        x = F.relu(self.bn1(self.conv1(x)))
        if self.large_input:
            x = F.max_pool2d(x, 3, stride=2, padding=1)
        for stage in range(self.stages):
            x = getattr(self, f"layer{stage + 1}")(x)
        return self.fc(mean_over_map(x))


def upsample(x):
    """Twice as high and wide, bilinear: ONNX's Resize, linear, half_pixel"""
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


class DecoderLevel(nn.Module):
    """Enlarges what comes from below and joins it with what the encoder has at that size."""

    def __init__(self, below, skip_in, out_channels):
        super().__init__()
        self.skip = nn.Conv2d(skip_in, out_channels, 1)
        self.conv = nn.Conv2d(below + out_channels, out_channels, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(out_channels)

    def forward(self, x, wide):
        """x[n, below, h, w], wide[n, skip_in, 2 h, 2 w] -> [n, out, 2 h, 2 w]"""
        x = torch.cat([upsample(x), self.skip(wide)], 1)
        return F.relu(self.bn(self.conv(x)))


class UNet(nn.Module):
    """Segmentation: a ResNet-18 encoder, `width` times wider, and a decoder of four levels.

    1x1 convolutions bring the encoder's wide features to normal width before the decoder sees
    them, so that widening costs the decoder nothing. Sizes are multiples of 32.
    """

    def __init__(self, stem_channels, width, activation, num_classes):
        super().__init__()
        self.encoder = ResNet(4, stem_channels, True, width, activation, 1)
        del self.encoder.fc
        normal = [stem_channels * 2 ** stage for stage in range(4)]
        wide = [channels * width for channels in normal]
        self.bridge = nn.Conv2d(wide[3], normal[3], 1)
        self.up3 = DecoderLevel(normal[3], wide[2], normal[2])
        self.up2 = DecoderLevel(normal[2], wide[1], normal[1])
        self.up1 = DecoderLevel(normal[1], wide[0], normal[0])
        self.up0 = DecoderLevel(normal[0], stem_channels, normal[0])
        self.head = nn.Conv2d(normal[0], num_classes, 1)

    def forward(self, x):
        """x[n, 3, h, w] -> scores[n, num_classes, h, w]"""
        encoder = self.encoder
        stem = F.relu(encoder.bn1(encoder.conv1(x)))
        first = encoder.layer1(F.max_pool2d(stem, 3, stride=2, padding=1))
        second = encoder.layer2(first)
        third = encoder.layer3(second)
        x = self.bridge(encoder.layer4(third))
        x = self.up3(x, third)
        x = self.up2(x, second)
        x = self.up1(x, first)
        x = self.up0(x, stem)
        return upsample(self.head(x))


class RotationNet(nn.Module):
    """The rotated-MNIST network; widths that are no multiple of the parents' give edge blocks."""

    def __init__(self, widths, activation, num_classes):
        super().__init__()
        parents = ROTATION_WIDTHS["baseline"]
        in_channels, parent_in = 1, 1
        for index, (width, parent) in enumerate(zip(widths, parents)):
            kernel, padding = (7 if index == 0 else 5), ROTATION_PADS[index]
            if activation is None:
                conv = nn.Conv2d(in_channels, width, kernel, padding=padding, bias=False)
            else:
                conv = RepeatConv2d((width, in_channels, kernel, kernel),
                                    (parent, parent_in, kernel, kernel), activation,
                                    padding=padding)
            self.add_module(f"conv{index + 1}", conv)
            self.add_module(f"bn{index + 1}", nn.BatchNorm2d(width))
            in_channels, parent_in = width, parent
        self.fully_net = nn.Sequential(nn.Linear(in_channels, 64), nn.BatchNorm1d(64), nn.ELU(),
                                       nn.Linear(64, num_classes))

    def forward(self, x):
        """x[n, 1, 29, 29] -> logits[n, num_classes]"""
        for index in range(1, len(ROTATION_PADS) + 1):
            x = F.elu(getattr(self, f"bn{index}")(getattr(self, f"conv{index}")(x)))
            if index in (2, 4):
                x = F.max_pool2d(x, 2)
        return self.fully_net(mean_over_map(x))


# Segmentation: stem channels and width. The small ones, of a quarter of the channels, are for 64x64.
UNETS = {f"{kind}{name}_{width}": (channels, width)
         for kind in ("unet", "runet") for name, channels in (("_18", 64), ("_small", 16))
         for width in (1, 2, 4)}


def model_names():
    """All names build() accepts."""
    widths = (1, 2, 4, 8)
    resnets = [f"{kind}_{w}" for kind in ("rresnet_cifar_16", "resnet_cifar_16", "rresnet_18",
                                          "resnet_18") for w in widths]
    return ([f"rep_vgg_{n}" for n in VGG_PARENTS] + [f"VGG{n}" for n in range(4, 12)] + resnets
            + list(ROTATION_WIDTHS) + list(UNETS))


def is_repeating(name):
    """Whether the weight activation matters to this model."""
    return name.startswith(("rresnet_", "runet_")) or "rep" in name


def input_shape(name):
    """(channels, height, width) of the inputs the model was made for."""
    if name in ROTATION_WIDTHS:
        return (1, 29, 29)
    if "unet_small" in name:
        return (3, 64, 64)
    return (3, 224, 224) if "_18_" in name else (3, 32, 32)


def build(name, activation="linear", num_classes=10):
    """A freshly initialised model; dense families ignore the activation."""
    if name not in model_names():
        raise ValueError(f"unknown model '{name}'")
    if not is_repeating(name):
        activation = None
    if name in ROTATION_WIDTHS:
        return RotationNet(ROTATION_WIDTHS[name], activation, num_classes)
    if name in UNETS:
        return UNet(*UNETS[name], activation, num_classes)
    size = int(re.search(r"\d+$", name).group())
    if name.startswith("rep_vgg_"):
        return RepVGG(size, activation, num_classes)
    if name.startswith("VGG"):
        return VGG(size, num_classes)
    if "cifar" in name:
        return ResNet(3, 16, False, size, activation, num_classes)
    return ResNet(4, 64, True, size, activation, num_classes)
