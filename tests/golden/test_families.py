#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every family with every activation, from a random checkpoint to logits, sizes and weights.

    test_families.py [--group=NAME] [unittest option...]
"""

import sys
import unittest

import numpy as np

import ckpt_file
import golden
from reference_sizes import limit_bytes

ACTIVATIONS = ("linear", "swish", "bireal", "static_drop", "random_bireal")


def every_activation(*models):
    """(model, activation) of all pairs."""
    return [(model, activation) for model in models for activation in ACTIVATIONS]


# Groups are ctest's units, so that they can run beside each other and sanitizers take one only.
GROUPS = {
    "small": [("rresnet_cifar_16_2", "bireal"), ("rresnet_cifar_16_2", "swish"),
              ("VGG4", None), ("rresnet_cifar_16_1", "random_bireal")],
    "rresnet_cifar": every_activation("rresnet_cifar_16_1", "rresnet_cifar_16_2")
    + [("rresnet_cifar_16_4", "static_drop"), ("rresnet_cifar_16_8", "bireal")],
    "rep_vgg_4_6": every_activation("rep_vgg_4", "rep_vgg_5", "rep_vgg_6"),
    "rep_vgg_7_10": every_activation("rep_vgg_7", "rep_vgg_8", "rep_vgg_9", "rep_vgg_10"),
    "rotation": [("baseline", None), ("c4_rep", "bireal"), ("c4_rep", "swish"),
                 ("c8_rep", "bireal"), ("c16_rep", "bireal"), ("c16_rep", "swish")],
    "dense": [(f"VGG{depth}", None) for depth in range(4, 12)]
    + [(f"resnet_cifar_16_{width}", None) for width in (1, 2, 4)],
    "imagenet": [("rresnet_18_1", "bireal"), ("rresnet_18_2", "swish"), ("resnet_18_1", None)],
    # Not in the authors' last commit, or too slow for every day.
    "more": [("c4_rep", "linear"), ("c4_rep", "static_drop"), ("c8_rep", "swish"),
             ("rresnet_18_1", "linear"), ("rresnet_18_1", "swish"),
             ("rresnet_18_1", "static_drop"), ("rresnet_18_1", "random_bireal"),
             ("rresnet_18_2", "linear"), ("rresnet_18_2", "bireal"),
             ("rresnet_18_2", "static_drop"), ("rresnet_18_2", "random_bireal"),
             ("resnet_cifar_16_8", None), ("resnet_18_2", None), ("rresnet_cifar_16_8", "swish"),
             ("rresnet_cifar_16_4", "swish"), ("rresnet_cifar_16_4", "bireal")],
}


@unittest.skipUnless(golden.have_torch(), "no PyTorch: checkpoints cannot be made")
class Families(golden.GoldenTest):
    """One test a model; added below."""

    def check_family(self, model, activation):
        """Compiled without any option, a model runs everywhere alike and is as small as it can."""
        seed = sum(map(ord, f"{model} {activation}"))
        checkpoint, inputs, f32, f64 = golden.make_checkpoint(
            self.folder, model, activation, "--batch", 2, "--seed", seed)
        rnm = self.folder / "m.rnm"
        golden.compile_model(checkpoint, rnm)
        if golden.ISA:
            self.check_modes(rnm, inputs, [np.load(f32), np.load(f64)])
            return
        with self.subTest("size"):
            self.assertLessEqual(rnm.stat().st_size, limit_bytes(model, activation))
        with self.subTest("logits"):
            self.check_modes(rnm, inputs, [np.load(f32), np.load(f64)])
        with self.subTest("weights"):
            self.check_weights(rnm, ckpt_file.state_dict(checkpoint))


class Interleaved(golden.GoldenTest):
    """The block order of some older commits, which a file cannot always say."""

    @unittest.skipIf(golden.ISA, "nothing runs here")
    @unittest.skipUnless(golden.have_torch(), "no PyTorch: checkpoints cannot be made")
    def test_interleaved(self):
        """--generator=interleaved stores what it says; shapes are the same as ever."""
        checkpoint, *_ = golden.make_checkpoint(self.folder, "rresnet_cifar_16_2", "swish")
        rnm = self.folder / "m.rnm"
        golden.compile_model(checkpoint, rnm, "--generator=interleaved")
        self.check_weights(rnm, ckpt_file.state_dict(checkpoint), interleaved=True)


def add_tests(group):
    """Gives Families one method for each model of the group."""
    for model, activation in GROUPS[group]:
        def test(self, model=model, activation=activation):
            self.check_family(model, activation)
        name = f"test_{model}" + (f"_{activation}" if activation else "")
        test.__doc__ = f"{model} {activation or ''}".strip()
        setattr(Families, name, test)


def main(argv):
    """Takes --group, leaves the rest to unittest."""
    groups = [word.split("=", 1)[1] for word in argv if word.startswith("--group=")]
    for group in groups or [name for name in GROUPS if name != "more"]:
        add_tests(group)
    if groups and "small" not in groups:
        del globals()["Interleaved"]
    unittest.main(argv=[word for word in argv if not word.startswith("--group=")])


if __name__ == "__main__":
    main(sys.argv)
