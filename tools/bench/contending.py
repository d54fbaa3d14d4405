# SPDX-License-Identifier: Apache-2.0
"""Runtimes as processes that load a network, answer once and then run when told to (contender.h)."""
import importlib.util
import os
import platform
import statistics
import subprocess
import sys
import time

import peers

HERE = os.path.dirname(os.path.abspath(__file__))
# Between contenders: worker threads that spin for more work have gone to sleep by then.
PAUSE_SECONDS = 0.05
# Runs of a contender in one round. Those before are not counted: caches are another's by then, and
# the host of a virtual machine may leave both processors on one core until they have been busy for a
# while, 10 to 40 ms here.
WARM_MS, ROUND_MS = 60, 120
LEAST_RUNS, MOST_RUNS = 4, 25
# The first two processors that this process may use share a core where they exchange a line of cache
# in fewer nanoseconds than the first, which are not two then; in fewer than the second a cache.
ONE_CORE, NEAR = 75, 250


class Contender:
    """One running process of the protocol in contender.h."""

    def __init__(self, name, command, files, held=None):
        self.name, self.held = name, held is not None
        self.command, self.environment = command, {**os.environ, **(held or {})}
        self.file_bytes = sum(os.path.getsize(f) for f in files)
        self.rounds, self.firsts, self.peak_bytes = [], [], 0
        self.start()

    def start(self):
        """Starts the process, which tells the time to its first answer."""
        time.sleep(PAUSE_SECONDS)  # what ran before has processors of its own to leave
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, bufsize=1,
                                        env=self.environment)
        words = self.read("ready")
        self.version = " ".join(words[1:-1])
        self.firsts.append(float(words[-1]))

    def read(self, wanted=None):
        line = self.process.stdout.readline()
        if not line or (wanted and not line.startswith(wanted)):
            raise SystemExit("%s stopped: its last words are above" % self.name)
        return line.split()

    def ask(self, question, wanted=None):
        self.process.stdin.write(question + "\n")
        return self.read(wanted)

    def measure(self, runs, warm=1):
        return [float(word) for word in self.ask("run %d" % (warm + runs))][warm:]

    def round(self, most=MOST_RUNS):
        """As many runs as a round has of this contender, at most so many; their median."""
        if not self.rounds:
            once = statistics.median(self.measure(3))
            self.runs = max(LEAST_RUNS, min(most, int(ROUND_MS / once)))
            self.warm = 1 + int(WARM_MS / once)
        time.sleep(PAUSE_SECONDS)
        self.rounds.append(self.measure(self.runs, self.warm))
        return statistics.median(self.rounds[-1])

    def end(self):
        words = self.ask("end")
        self.process.stdin.close()
        self.process.wait()
        self.peak_bytes = max(self.peak_bytes, int(words[0]))
        self.base_bytes = int(words[1]) if len(words) > 1 else 0


def start_all(files, threads, build, held_to=None, load=True):
    """The contenders of a network; those of ours first, --expand=load among them if asked for."""
    xnnpack = os.path.join(build, "tools", "bench", "contend_xnn")
    if not os.path.exists(xnnpack):
        raise SystemExit("%s is missing: build with RNM_XNNPACK=ON" % xnnpack)
    shape = "x".join(map(str, files.shape))
    bench = os.path.join(build, "tools", "bench")
    ours = os.path.join(bench, "contend_rnm")
    isa = [held_to] if held_to else []
    found = [Contender("panel", [ours, files.rnm, files.input, str(threads), "panel"] + isa,
                       [files.rnm], {} if isa else None),
             Contender("XNNPACK", [xnnpack, files.rnm, files.input, str(threads)], [files.onnx])]
    found[1].firsts = None  # expands by the scalar reference: not XNNPACK's time
    if load:
        found.insert(1, Contender("load", [ours, files.rnm, files.input, str(threads), "load"] + isa,
                                  [files.rnm]))
    for package, peer in peers.PEERS.items():
        if importlib.util.find_spec(package) is None:
            continue
        model = peer().prepare(files.onnx, files.folder, files.shape)
        held = getattr(peer, "held_back", {}).get(held_to)
        found.append(Contender(peer.name, [sys.executable, os.path.join(HERE, "contend_peer.py"),
                                           package, str(threads), files.input, shape] + model,
                               model, held))
    return found


def exchange(build):
    """Nanoseconds, of a line of cache: from one processor to another and back; of many, to read one
    that the other wrote, and to write one that the other has read."""
    program = os.path.join(build, "tools", "bench", "exchange")
    if not os.path.exists(program):
        raise SystemExit("%s is missing: build the project" % program)
    process = subprocess.run([program], stdout=subprocess.PIPE, text=True)
    if process.returncode != 0:
        raise SystemExit("%s failed: its words are above" % program)
    return tuple(float(word) for word in process.stdout.split())


def place_of(before, after):
    """Where the host had the processors, by two exchanges: near, far, or None if on one core or moved
    meanwhile."""
    before, after = before[0], after[0]
    if min(before, after) < ONE_CORE or (before < NEAR) != (after < NEAR):
        return None
    return "near" if before < NEAR else "far"


def machine():
    model = platform.processor() or platform.machine()
    flags = ""
    with open("/proc/cpuinfo") as info:
        for line in info:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
            if line.startswith("flags"):
                flags = line
    widest = next((isa for isa in ("avx512f", "avx2", "sse2") if isa in flags.split()), "")
    return {"cpu": model, "isa": widest, "cores": os.cpu_count(), "system": platform.platform()}
