# SPDX-License-Identifier: Apache-2.0
"""contend_peer.py PACKAGE THREADS INPUT.f32 SHAPE FILE...: a peer as a contender (contender.h).

Beside the version, `ready` tells the milliseconds from before the session was made to its first
answer, imports excluded; `end` tells the resident set before the session too.
"""
import importlib
import os
import sys
import time

import numpy

import peers


def resident(key):
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith(key):
                return int(line.split()[1]) * 1024
    return 0


def own_output():
    """Standard output as a file of our own; what a runtime prints goes to standard error."""
    ours = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    return ours


def serve(peer, x, out):
    for line in sys.stdin:
        word, _, rest = line.strip().partition(" ")
        if word == "run":
            times = []
            for _ in range(int(rest)):
                start = time.perf_counter()
                peer.run(x)
                times.append(1e3 * (time.perf_counter() - start))
            print(*("%.6f" % t for t in times), file=out)
        elif word == "save":
            numpy.asarray(peer.run(x), numpy.float32).tofile(rest)
            print("saved", file=out)
        else:
            return


def main():
    out = own_output()
    package, threads, path, shape = sys.argv[1:5]
    peer = peers.PEERS[package]()
    importlib.import_module(getattr(peer, "module", package))
    x = numpy.fromfile(path, numpy.float32).reshape([int(d) for d in shape.split("x")])
    before = resident("VmRSS:")
    start = time.perf_counter()
    peer.load(sys.argv[5:], int(threads))
    peer.run(x)
    first = 1e3 * (time.perf_counter() - start)
    print("ready %s %.3f" % (peer.version(), first), file=out)
    serve(peer, x, out)
    print(resident("VmHWM:"), before, file=out)
    os._exit(0)  # some runtimes wait for their threads at a leisurely exit


if __name__ == "__main__":
    main()
