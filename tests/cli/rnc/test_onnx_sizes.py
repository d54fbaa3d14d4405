# SPDX-License-Identifier: Apache-2.0
"""ONNX models whose height and width are symbols: the same bits as of a model compiled for the size,
at every size; one sentence where the graph wants one size only."""
import unittest

from onnx_writer import F32, I64, graph, model, node, tensor, value
from test_onnx import npy, noise
from tool_case import ToolCase


def pyramid():
    """Down by a stride and by a pool, up by Resize and by ConvTranspose, joined to what was there;
    pads, cuts, and a squeeze of maps."""
    nodes = [
        node("Conv", ["x", "w0"], ["a"], "same", pads=[1, 1, 1, 1]),
        node("Conv", ["a", "w1"], ["b"], "half", pads=[1, 1, 1, 1], strides=[2, 2]),
        node("Conv", ["a", "w2"], ["b2"], "half_1x1", strides=[2, 2]),
        node("Add", ["b", "b2"], ["sum"]),
        node("Relu", ["sum"], ["c"]),
        node("MaxPool", ["c"], ["d"], kernel_shape=[2, 2], strides=[2, 2]),
        node("Resize", ["d", "", "scales"], ["e"], mode="linear"),
        node("Concat", ["e", "c"], ["f"], axis=1),
        node("ConvTranspose", ["f", "w3"], ["g"], "up", strides=[2, 2]),
        node("Concat", ["g", "x"], ["h"], axis=1),
        node("Pad", ["h", "pads"], ["i"], mode="reflect"),
        node("Slice", ["i", "starts", "ends", "axes"], ["j"]),
        node("Softmax", ["j"], ["maps"], axis=1),
        node("GlobalAveragePool", ["c"], ["k"]),
        node("Mul", ["c", "k"], ["gated"]),
        node("ReduceMax", ["gated"], ["l"], axes=[3], keepdims=1),
        node("Squeeze", ["l", "last"], ["columns"]),
        node("Flatten", ["gated"], ["flat"]),
        node("GlobalMaxPool", ["c"], ["m"]), node("Flatten", ["m"], ["n"]),
        node("Gemm", ["n", "w4"], ["scores"], "fc", transB=1),
    ]
    initializers = [
        tensor("w0", [4, 3, 3, 3], noise(108, 2)), tensor("w1", [4, 4, 3, 3], noise(144, 3)),
        tensor("w2", [4, 4, 1, 1], noise(16, 4)), tensor("w3", [8, 2, 2, 2], noise(64, 5)),
        tensor("w4", [5, 4], noise(20, 6)), tensor("scales", [4], [1.0, 1.0, 2.0, 2.0]),
        tensor("pads", [8], [0, 0, 2, 1, 0, 0, 1, 3], I64), tensor("starts", [2], [1, 0], I64),
        tensor("ends", [2], [-1, 7], I64), tensor("axes", [2], [2, 3], I64),
        tensor("last", [1], [3], I64),
    ]
    outputs = [value(name, ["N"] + ["?"] * (rank - 1), F32)
               for name, rank in (("maps", 4), ("columns", 3), ("flat", 2), ("scores", 2))]
    return model(graph(nodes, [value("x", ["N", 3, "H", "W"])], outputs, initializers))


class Sizes(ToolCase):
    def run_at(self, rnm, height, width, batch=2):
        """The outputs' files."""
        self.write("x.npy", npy([batch, 3, height, width], noise(batch * 3 * height * width)))
        outputs = [f"--output={name}={self.path(name)}.npy"
                   for name in ("maps", "columns", "flat", "scores")]
        return self.rnrun(self.path(rnm), "--input", f"x={self.path('x.npy')}", "-q", *outputs)

    def test_any_size(self):
        self.write("net.onnx", pyramid())
        self.accepts("compile", self.path("net.onnx"), "-o", self.path("any.rnm"), "--quiet")
        for height, width in ((8, 12), (20, 16), (32, 32)):
            self.accepts("compile", self.path("net.onnx"), "-o", self.path("one.rnm"), "--quiet",
                         f"--input-size={height}x{width}")
            found = []
            for rnm in ("one.rnm", "any.rnm"):
                result = self.run_at(rnm, height, width)
                self.assertEqual(result.code, 0, result.err)
                found.append([self.read(f"{name}.npy")
                              for name in ("maps", "columns", "flat", "scores")])
            self.assertEqual(found[0], found[1])

    def test_size_that_does_not_fit(self):
        """13 halves to 7 and 3, which doubles to 6: the two cannot be joined."""
        self.write("net.onnx", pyramid())
        self.accepts("compile", self.path("net.onnx"), "-o", self.path("any.rnm"), "--quiet")
        result = self.run_at("any.rnm", 13, 16)
        self.assertEqual((result.code, len(result.failures())), (1, 1), result.err)
        self.assertIn("Concat", result.err)

    def test_report(self):
        """What has no input must be told a size, and a fixed model takes none."""
        self.write("net.onnx", pyramid())
        self.accepts("compile", self.path("net.onnx"), "-o", self.path("any.rnm"), "--quiet")
        self.accepts("compile", self.path("net.onnx"), "-o", self.path("one.rnm"), "--quiet",
                     "--input-size=16")
        for rnm, size, said in (("any.rnm", [], "--input-size=HxW"),
                                ("any.rnm", ["--input-size=none"], "a size such as"),
                                ("one.rnm", ["--input-size=16"], "are numbers")):
            result = self.rnrun(self.path(rnm), "--report", *size)
            self.assertEqual(result.code, 2, result.err)
            self.assertIn(said, result.err)
        for job in ("--report", "--plan", "--bench=1"):
            result = self.rnrun(self.path("any.rnm"), job, "--input-size=16x24", "--batch=2")
            self.assertEqual(result.code, 0, result.err)

    def test_one_size_only(self):
        """A dense layer behind maps, or a shape of numbers: refused by name when compiling."""
        for behind, word in (
                ([node("Flatten", ["a"], ["b"]),
                  node("Gemm", ["b", "fc"], ["y"], "classifier", transB=1)], "--input-size"),
                ([node("Flatten", ["a"], ["b"]),
                  node("MatMul", ["b", "turned"], ["y"], "classifier")], "--input-size"),
                ([node("Reshape", ["a", "to"], ["b"], "classifier"),
                  node("Gemm", ["b", "fc"], ["y"], transB=1)], "cannot make 2x400 of ?0x4x?x?")):
            self.write("net.onnx", model(graph(
                [node("Conv", ["x", "w"], ["a"], "conv", strides=[2, 2]), *behind],
                [value("x", ["N", 3, "H", "W"])], [value("y", ["N", 5])],
                [tensor("w", [4, 3, 3, 3], noise(108)), tensor("fc", [5, 400], noise(2000)),
                 tensor("turned", [400, 5], noise(2000)), tensor("to", [2], [2, 400], I64)])))
            self.refuses(1, ["classifier", word], "compile", self.path("net.onnx"), "-o",
                         self.path("net.rnm"))


if __name__ == "__main__":
    unittest.main()
