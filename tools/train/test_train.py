#!/usr/bin/python3
"""Tests of the trainer; plain unittest, under a minute.

With RNM_CASES=FOLDER every FOLDER/*/model.ckpt is loaded as well and run on its input.npy, and
must give its logits.npy and logits_f64.npy.
"""

import glob
import gzip
import json
import os
import pickle
import tempfile
import unittest
import zlib

import numpy as np
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

import checkpoint
import checkpoint_reader
import fashion
import make_checkpoint
import models
import train
from reference_counts import COUNTS, KEY_LISTS
from repeatnet import ACTIVATIONS, RepeatConv2d, StraightThroughSign, export_checkpoint

CASES = os.environ.get("RNM_CASES")
EQUAL = (4, 6, 3, 3), (4, 6, 3, 3)
REGULAR = (8, 6, 3, 3), (4, 2, 3, 3)
IRREGULAR = (11, 8, 3, 3), (4, 3, 3, 3)


def naive_child(layer, parent):
    """The child element by element, from the definition, in double.

    An element of the row edge is transformed as its source row is, then by the row edge's own
    values; an element of the column edge likewise, after the row edge.
    """
    value = {key: tensor.detach().double().numpy() for key, tensor in layer.state_dict().items()}
    (roc, ric), (ooc, oic) = layer.child_shape[:2], parent.shape[:2]
    if layer.activation == "random_bireal":
        kernels = np.concatenate([parent.reshape(-1, *parent.shape[2:]), value["random_weights"]])
        return np.stack([kernels[o * ric:(o + 1) * ric] for o in range(roc)]) \
            * np.sign(value["binary_activation.weight"])
    if layer.child_shape == layer.parent_shape:
        return parent
    child = np.empty(layer.child_shape)
    masks = [value.get(f"binary_activation{edge}.weight") for edge in ("", "0", "1")]
    rows, columns, blocks = roc // ooc * ooc, ric // oic * oic, ric // oic
    for o in range(roc):
        for i in range(ric):
            source_o, source_i = (o if o < rows else o - rows), (i if i < columns else i - columns)
            kernel = parent[o % ooc, i % oic]
            if layer.activation == "static_drop":
                kernel = kernel * value["drop_mask"][o, i]
            elif layer.activation == "bireal":
                kernel = kernel * np.sign(masks[0][source_o, source_i])
                if o >= rows:
                    kernel = kernel * np.sign(masks[1][source_o, source_i])
                if i >= columns:
                    kernel = kernel * np.sign(masks[2][o, source_i])
            elif layer.activation == "swish":
                block = source_o // ooc * blocks + source_i // oic
                pairs = [(value["alphas"][0, block], value["betas"][0, block])]
                if o >= rows:
                    pairs.append((value["ealpha1"], value["ebeta1"]))
                if i >= columns:
                    pairs.append((value["ealpha2"], value["ebeta2"]))
                for beta1, beta2 in pairs:
                    kernel = beta1 * kernel / (1 + np.exp(beta2 * kernel))
            child[o, i] = kernel
    return child


