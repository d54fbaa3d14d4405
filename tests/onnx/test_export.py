#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""rnc export: ONNX's checker takes what it writes and ONNX Runtime gives the same answers."""

import unittest

import onnx_case
import golden

# Every known family of topologies, and every transform among them.
FAMILIES = [
    ("rresnet_cifar_16_2", "swish"), ("rresnet_cifar_16_2", "bireal"),
    ("rresnet_cifar_16_4", "static_drop"), ("rresnet_cifar_16_1", "random_bireal"),
    ("resnet_cifar_16_2", None), ("rep_vgg_4", "linear"), ("rep_vgg_6", "bireal"),
    ("rep_vgg_8", "swish"), ("VGG4", None), ("VGG11", None), ("baseline", None),
    ("c4_rep", "bireal"), ("c16_rep", "swish"), ("rresnet_18_1", "bireal"), ("resnet_18_1", None),
]
SEEDS = onnx_case.ROOT / "tests" / "fuzz" / "seeds" / "rnm"


def export(rnm, *options):
    """rnc export beside the model."""
    path = rnm.with_suffix(".onnx")
    golden.run([golden.RNC, "export", rnm, "-o", path, *options])
    return path


class Dense(onnx_case.OnnxTest):
    """--dense."""

    def check_family(self, model, activation):
        """Logits within the tolerance of direct algorithms; convolutions are nothing but that."""
        seed = sum(map(ord, f"{model} {activation}"))
        checkpoint, inputs, *_ = golden.make_checkpoint(self.folder, model, activation, "--batch",
                                                        2, "--seed", seed)
        rnm = self.folder / "m.rnm"
        golden.compile_model(checkpoint, rnm)
        operators = self.check_answers(rnm, inputs, export(rnm, "--dense"))
        self.assertIn("Conv", operators)
        self.assertNotIn("BatchNormalization", operators)

    def test_families(self):
        """Random checkpoints of all families."""
        self.assertTrue(golden.have_torch(), "checkpoints need PyTorch")
        for model, activation in FAMILIES:
            with self.subTest(model=model, activation=activation):
                self.check_family(model, activation)

    def check_seed(self, name, *shape):
        """A small model of the fuzz target's."""
        rnm = self.folder / name
        rnm.write_bytes((SEEDS / name).read_bytes())
        return self.check_answers(rnm, self.make_input(*shape), export(rnm, "--dense"))

    def test_operators(self):
        """Every operator of the format."""
        operators = self.check_seed("operators.rnm", 1, 4, 4, 4)
        for wanted in ("HardSwish", "Clip", "BatchNormalization", "Softmax", "Concat"):
            self.assertIn(wanted, operators)

    def test_unfolded(self):
        """Activations and residuals that the model has fused, and a batch of any size."""
        operators = self.check_seed("small_cnn.rnm", 5, 3, 8, 8)
        self.assertEqual(operators, ["Conv", "Relu", "Conv", "Conv", "Add", "MaxPool",
                                     "GlobalAveragePool", "Flatten", "Gemm"])


if __name__ == "__main__":
    onnx_case.skip_without_onnx()
    unittest.main()
