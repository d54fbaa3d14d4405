# SPDX-License-Identifier: Apache-2.0
"""Reads ONNX files by the protobuf wire format alone: every byte must belong to a known field."""
import collections
import struct

Tensor = collections.namedtuple("Tensor", "name dims data_type raw")
Node = collections.namedtuple("Node", "op name inputs outputs attributes")
Model = collections.namedtuple("Model", "ir_version opsets producer nodes initializers inputs "
                                        "outputs")
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def fields(data):
    """{number: [value]}; fails unless the fields fill the data exactly."""
    found, at = collections.defaultdict(list), 0
    while at < len(data):
        key, at = varint(data, at)
        kind = key & 7
        if kind == VARINT:
            value, at = varint(data, at)
        elif kind == BYTES:
            size, at = varint(data, at)
            value, at = data[at:at + size], at + size
        else:
            size = {FIXED64: 8, FIXED32: 4}[kind]
            value, at = data[at:at + size], at + size
        found[key >> 3].append(value)
    if at != len(data):
        raise ValueError("a field passes the end")
    return found


def text(values):
    return [bytes(value).decode() for value in values]


def read_tensor(data):
    found = fields(data)
    raw, = found[9]
    return Tensor(text(found[8])[0], tuple(found[1]), found[2][0], raw)


def read_attribute(data):
    found = fields(data)
    if 2 in found:
        value = struct.unpack("<f", found[2][0])[0]
    elif 3 in found:
        value = found[3][0]
    else:
        value = tuple(found[8])
    return text(found[1])[0], value


def read_node(data):
    found = fields(data)
    return Node(text(found[4])[0], text(found[3])[0], text(found[1]), text(found[2]),
                dict(map(read_attribute, found[5])))


def read(data):
    """A Model."""
    model = fields(memoryview(data))
    graph = fields(model[7][0])
    opsets = [fields(opset) for opset in model[8]]
    return Model(model[1][0], [(text(opset[1])[0] if 1 in opset else "", opset[2][0])
                               for opset in opsets],
                 text(model[2])[0], [read_node(node) for node in graph[1]],
                 {tensor.name: tensor for tensor in map(read_tensor, graph[5])},
                 [text(fields(value)[1])[0] for value in graph[11]],
                 [text(fields(value)[1])[0] for value in graph[12]])