def naive_convolution(x, weight, bias, stride, padding):
    """x[n, c, h, w], weight[o, c, k, k] -> [n, o, h', w'], one output pixel at a time"""
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    k = weight.shape[-1]
    height, width = ((side - k) // stride + 1 for side in x.shape[2:])
    out = np.empty((len(x), len(weight), height, width))
    for row in range(height):
        for column in range(width):
            patch = x[:, :, row * stride:row * stride + k, column * stride:column * stride + k]
            out[:, :, row, column] = np.tensordot(patch, weight, ((1, 2, 3), (1, 2, 3))) + bias
    return out


class LayerTest(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(0)

    def test_child_matches_definition(self):
        for activation in ACTIVATIONS:
            for child, parent in (EQUAL, REGULAR, IRREGULAR):
                with self.subTest(activation=activation, child=child):
                    layer = RepeatConv2d(child, parent, activation).double()
                    expected = naive_child(layer, layer.weight.detach().numpy())
                    np.testing.assert_allclose(layer.expand().detach().numpy(), expected,
                                               rtol=1e-13, atol=0)

    def test_convolution_with_borrowed_parent(self):
        layer = RepeatConv2d(*REGULAR, "swish", owns_parent=False, stride=2, padding=1).double()
        torch.nn.init.normal_(layer.bias)
        parent = torch.randn(REGULAR[1], dtype=torch.float64)
        x = torch.randn(2, 6, 7, 5, dtype=torch.float64)
        expected = naive_convolution(x.numpy(), naive_child(layer, parent.numpy()),
                                     layer.bias.detach().numpy(), 2, 1)
        np.testing.assert_allclose(layer(x, parent).detach().numpy(), expected, rtol=1e-12)

    def test_keys_in_file_order(self):
        expected = {
            "linear": ["bias", "weight"],
            "swish": ["bias", "alphas", "betas", "ealpha1", "ebeta1", "ealpha2", "ebeta2",
                      "weight"],
            "bireal": ["bias", "weight", "binary_activation.weight", "binary_activation0.weight",
                       "binary_activation1.weight"],
            "static_drop": ["bias", "drop_mask", "weight"],
            "random_bireal": ["bias", "random_weights", "weight", "binary_activation.weight"],
        }
        for activation, keys in expected.items():
            self.assertEqual(list(RepeatConv2d(*IRREGULAR, activation).state_dict()), keys)
            borrowing = RepeatConv2d(*IRREGULAR, activation, owns_parent=False)
            self.assertEqual(list(borrowing.state_dict()), [k for k in keys if k != "weight"])
        self.assertEqual(list(RepeatConv2d(*EQUAL, "swish").state_dict()), ["bias", "weight"])

    def test_shapes_that_cannot_be(self):
        for child, parent in (((4, 4, 3, 3), (8, 4, 3, 3)), ((4, 4, 3, 3), (4, 8, 3, 3)),
                              ((4, 4, 3, 3), (4, 4, 5, 5)), ((4, 4, 3), (4, 4, 3)),
                              ((4, 4, 3, 3), (0, 4, 3, 3))):
            with self.assertRaisesRegex(ValueError, "cannot be made from a parent"):
                RepeatConv2d(child, parent, "f")

    def test_export(self):
        layer = RepeatConv2d((8, 4, 3, 3), (4, 4, 3, 3), "s")
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "own.pt")
            export_checkpoint(layer, path, topology="topology: own\ngraph: []\n")
            saved = torch.load(path)
            self.assertEqual(saved["hyper_parameters"],
                             {"rnc_topology": "topology: own\ngraph: []\n"})
            self.assertTrue(torch.equal(saved["state_dict"]["weight"], layer.weight))
            with self.assertRaisesRegex(ValueError, "more than"):
                export_checkpoint(layer, path, topology="x\n" * (1 << 20))
            with self.assertRaises(OSError):
                export_checkpoint(layer, path, topology="no/such.yaml")
            self.assertEqual(os.listdir(folder), ["own.pt"])

    def test_sign_of_zero_and_its_gradient(self):
        mask = torch.tensor([-2.0, -0.25, 0.0, 0.5, 1.0], requires_grad=True)
        signs = StraightThroughSign.apply(mask)
        signs.sum().backward()
        self.assertEqual(signs.tolist(), [-1, -1, 0, 1, 1])
        self.assertEqual(mask.grad.tolist(), [0, 1.5, 2, 1, 0])

    def test_every_trainable_transform_value_gets_a_gradient(self):
        for activation in ACTIVATIONS:
            layer = RepeatConv2d(*IRREGULAR, activation)
            layer.expand().square().sum().backward()
            for name, parameter in layer.named_parameters():
                if name != "bias" and parameter.requires_grad:
                    self.assertIsNotNone(parameter.grad, (activation, name))


class ModelTest(unittest.TestCase):
    def test_counts(self):
        # Fake tensors have shapes and no storage: the widest model would fill 3 GB.
        for name, rows in COUNTS.items():
            for activation, expected in rows.items():
                with self.subTest(name=name, activation=activation), FakeTensorMode():
                    model = models.build(name, activation, 1000 if "resnet_18" in name else 10)
                    counts = [0, 0]
                    for parameter in model.parameters():
                        counts[not parameter.requires_grad] += parameter.numel()
                    self.assertEqual((len(model.state_dict()), *counts), expected)

    def test_key_lists(self):
        for (name, activation), expected in KEY_LISTS.items():
            with self.subTest(name=name, activation=activation):
                state = models.build(name, activation).state_dict()
                lines = "".join(f"{key} {'x'.join(map(str, value.shape))}\n"
                                for key, value in state.items())
                self.assertEqual(zlib.crc32(lines.encode()), expected)

    def test_double_agrees_with_single(self):
        torch.manual_seed(0)
        for name, activation in (("rep_vgg_6", "bireal"), ("rresnet_cifar_16_2", "swish"),
                                 ("c4_rep", "swish"), ("VGG5", "linear")):
            with self.subTest(name=name), torch.no_grad():
                model = models.build(name, activation)
                make_checkpoint.randomise(model, models.input_shape(name))
                x = torch.randn(1, *models.input_shape(name))
                single = model(x)
                self.assertEqual(tuple(single.shape), (1, 10))
                torch.testing.assert_close(model.double()(x.double()), single.double(), rtol=0,
                                           atol=1e-4)

    def test_unknown_names_are_refused(self):
        self.assertRaises(ValueError, models.build, "rep_vgg_3")
        self.assertRaises(ValueError, models.build, "c4_rep", "sigmoid")


class CheckpointTest(unittest.TestCase):
    TOP_LEVEL = ["epoch", "global_step", "pytorch-lightning_version", "state_dict", "callbacks",
                 "optimizer_states", "lr_schedulers", "hparams_name", "hyper_parameters"]

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = os.path.join(folder.name, "model.ckpt")

    def generate(self, *options):
        outputs = [f"{self.path}.{suffix}.npy" for suffix in ("x", "l", "l64")]
        make_checkpoint.main(["--model", "rresnet_cifar_16_2", "--activation", "bireal", "-o",
                              self.path, "--input-out", outputs[0], "--logits-out", outputs[1],
                              "--logits-f64-out", outputs[2], *options])
        return [np.load(output) for output in outputs]

    def test_round_trip_of_every_form(self):
        for options in ([], ["--half"], ["--form=legacy"], ["--form=legacy", "--half"]):
            with self.subTest(options=options), torch.no_grad():
                x, logits, logits_f64 = self.generate(*options)
                model, args = checkpoint.restore(self.path)
                self.assertEqual((args.model_name, args.weight_activation, args.dataset),
                                 ("rresnet_cifar_16_2", "bireal", "CIFAR10"))
                np.testing.assert_allclose(model(torch.from_numpy(x)).numpy(), logits, atol=1e-6)
                np.testing.assert_allclose(logits, logits_f64, atol=1e-4)

    def test_layout(self):
        self.generate("--optimizer-state")
        saved = checkpoint_reader.load(self.path)
        self.assertEqual(list(saved), self.TOP_LEVEL)
        self.assertTrue(all(key.startswith("model.") for key in saved["state_dict"]))
        self.assertEqual(list(saved["hyper_parameters"]), ["args", "batch_size"])
        momenta = saved["optimizer_states"][0]["state"]
        self.assertEqual(sum(m["momentum_buffer"].numel() for m in momenta.values()), 866554)

    def test_same_seed_same_file(self):
        first = self.generate("--seed=3")
        second = self.generate("--seed=3")
        other = self.generate("--seed=4")
        np.testing.assert_array_equal(first[1], second[1])
        self.assertFalse(np.array_equal(first[1], other[1]))

    def test_foreign_code_is_refused(self):
        torch.save({"state_dict": {}, "hook": os.system}, self.path)
        self.assertRaises(pickle.UnpicklingError, checkpoint_reader.load, self.path)


class FashionTest(unittest.TestCase):
    def test_preprocessing(self):
        image = np.arange(28 * 28, dtype=np.uint16).astype(np.uint8).reshape(1, 28, 28)
        x = fashion.normalise(fashion.pad(image))
        self.assertEqual((x.shape, x.dtype), ((1, 3, 32, 32), np.float32))
        np.testing.assert_allclose(x[0, :, 0, 0], -0.2860 / 0.3530, rtol=1e-6)
        np.testing.assert_allclose(x[0, 1, 2 + 3, 2 + 5], (image[0, 3, 5] / 255 - 0.286) / 0.353,
                                   rtol=1e-6)

    def test_augmentation_moves_but_keeps_pixels(self):
        image = np.zeros((64, 28, 28), np.uint8)
        image[:, 14, 5] = 9
        moved = fashion.augment(image, np.random.default_rng(0))
        self.assertEqual(moved.shape, (64, 32, 32))
        _, rows, columns = np.nonzero(moved)
        self.assertEqual(len(rows), 64)
        self.assertEqual(set(rows), set(range(14, 19)))
        self.assertEqual(set(columns), set(range(5, 10)) | set(range(22, 27)))


class TrainingTest(unittest.TestCase):
    def write_dataset(self, folder):
        rng = np.random.default_rng(0)
        for stem, count in (("train", 48), ("t10k", 16)):
            for kind, array in (("images-idx3", rng.integers(0, 256, (count, 28, 28))),
                                ("labels-idx1", rng.integers(0, 10, count))):
                header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
                path = os.path.join(folder, f"{stem}-{kind}-ubyte.gz")
                with gzip.open(path, "wb") as file:
                    file.write(header + array.astype(np.uint8).tobytes())

    def test_resumed_run_equals_uninterrupted(self):
        with tempfile.TemporaryDirectory() as folder:
            self.write_dataset(folder)
            common = ["--model=rresnet_cifar_16_1", "--activation=random_bireal", "--epochs=2",
                      "--batch-size=16", f"--datapath={folder}"]
            whole, parts = os.path.join(folder, "whole"), os.path.join(folder, "parts")
            train.main([whole, *common])
            train.main([parts, *common, "--stop-after=1"])
            self.assertFalse(os.path.exists(os.path.join(parts, "final.ckpt")))
            train.main([parts, *common])
            first, second = (checkpoint_reader.load(os.path.join(run, "final.ckpt"))
                             for run in (whole, parts))
            self.assertEqual(first["optimizer_states"], [])
            for key, value in first["state_dict"].items():
                torch.testing.assert_close(second["state_dict"][key], value, rtol=0, atol=0)

    def test_learning_rate_cycle(self):
        factors = [train.learning_rate_factor(step, 100) for step in range(101)]
        self.assertAlmostEqual(factors[0], 0.04)
        self.assertAlmostEqual(max(factors), factors[20])
        self.assertAlmostEqual(factors[20], 1)
        self.assertEqual(factors[100], 0)


@unittest.skipUnless(CASES, "RNM_CASES names no folder of sample checkpoints")
class CasesTest(unittest.TestCase):
    def test_logits(self):
        paths = sorted(glob.glob(os.path.join(CASES, "*", "model.ckpt")))
        self.assertTrue(paths, f"no samples in {CASES}")
        for path in paths:
            folder = os.path.dirname(path)
            with self.subTest(case=os.path.basename(folder)), torch.no_grad():
                with open(os.path.join(folder, "meta.json"), encoding="utf-8") as file:
                    meta = json.load(file)
                model, _ = checkpoint.restore(path, meta["model_name"], meta["weight_activation"])
                x, logits, logits_f64 = (np.load(os.path.join(folder, f"{name}.npy"))
                                         for name in ("input", "logits", "logits_f64"))
                np.testing.assert_allclose(model(torch.from_numpy(x)).numpy(), logits, rtol=0,
                                           atol=1e-5)
                double = model.double()(torch.from_numpy(x).double()).numpy()
                np.testing.assert_allclose(double, logits_f64, rtol=0, atol=1e-10)


if __name__ == "__main__":
    unittest.main()
