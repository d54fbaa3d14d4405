# SPDX-License-Identifier: Apache-2.0
"""Checkpoints that are broken, hostile or none at all, and places that cannot be written to."""
import os
import random
import resource
import signal
import stat
import subprocess
import unittest

import network
from ckpt_writer import Call, Global, Instance, checkpoint, namespace, pack
from tool_case import RNC, ToolCase


class BadCheckpoint(ToolCase):
    def setUp(self):
        super().setUp()
        self.topology = self.write("own.yaml", network.TOPOLOGY)
        self.tensors = network.tensors_of("bireal")

    def refuses_file(self, words, name, *arguments, code=1, **settings):
        return self.refuses(code, [name, *words], "compile", self.path(name), "-t", self.topology,
                            "-o", self.path("net.rnm"), *arguments, **settings)

    def test_truncated(self):
        whole = pack(checkpoint(self.tensors))
        seed = 20
        points = [0, 1, 2, 3, 4, 10, 29, 30, 31, 64, len(whole) // 2]
        points += [len(whole) - k for k in (1, 2, 21, 22, 23, 42, 43, 98, 99, 200)]
        points += random.Random(seed).sample(range(len(whole)), 25)
        for length in points:
            with self.subTest(length=length, seed=seed):
                self.write("cut.ckpt", whole[:length])
                self.refuses_file([], "cut.ckpt")

    def test_truncated_pickle(self):
        """The archive is whole; the pickle in it ends too soon."""
        whole = pack(checkpoint(self.tensors))
        start = whole.index(b"\x80\x02")
        for length in (0, 1, 2, 3, 50, 500):
            with self.subTest(length=length):
                self.write("cut.ckpt", whole[:start + length] + b"\0" * 8
                           + whole[start + length + 8:])
                self.refuses_file([], "cut.ckpt")

    def test_calls_are_not_made(self):
        marker = self.path("called")
        calls = {
            "system": Call(Global("os", "system"), (f"touch {marker}",)),
            "posix": Call(Global("posix", "system"), (f"touch {marker}",)),
            "exec": Call(Global("builtins", "exec"), (f"open({marker!r}, 'w')",)),
            "open": Call(Global("io", "open"), (marker, "w")),
        }
        for name, call in calls.items():
            for place in ("beside", "inside", "whole"):
                if place == "beside":
                    value = checkpoint(self.tensors, extra={"callbacks": call})
                elif place == "inside":
                    value = checkpoint({**self.tensors, "model.extra": call})
                else:
                    value = call
                with self.subTest(call=name, place=place):
                    self.write("hostile.ckpt", pack(value))
                    self.refuses_file(["." + call.function.name], "hostile.ckpt")
                    self.assertFalse(os.path.exists(marker))

    def test_unlisted_name_alone_is_carried(self):
        value = checkpoint(self.tensors, extra={"callbacks": {Global("my.hooks", "Saver"): 1}})
        self.write("net.ckpt", pack(value))
        self.accepts("compile", self.path("net.ckpt"), "-t", self.topology)

    def test_whole_module(self):
        module = Instance(Global("mynet", "Net"), {"training": False, "weights": self.tensors})
        self.write("module.pt", pack(module))
        result = self.refuses_file(["mynet", "Net"], "module.pt")
        self.assertIn("state", result.err)  # advises to save the state dict

    def test_torch_module(self):
        module = Call(Global("torch.nn.modules.container", "Sequential"), ())
        self.write("module.pt", pack({"model": module}))
        self.refuses_file(["Sequential"], "module.pt")

    def test_no_tensors(self):
        for value in ({}, {"state_dict": {}}, {"epoch": 3}, namespace(a=1), [], None, 7, "text"):
            with self.subTest(value=str(value)):
                self.write("empty.ckpt", pack(value))
                self.refuses_file([], "empty.ckpt")

    def test_not_a_checkpoint(self):
        for content in (b"", b"\0", b"hello\n" * 100, b"\x89PNG\r\n\x1a\n" + b"\0" * 100,
                        b"PK\5\6" + b"\0" * 18, b"\x80\x02}." * 3):
            with self.subTest(content=content[:8]):
                self.write("other.bin", content)
                self.refuses_file([], "other.bin")

    def test_missing_file(self):
        self.refuses_file(["No such file"], "missing.ckpt")

    def test_directory(self):
        os.mkdir(self.path("folder.ckpt"))
        self.refuses_file(["directory"], "folder.ckpt")

    def test_output_folder_missing(self):
        source = self.checkpoint(self.tensors)
        self.refuses(1, ["nowhere"], "compile", source, "-t", self.topology, "-o",
                     self.path("nowhere/net.rnm"))

    def test_output_is_a_directory(self):
        source = self.checkpoint(self.tensors)
        os.mkdir(self.path("net.rnm"))
        self.refuses(1, ["net.rnm"], "compile", source, "-t", self.topology, "-o",
                     self.path("net.rnm"))

    def test_output_is_the_input(self):
        source = self.checkpoint(self.tensors, name="net.rnm")
        self.refuses(2, ["net.rnm"], "compile", source, "-t", self.topology)
        self.refuses(2, ["net.rnm"], "compile", source, "-t", self.topology, "-o", source)

    def test_output_is_the_input_by_another_name(self):
        source = self.checkpoint(self.tensors)
        os.link(source, self.path("hard.rnm"))
        os.symlink("net.ckpt", self.path("soft.rnm"))
        same = os.path.join(self.folder, ".", "net.ckpt")
        for target in (same, self.path("hard.rnm"), self.path("soft.rnm")):
            with self.subTest(target=target):
                self.refuses(2, ["overwrite"], "compile", source, "-t", self.topology, "-o", target)

    def test_output_is_a_pipe(self):
        """Stands for devices, which tests must not touch: root could replace them."""
        source = self.checkpoint(self.tensors)
        os.mkfifo(self.path("pipe"))
        os.symlink("pipe", self.path("link"))
        for name in ("pipe", "link"):
            with self.subTest(name=name):
                self.refuses(1, [name, "regular file"], "compile", source, "-t", self.topology,
                             "-o", self.path(name))
        self.assertTrue(stat.S_ISFIFO(os.stat(self.path("pipe")).st_mode))

    def test_existing_output_survives(self):
        self.write("net.rnm", "precious")
        self.write("cut.ckpt", pack(checkpoint(self.tensors))[:-1])
        self.refuses_file([], "cut.ckpt")
        del self.tensors["model.fc.weight"]
        self.checkpoint(self.tensors)
        self.refuses_file(["fc.weight"], "net.ckpt")
        self.assertEqual(self.read("net.rnm"), b"precious")

    def test_no_room(self):
        self.checkpoint(self.tensors)
        self.write("net.rnm", "precious")
        for limit in (0, 1, 64, 1000, 4096):
            def no_room(most=limit):
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

            with self.subTest(limit=limit):
                self.refuses(3, ["net.rnm"], "compile", self.path("net.ckpt"), "-t",
                             self.topology, "-o", self.path("net.rnm"), preexec_fn=no_room)
        self.assertEqual(self.read("net.rnm"), b"precious")

    def test_stdout_full(self):
        """The device is opened for writing and never named to a tool."""
        if not (os.path.exists("/dev/full") and stat.S_ISCHR(os.stat("/dev/full").st_mode)):
            self.skipTest("no /dev/full")
        self.checkpoint(self.tensors)
        self.accepts("compile", self.path("net.ckpt"), "-t", self.topology)
        with open("/dev/full", "wb") as full:
            process = subprocess.run([RNC, "inspect", self.path("net.rnm")], stdout=full,
                                     stderr=subprocess.PIPE, check=False)
        self.assertEqual(process.returncode, 3)
        self.assertTrue(process.stderr.startswith(b"rnc: "))


if __name__ == "__main__":
    unittest.main()
