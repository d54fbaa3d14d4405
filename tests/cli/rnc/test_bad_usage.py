# SPDX-License-Identifier: Apache-2.0
"""Command lines, data sets and names of models that are wrong."""
import random
import unittest

import network
from children import Layer, add_layer
from ckpt_writer import Tensor
from tool_case import ToolCase

DATASET = """\
dataset: own
about: Noise
color: rgb
resize: [11, 8]
divisor: 255
mean: [0.1, 0.2, 0.3]
std: [0.5, 0.6, 0.7]
labels: [a, b, c, d, e]
"""


def vgg4():
    """A tiny network with the tensors of a known topology."""
    rng = random.Random(4)
    tensors = {}
    sizes = (3, 2, 3, 4)
    for at, (ins, outs) in zip((0, 3, 7), zip(sizes, sizes[1:])):
        add_layer(rng, tensors, Layer(f"features.{at}", (outs, ins), (outs, ins), 3), "linear",
                  "model.")
        for key in ("weight", "bias", "running_mean", "running_var"):
            tensors[f"model.features.{at + 1}.{key}"] = Tensor((outs,), [1.0] * outs)
    add_layer(rng, tensors, Layer("classifier", (5, 4), (5, 4), 0), "linear", "model.")
    return tensors


class UsageCase(ToolCase):
    def setUp(self):
        super().setUp()
        self.topology = self.write("own.yaml", network.TOPOLOGY)
        self.source = self.checkpoint(network.tensors_of("linear"))

    def compile_line(self, *arguments):
        return ("compile", self.source, "-t", self.topology, "-o", self.path("net.rnm"),
                *arguments)


class BadUsage(UsageCase):
    def test_options(self):
        for arguments in (("--frobnicate",), ("-Z",), ("--param-type=f8",), ("--generator=new",),
                          ("--dump-ir=nothing",), ("--output",), ("--quiet=3",)):
            with self.subTest(arguments=arguments):
                self.refuses(2, [], *self.compile_line(*arguments))

    def test_count_of_files(self):
        self.refuses(2, ["checkpoint"], "compile")
        self.refuses(2, ["checkpoint"], *self.compile_line(self.source))
        self.refuses(2, [], "inspect")
        self.refuses(2, ["--against"], "verify", self.source)

    def test_commands(self):
        self.refuses(2, ["frobnicate"], "frobnicate")
        self.assertEqual(self.rnc().code, 2)
        for arguments in (("--help",), ("compile", "--help"), ("verify", "--help"),
                          ("inspect", "--help"), ("list",), ("--version",)):
            result = self.accepts(*arguments)
            self.assertTrue(result.out)
            self.assertEqual(result.err, "")

    def test_input_size(self):
        for size in ("", "x", "0x0", "8x", "x8", "8x8x8", "-8x8", "8.5x8", "a", "0", "8x0", "8 x8",
                     "99999999999999x8", "+8x8", " 8x8", "1234567"):
            with self.subTest(size=size):
                self.refuses(2, ["input-size"], *self.compile_line(f"--input-size={size}"))

    def test_large_input_size(self):
        """Well-formed: taken or refused, but at once and by the rules."""
        result = self.rnc(*self.compile_line("--input-size=999999x999999"))
        self.assertIn(result.code, (0, 1))

    def test_quiet(self):
        self.assertEqual(self.accepts(*self.compile_line("-q")).err, "")


class ModelNames(UsageCase):
    def test_known_name_with_other_tensors(self):
        """The tensors are the authority; what the file calls itself is noted."""
        for name in ("rep_vgg_4", "resnet_18_2"):
            self.checkpoint(vgg4(), {"model_name": name})
            with self.subTest(name=name):
                result = self.accepts("compile", self.source, "-o", self.path("net.rnm"))
                self.assertTrue(any(name in note and "VGG4" in note for note in result.notes()),
                                result.err)
                self.accepts("verify", self.path("net.rnm"), "--against", self.source)

    def test_known_topology_with_other_tensors(self):
        self.refuses(1, ["net.ckpt"], "compile", self.source, "-t", "resnet_18", "-o",
                     self.path("net.rnm"))

    def test_unknown_name(self):
        self.checkpoint(network.tensors_of("linear"), {"model_name": "unheard_of"})
        self.refuses(1, ["net.ckpt"], "compile", self.source)

    def test_odd_args(self):
        """Hints of other types than text decide nothing."""
        for args in ({"model_name": 7, "dataset": [1], "num_classes": "ten"}, {},
                     {"num_classes": -5}, {"num_classes": 2**62}, {"dataset": "nowhere"},
                     {"dataset": "a\nrnc: b"}, {"model_name": "x" * 5000}):
            self.checkpoint(network.tensors_of("linear"), args)
            with self.subTest(args=str(args)[:40]):
                self.accepts(*self.compile_line())


