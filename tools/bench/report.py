#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes what tools/bench/compare measured as a page with a chart beside it.

Usage: report.py RESULTS.json PAGE.md     (the chart is PAGE.svg; needs matplotlib)
"""
import json
import os
import sys

OURS = ("panel", "load")
MIB = 1 << 20


def best_peer(comparison):
    """The fastest contender that is not ours, by the ratio taken round by round."""
    return max((r for r in comparison["rows"] if r["name"] not in OURS),
               key=lambda r: r["ours_to_this"])


def row_of(comparison, name):
    return next((r for r in comparison["rows"] if r["name"] == name), None)


def contenders(results):
    names = []
    for comparison in results["comparisons"]:
        for row in comparison["rows"]:
            if row["name"] not in names:
                names.append(row["name"])
    return names


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |",
             "|---|" + "---:|" * (len(head) - 1)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def time_table(results, threads, isa):
    names = contenders(results)
    rows = []
    for c in results["comparisons"]:
        if (c["threads"], c["isa"]) != (threads, isa):
            continue
        found = [row_of(c, name) for name in names]
        best = best_peer(c)
        rows.append([c["network"]] + ["%.2f" % r["median_ms"] if r else "-" for r in found]
                    + ["%.2f x %s" % (best["ours_to_this"], best["name"])])
    return table(["network"] + names + ["panel against the fastest"], rows)


def memory_table(results):
    rows = []
    for c in results["comparisons"]:
        if c["threads"] != 1 or c["isa"] != "best":
            continue
        ours, ort = row_of(c, "panel"), row_of(c, "ONNX Runtime")
        peers = [r for r in c["rows"] if r["name"] not in OURS]
        least = min(peers, key=lambda r: r["peak_bytes"])
        quickest = min((r for r in peers if r["first_ms"] is not None),
                       key=lambda r: r["first_ms"])
        rows.append([c["network"],
                     "%.1f" % (ours["peak_bytes"] / MIB),
                     "%.1f" % (ort["peak_bytes"] / MIB),
                     "%.1f" % ((ort["peak_bytes"] - ort["base_bytes"]) / MIB),
                     "%.1f (%s)" % (least["peak_bytes"] / MIB, least["name"]),
                     "%.2f" % (ours["file_bytes"] / MIB), "%.2f" % (ort["file_bytes"] / MIB),
                     "%.1f" % ours["first_ms"], "%.1f" % ort["first_ms"],
                     "%.1f (%s)" % (quickest["first_ms"], quickest["name"])])
    return table(["network", "panel: peak MiB", "ONNX Runtime: peak MiB", "of it, its session",
                  "least of the peers", ".rnm MiB", "dense ONNX MiB", "panel: first answer ms",
                  "ONNX Runtime: first answer ms", "quickest of the peers"], rows)


def versions(results):
    seen = {}
    for c in results["comparisons"]:
        for row in c["rows"]:
            seen[row["name"]] = row["version"]
    return ", ".join("%s %s" % (name, seen[name]) for name in seen if name not in OURS)


PAGE = """# This runtime beside others

{cpu}, {cores} cores, widest instructions {isa}. The machine is shared, so times are worth less than ratios, and a ratio of one row less than the rows together. Random weights, batch 1, f32 everywhere; the same input and the same answers: the largest difference from those of *panel* is {difference:.0e} of their range ({farthest}). Each contender is a process of its own; in each of {rounds} rounds every one in turn runs a few times. A ratio is the median over rounds of the quotient of that round's medians, so it can differ a little from the quotient of the two times beside it. Threads are set in every runtime: what it calls intra-op threads, one stream.

*panel* and *load* are this runtime (compact weights expanded inside the kernels; expanded at load on XNNPACK). *XNNPACK* is the dense equivalent as one graph of XNNPACK, nothing of ours in it. The others read the dense ONNX file that `rnc export --dense` writes, or what their own converter makes of it. Versions: {versions}. Not compared, because their converters need a full training framework: {left_out}.

Made by

    tools/bench/setup-peers build/peers
    build/peers/bin/python tools/bench/compare
    build/peers/bin/python tools/bench/report.py build/bench/results.json docs/BENCHMARKS.md

![Time relative to this runtime]({svg})

{tables}

## Memory, files and the first answer

Peak memory is the resident set's high-water mark of the whole process (`VmHWM`). The peers run in Python, whose share shows as the difference to *its session*, the peak less what was resident before the session was made. The first answer counts from the start of the process for this runtime, and from the creation of the session, imports excluded, for the peers.

{memory}
"""


def chart(results, path):
    import matplotlib
    matplotlib.use("svg")
    from matplotlib import pyplot
    pyplot.rcParams["svg.hashsalt"] = "bench"
    names = [n for n in contenders(results) if n not in OURS]
    kinds = sorted({c["threads"] for c in results["comparisons"]})
    figure, axes = pyplot.subplots(1, len(kinds), figsize=(10, 6), sharey=True)
    for axis, threads in zip([axes] if len(kinds) == 1 else axes, kinds):
        shown = [c for c in results["comparisons"]
                 if c["threads"] == threads and c["isa"] == "best"]
        thickness = 0.8 / len(names)
        for k, name in enumerate(names):
            rows = [row_of(c, name) for c in shown]
            axis.barh([p - 0.4 + (k + 0.5) * thickness for p in range(len(shown))],
                      [1 / r["ours_to_this"] if r else 0 for r in rows], thickness, label=name)
        axis.axvline(1, color="black", linewidth=1)
        axis.set_yticks(range(len(shown)), [c["network"] for c in shown])
        axis.set_title("%d thread%s" % (threads, "s" if threads > 1 else ""))
        axis.set_xlabel("times as long as this runtime's panel mode (the line)")
        axis.spines[["top", "right"]].set_visible(False)
        if threads == kinds[-1]:
            axis.legend(frameon=False)
    axis.invert_yaxis()
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def main():
    source, page = sys.argv[1:3]
    with open(source) as file:
        results = json.load(file)
    svg = os.path.splitext(page)[0] + ".svg"
    tables = []
    for isa in sorted({c["isa"] for c in results["comparisons"]}, reverse=True):
        for threads in sorted({c["threads"] for c in results["comparisons"]}):
            held = "" if isa == "best" else ", our kernels held to %s" % isa
            tables.append("## Milliseconds, %d thread%s%s\n\n%s"
                          % (threads, "s" if threads > 1 else "", held,
                             time_table(results, threads, isa)))
    machine = results["machine"]
    farthest = max((r for c in results["comparisons"] for r in c["rows"]),
                   key=lambda r: r["difference"])
    text = PAGE.format(
        cpu=machine["cpu"], cores=machine["cores"], isa=machine["isa"].upper(),
        difference=farthest["difference"], farthest=farthest["name"],
        rounds=results["rounds"], versions=versions(results),
        left_out=", ".join(results["left_out"]), svg=os.path.basename(svg),
        tables="\n\n".join(tables), memory=memory_table(results))
    with open(page, "w") as file:
        file.write(text)
    chart(results, svg)


if __name__ == "__main__":
    main()
