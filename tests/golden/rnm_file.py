# SPDX-License-Identifier: Apache-2.0
"""An independent reader of .rnm files: written from schema/FORMAT.md, sharing no line with the C.

RnmFile(bytes) parses and checks a whole file, raising RnmError at the first rule broken; shape
inference of node outputs is the one duty left to the C reader. RnmFile.changed(edit) gives the
bytes after a change, with digests that fit them again, for tests that plant faults.
"""

import collections

import numpy as np
import xxhash

import rnm_expand
import rnm_graph
from rnm_layout import (ALIGNMENT, BETAS, BF16, CASCADED, CHANNEL, DATA, DROP, DTYPES, F, GRAPH,
                        HEADER, INTERLEAVED, LABELS, LINEAR, MAGIC, MASK, MOST, NONE,
                        OPTIONAL_SECTION, PARENT, PREPROCESS, PREPROCESS_REC, PROVENANCE, RECIPE,
                        RECIPES, REQUIRED_SECTIONS, ROLE_DTYPES, ROLE_RANKS, S, SECTION, STRINGS,
                        TENSOR, TENSORS, ZERO_LIST, ZERO_PLANE, RnmError, require)

Tensor = collections.namedtuple("Tensor", "name dtype role dims offset data")
Recipe = collections.namedtuple("Recipe", "name transform flags dims parent betas mask zeros")


def product(dims):
    """Python's integers do not overflow, numpy's do."""
    result = 1
    for dim in dims:
        result *= int(dim)
    return result