class BadDataset(UsageCase):
    def refuses_dataset(self, content, words, line=None):
        path = self.write("set.yaml", content)
        where = "set.yaml" if line is None else f"set.yaml:{line}:"
        self.refuses(1, [where, *words], *self.compile_line("-d", path))

    def test_good(self):
        path = self.write("set.yaml", DATASET)
        self.accepts(*self.compile_line("-d", path))

    def test_unknown_name(self):
        self.refuses(2, ["nowhere"], *self.compile_line("-d", "nowhere"))
        self.refuses(1, ["nowhere.yaml"], *self.compile_line("-d", self.path("nowhere.yaml")))

    def test_wrong_values(self):
        for old, new in [("std: [0.5,", "std: [0,"), ("std: [0.5,", "std: [nan,"),
                         ("std: [0.5,", "std: [inf,"), ("std: [0.5,", "std: [0.1, 0.2, 0.3, 0.4,"),
                         ("mean: [0.1,", "mean: [0.1, 0.1, 0.1,"), ("mean: [0.1,", "mean: [nan,"),
                         ("mean: [0.1, 0.2, 0.3]", "mean: [0.1, 0.2]"),
                         ("mean: [0.1,", "mean: [1e999,"), ("divisor: 255", "divisor: 0"),
                         ("divisor: 255", "divisor: inf"), ("color: rgb", "color: purple"),
                         ("color: rgb", "color: [rgb]"), ("resize: [11, 8]", "resize: [0, 8]"),
                         ("resize: [11, 8]", "resize: [11]"),
                         ("resize: [11, 8]", "resize: [11, 8, 3]"),
                         ("resize: [11, 8]", "resize: [-1, 8]"),
                         ("resize: [11, 8]", "resize: [9999999999, 8]"),
                         ("labels: [a", "labels: [[a]"), ("about: Noise", "abut: Noise")]:
            key = new.split(":")[0]
            line = DATASET[:DATASET.index(old)].count("\n") + 1
            with self.subTest(new=new):
                self.refuses_dataset(DATASET.replace(old, new), [key], line)

    def test_missing_keys(self):
        lines = DATASET.splitlines(keepends=True)
        for key in ("dataset", "color", "resize"):
            with self.subTest(key=key):
                self.refuses_dataset("".join(k for k in lines if not k.startswith(key + ":")), [])

    def test_two_ways_of_resizing(self):
        self.refuses_dataset(DATASET + "shorter_side: 30\ncrop: [11, 8]\n", [])

    def test_crop_beyond_the_image(self):
        for geometry, line in (("shorter_side: 5\ncrop: [11, 8]", 5),
                               ("resize: [11, 8]\ncrop: [12, 8]", 5),
                               ("resize: [11, 8]\ncrop: [0, 0]", 5)):
            with self.subTest(geometry=geometry):
                self.refuses_dataset(DATASET.replace("resize: [11, 8]", geometry), ["crop"], line)

    def test_pads(self):
        for pads in ("[-1, 0, 0, 0]", "[1, 2, 3]", "[99999999999, 0, 0, 0]", "x"):
            with self.subTest(pads=pads):
                self.refuses_dataset(DATASET + f"pads: {pads}\n", ["pads"], 9)

    def test_other_channels(self):
        text = DATASET.replace("rgb", "gray").replace("[0.1, 0.2, 0.3]", "[0.1]")
        path = self.write("set.yaml", text.replace("[0.5, 0.6, 0.7]", "[0.5]"))
        self.refuses(1, ["own"], *self.compile_line("-d", path))

    def test_yaml_faults(self):
        self.refuses_dataset("dataset: &a x\nabout: *a\n", ["alias"], 2)
        self.refuses_dataset("\0" * 50, [])
        self.refuses_dataset("# " + "x" * 2_000_000 + "\n" + DATASET, [])
        self.refuses_dataset(DATASET + "color: gray\n", ["color"], 9)
        self.refuses_dataset("", [])


if __name__ == "__main__":
    unittest.main()
