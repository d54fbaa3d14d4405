# SPDX-License-Identifier: Apache-2.0
"""The networks of the comparison, with random weights: speed and size do not depend on training."""
import os
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MAKE = os.path.join(ROOT, "tools", "train", "make_checkpoint.py")

# Name in the tables, model and transform of the trainer, shape of the input.
NETWORKS = {
    "rresnet_cifar_16_8 f": ("rresnet_cifar_16_8", "bireal", (1, 3, 32, 32)),
    "rresnet_cifar_16_8 s": ("rresnet_cifar_16_8", "swish", (1, 3, 32, 32)),
    "rresnet_cifar_16_4 f": ("rresnet_cifar_16_4", "bireal", (1, 3, 32, 32)),
    "rresnet_cifar_16_4 s": ("rresnet_cifar_16_4", "swish", (1, 3, 32, 32)),
    "rep_vgg_4 f": ("rep_vgg_4", "bireal", (1, 3, 32, 32)),
    "rresnet_18_2 f": ("rresnet_18_2", "bireal", (1, 3, 224, 224)),
    "c16_rep f": ("c16_rep", "bireal", (1, 1, 29, 29)),
    "rresnet_cifar_16_1": ("rresnet_cifar_16_1", "linear", (1, 3, 32, 32)),
    "resnet_cifar_16_2 dense": ("resnet_cifar_16_2", "linear", (1, 3, 32, 32)),
}

# What panel mode is to reach: its time by the fastest peer's; of ONNX Runtime's peak memory; peak
# bytes; the first answer by ONNX Runtime's. Times are for one thread and for two.
TARGETS = {
    "rresnet_cifar_16_8 f": (0.50, 1 / 12, 16e6, 1 / 20),
    "rresnet_cifar_16_8 s": (0.60, 1 / 12, 16e6, 1 / 20),
    "rresnet_cifar_16_4 f": (0.60, None, 12e6, None),
    "rresnet_cifar_16_4 s": (0.60, None, 12e6, None),
    "rep_vgg_4 f": (0.50, None, 12e6, None),
    "rresnet_18_2 f": (0.60, 1 / 4, None, None),
    "c16_rep f": (0.95, None, 16e6, None),
    "rresnet_cifar_16_1": (1.00, None, None, None),
    "resnet_cifar_16_2 dense": (1.00, None, None, None),
}


class Files:
    """Everything that is made once for a network, in a folder of its own."""

    def __init__(self, name, work):
        self.name = name
        self.model, self.activation, self.shape = NETWORKS[name]
        self.folder = os.path.join(work, name.replace(" ", "_"))
        self.rnm = os.path.join(self.folder, "model.rnm")
        self.onnx = os.path.join(self.folder, "model.onnx")
        self.input = os.path.join(self.folder, "input.f32")

    def make(self, rnc):
        import numpy
        if os.path.exists(self.onnx) and os.path.exists(self.input):
            return
        os.makedirs(self.folder, exist_ok=True)
        checkpoint = os.path.join(self.folder, "model.ckpt")
        subprocess.run([MAKE, "--model", self.model, "--activation", self.activation, "--seed", "1",
                        "-o", checkpoint], check=True, stdout=subprocess.DEVNULL)
        subprocess.run([rnc, "compile", checkpoint, "-o", self.rnm, "--quiet"], check=True)
        os.unlink(checkpoint)
        numpy.random.default_rng(1).standard_normal(self.shape, numpy.float32).tofile(self.input)
        subprocess.run([rnc, "export", self.rnm, "--dense", "-o", self.onnx], check=True)
