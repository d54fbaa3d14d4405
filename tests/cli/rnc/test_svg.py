# SPDX-License-Identifier: Apache-2.0
"""The picture of a model: well-formed, every layer and every sharing in it, whole or absent."""
import os
import unittest
import xml.etree.ElementTree as ElementTree

import network
from tool_case import ToolCase

NAMESPACE = "{http://www.w3.org/2000/svg}"


class Svg(ToolCase):
    def setUp(self):
        super().setUp()
        topology = self.write("own.yaml", network.TOPOLOGY)
        source = self.checkpoint(network.tensors_of("bireal"))
        self.accepts("compile", source, "-t", topology, "-o", self.path("a<b>&c.rnm"))

    def draw(self):
        result = self.accepts("inspect", self.path("a<b>&c.rnm"), f"--svg={self.path('m.svg')}")
        self.assertEqual(result.out + result.err, "")
        return ElementTree.fromstring(self.read("m.svg"))

    def test_layers_and_sharing(self):
        root = self.draw()
        texts = ["".join(node.itertext()) for node in root.iter(NAMESPACE + "text")]
        self.assertIn("a<b>&c.rnm", texts)
        for layer in network.CONVOLUTIONS:
            self.assertIn(layer.name, texts)
        # `deep` is made from the parent of `wide`: one group, one dot, one arrow.
        self.assertEqual(len(list(root.iter(NAMESPACE + "g"))), 1)
        self.assertEqual(len(list(root.iter(NAMESPACE + "circle"))), 1)
        width = int(root.get("width"))
        for rect in root.iter(NAMESPACE + "rect"):
            if not rect.get("width").endswith("%"):
                right = float(rect.get("x")) + float(rect.get("width"))
                self.assertTrue(0 <= float(rect.get("x")) <= right <= width)

    def test_same_model_same_picture(self):
        self.draw()
        first = self.read("m.svg")
        self.draw()
        self.assertEqual(self.read("m.svg"), first)

    def test_json_beside_it(self):
        result = self.accepts("inspect", self.path("a<b>&c.rnm"), "--json",
                              f"--svg={self.path('m.svg')}")
        self.assertTrue(result.out.startswith("{"))

    def test_where_it_cannot_go(self):
        before = sorted(os.listdir(self.folder))
        result = self.rnc("inspect", self.path("a<b>&c.rnm"), f"--svg={self.path('no/m.svg')}")
        self.assertEqual(result.code, 1)
        self.assertIn("no/m.svg: No such file", result.err)
        if os.path.exists("/dev/full"):
            result = self.rnc("inspect", self.path("a<b>&c.rnm"), "--svg=/dev/full")
            self.assertEqual(result.code, 3)
            self.assertIn("/dev/full: No space", result.err)
        self.assertEqual(sorted(os.listdir(self.folder)), before)


if __name__ == "__main__":
    unittest.main()
