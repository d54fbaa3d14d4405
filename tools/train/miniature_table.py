#!/usr/bin/python3
"""The tables of docs/MINIATURE.md: evaluates the rows that miniature.py trained, times them, and
writes the figures down.

    ./miniature_table.py --runs=RUNS      evaluate the rows that are done in RUNS, and keep their
                                          logs, and their .rnm files where below 4 MB
    ./miniature_table.py --segmentation=SEG    likewise the network of masks that train.py left there
    ./miniature_table.py --latency        time all rows on this machine, which should be idle
    ./miniature_table.py                  only write the table again

Figures are kept in docs/miniature/results.json; every run that changes them writes the table of
docs/MINIATURE.md again. A row whose .rnm is not kept is timed with random weights, which take the
same time.
"""

import argparse
import contextlib
import io
import json
import os
import pathlib
import platform
import re
import subprocess
import sys
import tempfile

import evaluate
import miniature

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "MINIATURE.md"
LOGS = ROOT / "docs" / "miniature"
RESULTS = LOGS / "results.json"
KEPT = ROOT / "models" / "miniature"
KEPT_BYTES = 4_000_000

COUNT = 2000        # images of an accuracy
FIRST = 250         # images of the figure that a test checks
FIRST_SCENES = 100  # the same of scenes, whose every pixel has a class
TURNS = 3           # over all rows, so that a disturbance hits few of a row's runs
SEGMENTATION = "runet_small_2_bireal"
BEGIN, END = "<!-- written by miniature_table.py -->", "<!-- end -->"
TRANSFORMS = {"linear": "linear", "swish": "s", "bireal": "f"}
HEAD = ("network", "transform", "accuracy, PyTorch", "accuracy, rnrun", "predictions that differ",
        ".rnm bytes", "dense bytes", "times smaller", "latency, ms", "training, CPU s")


def parse_arguments(argv):
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=pathlib.Path, metavar="RUNS",
                        help="the folder that miniature.py was given")
    parser.add_argument("--segmentation", type=pathlib.Path, metavar="SEG",
                        help="the folder that train.py was given for the segmentation network")
    parser.add_argument("--rows", nargs="+", metavar="ROW", help="only these, or those of a table")
    parser.add_argument("--latency", action="store_true", help="time the rows")
    parser.add_argument("--bench", type=int, default=200, metavar="N", help="runs a row and turn")
    parser.add_argument("--rnrun", default=os.environ.get("RNRUN", "rnrun"))
    parser.add_argument("--rnc", default=os.environ.get("RNC", "rnc"))
    return parser.parse_args(argv)


def run(*command):
    """What a tool prints; its own sentence and the end where it fails."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        sys.exit(done.stderr.rstrip())
    return done.stdout


def figures_of(rnm, checkpoint, count, args):
    """evaluate.py's figures on the first `count` test images, or on all."""
    out = io.StringIO()
    some = [] if count is None else [f"--count={count}"]
    with contextlib.redirect_stdout(out):
        code = evaluate.main([str(rnm), f"--against={checkpoint}", *some, "--json",
                              f"--rnrun={args.rnrun}", f"--rnc={args.rnc}"])
    if code != 0:
        sys.exit(f"miniature_table.py: {rnm}: predictions differ from PyTorch's: {out.getvalue()}")
    return json.loads(out.getvalue())


def keep_log(source, name):
    """The log with the command that anyone can give; returns its CPU seconds."""
    text = re.sub(r"^# (.*: )?\S+\.py \S+ --", rf"# \1train.py RUNS/{name} --",
                  source.read_text(encoding="ascii"), flags=re.M)
    (LOGS / f"{name}.log").write_text(text, encoding="ascii")
    return sum(int(line.split()[-1]) for line in text.splitlines() if not line.startswith("#"))


def evaluate_run(name, folder, count, first, args):
    """Figures of what was trained in a folder; keeps its log and, if small, its .rnm."""
    checkpoint = folder / "final.ckpt"
    with tempfile.TemporaryDirectory(prefix="miniature-") as temporary:
        rnm = pathlib.Path(temporary) / f"{name}.rnm"
        run(args.rnc, "compile", checkpoint, "-o", rnm, "--quiet")
        whole = figures_of(rnm, checkpoint, count, args)
        part = figures_of(rnm, checkpoint, first, args)
        if whole["rnm_bytes"] < KEPT_BYTES:
            KEPT.mkdir(exist_ok=True)
            (KEPT / rnm.name).write_bytes(rnm.read_bytes())
        dense = json.loads(run(args.rnc, "inspect", rnm, "--json"))["dense_bytes"]
    figures = {key: whole[key] for key in ("dataset", "count", "measure", "pytorch", "rnrun",
                                           "different", "largest_difference", "rnm_bytes")}
    figures.update(first=first, first_rnrun=part["rnrun"], dense_bytes=dense,
                   cpu_seconds=keep_log(folder / "train.log", name))
    print(f"{name}: {whole['measure']} {whole['rnrun']:.4f} through rnrun, {whole['pytorch']:.4f} "
          f"in PyTorch, {whole['different']} differ, {whole['rnm_bytes']} bytes", flush=True)
    return figures