class RnmFile:
    """A whole file, checked. Arrays are read-only views of the bytes given."""

    def __init__(self, content, check_digests=True):
        self.content = bytes(content)
        self.sections = self._read_frame(check_digests)
        self.strings = self._read_strings()
        self.tensors = self._read_tensors()
        self.recipes = self._read_recipes()
        self.graph = rnm_graph.Graph(self)
        self.preprocess = self._read_preprocess()
        self.labels = self._read_names(LABELS, 1)
        pairs = self._read_names(PROVENANCE, 2)
        self.provenance = dict(zip(pairs[::2], pairs[1::2]))

    @classmethod
    def read(cls, path):
        """The file at `path`."""
        with open(path, "rb") as file:
            return cls(file.read())

    # ---- frame and strings

    def _read_frame(self, check_digests):
        content = self.content
        require(len(content) >= HEADER.itemsize, "no room for a header")
        header = np.frombuffer(content, HEADER, 1)[0]
        require(header["magic"].tobytes() == MAGIC, "magic")
        require(header["major"] == 1 and header["minor"] == 0, "version")
        require(header["length"] == len(content), "file length")
        require(not header["reserved"].any(), "reserved bytes of the header")
        count = int(header["sections"])
        require(count <= MOST["sections"], "section count")
        table_end = HEADER.itemsize + count * SECTION.itemsize
        require(table_end <= len(content), "section table")
        if check_digests:
            require(header["digest"] == frame_digest(content, table_end), "digest of the header")
        sections, end, last_kind = {}, table_end, 0
        for record in np.frombuffer(content, SECTION, count, HEADER.itemsize):
            kind, offset, length = (int(record[key]) for key in ("kind", "offset", "length"))
            require(kind > last_kind, "sections in ascending order")
            require(kind <= DATA or kind >= OPTIONAL_SECTION, "unknown section", kind)
            require(record["reserved"] == 0, "reserved field of section", kind)
            require(offset % ALIGNMENT == 0, "alignment of section", kind)
            require(end <= offset < end + ALIGNMENT, "place of section", kind)
            require(offset + length <= len(content), "end of section", kind)
            require(not any(content[end:offset]), "padding before section", kind)
            if check_digests:
                require(record["digest"] == xxhash.xxh3_64_intdigest(
                    content[offset:offset + length]), "digest of section", kind)
            sections[kind] = (offset, length)
            end, last_kind = offset + length, kind
        require(end == len(content), "bytes behind the last section")
        require(REQUIRED_SECTIONS <= set(sections), "missing sections")
        return sections

    def section(self, kind):
        """The bytes of a section; empty where there is none."""
        offset, length = self.sections.get(kind, (0, 0))
        return self.content[offset:offset + length]

    def table(self, kind, dtype, limit):
        """A section that is an array of records."""
        content = self.section(kind)
        require(len(content) % dtype.itemsize == 0, "length of section", kind)
        require(len(content) // dtype.itemsize <= MOST[limit], "too many", limit)
        return np.frombuffer(content, dtype)

    def _read_strings(self):
        content = self.section(STRINGS)
        require(content[:1] == b"\0" and content[-1:] == b"\0", "ends of the strings")
        require(len(content) <= MOST["strings"], "too long: strings")
        strings, offset = {}, 0
        for raw in content[:-1].split(b"\0"):
            require(len(raw) <= MOST["name"], "too long: a string")
            try:
                text = raw.decode("utf-8")
            except UnicodeDecodeError as error:
                raise RnmError("a string is not UTF-8") from error
            require(not any(ord(c) < 0x20 or ord(c) == 0x7F for c in text), "control character")
            strings[offset] = text
            offset += len(raw) + 1
        return strings

    def string(self, offset):
        """The string that starts at `offset`."""
        require(int(offset) in self.strings, "no string starts at", offset)
        return self.strings[int(offset)]

    def names(self, records, kind):
        """The names of a table: none empty, none twice."""
        names = [self.string(record["name"]) for record in records]
        require(all(names), "empty name among the", kind)
        require(len(set(names)) == len(names), "name twice among the", kind)
        return names

    # ---- tensors

    def _read_tensors(self):
        records = self.table(TENSORS, TENSOR, "tensors")
        data, end, tensors = self.section(DATA), 0, []
        for name, record in zip(self.names(records, "tensors"), records):
            dtype, role, rank = (int(record[key]) for key in ("dtype", "role", "rank"))
            require(dtype in DTYPES, name, "element type")
            require(role in ROLE_DTYPES and dtype in ROLE_DTYPES[role], name, "role and type")
            require(rank <= MOST["rank"] and rank == ROLE_RANKS.get(role, rank), name, "rank")
            require(record["reserved0"] == 0 and record["reserved1"] == 0, name, "reserved")
            dims = tuple(int(dim) for dim in record["dims"][:rank])
            require(all(1 <= dim <= MOST["dim"] for dim in dims), name, "dims")
            require(not record["dims"][rank:].any(), name, "dims behind the rank")
            offset, length = int(record["offset"]), int(record["length"])
            require(product(dims) <= MOST["elements"], name, "elements")
            require(length == product(dims) * DTYPES[dtype].itemsize, name, "length")
            require(offset % ALIGNMENT == 0 and end <= offset < end + ALIGNMENT, name, "place")
            require(offset + length <= len(data), name, "end")
            require(not any(data[end:offset]), name, "padding before it")
            array = np.frombuffer(data, DTYPES[dtype], product(dims), offset).reshape(dims)
            tensor = Tensor(name, dtype, role, dims, offset, array)
            self._check_content(tensor)
            tensors.append(tensor)
            end = offset + length
        require(end == len(data), "bytes behind the last tensor")
        return tensors

    @staticmethod
    def _check_content(tensor):
        if tensor.role in (PARENT, BETAS, CHANNEL):
            require(np.isfinite(as_float32(tensor)).all(), tensor.name, "not finite")
        elif tensor.role == ZERO_LIST:
            require((np.diff(tensor.data.astype(np.int64)) > 0).all(), tensor.name, "order")
        if tensor.role == BETAS:
            require(tensor.dims[1] == 2, tensor.name, "pairs")

    # ---- recipes

    def _read_recipes(self):
        records = self.table(RECIPES, RECIPE, "recipes")
        recipes, expanded = [], 0
        for name, record in zip(self.names(records, "recipes"), records):
            recipe = self._recipe(name, record)
            size = 4 * product(recipe.dims)
            require(size <= MOST["child"], name, "child too large")
            expanded += size
            recipes.append(recipe)
        require(expanded <= MOST["children"], "children too large")
        return recipes

    def _recipe(self, name, record):
        transform, flags, rank = (int(record[key]) for key in ("transform", "flags", "rank"))
        require(transform in (LINEAR, S, F, DROP), name, "transform")
        require(flags in ((0, CASCADED, INTERLEAVED) if transform == S else (0,)), name, "flags")
        require(2 <= rank <= 5, name, "rank")
        require(record["reserved0"] == 0 and not record["reserved1"].any(), name, "reserved")
        require(not record["dims"][rank:].any(), name, "dims behind the rank")
        dims = tuple(int(dim) for dim in record["dims"][:rank])
        require(all(1 <= dim <= MOST["dim"] for dim in dims), name, "dims")
        parent = self._part(name, record["parent"], {PARENT}, True)
        betas = self._part(name, record["betas"], {BETAS}, transform == S)
        mask = self._part(name, record["mask"], {MASK}, transform in (F, DROP))
        zeros = None
        if transform == F and record["zeros"] != NONE:
            zeros = self._part(name, record["zeros"], {ZERO_LIST, ZERO_PLANE}, True)
        else:
            require(record["zeros"] == NONE, name, "zeros")
        recipe = Recipe(name, transform, flags, dims, parent, betas, mask, zeros)
        require(len(parent.dims) == rank, name, "rank of the parent")
        pi, po = parent.dims[0], parent.dims[-1]
        require(po <= dims[0] and pi <= dims[1], name, "parent larger than the child")
        require(parent.dims[1:-1] == dims[2:], name, "kernel")
        rnm_expand.check_parts(recipe)
        return recipe

    def _part(self, name, index, roles, present):
        if not present:
            require(index == NONE, name, "a part that the transform does not have")
            return None
        require(index < len(self.tensors), name, "index of a part")
        tensor = self.tensors[int(index)]
        require(tensor.role in roles, name, "role of a part")
        return tensor

    def child(self, name):
        """The child weight of the recipe `name`, f32 [Co, Ci, taps...]."""
        return rnm_expand.expand(next(r for r in self.recipes if r.name == name))

    # ---- the small sections

    def _read_preprocess(self):
        records = self.table(PREPROCESS, PREPROCESS_REC, "preprocess")
        for record in records:
            require(record["input"] < len(self.graph.inputs), "preprocess: input")
            self.string(record["dataset"])
            require(record["color"] in (1, 3, 4) and record["resize"] in (0, 1, 2),
                    "preprocess: colour or resize")
            require(not record["reserved0"].any() and not record["reserved1"].any(),
                    "preprocess: reserved")
            scale = np.append(record["std"], record["divisor"])
            require(np.isfinite(scale).all() and scale.all(), "preprocess: divisor or std")
            require(np.isfinite(record["mean"]).all(), "preprocess: mean")
            used = 1 if record["color"] == 1 else 3
            require(not record["mean"][used:].any() and (record["std"][used:] == 1).all(),
                    "preprocess: unused channels")
        return records

    def _read_names(self, kind, each):
        words = np.frombuffer(self.section(kind), "<u4")
        if len(words) == 0:
            require(kind not in self.sections, "no count in section", kind)
            return []
        require(len(words) == 1 + each * int(words[0]), "length of section", kind)
        require(words[0] <= MOST["labels" if kind == LABELS else "provenance"], "count", kind)
        return [self.string(offset) for offset in words[1:]]

    # ---- planting faults

    def changed(self, edit):
        """The file's bytes after edit(Editor(...)), sealed again."""
        content = bytearray(self.content)
        edit(Editor(self, content))
        return reseal(content)


def as_float32(tensor):
    """A parent's, beta's or channel tensor's values: f16 and bf16 convert exactly."""
    if tensor.dtype == BF16:
        return (tensor.data.astype(np.uint32) << 16).view(np.float32)
    return tensor.data.astype(np.float32)


def frame_digest(content, table_end):
    """XXH3-64 of header, its digest taken as zero, and section table."""
    frame = bytearray(content[:table_end])
    start = HEADER.fields["digest"][1]
    frame[start:start + 8] = bytes(8)
    return xxhash.xxh3_64_intdigest(bytes(frame))


def reseal(content):
    """Computes all digests anew, so that a change is not caught by them."""
    content = bytearray(content)
    header = np.frombuffer(content, HEADER, 1)[0]
    count = int(header["sections"])
    for record in np.frombuffer(content, SECTION, count, HEADER.itemsize):
        offset, length = int(record["offset"]), int(record["length"])
        record["digest"] = xxhash.xxh3_64_intdigest(bytes(content[offset:offset + length]))
    header["digest"] = frame_digest(content, HEADER.itemsize + count * SECTION.itemsize)
    return bytes(content)


class Editor:
    """Writable views of the parts of a file's copy, under the names that the reader found."""

    def __init__(self, rnm, content):
        self.rnm, self.content = rnm, content

    def tensor(self, name):
        """A tensor's elements, writable."""
        tensor = next(t for t in self.rnm.tensors if t.name == name)
        offset = self.rnm.sections[DATA][0] + tensor.offset
        array = np.frombuffer(self.content, DTYPES[tensor.dtype], product(tensor.dims), offset)
        return array.reshape(tensor.dims)

    def recipe(self, name):
        """A recipe's record, writable."""
        offset, length = self.rnm.sections[RECIPES]
        records = np.frombuffer(self.content, RECIPE, length // RECIPE.itemsize, offset)
        return records[[r.name for r in self.rnm.recipes].index(name)]

    def graph(self, part):
        """One of the graph's arrays ("nodes", "words", ...), writable."""
        dtype, count, offset = self.rnm.graph.parts[part]
        return np.frombuffer(self.content, dtype, count, self.rnm.sections[GRAPH][0] + offset)

