# SPDX-License-Identifier: Apache-2.0
"""What the tests of this folder share: where the tools are, how they are run, what must agree.

Paths come from the environment, which tests/golden/CMakeLists.txt sets: RNC, RNRUN, and PYTHON,
a Python that has PyTorch. RNM_TEST_ISA, when set, holds every run back to one instruction set and
leaves out what none can change. Nothing here is looser than the project's fidelity rules.
"""

import os
import pathlib
import subprocess
import tempfile
import unittest

import numpy as np

import derive
from rnm_file import RnmFile

HERE = pathlib.Path(__file__).resolve().parent
TRAIN = HERE.parents[1] / "tools" / "train"
RNC = os.environ.get("RNC", "rnc")
RNRUN = os.environ.get("RNRUN", "rnrun")
PYTHON = os.environ.get("PYTHON", "/usr/bin/python3")
ISA = os.environ.get("RNM_TEST_ISA")
TOLERANCE = 2e-5  # of max(1, |logit|): direct algorithms
WINOGRAD_TOLERANCE = 1e-4  # of the range of the outputs: where Winograd is used

# Name, arguments, and which runs must give the same bits: those of our own kernels with Winograd,
# and those without. Threads differ because results must not depend on them.
MODES = (
    ("load", ("--expand=load", "--threads=2"), None),
    ("load --no-xnnpack", ("--expand=load", "--no-xnnpack", "--threads=1"), "winograd"),
    ("lazy", ("--expand=lazy", "--threads=2"), "winograd"),
    ("layer", ("--expand=layer", "--threads=1"), "winograd"),
    ("panel", ("--expand=panel", "--threads=2"), "winograd"),
    ("layer --direct", ("--expand=layer", "--direct", "--threads=2"), "direct"),
    ("panel --direct", ("--expand=panel", "--direct", "--threads=1"), "direct"),
)
if ISA:
    # XNNPACK chooses its instructions itself.
    MODES = tuple(mode for mode in MODES if mode[2] is not None)


def run(command, expect=0):
    """Runs a tool, expecting an exit code; returns the finished process."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                          check=False)
    if done.returncode != expect:
        raise AssertionError(f"{' '.join(map(str, command))}\nexit code {done.returncode}, "
                             f"expected {expect}\n{done.stdout}{done.stderr}")
    return done


def train_tool(script, *arguments):
    """Runs one of tools/train's scripts under a Python that has PyTorch."""
    return run([PYTHON, "-B", TRAIN / script, *arguments])


def have_torch():
    """Whether PYTHON can make checkpoints."""
    probe = subprocess.run([PYTHON, "-c", "import torch"], capture_output=True, check=False)
    return probe.returncode == 0


def make_checkpoint(folder, model, activation, *options):
    """(checkpoint, input, f32 logits, f64 logits): paths of a random model's files."""
    paths = [folder / name for name in ("m.ckpt", "x.npy", "f32.npy", "f64.npy")]
    train_tool("make_checkpoint.py", "--model", model, "-o", paths[0], "--input-out", paths[1],
               "--logits-out", paths[2], "--logits-f64-out", paths[3],
               *(["--activation", activation] if activation else []), *options)
    return paths


def compile_model(checkpoint, rnm, *options):
    """rnc compile; also demands that it leaves nothing but the .rnm behind."""
    before = set(rnm.parent.iterdir())
    done = run([RNC, "compile", checkpoint, "-o", rnm, *options])
    left = set(rnm.parent.iterdir()) - before - {rnm}
    if left:
        raise AssertionError(f"rnc compile left {left} behind")
    return done


def logits_of(rnm, input_path, mode, output_path):
    """The first output of a run."""
    isa = [f"--isa={ISA}"] if ISA else []
    run([RNRUN, rnm, input_path, f"--output={output_path}", "--quiet", *isa, *mode])
    return np.load(output_path)


