# SPDX-License-Identifier: Apache-2.0
"""Writes ONNX models byte by byte: messages of protobuf out of lists of fields, so that broken ones
can be written too.
"""
import struct

F32, U8, STRING, I64 = 1, 2, 8, 7


def varint(number):
    number &= (1 << 64) - 1
    out = bytearray()
    while True:
        out.append(number & 0x7F | (0x80 if number > 0x7F else 0))
        number >>= 7
        if not number:
            return bytes(out)


def field(number, value):
    """An integer as a varint, a float as 32 bits, text and bytes with their length."""
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def message(*fields):
    return b"".join(field(number, value) for number, value in fields)


def tensor(name, dims, values=None, dtype=F32, raw=None, extra=()):
    if raw is None:
        raw = struct.pack(f"<{len(values)}{ {F32: 'f', I64: 'q', U8: 'B'}[dtype]}", *values)
    return message(*((1, dim) for dim in dims), (2, dtype), (8, name), (9, raw), *extra)


def external(name, dims, location, offset=None, length=None):
    entries = [("location", location)]
    entries += [("offset", str(offset))] if offset is not None else []
    entries += [("length", str(length))] if length is not None else []
    return message(*((1, dim) for dim in dims), (2, F32), (8, name),
                   *((13, message((1, key), (2, text))) for key, text in entries), (14, 1))


def value(name, dims, dtype=F32):
    """Dimensions are numbers, or texts for symbols."""
    shape = message(*((1, message((1, d) if isinstance(d, int) else (2, d))) for d in dims))
    return message((1, name), (2, message((1, message((1, dtype), (2, shape))))))


def attribute(name, content):
    if isinstance(content, float):
        return message((1, name), (2, content), (20, 1))
    if isinstance(content, int):
        return message((1, name), (3, content), (20, 2))
    if isinstance(content, str):
        return message((1, name), (4, content), (20, 3))
    if isinstance(content, bytes):
        return message((1, name), (5, content), (20, 4))
    return message((1, name), *((8, number) for number in content), (20, 7))


def node(op, inputs, outputs, name="", domain="", **attributes):
    return message(*((1, text) for text in inputs), *((2, text) for text in outputs), (3, name),
                   (4, op), *((5, attribute(key, content)) for key, content in attributes.items()),
                   (7, domain))


def function(name, inputs, outputs, nodes, domain="own", opset=13):
    return message((1, name), *((4, text) for text in inputs), *((5, text) for text in outputs),
                   *((7, one) for one in nodes), (9, message((1, ""), (2, opset))),
                   (9, message((1, "own"), (2, 1))), (10, domain))


def graph(nodes, inputs, outputs, initializers=()):
    return message(*((1, one) for one in nodes), (2, "graph"), *((5, one) for one in initializers),
                   *((11, one) for one in inputs), *((12, one) for one in outputs))


def model(content, opset=13, functions=(), ir=8):
    return message((1, ir), (7, content), (8, message((1, ""), (2, opset))),
                   (8, message((1, "own"), (2, 1))), *((25, one) for one in functions))
