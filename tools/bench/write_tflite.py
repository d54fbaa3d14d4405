# SPDX-License-Identifier: Apache-2.0
"""Writes the dense ONNX of a CNN as a .tflite for LiteRT: its own converters need a full framework.

float32, NHWC, a batch of one, Relu inside the operator before it, as those converters have it. The
schema's classes are those that LiteRT brings. One function an operator, in OPERATORS; what is not
there, or not in that form, is refused by name.
"""
import os
import sys

import numpy

from ai_edge_litert import schema_py_generated as schema

BUILTIN, OPTIONS, PADDING = schema.BuiltinOperator, schema.BuiltinOptions, schema.Padding
RELU, NONE = schema.ActivationFunctionType.RELU, schema.ActivationFunctionType.NONE
# Where the axes of an ONNX tensor lie: batch, channels, height, width.
NHWC = (0, 2, 3, 1)


class Refused(Exception):
    """A node that has no counterpart here."""


class Node:
    """An ONNX node with its attributes as a dictionary."""

    def __init__(self, proto, helper):
        self.op, self.inputs, self.output = proto.op_type, list(proto.input), proto.output[0]
        self.name = proto.name or self.output
        self.attributes = {a.name: helper.get_attribute_value(a) for a in proto.attribute}

    def get(self, name, default):
        return self.attributes.get(name, default)

    def demand(self, condition, what):
        if not condition:
            raise Refused("node %s, %s: %s has no counterpart here" % (self.name, self.op, what))


class Writer:
    """The graph in the making. Maps have shape (1, height, width, channels), rows (1, length)."""

    def __init__(self):
        self.tensors, self.buffers, self.operators, self.codes = [], [schema.BufferT()], [], []
        self.index = {}  # ONNX name to tensor
        self.rectified = set()  # tensors without anything below zero

    def tensor(self, name, shape, kind=schema.TensorType.FLOAT32, data=None):
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type = name, list(shape), kind
        tensor.buffer = 0
        if data is not None:
            buffer = schema.BufferT()
            buffer.data = numpy.frombuffer(data.tobytes(), numpy.uint8)
            tensor.buffer = len(self.buffers)
            self.buffers.append(buffer)
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def constant(self, name, array):
        integer = array.dtype.kind == "i"
        array = numpy.ascontiguousarray(array, numpy.int32 if integer else numpy.float32)
        kind = schema.TensorType.INT32 if integer else schema.TensorType.FLOAT32
        return self.tensor(name, array.shape, kind, array)

    def shape(self, tensor):
        return self.tensors[tensor].shape

    def add(self, builtin, inputs, name, shape, options=None):
        """An operator with one output, whose tensor is returned."""
        if builtin not in self.codes:
            self.codes.append(builtin)
        operator = schema.OperatorT()
        operator.opcodeIndex = self.codes.index(builtin)
        operator.inputs, operator.outputs = inputs, [self.tensor(name, shape)]
        if options is not None:
            operator.builtinOptions = options
            operator.builtinOptionsType = getattr(OPTIONS, type(options).__name__[:-1])
        self.operators.append(operator)
        return operator.outputs[0]

    def bytes(self, given, made):
        import flatbuffers
        graph, model = schema.SubGraphT(), schema.ModelT()
        graph.tensors, graph.operators, graph.inputs, graph.outputs = (
            self.tensors, self.operators, [given], [made])
        for builtin in self.codes:
            code = schema.OperatorCodeT()
            code.builtinCode, code.version = builtin, 1
            code.deprecatedBuiltinCode = min(builtin, 127)
            model.operatorCodes = (model.operatorCodes or []) + [code]
        model.version, model.subgraphs, model.buffers = 3, [graph], self.buffers
        size = sum(len(b.data) for b in self.buffers if b.data is not None)
        builder = flatbuffers.Builder(size + (1 << 16))
        builder.Finish(model.Pack(builder), b"TFL3")
        return builder.Output()


def filled(options, **fields):
    for name, value in fields.items():
        setattr(options, name, value)
    return options


def out_length(length, pads, kernel, stride, dilation=1):
    return (length + pads - dilation * (kernel - 1) - 1) // stride + 1


