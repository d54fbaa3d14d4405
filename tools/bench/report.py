#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes what tools/bench/compare measured as a page with a chart beside it.

Usage: report.py RESULTS.json PAGE.md     (the chart is PAGE.svg; needs matplotlib)
"""
import json
import os
import sys

from contending import NEAR, ONE_CORE, WARM_MS
from networks import TARGETS

OURS = ("panel", "load")
FAR = ", processors far apart"
MIB = 1 << 20
SHOWN = {"avx512f": "AVX-512"}


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


def time_table(results, threads, isa, place):
    names = contenders(results)
    rows = []
    for c in results["comparisons"]:
        if (c["threads"], c["isa"], c["place"]) != (threads, isa, place):
            continue
        found = [row_of(c, name) for name in names]
        best = best_peer(c)
        rows.append([c["network"]] + ["%.2f" % r["median_ms"] if r else "-" for r in found]
                    + ["%.2f x %s" % (best["ours_to_this"], best["name"])])
    return table(["network"] + names + ["panel against the fastest"], rows)


def of_target(reached, target, by="", digits=2):
    return "%.*f of at most %.2f%s: %s" % (digits, reached, target, by,
                                           "reached" if reached <= target else "missed")


def targets_say(results, isa):
    """What is compared in the tables of an instruction set."""
    if isa == "best":
        unlike = ("" if results["machine"]["isa"] == "avx512f" else
                  " The targets were set for machines with AVX-512.")
        return ("Panel mode's figure, then what it is to be at most. All runtimes with all instructions "
                "of the machine." + unlike)
    rows = [row for c in results["comparisons"] if c["isa"] == isa for row in c["rows"]]
    held = sorted({row["name"] for row in rows if row["held"] and row["name"] not in OURS})
    free = sorted({row["name"] for row in rows if not row["held"]} - set(OURS))
    return ("Our kernels use %s and no more, and so does what %s generates (`ONEDNN_MAX_CPU_ISA`). "
            "%s have no such switch and use all instructions of the machine, as does XNNPACK inside "
            "*load*: against these the ratios are of unlike instructions."
            % (isa.upper(), ", ".join(held) or "none", ", ".join(free)))


def at_place(results, isa, place):
    """The comparisons by network and threads."""
    return {(c["network"], c["threads"]): c for c in results["comparisons"]
            if (c["isa"], c["place"]) == (isa, place)}


def ratio_of_target(comparison, target):
    best = best_peer(comparison)
    place = FAR if comparison["place"] == "far" else ""
    return of_target(best["ours_to_this"], target, ", " + best["name"] + place)


def target_table(results, isa):
    """What panel mode reached of what it is to reach. Memory does not depend on the ISA."""
    found = {**at_place(results, isa, "far"), **at_place(results, isa, "near")}
    rows = []
    for name, (ratio, memory, peak, first) in TARGETS.items():
        row = [name]
        for threads in (1, 2):
            c = found.get((name, threads))
            row.append(ratio_of_target(c, ratio) if c else "-")
        c = found.get((name, 1)) or found.get((name, 2))
        if c is None:
            continue
        ours, ort = row_of(c, "panel"), row_of(c, "ONNX Runtime")
        row.append(of_target(ours["peak_bytes"] / ort["peak_bytes"], memory) if memory else "")
        row.append(of_target(ours["peak_bytes"] / 1e6, peak / 1e6) if peak else "")
        for threads in (1, 2):
            c = found.get((name, threads))
            pair = c and (row_of(c, "panel"), row_of(c, "ONNX Runtime"))
            row.append(of_target(pair[0]["first_ms"] / pair[1]["first_ms"], first, digits=3)
                       if first and pair else "")
        rows.append(row)
    return table(["network", "times the fastest peer's time, 1 thread", "2 threads",
                  "times ONNX Runtime's peak memory", "peak memory, MB",
                  "times ONNX Runtime's first answer, 1 thread", "2 threads"], rows)


def far_table(results, isa):
    """The same of two threads where the processors were far apart."""
    found = at_place(results, isa, "far")
    return table(["network", "times the fastest peer's time, 2 threads", "rounds"],
                 [[name, ratio_of_target(found[name, 2], target),
                   str(found[name, 2]["rounds"])] for name, (target, *_) in TARGETS.items()
                  if (name, 2) in found])


def differences(results):
    """By network, the farthest contender."""
    rows = {}
    for c in results["comparisons"]:
        rows.setdefault(c["network"], []).extend(c["rows"])
    farthest = {name: max(of, key=lambda row: row["difference"]) for name, of in rows.items()}
    return ", ".join("%s %.0e (%s)" % (network, row["difference"], row["name"])
                     for network, row in farthest.items())


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


def commands(results, isa):
    """What measured the tables of an instruction set, a line for every --rounds."""
    asked = sorted({c["asked"] for c in results["comparisons"] if c["isa"] == isa})
    return "\n".join("    build/peers/bin/python tools/bench/compare%s --rounds=%d"
                     % ("" if isa == "best" else " --isa=" + isa, rounds) for rounds in asked)


PAGE = """# This runtime beside others

