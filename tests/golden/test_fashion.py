#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The trained models of models/trained on Fashion-MNIST's test images, against f64 logits.

No top-1 may differ where the f64 margin is above twice the tolerance; those that differ within it
are listed. Logits themselves must be within the tolerance as well, and all runs of our own kernels
on one instruction set must give the same bits, whatever the mode and the number of threads.
"""

import argparse
import hashlib
import json
import pathlib
import sys
import unittest

import numpy as np

import golden

TRAINED = golden.HERE.parents[1] / "models" / "trained"
CHECKPOINTS = sorted(TRAINED.glob("*.ckpt"))
EXPECTED = ("rresnet_cifar_16_2_bireal", "rresnet_cifar_16_2_swish")
OPTIONS = argparse.Namespace()


def numbers(text):
    """"1,2" as [1, 2]."""
    return [int(word) for word in text.split(",")]


def parse(argv):
    """Our options; what is left is unittest's."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("--count", type=int, default=500, metavar="N",
                        help="images; 500 unless given, 10000 is all")
    parser.add_argument("--few", type=int, metavar="N",
                        help="images of all runs but those of panel mode with Winograd, a multiple\n"
                             "of 16; all unless given")
    parser.add_argument("--threads", type=numbers, metavar="N,N...",
                        help="numbers of threads to run each mode with; its own unless given")
    parser.add_argument("--isas", type=lambda text: text.split(","), default=[None],
                        metavar="NAME,NAME...", help="instruction sets; the best unless given")
    parser.add_argument("--references", type=pathlib.Path, metavar="FOLDER",
                        help="keeps inputs and f64 logits there, and takes those that are there")
    parser.add_argument("--record", type=pathlib.Path, metavar="FILE",
                        help="notes every run that passed there, and does none again that is\n"
                             "noted for the same rnrun, model, images and arguments")
    parser.add_argument("--prepare", action="store_true", help="makes the references, no more")
    return parser.parse_known_args(argv, OPTIONS)[1]


def reference(checkpoint, folder):
    """(path of the inputs, f64 logits) of the first images."""
    folder = OPTIONS.references or folder
    folder.mkdir(parents=True, exist_ok=True)
    inputs, logits = folder / "x.npy", folder / f"{checkpoint.stem}.npy"
    if not (inputs.exists() and logits.exists() and len(np.load(inputs, "r")) == OPTIONS.count
            and len(np.load(logits, "r")) == OPTIONS.count):
        golden.train_tool("reference_logits.py", checkpoint, "--count", OPTIONS.count,
                          "--input-out", inputs, "--logits-out", logits)
    return inputs, np.load(logits)


def digest_of(*parts):
    """One digest of bytes, and of the files that paths name."""
    whole = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else pathlib.Path(part).read_bytes()
        whole.update(hashlib.sha256(data).digest())
    return whole.hexdigest()


class Record:
    """The runs that passed, a line each: what was run, and the digest of the logits."""

    def __init__(self, path, rnm, inputs):
        self.path, self.passed = path, {}
        # All that decides the numbers but the arguments; the runtime is in rnrun itself.
        self.same = digest_of(golden.RNRUN, rnm, inputs, repr((golden.ISA, OPTIONS.few)).encode()) if path else ""
        if path and path.exists():
            for line in path.read_text().splitlines():
                if line.endswith("}"):  # not cut off
                    entry = json.loads(line)
                    self.passed[entry["of"], entry["run"]] = entry["digest"]

    def find(self, arguments):
        """The digest of a run that passed before, or None."""
        return self.passed.get((self.same, " ".join(arguments)))

    def note(self, arguments, digest):
        """Notes a run that passed."""
        if self.path:
            with open(self.path, "a", encoding="utf-8") as file:
                print(json.dumps({"of": self.same, "run": " ".join(arguments), "digest": digest}),
                      file=file)


def has_isa(rnm, isa):
    """Whether this CPU has it, where rnrun would go on with less."""
    report = json.loads(golden.run([golden.RNRUN, rnm, "--report", "--json", f"--isa={isa}"]).stdout)
    if report["report"]["isa"] == isa:
        return True
    print(f"{isa}: skipped, as this CPU lacks it")
    return False


