# SPDX-License-Identifier: Apache-2.0
"""A checkpoint that brings its own topology and data set: compiled with no option at all, and
refused in one sentence where they are wrong or hostile.
"""
import unittest

import network
from tool_case import RNRUN, ToolCase

DATASET = """\
dataset: own images
color: rgb
resize: [11, 8]
divisor: 255
labels: [one, two, three, four, five]
"""
# Ten lists, each ten times the one before.
BOMB = "topology: bomb\na0: &a0 [x, x]\n" + "".join(
    f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 10)}]\n" for k in range(1, 10)) + "graph: *a9\n"


class EmbeddedTopology(ToolCase):
    def with_documents(self, topology=network.TOPOLOGY, dataset=None, tensors=None):
        parameters = {"rnc_topology": topology}
        if dataset is not None:
            parameters["rnc_dataset"] = dataset
        return self.checkpoint(tensors or network.tensors_of("bireal"),
                               extra={"hyper_parameters": parameters})

    def test_no_options(self):
        source = self.with_documents(dataset=DATASET)
        self.accepts("compile", source)
        self.accepts("verify", self.path("net.rnm"), "--against", source)
        images = network.images(1)
        self.write_array("x.npy", (1, network.CHANNELS, network.HEIGHT, network.WIDTH), images)
        self.accepts(self.path("net.rnm"), self.path("x.npy"), f"--output={self.path('y.npy')}",
                     tool=RNRUN)
        expected = network.Network(network.tensors_of("bireal"), "bireal").batch(images)
        for want, have in zip(expected, self.read_array("y.npy")[1]):
            self.assertTrue(abs(want - have) <= 2e-5 * max(1.0, abs(want)))
        self.assertIn("three", self.accepts("inspect", self.path("net.rnm"), "--json").out)

    def test_options_come_first(self):
        source = self.with_documents("topology: wrong\ngraph: []\n")
        self.accepts("compile", source, "-t", self.write("own.yaml", network.TOPOLOGY))

    def test_topology_that_does_not_fit(self):
        words = ["net.ckpt", "the topology inside the checkpoint"]
        tensors = network.tensors_of("bireal")
        tensors["model.never_heard_of"] = tensors["model.fc.bias"]
        self.refuses(1, words + ["never_heard_of"], "compile",
                     self.with_documents(tensors=tensors))
        tensors = network.tensors_of("bireal")
        del tensors["model.wide.weight"]
        self.refuses(1, words + ["wide"], "compile", self.with_documents(tensors=tensors))
        self.refuses(1, words, "compile", self.with_documents(network.TOPOLOGY.replace(
            "strides: 2, from: pooled", "strides: 3, from: pooled")))

    def test_hostile_documents(self):
        deep = "topology: x\ngraph: " + "[" * 5000 + "]" * 5000 + "\n"
        wide = "topology: x\ngraph:\n" + "  - {op: Relu}\n" * 60000
        cases = [(BOMB, "alias"), (deep, "deep"), ("a" * (1 << 20) + "\n\n", "at most"),
                 (wide, ""), ("", ""), ("\0", ""), ("topology: x\n  - bad", ""), ("[1, 2]\n", ""),
                 ("topology: \"a\\nb\"\ngraph: []\n", "")]
        for text, word in cases:
            with self.subTest(text=text[:40]):
                self.refuses(1, [word, "net.ckpt"], "compile", self.with_documents(text))
                self.refuses(1, [word, "net.ckpt"], "compile",
                             self.with_documents(dataset=text))

    def test_no_text(self):
        for value in (7, ["topology"], {"topology": "x"}):
            self.refuses(1, ["rnc_topology", "no text"], "compile", self.with_documents(value))


if __name__ == "__main__":
    unittest.main()
