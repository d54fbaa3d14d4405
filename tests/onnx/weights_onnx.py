# SPDX-License-Identifier: Apache-2.0
"""Computes what the functions of a compact export make, in ONNX Runtime.

    weights_onnx.py MODEL.onnx OUTPUT.npz [--optimize]

An array a call, under the recipe's name: its node's up to the last slash.
"""

import sys

import numpy as np
import onnx
import onnxruntime

DOMAIN = "rnm"


def main(model_path, output_path, *options):
    """Cuts the graph down to the calls, whose results become its outputs."""
    model = onnx.load(model_path)
    calls = [node for node in model.graph.node if node.domain == DOMAIN]
    if not calls:
        np.savez(output_path)
        return
    outputs = [onnx.helper.make_tensor_value_info(node.output[0], onnx.TensorProto.FLOAT, None)
               for node in calls]
    graph = onnx.helper.make_graph(calls, "weights", [], outputs, model.graph.initializer)
    cut = onnx.helper.make_model(graph, functions=model.functions, ir_version=model.ir_version,
                                 opset_imports=model.opset_import)
    settings = onnxruntime.SessionOptions()
    settings.log_severity_level = 3
    if "--optimize" not in options:
        settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(cut.SerializeToString(), settings,
                                           providers=["CPUExecutionProvider"])
    np.savez(output_path, **{node.name.rsplit("/", 1)[0]: result
                             for node, result in zip(calls, session.run(None, {}))})


main(*sys.argv[1:])