def ways(rnm):
    """(name, arguments, which runs give the same bits) of every run."""
    for isa in OPTIONS.isas:
        if isa is not None and not has_isa(rnm, isa):
            continue
        for name, arguments, kernels in golden.MODES:
            if isa is not None:
                if kernels is None and isa != OPTIONS.isas[0]:
                    continue  # XNNPACK chooses its instructions itself
                name, arguments = f"{isa}, {name}", (*arguments, f"--isa={isa}")
            same = kernels and (isa, kernels)
            if OPTIONS.threads is None:
                yield name, arguments, same
                continue
            arguments = [word for word in arguments if not word.startswith("--threads=")]
            for threads in OPTIONS.threads:
                yield f"{name}, {threads} threads", (*arguments, f"--threads={threads}"), same


@unittest.skipUnless(golden.have_torch(), "no PyTorch: there is nothing to compare with")
class Fashion(golden.GoldenTest):
    """One test a trained model; added below."""

    def check_model(self, checkpoint):
        """All images in all modes."""
        inputs, wanted = reference(checkpoint, self.folder)
        self.assertEqual(len(wanted), OPTIONS.count)
        if OPTIONS.prepare:
            return
        few = self.folder / "few.npy"
        np.save(few, np.load(inputs)[:OPTIONS.few])
        rnm = self.folder / "m.rnm"
        golden.compile_model(checkpoint, rnm)
        record, first = Record(OPTIONS.record, rnm, inputs), {}
        for name, arguments, same in ways(rnm):
            with self.subTest(name):
                digest = record.find(arguments)
                if digest is None:
                    images = few if "--direct" in arguments or "--expand=panel" not in arguments \
                        else inputs
                    found = golden.logits_of(rnm, images, arguments, self.folder / "out.npy")
                    self.check_predictions(found, wanted[:len(found)], name)
                    digest = digest_of(found[:OPTIONS.few].tobytes())
                else:
                    print(f"{name}: passed before", flush=True)
                if same is not None:
                    other, bits = first.setdefault(same, (name, digest))
                    self.assertEqual(bits, digest, f"{name} differs from {other}")
                if record.find(arguments) is None:
                    record.note(arguments, digest)

    def check_predictions(self, found, wanted, mode):
        """Winners first, since they are what a user sees; then the numbers."""
        self.assertEqual(found.shape, wanted.shape)
        self.assertTrue(np.isfinite(found).all(), "not finite")
        ordered = np.sort(wanted, axis=1)
        margin = ordered[:, -1] - ordered[:, -2]
        tolerance = golden.TOLERANCE * np.maximum(1, np.abs(wanted))
        difference = np.abs(found.astype(np.float64) - wanted)
        differ = found.argmax(axis=1) != wanted.argmax(axis=1)
        clear = margin > 2 * tolerance.max(axis=1)
        for image in np.flatnonzero(differ & ~clear):
            print(f"{mode}: image {image} differs within a margin of {margin[image]:.3g}")
        print(f"{mode}: {len(found)} images, {np.count_nonzero(differ)} of another top-1, largest "
              f"difference {np.max(difference / tolerance):.3f} of the tolerance", flush=True)
        self.assertEqual(list(np.flatnonzero(differ & clear)), [], "top-1 differs")
        within = difference <= tolerance
        self.assertTrue(within.all(), f"{np.count_nonzero(~within)} of {within.size} logits")


def add_tests():
    """A method for each file; for one that is expected and not there, one that says so."""
    for name in sorted({path.stem for path in CHECKPOINTS} | set(EXPECTED)):
        def test(self, path=TRAINED / f"{name}.ckpt"):
            if not path.exists():
                self.skipTest(f"{path.name} is not there yet")
            self.check_model(path)
        test.__doc__ = name
        setattr(Fashion, f"test_{name}", test)


if __name__ == "__main__":
    rest = parse(sys.argv)
    add_tests()
    unittest.main(argv=rest)
