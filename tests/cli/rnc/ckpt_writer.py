# SPDX-License-Identifier: Apache-2.0
"""Writes checkpoints as PyTorch does, without PyTorch: a pickle of protocol 2 whose tensors name
storages, in a zip archive of stored members. What no training code would write can be written too:
calls, objects of unknown classes, tensors of every element type.
"""
import struct
import zlib

# Storage class and struct code of each element type.
DTYPES = {
    "f32": ("FloatStorage", "f"),
    "f64": ("DoubleStorage", "d"),
    "f16": ("HalfStorage", "e"),
    "i64": ("LongStorage", "q"),
    "i32": ("IntStorage", "i"),
    "u8": ("ByteStorage", "B"),
}


class Tensor:
    """Elements in row-major order, as a flat list, and their dims."""

    def __init__(self, dims, values, dtype="f32"):
        self.dims = tuple(dims)
        self.values = list(values)
        self.dtype = dtype
        count = 1
        for dim in self.dims:
            count *= dim
        if count != len(self.values):
            raise ValueError(f"{len(self.values)} values for dims {self.dims}")

    def copy(self):
        return Tensor(self.dims, self.values, self.dtype)

    def data(self):
        if self.dtype == "f32":  # struct refuses finite values that round to infinity
            return b"".join(struct.pack("<f", value) for value in self.values)
        return struct.pack(f"<{len(self.values)}{DTYPES[self.dtype][1]}", *self.values)


class Global:
    """A name that unpickling would import."""

    def __init__(self, module, name):
        self.module = module
        self.name = name


class Call:
    """A call that unpickling would make."""

    def __init__(self, function, arguments):
        self.function = function
        self.arguments = arguments


class Instance:
    """An object whose attributes are set to a dict."""

    def __init__(self, cls, attributes):
        self.cls = cls
        self.attributes = attributes


def namespace(**attributes):
    return Instance(Global("argparse", "Namespace"), attributes)


def ordered(mapping):
    """An OrderedDict with these items."""
    result = Call(Global("collections", "OrderedDict"), ())
    result.items = mapping
    return result