{cpu}, {cores} cores, widest instructions {isa}. The machine is shared, so times are worth less than ratios, and a ratio of one row less than the rows together. Random weights, batch 1, f32 everywhere; the same input and the same answers: the largest difference from those of *panel* is {differences} (of their range, by network). Each contender is a process of its own; in each of {rounds} rounds every one in turn runs for {warm} ms that are not counted, as a host may leave both processors on one core until they have been busy for a while, and then a few times. A ratio is the median over rounds of the quotient of that round's medians, so it can differ a little from the quotient of the two times beside it. Threads are set in every runtime: what it calls intra-op threads, one stream.

The host of a virtual machine may move its processors about: on one core, on two at one cache, or on two that lie far apart. With two threads, rounds are told apart by the time in which a line of cache goes from one processor to the other and back (`tools/bench/exchange`): {one_core} to {near} ns before and after, or more, any other counts nowhere. What does not say *far apart* is of the former. What a second thread gains, in each runtime, is in [SCALING.md](SCALING.md).

*panel* and *load* are this runtime (compact weights expanded inside the kernels; expanded at load on XNNPACK). *XNNPACK* is the dense equivalent as one graph of XNNPACK, nothing of ours in it. The others read the dense ONNX file that `rnc export --dense` writes, or what their own converter makes of it; for LiteRT, whose converters need a full training framework, `tools/bench/write_tflite.py` writes the .tflite, which its XNNPACK delegate takes whole. Versions: {versions}. Missing: {left_out}.

Made by

    tools/bench/setup-peers build/peers
{commands}
    build/peers/bin/python tools/bench/report.py build/bench/results.json {page}

![Time relative to this runtime]({svg})

{tables}

## Memory, files and the first answer

Peak memory is the resident set's high-water mark of the whole process (`VmHWM`). The peers run in Python, whose share shows as the difference to *its session*, the peak less what was resident before the session was made. The first answer counts from the start of the process, loader included, for this runtime (at `main`'s entry: now, less the processor time taken so far), and from the creation of the session, imports excluded, for the peers; each process tells its own. Where it has a target it is the median of 9 starts, of this runtime's panel mode and of ONNX Runtime of 31, alternating.

