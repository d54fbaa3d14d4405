"""Reads PyTorch checkpoints, zip and legacy form, without running anything the file names.

torch.load would import Lightning, and release 1.13 ignores the pickle module it is handed, so
it cannot be restrained.
"""

import pickle
import struct
import zipfile
from argparse import Namespace
from collections import Counter, OrderedDict

import torch

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
LEGACY_PROTOCOL = 1001

STORAGE_TYPES = {
    "FloatStorage": torch.float32, "DoubleStorage": torch.float64, "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16, "LongStorage": torch.int64, "IntStorage": torch.int32,
    "ShortStorage": torch.int16, "CharStorage": torch.int8, "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}


class ModelCheckpoint:
    """Stands in for Lightning's callback class, which appears as a dictionary key only."""


def _rebuild_tensor(storage, offset, size, stride, *_):
    return torch.as_strided(storage, size, stride, offset)


def _rebuild_parameter(data, *_):
    return data


GLOBALS = {
    ("collections", "OrderedDict"): OrderedDict,
    ("collections", "Counter"): Counter,
    ("argparse", "Namespace"): Namespace,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
    ("torch._utils", "_rebuild_parameter"): _rebuild_parameter,
    ("pytorch_lightning.callbacks.model_checkpoint", "ModelCheckpoint"): ModelCheckpoint,
    **{("torch", name): dtype for name, dtype in STORAGE_TYPES.items()},
}


class _Unpickler(pickle.Unpickler):
    """Knows the globals above and no others; `get_storage(dtype, key, count)` finds the data."""

    def __init__(self, file, get_storage):
        super().__init__(file)
        self.get_storage = get_storage

    def find_class(self, module, name):
        try:
            return GLOBALS[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"{module}.{name} is not allowed here") from None

    def persistent_load(self, pid):
        kind, dtype, key, _location, count = pid[:5]
        if kind != "storage":
            raise pickle.UnpicklingError(f"persistent id of kind '{kind}'")
        return self.get_storage(dtype, key, count)


def _fill(storage, data):
    """Copies raw little-endian bytes into a one-dimensional tensor of any type."""
    raw = storage.view(torch.uint8)
    if len(data) != raw.numel():
        raise ValueError(f"storage of {raw.numel()} bytes has {len(data)} in the file")
    if data:
        raw.copy_(torch.frombuffer(bytearray(data), dtype=torch.uint8))


def _read_zip(file):
    with zipfile.ZipFile(file) as archive:
        (pickled,) = [name for name in archive.namelist() if name.endswith("/data.pkl")]
        root = pickled[:-len("data.pkl")]
        storages = {}

        def get_storage(dtype, key, count):
            if key not in storages:
                storages[key] = torch.empty(count, dtype=dtype)
                _fill(storages[key], archive.read(f"{root}data/{key}"))
            return storages[key]

        with archive.open(pickled) as stream:
            return _Unpickler(stream, get_storage).load()


def _read_legacy(file):
    """Five pickles (magic, protocol, system, object, storage keys), then the storages' data."""
    storages = {}

    def get_storage(dtype, key, count):
        return storages.setdefault(key, torch.empty(count, dtype=dtype))

    def next_pickle():
        return _Unpickler(file, get_storage).load()

    if next_pickle() != LEGACY_MAGIC or next_pickle() != LEGACY_PROTOCOL:
        raise ValueError("neither a zip nor a legacy PyTorch file")
    next_pickle()
    loaded = next_pickle()
    for key in next_pickle():
        (count,) = struct.unpack("<q", file.read(8))
        storage = storages[key]
        if count != storage.numel():
            raise ValueError(f"storage {key}: {count} elements, expected {storage.numel()}")
        _fill(storage, file.read(count * storage.element_size()))
    return loaded


def load(path):
    """The object a checkpoint holds, its tensors on the CPU."""
    with open(path, "rb") as file:
        if zipfile.is_zipfile(file):
            return _read_zip(file)
        file.seek(0)
        return _read_legacy(file)