def ulps(a, b):
    """The largest distance in representable numbers; huge where one is NaN or infinite."""
    if a.shape != b.shape or a.dtype != np.float32 or b.dtype != np.float32:
        raise AssertionError(f"{a.shape} {a.dtype} against {b.shape} {b.dtype}")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return 1 << 40
    ordered = []
    for array in (a, b):
        bits = np.ascontiguousarray(array).view(np.int32).astype(np.int64)
        ordered.append(np.where(bits < 0, -(bits & 0x7FFFFFFF), bits))
    return int(np.abs(ordered[0] - ordered[1]).max(initial=0))


def same_bits(a, b):
    """Bit for bit, signs of zeros included."""
    return a.shape == b.shape and np.array_equal(np.ascontiguousarray(a).view(np.uint32),
                                                 np.ascontiguousarray(b).view(np.uint32))


class GoldenTest(unittest.TestCase):
    """Assertions about models, and a folder for each test's files."""

    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="rnm-golden-")
        self.addCleanup(holder.cleanup)
        self.folder = pathlib.Path(holder.name)

    def check_logits(self, found, wanted, what, winograd=False):
        """Within the tolerance, and the same winners."""
        wanted = np.asarray(wanted)
        self.assertEqual(found.shape, wanted.shape, what)
        difference = np.abs(found.astype(np.float64) - wanted)
        within = difference <= (WINOGRAD_TOLERANCE * np.ptp(wanted) if winograd
                                else TOLERANCE * np.maximum(1, np.abs(wanted)))
        # NaN is within nothing.
        if not within.all():
            worst = np.unravel_index(np.argmin(np.where(within, 1, -difference)), wanted.shape)
            self.fail(f"{what}: logit {worst} is {found[worst]!r}, wanted {wanted[worst]!r}, "
                      f"{np.count_nonzero(~within)} of {within.size} differ")
        np.testing.assert_array_equal(found.argmax(axis=1), wanted.argmax(axis=1), what)

    def check_modes(self, rnm, input_path, references, strict=False):
        """Every mode gives the references' logits; our own kernels the same bits in all. `strict`
        holds Winograd to the tolerance of direct algorithms."""
        first = {}
        for name, mode, kernels in MODES:
            found = logits_of(rnm, input_path, mode, self.folder / "out.npy")
            for reference in references:
                self.check_logits(found, reference, name, kernels == "winograd" and not strict)
            if kernels is not None:
                other, bits = first.setdefault(kernels, (name, found))
                self.assertTrue(same_bits(bits, found), f"{name} differs from {other}")

    def check_weights(self, rnm_path, state, *, interleaved=False, s_ulps=4):
        """Children, scales and biases of a .rnm against those derived from the checkpoint."""
        rnm, layers = RnmFile.read(rnm_path), derive.derive(state, interleaved)
        weighted = {node.name: parts for node, *parts in rnm.graph.weighted()}
        self.assertEqual(set(weighted), set(layers), "layers")
        tensors = {tensor.name: tensor.data for tensor in rnm.tensors}
        for name, layer in layers.items():
            recipe, scale, bias = weighted[name]
            self.check_child(name, rnm.child(recipe), layer, s_ulps)
            self.assertEqual(scale is None, layer.scale is None, f"{name}: has a scale")
            for part, wanted in ((scale, layer.scale), (bias, layer.bias)):
                if wanted is None:
                    continue
                if part is None:
                    self.assertFalse(wanted.any(), f"{name}: no bias stored")
                    continue
                self.assertLessEqual(ulps(tensors[part], wanted), 1, f"{part} of {name}")
        return rnm

    def check_child(self, name, found, layer, s_ulps):
        """One child weight: s within some ulps, all else bit for bit."""
        wanted = layer.weight
        if found.ndim == 2:
            wanted = wanted.reshape(wanted.shape[:2])
        self.assertEqual(found.shape, wanted.shape, f"{name}: shape of the child")
        if layer.kind == "s":
            self.assertLessEqual(ulps(found, wanted), s_ulps, f"{name}: ulps of the child")
        elif not same_bits(found, wanted):
            differ = found.view(np.uint32) != wanted.view(np.uint32)
            where = tuple(np.argwhere(differ)[0])
            self.fail(f"{name}: {differ.sum()} child weights differ, the first at {where}: "
                      f"{found[where]!r}, wanted {wanted[where]!r}")