def window(writer, node, x, kernel, filler):
    """(input, padding, strides, output's height and width) of a sliding window: pads that are not
    what SAME means become an operator of their own, which XNNPACK takes into the next one."""
    height, width = writer.shape(x)[1:3]
    strides, dilations = node.get("strides", [1, 1]), node.get("dilations", [1, 1])
    top, left, bottom, right = node.get("pads", [0, 0, 0, 0])
    node.demand(not node.get("ceil_mode", 0), "ceil_mode")
    node.demand(node.get("auto_pad", b"NOTSET") == b"NOTSET", "auto_pad")
    out = [out_length(height, top + bottom, kernel[0], strides[0], dilations[0]),
           out_length(width, left + right, kernel[1], strides[1], dilations[1])]
    if not any((top, left, bottom, right)):
        return x, PADDING.VALID, strides, dilations, out
    same = []
    for length, result, k, s, d in zip((height, width), out, kernel, strides, dilations):
        whole = max((-(-length // s) - 1) * s + d * (k - 1) + 1 - length, 0)
        same += [result == -(-length // s), whole // 2, whole - whole // 2]
    if same == [True, top, bottom, True, left, right]:
        return x, PADDING.SAME, strides, dilations, out
    pads = writer.constant(node.name + "/pads",
                           numpy.array([[0, 0], [top, bottom], [left, right], [0, 0]]))
    shape = [1, height + top + bottom, width + left + right, writer.shape(x)[3]]
    if filler == 0:
        x = writer.add(BUILTIN.PAD, [x, pads], node.name + "/padded", shape, schema.PadOptionsT())
    else:
        value = writer.constant(node.name + "/filler", numpy.array(filler, numpy.float32))
        x = writer.add(BUILTIN.PADV2, [x, pads, value], node.name + "/padded", shape,
                       schema.PadV2OptionsT())
    return x, PADDING.VALID, strides, dilations, out


def conv(writer, node, x, constants, activation):
    weight = constants[node.inputs[1]]
    outputs, group = len(weight), node.get("group", 1)
    bias = constants[node.inputs[2]] if len(node.inputs) > 2 else numpy.zeros(outputs)
    depthwise = group == writer.shape(x)[3] > 1
    node.demand(weight.ndim == 4 and (group == 1 or depthwise), "this weight or group")
    x, padding, strides, dilations, out = window(writer, node, x, weight.shape[2:], 0)
    options = filled(
        schema.DepthwiseConv2DOptionsT() if depthwise else schema.Conv2DOptionsT(),
        padding=padding, strideH=strides[0], strideW=strides[1], dilationHFactor=dilations[0],
        dilationWFactor=dilations[1], fusedActivationFunction=activation)
    if depthwise:
        options.depthMultiplier = outputs // group
        weight = weight.transpose(1, 2, 3, 0)
    else:
        weight = weight.transpose(NHWC)
    operands = [x, writer.constant(node.name + "/weight", weight),
                writer.constant(node.name + "/bias", bias)]
    return writer.add(BUILTIN.DEPTHWISE_CONV_2D if depthwise else BUILTIN.CONV_2D, operands,
                      node.output, [1, *out, outputs], options)


def pool(writer, node, x, constants, activation):
    kernel, largest = node.attributes["kernel_shape"], node.op == "MaxPool"
    node.demand(node.get("dilations", [1, 1]) == [1, 1], "dilation")
    node.demand(largest or not any(node.get("pads", [0])), "padded average")
    # Zeros do where nothing is below them; XNNPACK has no other pads.
    lowest = 0 if x in writer.rectified else float(numpy.finfo(numpy.float32).min)
    x, padding, strides, _, out = window(writer, node, x, kernel, lowest)
    options = filled(schema.Pool2DOptionsT(), padding=padding, strideH=strides[0],
                     strideW=strides[1], filterHeight=kernel[0], filterWidth=kernel[1],
                     fusedActivationFunction=activation)
    return writer.add(BUILTIN.MAX_POOL_2D if largest else BUILTIN.AVERAGE_POOL_2D, [x],
                      node.output, [1, *out, writer.shape(x)[3]], options)


def global_average(writer, node, x, constants, activation):
    axes = writer.constant(node.name + "/axes", numpy.array([1, 2]))
    return writer.add(BUILTIN.MEAN, [x, axes], node.output, [1, 1, 1, writer.shape(x)[3]],
                      filled(schema.ReducerOptionsT(), keepDims=True))


def reshape(writer, node, x, constants, activation):
    shape = writer.shape(x)
    node.demand(shape[1:3] == [1, 1], "a map that is not 1x1, in another order of elements,")
    rows = [1, shape[3]]
    operands = [x, writer.constant(node.name + "/shape", numpy.array(rows))]
    return writer.add(BUILTIN.RESHAPE, operands, node.output, rows,
                      filled(schema.ReshapeOptionsT(), newShape=rows))


def fully_connected(writer, node, x, constants, activation):
    weight = constants[node.inputs[1]]
    node.demand(node.get("alpha", 1.0) == node.get("beta", 1.0) == 1.0, "alpha or beta")
    node.demand(not node.get("transA", 0), "transA")
    weight = weight if node.get("transB", 0) else weight.T
    bias = constants[node.inputs[2]] if len(node.inputs) > 2 else numpy.zeros(len(weight))
    operands = [x, writer.constant(node.name + "/weight", weight),
                writer.constant(node.name + "/bias", bias)]
    options = filled(schema.FullyConnectedOptionsT(), fusedActivationFunction=activation)
    return writer.add(BUILTIN.FULLY_CONNECTED, operands, node.output, [1, len(weight)], options)


def add(writer, node, x, constants, activation):
    y = writer.index.get(node.inputs[1])
    node.demand(y is not None and writer.shape(x) == writer.shape(y), "a constant or other shape")
    return writer.add(BUILTIN.ADD, [x, y], node.output, writer.shape(x),
                      filled(schema.AddOptionsT(), fusedActivationFunction=activation))


def relu(writer, node, x, constants, activation):
    return writer.add(BUILTIN.RELU, [x], node.output, writer.shape(x))


def elu(writer, node, x, constants, activation):
    node.demand(node.get("alpha", 1.0) == 1.0, "alpha")
    return writer.add(BUILTIN.ELU, [x], node.output, writer.shape(x))


# Function, and whether a Relu behind it goes into it.
OPERATORS = {
    "Conv": (conv, True),
    "Gemm": (fully_connected, True),
    "Add": (add, True),
    "MaxPool": (pool, True),
    "AveragePool": (pool, True),
    "GlobalAveragePool": (global_average, False),
    "Flatten": (reshape, False),
    "Reshape": (reshape, False),
    "Relu": (relu, False),
    "Elu": (elu, False),
}


def write(onnx_path, tflite_path):
    import onnx
    model = onnx.load(onnx_path)
    constants = {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}
    nodes = [Node(proto, onnx.helper) for proto in model.graph.node]
    readers = {}
    for node in nodes:
        for name in node.inputs:
            readers.setdefault(name, []).append(node)
    given = next(i for i in model.graph.input if i.name not in constants)
    channels, height, width = (d.dim_value for d in given.type.tensor_type.shape.dim[1:])
    writer = Writer()
    first = writer.index[given.name] = writer.tensor(given.name, [1, height, width, channels])
    for node in nodes:
        if node.output in writer.index:
            continue  # went into the operator before it
        node.demand(node.op in OPERATORS, "it")
        function, takes_relu = OPERATORS[node.op]
        behind = readers.get(node.output, [])
        fused = takes_relu and len(behind) == 1 and behind[0].op == "Relu"
        node.demand(node.inputs[0] in writer.index, "a constant as first input")
        made = function(writer, node, writer.index[node.inputs[0]], constants,
                        RELU if fused else NONE)
        writer.index[behind[0].output if fused else node.output] = made
        if fused or node.op == "Relu":
            writer.rectified.add(made)
    data = writer.bytes(first, writer.index[model.graph.output[0].name])
    with open(tflite_path + ".new", "wb") as file:
        file.write(data)
    os.replace(tflite_path + ".new", tflite_path)


if __name__ == "__main__":
    try:
        write(*sys.argv[1:3])
    except Refused as refusal:
        raise SystemExit(str(refusal))
