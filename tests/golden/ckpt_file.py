# SPDX-License-Identifier: Apache-2.0
"""Reads PyTorch's zip checkpoints without PyTorch, and without running what they hold.

Only the names below stand for anything; every other global becomes a class that holds nothing.
"""

import argparse
import collections
import pickle
import zipfile

import numpy as np

# storage type -> (numpy type, whether it is bfloat16)
STORAGES = {
    "FloatStorage": (np.float32, False), "DoubleStorage": (np.float64, False),
    "HalfStorage": (np.float16, False), "BFloat16Storage": (np.uint16, True),
    "LongStorage": (np.int64, False), "IntStorage": (np.int32, False),
    "ShortStorage": (np.int16, False), "CharStorage": (np.int8, False),
    "ByteStorage": (np.uint8, False), "BoolStorage": (np.bool_, False),
}


class Storage:
    """A member of the archive, and whether its elements are bfloat16."""

    def __init__(self, data, bfloat16):
        self.data, self.bfloat16 = data, bfloat16


def rebuild_tensor(storage, offset, size, stride, *_):
    """A view of a storage as an array; bfloat16 widened to f32, exactly."""
    itemsize = storage.data.itemsize
    last = offset + sum((length - 1) * step for length, step in zip(size, stride))
    if 0 not in size and not 0 <= last < len(storage.data):
        raise ValueError("a tensor outside its storage")
    array = np.lib.stride_tricks.as_strided(storage.data[offset:], size,
                                            [step * itemsize for step in stride])
    if storage.bfloat16:
        return (array.astype(np.uint32) << 16).view(np.float32)
    return np.ascontiguousarray(array).reshape(size)


def rebuild_parameter(data, *_):
    """A parameter is its tensor."""
    return data


class Unpickler(pickle.Unpickler):
    """Knows the few names that state dicts are made of."""

    def __init__(self, file, archive, root):
        super().__init__(file)
        self.archive, self.root = archive, root

    def find_class(self, module, name):
        if module == "torch" and name in STORAGES:
            return name
        known = {("collections", "OrderedDict"): collections.OrderedDict,
                 ("collections", "Counter"): collections.Counter,
                 ("argparse", "Namespace"): argparse.Namespace,
                 ("torch._utils", "_rebuild_tensor_v2"): rebuild_tensor,
                 ("torch._utils", "_rebuild_parameter"): rebuild_parameter}
        return known.get((module, name), type(name, (), {}))

    def persistent_load(self, pid):
        dtype, bfloat16 = STORAGES[pid[1]]
        raw = self.archive.read(f"{self.root}/data/{pid[2]}")
        return Storage(np.frombuffer(raw, dtype), bfloat16)


def load(path):
    """The object in the file."""
    with zipfile.ZipFile(path) as archive:
        member = next(name for name in archive.namelist() if name.endswith("/data.pkl"))
        with archive.open(member) as file:
            return Unpickler(file, archive, member.split("/")[0]).load()


def state_dict(path):
    """{name without `model.`: array} in file order."""
    loaded = load(path)
    state = loaded.get("state_dict", loaded)
    return {name[len("model."):] if name.startswith("model.") else name: array
            for name, array in state.items()}