class _Pickler:
    def __init__(self):
        self.out = bytearray(b"\x80\x02")
        self.storages = []
        self.memo = 0

    def put(self):
        self.out += b"q" + bytes([self.memo]) if self.memo < 256 else \
            b"r" + struct.pack("<I", self.memo)
        self.memo += 1

    def integer(self, value):
        if 0 <= value < 256:
            self.out += b"K" + bytes([value])
        elif 0 <= value < 65536:
            self.out += b"M" + struct.pack("<H", value)
        elif -2**31 <= value < 2**31:
            self.out += b"J" + struct.pack("<i", value)
        else:
            data = value.to_bytes((value.bit_length() + 8) // 8, "little", signed=True)
            self.out += b"\x8a" + bytes([len(data)]) + data

    def text(self, value):
        data = value.encode()
        self.out += b"X" + struct.pack("<I", len(data)) + data
        self.put()

    def sequence(self, value):
        if len(value) <= 3:
            for item in value:
                self.value(item)
            self.out += (b")", b"\x85", b"\x86", b"\x87")[len(value)]
        else:
            self.out += b"("
            for item in value:
                self.value(item)
            self.out += b"t"
        if value:
            self.put()

    def items(self, mapping):
        if not mapping:
            return
        self.out += b"("
        for key, value in mapping.items():
            self.value(key)
            self.value(value)
        self.out += b"u"

    def dict(self, mapping):
        self.out += b"}"
        self.put()
        self.items(mapping)

    def list(self, values):
        self.out += b"]"
        self.put()
        if values:
            self.out += b"("
            for value in values:
                self.value(value)
            self.out += b"e"

    def name(self, value):
        self.out += f"c{value.module}\n{value.name}\n".encode()
        self.put()

    def tensor(self, tensor):
        strides = []
        step = 1
        for dim in reversed(tensor.dims):
            strides.insert(0, step)
            step *= max(dim, 1)
        key = str(len(self.storages))
        self.storages.append(tensor.data())
        self.name(Global("torch._utils", "_rebuild_tensor_v2"))
        self.out += b"("
        self.sequence(("storage", Global("torch", DTYPES[tensor.dtype][0]), key, "cpu",
                       len(tensor.values)))
        self.out += b"Q"
        for value in (0, tensor.dims, tuple(strides), False,
                      Call(Global("collections", "OrderedDict"), ())):
            self.value(value)
        self.out += b"tR"
        self.put()

    def call(self, value):
        self.value(value.function)
        self.sequence(value.arguments)
        self.out += b"R"
        self.put()
        self.items(getattr(value, "items", {}))

    def instance(self, value):
        self.value(value.cls)
        self.out += b")\x81"
        self.put()
        self.dict(value.attributes)
        self.out += b"b"

    def constant(self, value):
        self.out += {None: b"N", True: b"\x88", False: b"\x89"}[value]

    def real(self, value):
        self.out += b"G" + struct.pack(">d", value)

    def value(self, value):
        kinds = {bool: self.constant, type(None): self.constant, int: self.integer,
                 float: self.real, str: self.text, tuple: self.sequence, list: self.list,
                 dict: self.dict, Tensor: self.tensor, Global: self.name, Call: self.call,
                 Instance: self.instance}
        kinds[type(value)](value)


def _archive(members):
    """Members stored, sizes in the central directory and in descriptors only, data at 64."""
    out = bytearray()
    directory = bytearray()
    for name, data in members:
        offset = len(out)
        header = 30 + len(name)
        fill = -(offset + header + 4) % 64
        extra = struct.pack("<2sH", b"FB", fill) + b"Z" * fill
        crc = zlib.crc32(data)
        out += struct.pack("<4s5H3I2H", b"PK\3\4", 0, 0x0808, 0, 0, 0, 0, 0, 0, len(name),
                           len(extra)) + name + extra + data
        out += struct.pack("<4s3I", b"PK\7\x08", crc, len(data), len(data))
        directory += struct.pack("<4s6H3I5H2I", b"PK\1\2", 0, 0, 0x0808, 0, 0, 0, crc, len(data),
                                 len(data), len(name), 0, 0, 0, 0, 0, offset) + name
    start = len(out)
    end = start + len(directory)
    out += directory
    out += struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 30, 45, 0, 0, len(members), len(members),
                       len(directory), start)
    out += struct.pack("<4sIQI", b"PK\6\7", 0, end, 1)
    out += struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, len(members), len(members), len(directory),
                       start, 0)
    return bytes(out)


def pack(value):
    """The bytes of a file that holds a pickled value and its tensors."""
    pickler = _Pickler()
    pickler.value(value)
    members = [(b"archive/data.pkl", bytes(pickler.out) + b".")]
    members += [(b"archive/data/%d" % k, data) for k, data in enumerate(pickler.storages)]
    members.append((b"archive/version", b"3\n"))
    return _archive(members)


def checkpoint(tensors, args=None, extra=None):
    """The value of a checkpoint: a bare state dict, or with args (a dict) as a trainer saves it.
    extra adds entries beside state_dict."""
    if args is None and extra is None:
        return ordered(dict(tensors))
    value = {"epoch": 3, "global_step": 1200, "pytorch-lightning_version": "1.3.8",
             "state_dict": ordered(dict(tensors)), "callbacks": {}, "optimizer_states": [],
             "lr_schedulers": []}
    value.update(extra or {})
    if args is not None:
        value["hparams_name"] = "kwargs"
        value["hyper_parameters"] = {"args": namespace(**args), "batch_size": 8}
    return value


def write(path, tensors, args=None, extra=None):
    with open(path, "wb") as file:
        file.write(pack(checkpoint(tensors, args, extra)))