def model_for_timing(row, folder, args):
    """The row's .rnm, or one of the same network with random weights."""
    name = miniature.row_name(row)
    kept = KEPT / f"{name}.rnm"
    if kept.exists():
        return kept
    checkpoint, rnm = folder / "random.ckpt", folder / f"{name}.rnm"
    _, model, activation, dataset = row
    script = pathlib.Path(__file__).with_name("make_checkpoint.py")
    run(sys.executable, script, "--model", model, "--activation", activation, "-o", checkpoint)
    run(args.rnc, "compile", checkpoint, "-o", rnm, "--quiet")
    checkpoint.unlink()
    return rnm


def time_rows(rows, results, args):
    """Milliseconds of one image, one thread, panel mode: the least of TURNS medians."""
    least = {}
    with tempfile.TemporaryDirectory(prefix="miniature-") as folder:
        models = [(miniature.row_name(row), model_for_timing(row, pathlib.Path(folder), args))
                  for row in rows]
        for _ in range(TURNS):
            for name, rnm in models:
                bench = json.loads(run(args.rnrun, rnm, f"--bench={args.bench}", "--threads=1",
                                       "--expand=panel", "--json"))["bench"]
                least[name] = min(least.get(name, bench["median_ms"]), bench["median_ms"])
    for name, milliseconds in least.items():
        results["rows"].setdefault(name, {})["latency_ms"] = round(milliseconds, 3)
    results["machine"] = f"{processor()}, {bench['isa']}"
    results["bench"] = args.bench


def processor():
    """The CPU's own name for itself."""
    with contextlib.suppress(OSError):
        found = re.search(r"^model name\s*: (.*)$", pathlib.Path("/proc/cpuinfo").read_text(
            encoding="ascii", errors="replace"), re.M)
        if found:
            return found[1]
    return platform.machine()


def cell(figures, key, form):
    return form(figures[key]) if key in figures else "-"


def table_line(row, figures):
    _, model, activation, _ = row
    repeats = miniature.row_name(row) != model
    percent, whole = (lambda share: f"{100 * share:.2f} %"), (lambda number: f"{number:,}")
    smaller = (f"{figures['dense_bytes'] / figures['rnm_bytes']:.2f}"
               if "rnm_bytes" in figures else "-")
    return (model, TRANSFORMS[activation] if repeats else "dense",
            cell(figures, "pytorch", percent), cell(figures, "rnrun", percent),
            cell(figures, "different", str), cell(figures, "rnm_bytes", whole),
            cell(figures, "dense_bytes", whole), smaller,
            cell(figures, "latency_ms", lambda ms: f"{ms:.2f}"), cell(figures, "cpu_seconds", str))


def tables(results):
    """A table for each of the paper's, in Markdown."""
    parts = []
    for title in ("width", "depth", "rotation"):
        parts += ["", f"**{title.capitalize()}**", "", "| " + " | ".join(HEAD) + " |",
                  "|---|---|" + "---:|" * (len(HEAD) - 2)]
        rows = [row for row in miniature.ROWS if row[0] == title]
        rows.sort(key=lambda row: results["rows"].get(miniature.row_name(row), {})
                  .get("dense_bytes", 0))
        parts += ["| " + " | ".join(table_line(row, results["rows"].get(miniature.row_name(row),
                                                                        {}))) + " |"
                  for row in rows]
    machine = (f"\nLatency: one image, one thread, panel mode, the median of {results['bench']} runs "
               f"(the least of {TURNS} such) on {results['machine']}.\n"
               if "machine" in results else "")
    return "\n".join(parts) + "\n" + machine


def write_page(results):
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n{tables(results)}\n{END}{after}", encoding="utf-8")


def write_results(results):
    temporary = RESULTS.with_suffix(".tmp")
    temporary.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n", encoding="ascii")
    temporary.replace(RESULTS)


def main(argv=None):
    args = parse_arguments(argv)
    rows = miniature.chosen_rows(args)
    results = {"rows": {}}
    if RESULTS.exists():
        results = json.loads(RESULTS.read_text(encoding="ascii"))
    for row in rows if args.runs else ():
        name = miniature.row_name(row)
        if not (args.runs / name / "final.ckpt").exists():
            print(f"{name}: not done in {args.runs}")
            continue
        figures = evaluate_run(name, args.runs / name, COUNT, FIRST, args)
        results["rows"].setdefault(name, {}).update(figures)
        write_results(results)
    if args.segmentation:
        results["segmentation"] = evaluate_run(SEGMENTATION, args.segmentation, None, FIRST_SCENES,
                                               args)
        write_results(results)
    if args.latency:
        time_rows(rows, results, args)
        write_results(results)
    write_page(results)


if __name__ == "__main__":
    main()
