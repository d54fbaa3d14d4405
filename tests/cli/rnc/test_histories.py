# SPDX-License-Identifier: Apache-2.0
"""Checkpoints whose making is not certain: early versions of the training code used the same names
and shapes for something else. What is assumed is said, with the option that overrides it.
"""
import json
import random
import unittest

from children import Layer, add_layer, noise
from ckpt_writer import Tensor
from tool_case import RNRUN, ToolCase

TODAY = {"dataset": "CIFAR10", "num_classes": 5, "weight_activation": "swish", "datapath": "."}
EARLY = {key: value for key, value in TODAY.items() if key != "datapath"}
ORDER = "layers are taken in"
VGG = ("1_1", "1_2", "2_1", "2_2", "3_1", "3_2", "4_1", "4_2", "5_1", "5_2")
# Layers of rep_vgg_5 without a weight of their own, and whose they borrow.
BORROWED = {"3_1": "2_1", "3_2": "2_2", "4_1": "2_1", "4_2": "2_2", "5_1": "2_1", "5_2": "2_2"}
BORROWED_4 = {name: "2_1" for name in VGG[3:]}


def add_norm(tensors, name, channels):
    for key, value in (("weight", 1.0), ("bias", 0.1), ("running_mean", 0.0),
                       ("running_var", 1.0)):
        tensors[f"{name}.{key}"] = Tensor((channels,), [value] * channels)


def add_dense(rng, tensors, name, dims, bias):
    tensors[f"{name}.weight"] = noise(rng, dims, 0.3)
    if bias:
        tensors[f"{name}.bias"] = noise(rng, dims[:1])


def resnet(activation, stem=2, width=2):
    """resnet_cifar_16 of a few channels."""
    rng, tensors = random.Random(f"resnet {activation}"), {}
    add_dense(rng, tensors, "model.conv1", (stem, 3, 3, 3), False)
    add_norm(tensors, "model.bn1", stem)
    ins, parent_in = stem, stem
    for stage in range(3):
        parent = stem * 2 ** stage
        for block in range(2):
            at, outs = f"layer{stage + 1}.{block}", parent * width
            convolutions = [("conv1", "bn1", 3, ins, parent_in),
                            ("conv2", "bn2", 3, outs, parent)]
            if block == 0:
                convolutions.append(("downsample.0", "downsample.1", 1, ins, parent_in))
            for conv, norm, kernel, inputs, parent_inputs in convolutions:
                add_layer(rng, tensors, Layer(f"{at}.{conv}", (outs, inputs),
                                              (parent, parent_inputs), kernel),
                          activation, "model.")
                add_norm(tensors, f"model.{at}.{norm}", outs)
            ins, parent_in = outs, parent
    add_dense(rng, tensors, "model.fc", (5, ins), True)
    return tensors