{memory}
"""


# One mark and colour a runtime, so that they are told apart in grey as well.
MARKS = (("o", "#0072b2"), ("s", "#d55e00"), ("^", "#009e73"), ("D", "#cc79a7"), ("v", "#7f6000"),
         ("P", "#56b4e9"), ("X", "#555555"))


def chart(results, path):
    """A row a network, a mark a runtime: how often its time is panel mode's."""
    import matplotlib
    matplotlib.use("svg")
    from matplotlib import pyplot
    pyplot.rcParams.update({"svg.hashsalt": "bench", "font.size": 11})
    names = [n for n in contenders(results) if n not in OURS]
    near = [c for c in results["comparisons"] if (c["isa"], c["place"]) == ("best", "near")]
    if not near:
        raise SystemExit("%s: no comparison that the chart could show" % path)
    kinds = sorted({c["threads"] for c in near})
    shown = [name for name in TARGETS if any(c["network"] == name for c in near)]
    figure, axes = pyplot.subplots(1, len(kinds), figsize=(10, 5), sharey=True, squeeze=False)
    for axis, threads in zip(axes[0], kinds):
        found = {c["network"]: c for c in near if c["threads"] == threads}
        for k, name in enumerate(names):
            at = [(1 / row["ours_to_this"], place) for place, network in enumerate(shown)
                  if network in found for row in [row_of(found[network], name)] if row]
            if not at:
                continue
            mark, colour = MARKS[k % len(MARKS)]
            axis.plot(*zip(*at), mark, color=colour, markersize=7, label=name, alpha=0.85,
                      markeredgecolor="white", markeredgewidth=0.5)
        for place, network in enumerate(shown):
            target = axis.plot([1 / TARGETS[network][0]] * 2, [place - 0.32, place + 0.32],
                               color="black", linewidth=1.5)[0]
        axis.axvline(1, color="black", linewidth=1, linestyle=":")
        axis.set_xscale("log", base=2)
        axis.xaxis.set_major_formatter("{x:g}")
        axis.xaxis.set_minor_locator(matplotlib.ticker.NullLocator())
        axis.set_yticks(range(len(shown)), shown)
        axis.set_ylim(len(shown) - 0.5, -0.5)
        axis.grid(axis="y", color="#dddddd")
        axis.set_axisbelow(True)
        axis.set_title("%d thread%s" % (threads, "s" if threads > 1 else ""), fontsize=12)
        axis.tick_params(axis="y", length=0)
        axis.spines[["top", "right", "left"]].set_visible(False)
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles + [target], labels + ["target for the leftmost mark"], frameon=False,
                  loc="lower center", ncols=4, bbox_to_anchor=(0.5, 0.05))
    figure.text(0.5, 0.02, "time, as a multiple of this runtime's panel mode: right of the dotted "
                "line is slower", ha="center")
    figure.tight_layout(rect=(0, 0.19, 1, 1))
    figure.savefig(path, metadata={"Date": None})


def main():
    source, page = sys.argv[1:3]
    with open(source) as file:
        results = json.load(file)
    svg = os.path.splitext(page)[0] + ".svg"
    isas = sorted({c["isa"] for c in results["comparisons"]}, reverse=True)
    tables = []
    for isa in isas:
        tables.append("## Targets%s\n\n%s\n\n%s" % (
            "" if isa == "best" else ", our kernels held to %s" % isa.upper(),
            targets_say(results, isa), target_table(results, isa)))
        for threads, place in sorted({(c["threads"], c["place"]) for c in results["comparisons"]
                                      if c["isa"] == isa}, key=lambda k: (k[1] == "far", k[0])):
            tables.append("## Milliseconds, %d thread%s%s%s\n\n%s" % (
                threads, "s" if threads > 1 else "", FAR if place == "far" else "",
                "" if isa == "best" else ", our kernels held to %s" % isa.upper(),
                time_table(results, threads, isa, place)))
            if (threads, place) == (2, "far"):
                tables.append(far_table(results, isa))
    machine = results["machine"]
    rounds = [c["rounds"] for c in results["comparisons"]]
    text = PAGE.format(
        cpu=machine["cpu"], cores=machine["cores"], isa=SHOWN.get(machine["isa"], machine["isa"]).upper(),
        differences=differences(results),
        rounds=" to ".join(map(str, sorted({min(rounds), max(rounds)}))),
        versions=versions(results), one_core=ONE_CORE, near=NEAR, warm=WARM_MS,
        left_out="; ".join("%s (%s)" % item for item in sorted(results["left_out"].items())),
        commands="\n".join(commands(results, isa) for isa in isas), svg=os.path.basename(svg),
        tables="\n\n".join(tables), memory=memory_table(results), page=page)
    with open(page, "w") as file:
        file.write(text)
    chart(results, svg)


if __name__ == "__main__":
    main()
