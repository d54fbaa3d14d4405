# SPDX-License-Identifier: Apache-2.0
"""The graph section of a .rnm file, as schema/FORMAT.md section 6 has it.

Checked: counts, indices, names, order of nodes, single definition, arity, attributes, last use
and layout rules. Shape inference is left to the C reader.
"""

import collections
import struct

import numpy as np

from rnm_layout import (ATTR, ATTRIBUTES, CHANNEL, CONSTANT, DTYPES, FLOAT, FLOATS, GRAPH,
                        GRAPH_HEAD, INT, MOST, NODE, NONE, OPERATORS, STRING, SYMBOL, VALUE,
                        require)

Node = collections.namedtuple("Node", "name op attrs inputs outputs record")
Value = collections.namedtuple("Value", "name dtype kind layout dims source last_use")

ACTIVATION, STORED, CHILD = 0, 1, 2


class Graph:
    """values, nodes, inputs and outputs (value indices), symbols (names), and where each part lies.

    `parts` maps a part's name to (dtype, count, offset in the section).
    """

    def __init__(self, rnm):
        self.rnm = rnm
        self._split(rnm.section(GRAPH))
        self.symbols = [rnm.string(offset) for offset in self.raw["symbols"]]
        self.values = [self._value(*pair) for pair in self._named("values")]
        self.nodes = [self._node(*pair) for pair in self._named("nodes")]
        self.inputs = [int(index) for index in self.raw["inputs"]]
        self.outputs = [int(index) for index in self.raw["outputs"]]
        self._check_flow()
        for node in self.nodes:
            self._check_layout(node)

    def _split(self, content):
        require(len(content) >= GRAPH_HEAD.itemsize, "graph: no head")
        head = np.frombuffer(content, GRAPH_HEAD, 1)[0]
        dtypes = {"values": VALUE, "nodes": NODE, "attrs": ATTR, "words": np.dtype("<u8"),
                  "refs": np.dtype("<u4"), "inputs": np.dtype("<u4"),
                  "outputs": np.dtype("<u4"), "symbols": np.dtype("<u4")}
        self.parts, self.raw, offset = {}, {}, GRAPH_HEAD.itemsize
        for part, dtype in dtypes.items():
            count = int(head[part])
            require(count <= MOST[part], "graph: too many", part)
            require(offset + count * dtype.itemsize <= len(content), "graph: length")
            self.parts[part] = (dtype, count, offset)
            self.raw[part] = np.frombuffer(content, dtype, count, offset)
            offset += count * dtype.itemsize
        require(offset == len(content), "graph: bytes left over")

    def _named(self, part):
        return zip(self.rnm.names(self.raw[part], part), self.raw[part])

    def _value(self, name, record):
        kind, layout, rank = (int(record[key]) for key in ("kind", "layout", "rank"))
        first, source = int(record["first_dim"]), int(record["source"])
        require(int(record["dtype"]) in DTYPES, name, "element type")
        require(kind in (ACTIVATION, STORED, CHILD), name, "kind")
        require(layout == 0 or (layout == 1 and kind == ACTIVATION and rank >= 3), name, "layout")
        require(record["reserved"] == 0 and rank <= MOST["rank"], name, "rank or reserved")
        require(first + rank <= len(self.raw["words"]), name, "first dim")
        dims = tuple(int(word) for word in self.raw["words"][first:first + rank])
        for dim in dims:
            if dim >= SYMBOL:
                require(kind == ACTIVATION and (dim - SYMBOL < len(self.symbols)
                                                or dim - SYMBOL == NONE), name, "symbol")
            else:
                require((kind != ACTIVATION) <= dim <= MOST["dim"], name, "dim")
        if kind == ACTIVATION:
            require(source == NONE, name, "source")
        elif kind == STORED:
            require(source < len(self.rnm.tensors), name, "source")
            tensor = self.rnm.tensors[source]
            require(tensor.role in (CHANNEL, CONSTANT) and tensor.dims == dims
                    and tensor.dtype == record["dtype"], name, "its tensor")
        else:
            require(source < len(self.rnm.recipes), name, "source")
            require(self.rnm.recipes[source].dims == dims and record["dtype"] == 1,
                    name, "its recipe")
        return Value(name, int(record["dtype"]), kind, layout, dims, source,
                     int(record["last_use"]))

    def _node(self, name, record):
        op, first = int(record["op"]), int(record["first_ref"])
        inputs, outputs = int(record["inputs"]), int(record["outputs"])
        require(op in OPERATORS and record["reserved"] == 0, name, "operator or reserved")
        operator, least, most, most_outputs, *_ = OPERATORS[op]
        require(least <= inputs <= most and 1 <= outputs <= most_outputs, name, "arity")
        require(first + inputs + outputs <= len(self.raw["refs"]), name, "refs")
        refs = [None if ref == NONE else int(ref)
                for ref in self.raw["refs"][first:first + inputs + outputs]]
        require(all(ref is None or ref < len(self.values) for ref in refs), name, "refs")
        require(None not in refs[:least] and None not in refs[inputs:], name, "an absent value")
        start, count = int(record["first_attr"]), int(record["attrs"])
        require(start + count <= len(self.raw["attrs"]), name, "attributes")
        attrs = dict(self._attribute(name, attr) for attr in self.raw["attrs"][start:start + count])
        require(len(attrs) == count, name, "an attribute twice")
        self._check_epilogue(name, op, attrs)
        return Node(name, operator, attrs, refs[:inputs], refs[inputs:], record)

    def _attribute(self, node, attr):
        key, kind, count = (int(attr[field]) for field in ("key", "type", "count"))
        require(key in ATTRIBUTES and ATTRIBUTES[key][1] == kind, node, "attribute", key)
        first = int(attr["first_word"])
        require(first + count <= len(self.raw["words"]) and attr["reserved"] == 0, node,
                "words of attribute", key)
        require(count == 1 or kind not in (INT, FLOAT, STRING), node, "count of attribute", key)
        words = self.raw["words"][first:first + count]
        if kind in (FLOAT, FLOATS):
            require(not (words >> np.uint64(32)).any(), node, "high half of attribute", key)
            numbers = [struct.unpack("<f", struct.pack("<I", int(word)))[0] for word in words]
        elif kind == STRING:
            numbers = [self.rnm.string(words[0])]
        else:
            numbers = [int(word) for word in words.view(np.int64)]
        return ATTRIBUTES[key][0], numbers[0] if kind in (INT, FLOAT, STRING) else numbers

    def _check_epilogue(self, name, op, attrs):
        carries = OPERATORS[op][5]
        extra = {"activation", "activation_alpha", "activation_beta"} & set(attrs)
        require(carries or not extra, name, "an activation it cannot carry")
        if "activation" in attrs:
            require(attrs["activation"] in OPERATORS and OPERATORS[attrs["activation"]][6],
                         name, "activation")
        else:
            require(not extra, name, "alpha or beta without an activation")

    def _check_flow(self):
        values = self.values
        for index in self.inputs + self.outputs:
            require(index < len(values) and values[index].kind == ACTIVATION, "graph input, output")
            require(values[index].layout == 0, "layout of a graph input or output")
        defined, used, sized = set(self.inputs), {}, set()
        require(len(defined) == len(self.inputs), "a graph input twice")
        for position, node in enumerate(self.nodes):
            for ref in node.inputs:
                if ref is None:
                    continue
                require(ref not in sized, node.name, "reads a value without a size of its own")
                if values[ref].kind == ACTIVATION:
                    require(ref in defined, node.name, "reads what is not there yet")
                    used[ref] = position
            for ref in node.outputs:
                require(values[ref].kind == ACTIVATION and ref not in defined, node.name, "output")
                defined.add(ref)
                if node.op == "NonMaxSuppression":
                    sized.add(ref)
        used.update({index: len(self.nodes) for index in self.outputs})
        for index, value in enumerate(values):
            if value.kind == ACTIVATION:
                require(index in defined, value.name, "is made by nobody")
            require(value.last_use == used.get(index, NONE), value.name, "last use")

    def _check_layout(self, node):
        rule = next(row[4] for row in OPERATORS.values() if row[0] == node.op)
        values = [self.values[ref] for ref in node.inputs + node.outputs if ref is not None]
        active = [value for value in values if value.kind == ACTIVATION]
        layouts = {value.layout for value in active}
        if rule == "SPATIAL":
            fits = all(value.layout == (len(value.dims) >= 3) for value in active)
        elif rule == "FIRST":
            rest = [self.values[ref] for ref in node.inputs[1:] if ref is not None]
            fits = all(value.layout == (len(value.dims) >= 3 and value not in rest)
                       for value in active)
        elif rule == "SAME":
            fits = len(layouts) == 1
        elif rule == "ROWS" and node.op == "Flatten":
            data = active[0]
            fits = active[-1].layout == 0 and (data.layout == 0
                                               or all(dim == 1 for dim in data.dims[2:]))
        elif rule == "ROWS":
            fits = layouts == {0}
        else:
            fits = True
        require(fits, node.name, "layout")

    def weighted(self):
        """(node, its recipe's name, scale tensor's name or None, bias tensor's name or None)"""
        for node in self.nodes:
            if node.op in ("Conv", "Gemm"):
                inputs = node.inputs + [None] * 5
                yield (node, self.source(inputs[1]), self.source(inputs[3]),
                       self.source(inputs[2]))

    def source(self, ref):
        """Name of the tensor or recipe behind a constant value."""
        if ref is None:
            return None
        value = self.values[ref]
        table = self.rnm.recipes if value.kind == CHILD else self.rnm.tensors
        return table[value.source].name
