# SPDX-License-Identifier: Apache-2.0
"""ONNX models that are broken, hostile or beyond what is supported: each is refused by one sentence
that names what is at fault, and nothing is written.
"""
import os
import random
import struct
import unittest

from onnx_writer import (I64, STRING, external, function, graph, message, model, node,
                         tensor, value, varint)
from tool_case import ToolCase

X = value("x", ["N", 2, 4, 4])
Y = value("y", ["N", 2, 4, 4])
WEIGHT = tensor("w", [2, 2, 1, 1], [1.0, 2.0, 3.0, 4.0])


def relu(name="act"):
    return node("Relu", ["x"], ["y"], name)


def conv(**attributes):
    return node("Conv", ["x", "w"], ["y"], "conv", **attributes)


class BadOnnx(ToolCase):
    def refused(self, words, content, *arguments, name="net.onnx"):
        self.write(name, content)
        return self.refuses(1, [name, *words], "compile", self.path(name), "-o",
                            self.path("net.rnm"), *arguments)

    def accepted(self, content, *arguments):
        self.write("net.onnx", content)
        return self.accepts("compile", self.path("net.onnx"), "-o", self.path("net.rnm"),
                            *arguments)

    def refused_graph(self, words, nodes, initializers=(), inputs=(X,), outputs=(Y,), **settings):
        return self.refused(words, model(graph(nodes, inputs, outputs, initializers), **settings))

    def test_good_ones(self):
        self.accepted(model(graph([relu()], [X], [Y])))
        self.accepted(model(graph([conv()], [X], [Y], [WEIGHT])))

    def test_not_protobuf(self):
        self.refused([], b"hello, this is no model")
        self.refused([], b"\x08")
        self.refused([], b"\x08\x08")
        self.refused([], b"\x08\x08\x3b\x00")

    def test_truncated(self):
        whole = model(graph([conv()], [X], [Y], [WEIGHT]))
        for length in random.Random(4).sample(range(1, len(whole)), 40):
            with self.subTest(length=length):
                self.write("cut.onnx", whole[:length])
                result = self.rnc("compile", self.path("cut.onnx"), "-o", self.path("net.rnm"))
                if result.code == 0:  # only the list of opsets behind the graph can go
                    self.assertGreater(length, whole.index(b"graph"))
                    os.unlink(self.path("net.rnm"))
                else:
                    self.assertEqual(result.code, 1)
                    self.assertFalse(os.path.exists(self.path("net.rnm")))

    def test_wrong_length(self):
        self.refused(["GraphProto"], message((1, 8)) + varint(7 << 3 | 2) + varint(4)
                     + varint(1 << 3 | 2) + varint(1 << 40) + b"\0")

    def test_unknown_operators_are_all_named(self):
        nodes = [node("Blur", ["x"], ["a"], "first"), node("Warp", ["a"], ["y"], "second")]
        self.refused_graph(["Blur", "first", "Warp", "second", "opset 13"], nodes)

    def test_operator_of_another_time(self):
        self.refused_graph(["Relu", "opset 900"], [relu()], opset=900)
        self.refused_graph(["Relu", "opset 5"], [relu()], opset=5)

    def test_unknown_domain(self):
        self.refused_graph(["own", "Relu"], [node("Relu", ["x"], ["y"], "act", domain="own")])
        self.refused_graph(["elsewhere"], [node("Relu", ["x"], ["y"], "act", domain="elsewhere")])

    def test_data_type(self):
        self.refused_graph(["x", "data type 8"], [relu()], inputs=[value("x", [2], STRING)])
        self.refused_graph(["x", "data type 77"], [relu()], inputs=[value("x", [2], 77)])
        self.refused_graph(["w", "data type 14"], [conv()],
                           [tensor("w", [1], raw=b"\0" * 8, dtype=14)])

    def test_cycle(self):
        nodes = [node("Relu", ["b"], ["a"], "one"), node("Relu", ["a"], ["b"], "two"), relu()]
        self.refused_graph(["one", "cycle"], nodes)
        self.refused_graph(["self", "cycle"], [node("Relu", ["y"], ["y"], "self")])

    def test_missing_input(self):
        self.refused_graph(["act", "nowhere"], [node("Relu", ["nowhere"], ["y"], "act")])
        self.refused_graph(["act", "input 0"], [node("Relu", [], ["y"], "act")])

    def test_missing_output(self):
        self.refused_graph(["y"], [node("Relu", ["x"], ["z"], "act")])

    def test_names_twice(self):
        self.refused_graph(["x"], [relu()], inputs=[X, X])
        self.refused_graph(["w"], [conv()], [WEIGHT, WEIGHT])
        self.refused_graph(["second"], [relu("first"), relu("second")])

    def test_bytes_that_do_not_match(self):
        for count in (0, 3, 5, 1000):
            with self.subTest(count=count):
                self.refused_graph(["w", "16 bytes"], [conv()],
                                   [tensor("w", [2, 2, 1, 1], raw=b"\0" * 4 * count)])
        typed = message((1, 2), (2, I64), (8, "w"), (7, 5))
        self.refused_graph(["w", "2 elements"], [conv()], [typed])

    def test_shapes_that_overflow(self):
        for dims in ([1 << 31], [1 << 40], [-1], [1 << 30, 1 << 30, 1 << 30], [2] * 9):
            with self.subTest(dims=dims):
                self.refused_graph(["w"], [conv()], [tensor("w", dims, raw=b"\0" * 8)])
        self.refused_graph(["x"], [relu()], inputs=[value("x", [1 << 40])])

    def test_attributes_out_of_range(self):
        for words, attributes in (
                (["conv"], {"strides": [0, 1]}),
                (["conv"], {"strides": [1]}),
                (["conv"], {"pads": [-1, 0, 0, 0]}),
                (["conv"], {"dilations": [1 << 62, 1]}),
                (["conv"], {"group": 0}),
                (["conv"], {"group": 1 << 40}),
                (["conv", "kernel_shape"], {"kernel_shape": [3, 3]}),
                (["conv", "auto_pad"], {"auto_pad": "SIDEWAYS"}),
                (["conv", "auto_pad"], {"auto_pad": 3}),
                (["conv", "colour"], {"colour": 1})):
            with self.subTest(attributes=attributes):
                self.refused_graph(words, [conv(**attributes)], [WEIGHT])
        self.refused_graph(["pool", "ceil_mode", "found 5"], [
            node("MaxPool", ["x"], ["y"], "pool", kernel_shape=[2, 2], ceil_mode=5)])
        self.refused_graph(["soft", "axis"], [node("Softmax", ["x"], ["y"], "soft", axis=9)])

    def test_recursive_functions(self):
        again = node("Again", ["a"], ["b"], "inner", domain="own")
        self.refused(["Again", "recursive"],
                     model(graph([node("Again", ["x"], ["y"], "outer", domain="own")], [X], [Y]),
                           functions=[function("Again", ["a"], ["b"], [again])]))

    def test_functions_that_multiply(self):
        functions = []
        for level in range(12):
            inner = f"F{level + 1}" if level < 11 else "Relu"
            domain = "own" if level < 11 else ""
            nodes = [node(inner, ["a" if k == 0 else f"t{k - 1}"], ["b" if k == 9 else f"t{k}"],
                          domain=domain) for k in range(10)]
            functions.append(function(f"F{level}", ["a"], ["b"], nodes))
        self.refused(["nodes"], model(graph([node("F0", ["x"], ["y"], "top", domain="own")], [X],
                                            [Y]), functions=functions))

    def test_a_function_is_written_out(self):
        body = [node("Relu", ["a"], ["t"]), node("Relu", ["t"], ["b"])]
        self.accepted(model(graph([node("Twice", ["x"], ["y"], "top", domain="own")], [X], [Y]),
                            functions=[function("Twice", ["a"], ["b"], body)]))

    def test_nested_without_end(self):
        content = b""
        for _ in range(200):  # graphs in attributes of nodes
            content = message((1, message((4, "Relu"), (5, message((1, "g"), (6, content))))))
        self.refused(["nested"], model(content))

    def test_external_data(self):
        raw = struct.pack("<4f", 1, 2, 3, 4)

        def weight(location, *place):
            return model(graph([conv()], [X], [Y], [external("w", [2, 2, 1, 1], location, *place)]))

        self.write("w.bin", b"\0" * 8 + raw)
        self.refused(["w", "--allow-external-data"], weight("w.bin", 8, 16))
        allow = "--allow-external-data"
        self.accepted(weight("w.bin", 8, 16), allow)
        os.unlink(self.path("net.rnm"))
        self.refused(["w.bin"], weight("w.bin", 16, 16), allow)
        self.refused(["w.bin"], weight("w.bin", 8, 17), allow)
        self.refused(["w.bin"], weight("w.bin", 1 << 63, 16), allow)
        self.refused(["numbers"], weight("w.bin", "many", 16), allow)
        self.refused(["absent"], weight("absent", 0, 16), allow)
        self.refused(["own folder"], weight("../w.bin", 8, 16), allow)
        self.refused(["own folder"], weight(self.path("w.bin"), 8, 16), allow)
        self.refused(["own folder"], weight("..", 8, 16), allow)
        os.mkdir(self.path("folder"))
        self.refused(["folder"], weight("folder", 0, 16), allow)
        os.symlink(self.path("w.bin"), self.path("link"))
        self.refused(["link"], weight("link", 8, 16), allow)
        os.mkfifo(self.path("pipe"))
        self.refused(["pipe"], weight("pipe", 0, 16), allow)

    def test_names_that_are_no_text(self):
        self.refused_graph([], [node("Relu", ["x"], ["a"], "bad \x1b[31m name"),
                                node("Relu", ["a"], ["y"])])

    def test_random_damage(self):
        """Whatever is changed, the tool ends by itself and leaves a whole file or none."""
        seed = 7
        rng = random.Random(seed)
        whole = model(graph([conv(pads=[0, 0, 0, 0]), node("Reshape", ["y", "s"], ["z"], "shape"),
                             node("Softmax", ["z"], ["p"], "soft")], [X], [value("p", ["N", 32])],
                            [WEIGHT, tensor("s", [2], [-1, 32], I64)]))
        for attempt in range(60):
            damaged = bytearray(whole)
            for _ in range(rng.randint(1, 4)):
                damaged[rng.randrange(len(damaged))] = rng.randrange(256)
            with self.subTest(seed=seed, attempt=attempt):
                self.write("net.onnx", bytes(damaged))
                result = self.rnc("compile", self.path("net.onnx"), "-o", self.path("net.rnm"))
                self.assertIn(result.code, (0, 1))
                self.assertEqual(os.path.exists(self.path("net.rnm")), result.code == 0)
                if result.code == 0:
                    os.unlink(self.path("net.rnm"))


if __name__ == "__main__":
    unittest.main()
