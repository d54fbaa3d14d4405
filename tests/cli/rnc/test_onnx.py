# SPDX-License-Identifier: Apache-2.0
"""Small ONNX models against what loops over single numbers say."""
import ast
import math
import random
import struct
import unittest

from onnx_writer import I64, external, function, graph, model, node, tensor, value
from tool_case import ToolCase


def npy(dims, values):
    text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {tuple(dims)!r}, }}"
    text += " " * (-(len(text) + 11) % 64) + "\n"
    return (b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()
            + struct.pack(f"<{len(values)}f", *values))


def read_npy(data):
    length = struct.unpack_from("<H", data, 8)[0]
    dims = ast.literal_eval(data[10:10 + length].decode())["shape"]
    return dims, struct.unpack(f"<{math.prod(dims)}f", data[10 + length:])


def noise(count, seed=1):
    rng = random.Random(seed)
    return [struct.unpack("<f", struct.pack("<f", rng.uniform(-1, 1)))[0] for _ in range(count)]


class Onnx(ToolCase):
    def compiled(self, content, *arguments):
        self.write("net.onnx", content)
        return self.accepts("compile", self.path("net.onnx"), "-o", self.path("net.rnm"),
                            *arguments)

    def run_model(self, content, dims, values, *arguments):
        self.compiled(content, *arguments)
        self.write("x.npy", npy(dims, values))
        result = self.rnrun(self.path("net.rnm"), self.path("x.npy"), "-q",
                            f"--output={self.path('y.npy')}")
        self.assertEqual(result.code, 0, result.err)
        return read_npy(self.read("y.npy"))

    def assert_near(self, found, wanted):
        self.assertEqual(len(found), len(wanted))
        for index, (one, other) in enumerate(zip(found, wanted)):
            self.assertTrue(abs(one - other) <= 1e-5 * max(1.0, abs(other)),
                            f"element {index}: {one} is not {other}")

    def test_single_numbers(self):
        """A graph of scalars alone has no dimension to write."""
        content = model(graph([node("Add", ["x", "w"], ["y"])], [value("x", [])],
                              [value("y", [])], [tensor("w", [], [1.5])]))
        self.assertEqual(self.run_model(content, [], [2.0]), ((), (3.5,)))

    def test_conv(self):
        """Asymmetric pads, stride 2, a bias, batch norm and Relu behind."""
        x, w, b = noise(3 * 2 * 5 * 4), noise(4 * 2 * 3 * 3, 2), noise(4, 3)
        scale, shift, mean = noise(4, 4), noise(4, 5), noise(4, 6)
        spread = [0.5, 1.0, 2.0, 0.25]
        content = model(graph(
            [node("Conv", ["x", "w", "b"], ["c"], "conv", pads=[1, 0, 0, 2], strides=[2, 1]),
             node("BatchNormalization", ["c", "s", "t", "m", "v"], ["n"], "norm", epsilon=0.125),
             node("Relu", ["n"], ["y"])],
            [value("x", ["N", 2, 5, 4])], [value("y", ["N", 4, 2, 4])],
            [tensor("w", [4, 2, 3, 3], w), tensor("b", [4], b), tensor("s", [4], scale),
             tensor("t", [4], shift), tensor("m", [4], mean), tensor("v", [4], spread)]))
        dims, found = self.run_model(content, [3, 2, 5, 4], x)
        self.assertEqual(dims, (3, 4, 2, 4))
        wanted = []
        for n in range(3):
            for o in range(4):
                for p in range(2):
                    for q in range(4):
                        total = b[o]
                        for i in range(2):
                            for r in range(3):
                                for s in range(3):
                                    h, k = 2 * p + r - 1, q + s
                                    if 0 <= h < 5 and 0 <= k < 4:
                                        total += (x[((n * 2 + i) * 5 + h) * 4 + k]
                                                  * w[((o * 2 + i) * 3 + r) * 3 + s])
                        total = scale[o] * (total - mean[o]) / math.sqrt(spread[o] + 0.125)
                        wanted.append(max(0.0, total + shift[o]))
        self.assert_near(found, wanted)

    def gemm(self, trans, **attributes):
        x, w, c = noise(2 * 6), noise(6 * 3, 2), noise(3, 3)
        content = model(graph(
            [node("Gemm", ["x", "w", "c"], ["y"], "g", transB=trans, **attributes)],
            [value("x", ["N", 6])], [value("y", ["N", 3])],
            [tensor("w", [3, 6] if trans else [6, 3], w), tensor("c", [1, 3], c)]))
        alpha, beta = attributes.get("alpha", 1.0), attributes.get("beta", 1.0)
        wanted = [alpha * sum(x[n * 6 + i] * (w[o * 6 + i] if trans else w[i * 3 + o])
                              for i in range(6)) + beta * c[o] for n in range(2) for o in range(3)]
        self.assert_near(self.run_model(content, [2, 6], x)[1], wanted)

    def test_gemm(self):
        self.gemm(0)
        self.gemm(1)
        self.gemm(1, alpha=0.5, beta=-2.0)

    def test_symbolic_batch_through_shape_arithmetic(self):
        """What PyTorch writes for x.view(x.size(0), -1)."""
        content = model(graph(
            [node("Shape", ["x"], ["d"]), node("Gather", ["d", "zero"], ["n"], axis=0),
             node("Unsqueeze", ["n", "axes"], ["m"]), node("Concat", ["m", "rest"], ["t"], axis=0),
             node("Reshape", ["x", "t"], ["y"])],
            [value("x", ["N", 2, 3])], [value("y", ["N", 6])],
            [tensor("zero", [], [0], I64), tensor("axes", [1], [0], I64),
             tensor("rest", [1], [-1], I64)]))
        x = noise(5 * 6)
        dims, found = self.run_model(content, [5, 2, 3], x)
        self.assertEqual(dims, (5, 6))
        self.assertEqual(list(found), x)

    def test_softmax_of_old(self):
        """Before opset 13 the axes from `axis` on are one."""
        content = model(graph([node("Softmax", ["x"], ["y"], axis=1)], [value("x", ["N", 2, 3])],
                              [value("y", ["N", 2, 3])]), 9)
        x = noise(2 * 6)
        wanted = []
        for n in range(2):
            powers = [math.exp(number) for number in x[6 * n:6 * n + 6]]
            wanted += [power / sum(powers) for power in powers]
        self.assert_near(self.run_model(content, [2, 2, 3], x)[1], wanted)

    def test_function(self):
        body = [node("Gemm", ["a", "b"], ["t"], transB=1), node("Relu", ["t"], ["r"])]
        layer = function("Layer", ["a", "b"], ["r"], body)
        w = noise(9, 2)
        content = model(graph(
            [node("Layer", ["x", "w"], ["h"], "one", "own"),
             node("Layer", ["h", "w"], ["y"], "two", "own")],
            [value("x", ["N", 3])], [value("y", ["N", 3])], [tensor("w", [3, 3], w)]),
            functions=[layer])
        x = noise(3)
        wanted = x
        for _ in range(2):
            wanted = [max(0.0, sum(wanted[i] * w[3 * o + i] for i in range(3))) for o in range(3)]
        self.assert_near(self.run_model(content, [1, 3], x)[1], wanted)
        layers = self.accepts("inspect", self.path("net.rnm")).out
        self.assertIn("stored with an earlier layer", layers)

    def test_external_data(self):
        w = noise(9, 2)
        nodes = [node("Gemm", ["x", "w"], ["y"], "g", transB=1)]
        ends = [value("x", ["N", 3])], [value("y", ["N", 3])]
        x = noise(3)
        inside = self.run_model(model(graph(nodes, *ends, [tensor("w", [3, 3], w)])), [1, 3], x)
        self.write("w.bin", b"\1" * 12 + struct.pack("<9f", *w))
        outside = self.run_model(model(graph(nodes, *ends, [external("w", [3, 3], "w.bin", 12)])),
                                 [1, 3], x, "--allow-external-data")
        self.assertEqual(inside, outside)

    def test_layouts_meet_at_the_ends_only(self):
        """Between spatial operators nothing is reordered."""
        w = tensor("w", [2, 2, 1, 1], noise(4))
        content = model(graph(
            [node("Conv", ["x", "w"], ["a"], "one"), node("Sigmoid", ["a"], ["b"]),
             node("MaxPool", ["b"], ["c"], kernel_shape=[2, 2]),
             node("Concat", ["c", "c"], ["d"], axis=1), node("GlobalAveragePool", ["d"], ["e"]),
             node("Flatten", ["e"], ["y"])],
            [value("x", ["N", 2, 4, 4])], [value("y", ["N", 4])], [w]))
        result = self.compiled(content, "--dump-ir=lifetimes")
        self.assertEqual(result.err.count("Reorder("), 1, result.err)

    def test_ends_keep_their_names(self):
        """Also a spatial output, an input that is an output and a constant that is one."""
        content = model(graph(
            [node("Relu", ["x"], ["map"]), node("MaxPool", ["map"], ["pooled"],
                                                kernel_shape=[2, 2]),
             node("Identity", ["x"], ["same"]), node("Identity", ["k"], ["number"])],
            [value("x", [1, 2, 4, 4])],
            [value("pooled", [1, 2, 3, 3]), value("same", [1, 2, 4, 4]), value("number", [1])],
            [tensor("k", [1], [7.5])]))
        self.compiled(content)
        x = noise(32)
        self.write("x.npy", npy([1, 2, 4, 4], x))
        outputs = [f"--output={name}={self.path(name + '.npy')}"
                   for name in ("pooled", "same", "number")]
        result = self.rnrun(self.path("net.rnm"), f"--input=x={self.path('x.npy')}", *outputs)
        self.assertEqual(result.code, 0, result.err)
        self.assertEqual(list(read_npy(self.read("same.npy"))[1]), x)
        self.assertEqual(list(read_npy(self.read("number.npy"))[1]), [7.5])
        pooled = [max(0.0, *(x[(c * 4 + h + r) * 4 + w + s] for r in (0, 1) for s in (0, 1)))
                  for c in range(2) for h in range(3) for w in range(3)]
        self.assertEqual(list(read_npy(self.read("pooled.npy"))[1]), pooled)

    def test_verify(self):
        content = model(graph([node("Gemm", ["x", "w"], ["y"], "g", transB=1)],
                              [value("x", ["N", 3])], [value("y", ["N", 3])],
                              [tensor("w", [3, 3], noise(9))]))
        self.compiled(content)
        self.accepts("verify", self.path("net.rnm"), "--against", self.path("net.onnx"))


if __name__ == "__main__":
    unittest.main()
