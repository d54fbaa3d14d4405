# SPDX-License-Identifier: Apache-2.0
"""Checks an ONNX file with ONNX's own checker and runs it with ONNX Runtime.

    run_onnx.py MODEL.onnx INPUT.npy OUTPUT.npy [--optimize]

Graph optimisation is off unless asked for, so that every node runs as it is written. Run by a
Python that has onnx and onnxruntime; prints the operators of the graph, one a line.
"""

import sys

import numpy as np
import onnx
import onnxruntime


def main(model_path, input_path, output_path, *options):
    """Fails on anything that the checker or the runtime does not take."""
    onnx.checker.check_model(model_path, full_check=True)
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = 1
    settings.log_severity_level = 3
    if "--optimize" not in options:
        settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model_path, settings,
                                           providers=["CPUExecutionProvider"])
    feed = {session.get_inputs()[0].name: np.load(input_path)}
    np.save(output_path, session.run([session.get_outputs()[0].name], feed)[0])
    for node in onnx.load(model_path, load_external_data=False).graph.node:
        print(node.op_type)


main(*sys.argv[1:])
