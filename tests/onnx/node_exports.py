# SPDX-License-Identifier: Apache-2.0
"""Runs exports of ONNX's backend tests in ONNX Runtime, on the tests' own data.

    node_exports.py FOLDER DATA

FOLDER has TEST.dense.onnx and TEST.compact.onnx, TEST being TEST_NAME or TEST_NAME.frozen. Each
must pass ONNX's checker and give what the test wants: rtol 1e-3, atol 1e-5, types and shapes exact.
Prints `ok FILE` or `FAIL FILE: why` for each.
"""

import pathlib
import sys

import numpy as np
import onnx
from onnx import numpy_helper
import onnxruntime


def tensors(folder, what):
    """Those of a test's data set, in order."""
    found = []
    while (path := folder / "test_data_set_0" / f"{what}_{len(found)}.pb").exists():
        found.append(numpy_helper.to_array(onnx.TensorProto.FromString(path.read_bytes())))
    return found


def session_of(path):
    """The model, every node as it is written."""
    settings = onnxruntime.SessionOptions()
    settings.log_severity_level = 4
    settings.intra_op_num_threads = 1
    settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])


def check(path, test):
    """What is wrong, or an empty text."""
    onnx.checker.check_model(str(path), full_check=True)
    graph = onnx.load(test / "model.onnx").graph
    constant = {tensor.name for tensor in graph.initializer}
    names = [value.name for value in graph.input if value.name not in constant]
    given = dict(zip(names, tensors(test, "input")))
    session = session_of(path)
    found = session.run(None, {value.name: given[value.name] for value in session.get_inputs()})
    wanted = tensors(test, "output")
    if len(found) != len(wanted):
        return f"{len(found)} outputs, not {len(wanted)}"
    for k, (one, other) in enumerate(zip(found, wanted)):
        if one.shape != other.shape or one.dtype != other.dtype:
            return f"output {k} is {one.dtype} {one.shape}, not {other.dtype} {other.shape}"
        if not np.allclose(one, other, rtol=1e-3, atol=1e-5, equal_nan=True):
            return f"output {k} differs by {np.abs(one.astype(float) - other).max()}"
    return ""


def main(folder, data):
    """All files of the folder."""
    found = {path.name: path for path in pathlib.Path(data).glob("*/test_*")}
    for path in sorted(pathlib.Path(folder).glob("*.onnx")):
        try:
            why = check(path, found[path.name.split(".")[0]])
        except Exception as error:  # pylint: disable=broad-exception-caught
            why = " ".join(str(error).split())[:300]
        print(f"FAIL {path.name}: {why}" if why else f"ok {path.name}", flush=True)


main(*sys.argv[1:])
