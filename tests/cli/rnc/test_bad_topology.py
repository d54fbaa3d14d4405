# SPDX-License-Identifier: Apache-2.0
"""Topologies that are no YAML, no topology, too large, or of another network: each refusal names
the file, the line and the key.
"""
import resource
import unittest

import network
from tool_case import ToolCase

LAYER = "  - {op: Conv, layer: stem, pads: 1}\n"
INPUT = "input: {height: 8, width: 8}\n"
HEAD = f"topology: bad\n{INPUT}graph:\n"
FAST = 2.0  # seconds of processor time that no topology may take


def used():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def doubling(levels):
    """Blocks that use the one before twice: 2^levels nodes in a few lines."""
    text = "topology: bomb\n" + INPUT + "blocks:\n  b0:\n    - {op: Relu}\n    - {op: Relu}\n"
    for level in range(1, levels):
        text += f"  b{level}:\n" + f"    - {{use: b{level - 1}}}\n" * 2
    return text + f"graph:\n  - {{use: b{levels - 1}}}\n"


class BadTopology(ToolCase):
    def setUp(self):
        super().setUp()
        self.source = self.checkpoint(network.tensors_of("linear"))

    def refuses_yaml(self, content, words, line=None):
        path = self.write("bad.yaml", content)
        where = "bad.yaml" if line is None else f"bad.yaml:{line}:"
        start = used()
        self.refuses(1, [where, *words], "compile", self.source, "-t", path, "-o",
                     self.path("net.rnm"))
        self.assertLess(used() - start, FAST)

    def refuses_edit(self, old, new, words):
        """The good topology with one edit; the line is that of the edit."""
        self.assertEqual(network.TOPOLOGY.count(old), 1, old)
        text = network.TOPOLOGY.replace(old, new)
        line = network.TOPOLOGY[:network.TOPOLOGY.index(old)].count("\n") + 1
        self.refuses_yaml(text, words, line)

    def test_syntax(self):
        for content, line in [("topology: [a\n", None), ("a: b: c\n", 1), ("\ta: b\n", 1),
                              ("topology: x\n  graph: y\n", 2), ("{", None), ("a: 'open\n", None),
                              ("topology: x\ngraph: ]\n", 2), ("%YAML 9.9\n---\na: b\n", 1)]:
            with self.subTest(content=content):
                self.refuses_yaml(content, [], line)

    def test_no_mapping(self):
        for content in ("", "\n\n", "# nothing\n", "text\n", "- a\n- b\n", "7\n", "null\n"):
            with self.subTest(content=content):
                self.refuses_yaml(content, [])

    def test_two_documents(self):
        self.refuses_yaml(HEAD + LAYER + "---\n" + HEAD + LAYER, [])

    def test_bytes_that_are_no_text(self):
        for content in (b"\0" * 100, b"topology: a\0b\n", b"topology: \xff\xfe\n",
                        b"\xff\xfe\0\0", b"topology: \"\\x00\"\n" + (HEAD + LAYER).encode()[14:]):
            with self.subTest(content=content[:20]):
                self.refuses_yaml(content, [])

    def test_large_file(self):
        self.refuses_yaml("# " + "x" * 2_000_000 + "\n" + HEAD + LAYER, [])

    def test_large_list(self):
        self.refuses_yaml(HEAD + "  - {op: Relu}\n" * 60_000, [])

    def test_large_mapping(self):
        self.refuses_yaml("".join(f"{k:x}:\n" for k in range(99_000)), ["1000 keys"], 1001)

    def test_alias(self):
        self.refuses_yaml("topology: &a x\nabout: *a\ngraph:\n" + LAYER, ["alias"], 2)

    def test_billion_laughs(self):
        text = "a: &a [x, x, x, x, x, x, x, x, x]\n"
        for name, before in zip("bcdefghi", "abcdefgh"):
            text += f"{name}: &{name} [" + ", ".join(["*" + before] * 9) + "]\n"
        self.refuses_yaml(text, ["alias"], 2)

    def test_deep(self):
        for content in ("graph: " + "[" * 10_000, "graph: " + "{a: " * 3000 + "b" + "}" * 3000,
                        "\n".join(" " * k + "a:" for k in range(500)) + " b\n"):
            with self.subTest(content=content[:20]):
                self.refuses_yaml(content, [])

    def test_unknown_key(self):
        self.refuses_yaml("topology: x\ngrahp: 3\ngraph:\n" + LAYER, ["grahp"], 2)
        self.refuses_edit("height: 11", "heigth: 11", ["heigth"])
        self.refuses_edit("pads: $pads, strides: $stride", "pad: $pads, strides: $stride", ["pad"])

    def test_missing_key(self):
        self.refuses_yaml("topology: x\ninput: {height: 8, width: 8}\n", ["graph"])
        self.refuses_yaml("graph:\n" + LAYER, ["topology"])
        self.refuses_yaml(HEAD + "  - {layer: stem}\n", ["op"], 4)
        self.refuses_yaml(HEAD + "  - {op: Conv}\n", ["layer"], 4)

    def test_layer_where_none_belongs(self):
        self.refuses_yaml(HEAD + "  - {op: Relu, layer: stem}\n", ["layer"], 4)

    def test_unknown_operator(self):
        for name in ("Convolution", "conv", "Reorder", "ScaleBias", "", "BatchNorm"):
            with self.subTest(name=name):
                self.refuses_yaml(HEAD + f"  - {{op: '{name}', layer: stem}}\n", ["op"], 4)

    def test_unknown_name(self):
        self.refuses_edit("from: pooled}", "from: poled}", ["from", "poled"])
        self.refuses_edit("[deep.bn, short.bn]", "[deep.bn, summed]", ["from", "summed"])

    def test_parent_without_weight(self):
        """Told by the tensor that is looked for: the topology alone is not at fault."""
        for name in ("wise", "deep"):
            with self.subTest(name=name):
                path = self.write("bad.yaml",
                                  network.TOPOLOGY.replace("parent: wide", f"parent: {name}"))
                self.refuses(1, ["net.ckpt", f"model.{name}.weight", "missing"], "compile",
                             self.source, "-t", path)

    def test_unknown_block(self):
        self.refuses_edit("{use: layer, at: wide", "{use: lair, at: wide", ["use", "lair"])

    def test_missing_parameter(self):
        path = self.write("bad.yaml", network.TOPOLOGY.replace(", stride: 1}", "}"))
        self.refuses(1, ["bad.yaml:", "$stride"], "compile", self.source, "-t", path)

    def test_parameter_outside_a_block(self):
        self.refuses_edit("layer: fc", "layer: $at", ["$at"])

    def test_duplicate_name(self):
        self.refuses_edit("name: apart_elu", "name: pooled", ["pooled"])

    def test_key_twice(self):
        self.refuses_edit("group: 13", "group: 13, group: 13", ["group"])
        self.refuses_yaml("topology: x\ntopology: y\ngraph:\n" + LAYER, ["topology"], 2)

    def test_wrong_kinds(self):
        for old, new in [("pads: $pads", "pads: [[$pads]]"), ("strides: 2, name: pooled",
                                                         "strides: {a: 1}, name: pooled"),
                         ("op: Concat", "op: [Concat]"), ("name: summed", "name: [summed]"),
                         ("[apart_elu, summed]", "{a: b}"), ("alpha: 0.5", "alpha: [1, 2]")]:
            with self.subTest(new=new):
                self.refuses_edit(old, new, ["from" if new == "{a: b}" else new.split(":")[0]])
        for content in (HEAD.replace("graph:", "graph: 5"), "topology: [x]\ngraph:\n" + LAYER,
                        "topology: x\nblocks: 3\ngraph:\n" + LAYER, HEAD + "  - 7\n",
                        HEAD + "  - []\n", "topology: x\ngraph: []\n", "topology: x\ngraph: {}\n",
                        "topology: x\nignore: {a: b}\ngraph:\n" + LAYER,
                        "topology: x\nmodels: {a: b}\ngraph:\n" + LAYER,
                        "topology: x\ninput: 32\ngraph:\n" + LAYER):
            with self.subTest(content=content):
                self.refuses_yaml(content, [])

    def test_argument_that_is_no_parameter(self):
        self.refuses_edit("at: stem, pads: 1,", "at: stem, colour: 3, pads: 1,", ["colour"])

    def test_wrong_numbers(self):
        for old, new in [("group: 13", "group: 0"), ("group: 13", "group: -1"),
                         ("group: 13", "group: x"), ("group: 13", "group: 99999999999999999999"),
                         ("group: 13", "group: 1.5"), ("alpha: 0.5", "alpha: nan"),
                         ("alpha: 0.5", "alpha: 1e999"), ("alpha: 0.5", "alpha: half"),
                         ("height: 11", "height: 0"), ("height: 11", "height: -3"),
                         ("height: 11", "height: 4294967297"), ("channels: 3", "channels: 0"),
                         ("channels: 3", "channels: -2")]:
            with self.subTest(new=new):
                self.refuses_edit(old, new, [new.split(":")[0]])

    def test_numbers_beyond_reason(self):
        """Well-formed, but no network: some limit must stop them, not the memory."""
        for old, new in [("axis: 1", "axis: 9"),
                         ("kernel_shape: 2, strides: 1", "kernel_shape: 99"),
                         ("height: 11", "height: 2147483647"), ("group: 13", "group: 2147483648"),
                         ("kernel_shape: 2, strides: 2", "kernel_shape: 2, pads: 2147483647")]:
            with self.subTest(new=new):
                path = self.write("bad.yaml", network.TOPOLOGY.replace(old, new))
                self.refuses(1, [], "compile", self.source, "-t", path)

    def test_one_input_too_few(self):
        self.refuses_edit("from: [deep.bn, short.bn]", "from: [deep.bn]", ["from", "Add"])

    def test_endless_blocks(self):
        for blocks in ("  a:\n    - {use: a}\n",
                       "  a:\n    - {use: b}\n  b:\n    - {use: a}\n"):
            with self.subTest(blocks=blocks):
                text = HEAD.replace("graph:\n", "blocks:\n") + blocks
                self.refuses_yaml(text + "graph:\n  - {use: a}\n", ["use"])

    def test_doubling_blocks(self):
        for levels in (10, 20, 40, 60, 1000):
            with self.subTest(levels=levels):
                self.refuses_yaml(doubling(levels), [])

    def test_long_parameter(self):
        """Each level doubles its parameter's length."""
        text = "topology: x\n" + INPUT + "blocks:\n  b0:\n    - {op: Conv, layer: $p}\n"
        for level in range(1, 30):
            text += f"  b{level}:\n    - {{use: b{level - 1}, p: $p$p}}\n"
        self.refuses_yaml(text + "graph:\n  - {use: b29, p: abcdefgh}\n", [])

    def test_many_parameters_in_one_text(self):
        text = INPUT + "blocks:\n  b:\n    - {op: Conv, layer: " + "$p" * 300000 + "}\n"
        self.refuses_yaml("topology: x\n" + text + "graph:\n  - {use: b, p: a}\n", ["longer"], 5)

    def test_missing_file(self):
        self.refuses(1, ["nowhere.yaml"], "compile", self.source, "-t", self.path("nowhere.yaml"))
        self.refuses(1, [self.folder], "compile", self.source, "-t", self.folder)

    def test_unknown_name_of_a_topology(self):
        self.refuses(1, ["rep_vgg_99"], "compile", self.source, "-t", "rep_vgg_99")

    def test_name_with_control_bytes(self):
        """Whatever a file says, a message stays on its line."""
        self.refuses_yaml(HEAD + '  - {op: "a\\nrnc: b\\e[31m"}\n', ["op"], 4)
        self.refuses_yaml('topology: x\n"k\\nrnc: b": 1\ngraph:\n' + LAYER, [], 2)


if __name__ == "__main__":
    unittest.main()