def rep_vgg(borrowed, channels=2):
    """A rep_vgg of a few channels, with f."""
    rng, tensors = random.Random("rep_vgg"), {}
    shapes, ins = {}, 3
    for k, name in enumerate(VGG):
        shapes[name] = (channels * 2 ** min(k // 2, 3), ins)
        ins = shapes[name][0]
    for k, name in enumerate(VGG):
        if name in borrowed:
            add_layer(rng, tensors, Layer(f"conv{name}", shapes[name], shapes[borrowed[name]], 3,
                                          f"conv{borrowed[name]}"), "bireal", "model.")
        else:
            add_dense(rng, tensors, f"model.conv{name}", (*shapes[name], 3, 3), True)
    for k, name in enumerate(VGG):
        add_norm(tensors, f"model.bn{k + 1}", shapes[name][0])
    add_dense(rng, tensors, "model.fc", (5, ins), True)
    return tensors


class Histories(ToolCase):
    def compile(self, tensors, args, *options):
        """(what inspect tells, all notes, the scores of an image)"""
        source = self.checkpoint(tensors, args)
        notes = self.accepts("compile", source, *options).notes()
        rnm = self.path("net.rnm")
        self.accepts("verify", rnm, "--against", source, *options, "--quiet")
        x = self.write_array("x.npy", (1, 3, 32, 32), noise(random.Random(1), (3072,)).values)
        self.accepts(rnm, x, f"--output={self.path('y.npy')}", "--quiet", tool=RNRUN)
        return (json.loads(self.accepts("inspect", "--json", rnm).out), notes,
                self.read_array("y.npy")[1])

    def check_order(self, args, variant, words, *options, tensors=None):
        """The variant of the s layers, and the words of the one note about their order."""
        info, notes, scores = self.compile(tensors or resnet("swish"), args, *options)
        found = {layer.get("variant") or "" for layer in info["layers"] if layer["transform"] == "s"}
        self.assertEqual(found, {variant})
        about = [note for note in notes if "s layers" in note]
        self.assertEqual(len(about), 1 if words else 0, notes)
        for word in words:
            self.assertIn(word, about[0])
        return scores

    def test_todays(self):
        for name in ("rresnet_cifar_16_2", "something"):
            self.check_order({**TODAY, "model_name": name}, "", [])

    def test_early_names(self):
        for args in (TODAY, EARLY):
            self.check_order({**args, "model_name": "resnet_16_2"}, "interleaved",
                             ["15 s layers", "interleaved", "assumed", "called",
                              "--generator=current overrides"])

    def test_early_arguments(self):
        args = {**EARLY, "model_name": "rresnet_cifar_16_2"}
        assumed = self.check_order(args, "interleaved", ["interleaved", "assumed", "`datapath`",
                                                         "--generator=current overrides"])
        other = self.check_order(args, "", [], "--generator=current")
        self.assertGreater(max(abs(a - b) for a, b in zip(assumed, other)), 1e-3)

    def test_nothing_tells(self):
        words = ["today's order", "assumed", "--generator=interleaved"]
        assumed = self.check_order(None, "", words)
        given = self.check_order(None, "interleaved", ["as --generator says"],
                                 "--generator=interleaved")
        self.assertGreater(max(abs(a - b) for a, b in zip(assumed, given)), 1e-3)
        self.check_order(None, "", words, "--topology=resnet_cifar_16")
        self.check_order(None, "", [], "--generator=current")
        self.assertFalse(any(ORDER in note for note in self.compile(resnet("bireal"), None)[1]))

    def test_own_topology(self):
        """A topology of one's own has the one meaning that its description has."""
        tensors = {}
        add_layer(random.Random(3), tensors, Layer("wide", (6, 3), (3, 3), 3), "swish")
        source = self.checkpoint(tensors)
        result = self.accepts("compile", source, "-t", self.write("own.yaml", OWN))
        self.assertFalse(any("s layers" in note for note in result.notes()), result.err)

    def test_dense_of_that_name(self):
        info, notes, _ = self.compile(resnet("linear", width=1), {**EARLY,
                                                                  "model_name": "resnet_16_1"})
        self.assertEqual({layer["transform"] for layer in info["layers"]}, {"dense"})
        self.assertFalse(any(ORDER in note for note in notes), notes)

    def test_irregular(self):
        """Parents that do not divide their children: only cascaded edges can be meant."""
        rng, tensors = random.Random(4), {}
        ins, parent_in = 1, 1
        for k, (outs, parent) in enumerate(((7, 3), (8, 3), (9, 4), (9, 4), (10, 4), (11, 4)), 1):
            add_layer(rng, tensors, Layer(f"conv{k}", (outs, ins), (parent, parent_in),
                                          7 if k == 1 else 5), "swish", "model.")
            add_norm(tensors, f"model.bn{k}", outs)
            ins, parent_in = outs, parent
        for name, dims in (("0", (6, ins)), ("3", (5, 6))):
            add_dense(rng, tensors, f"model.fully_net.{name}", dims, True)
        add_norm(tensors, "model.fully_net.1", 6)
        source = self.checkpoint(tensors, {**EARLY, "model_name": "c4_rep", "dataset": "MNIST-rot"})
        notes = self.accepts("compile", source).notes()
        self.assertEqual(sum("cascaded" in note and "assumed" in note and "--generator=" in note
                             for note in notes), 1, notes)
        self.refuses(1, ["net.ckpt", "conv1", "interleaved"], "compile", source,
                     "--generator=interleaved", "-o", self.path("other.rnm"))

    def test_numbers_of_rep_vgg(self):
        """rep_vgg_3 to 9 are today's 4 to 10; which one a file has, its tensors tell."""
        for name, borrowed, today in (("rep_vgg_4", BORROWED, "rep_vgg_5"),
                                      ("rep_vgg_3", BORROWED_4, "rep_vgg_4")):
            with self.subTest(name):
                _, notes, _ = self.compile(rep_vgg(borrowed), {**EARLY, "model_name": name})
                about = [note for note in notes if "calls itself" in note]
                self.assertEqual(len(about), 1, notes)
                for word in (f"calls itself {name},", f"called {today},", "--topology="):
                    self.assertIn(word, about[0])

    def test_numbers_of_rep_vgg_today(self):
        for name, borrowed in (("rep_vgg_5", BORROWED), ("rep_vgg_4", BORROWED_4)):
            _, notes, _ = self.compile(rep_vgg(borrowed), {**TODAY, "model_name": name})
            self.assertFalse(any("calls itself" in note for note in notes), notes)
        _, notes, _ = self.compile(rep_vgg(BORROWED), {**TODAY, "model_name": "rep_vgg_9"})
        self.assertTrue(any("calls itself rep_vgg_9, but its tensors are those of topology "
                            "rep_vgg_5" in note for note in notes), notes)

    def test_who_borrows_from_whom(self):
        """The masks of rep_vgg_5 would fit parents that are those of rep_vgg_4: without a word of
        its own, too, a file is taken for what it is."""
        info, _, _ = self.compile(rep_vgg(BORROWED), None)
        parents = {layer["name"]: layer["parent"] for layer in info["layers"]}
        for name, parent in BORROWED.items():
            self.assertEqual(parents[f"conv{name}"], f"conv{parent}.weight")
        self.refuses(1, ["net.ckpt", "conv2_2.weight", "rep_vgg_4", "conv2_1"], "compile",
                     self.path("net.ckpt"), "--topology=rep_vgg_4", "-o", self.path("other.rnm"))


OWN = """\
topology: own
input: {height: 8, width: 8, channels: 3}
graph:
  - {op: Conv, layer: wide, pads: 1}
"""


if __name__ == "__main__":
    unittest.main()
