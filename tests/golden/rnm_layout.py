# SPDX-License-Identifier: Apache-2.0
"""The numbers of the .rnm format, written down from schema/FORMAT.md and from nothing else.

Structures are numpy dtypes, so that a table is read, or changed in place, as an array.
"""

import numpy as np


class RnmError(Exception):
    """The file breaks a rule of the format."""


def require(condition, *what):
    """Like assert, but never compiled away."""
    if not condition:
        raise RnmError(" ".join(str(word) for word in what))


MAGIC = bytes.fromhex("89524e4d0d0a1a0a")
ALIGNMENT = 64
PANEL = 32
NONE = 0xFFFFFFFF
OPTIONAL_SECTION = 0x80000000
SYMBOL = 1 << 63

STRINGS, TENSORS, RECIPES, GRAPH, PREPROCESS, LABELS, PROVENANCE, DATA = range(1, 9)
REQUIRED_SECTIONS = {STRINGS, TENSORS, RECIPES, GRAPH, DATA}

HEADER = np.dtype([("magic", "V8"), ("major", "<u2"), ("minor", "<u2"), ("sections", "<u4"),
                   ("length", "<u8"), ("digest", "<u8"), ("reserved", "u1", 32)])
SECTION = np.dtype([("kind", "<u4"), ("reserved", "<u4"), ("offset", "<u8"), ("length", "<u8"),
                    ("digest", "<u8")])
TENSOR = np.dtype([("name", "<u4"), ("dtype", "u1"), ("role", "u1"), ("rank", "u1"),
                   ("reserved0", "u1"), ("offset", "<u8"), ("length", "<u8"),
                   ("dims", "<u4", 8), ("reserved1", "<u8")])
RECIPE = np.dtype([("name", "<u4"), ("transform", "u1"), ("flags", "u1"), ("rank", "u1"),
                   ("reserved0", "u1"), ("dims", "<u4", 5), ("parent", "<u4"),
                   ("betas", "<u4"), ("mask", "<u4"), ("zeros", "<u4"), ("reserved1", "<u4", 5)])
GRAPH_HEAD = np.dtype([(key, "<u4") for key in ("values", "nodes", "attrs", "words", "refs",
                                                "inputs", "outputs", "symbols")])
VALUE = np.dtype([("name", "<u4"), ("dtype", "u1"), ("kind", "u1"), ("layout", "u1"),
                  ("rank", "u1"), ("source", "<u4"), ("first_dim", "<u4"), ("last_use", "<u4"),
                  ("reserved", "<u4")])
NODE = np.dtype([("name", "<u4"), ("op", "<u2"), ("attrs", "<u2"), ("first_attr", "<u4"),
                 ("first_ref", "<u4"), ("inputs", "<u2"), ("outputs", "<u2"),
                 ("reserved", "<u4")])
ATTR = np.dtype([("key", "<u2"), ("type", "<u2"), ("count", "<u4"), ("first_word", "<u4"),
                 ("reserved", "<u4")])
PREPROCESS_REC = np.dtype([
    ("input", "<u4"), ("dataset", "<u4"), ("color", "u1"), ("resize", "u1"),
    ("reserved0", "u1", 2), ("resize_height", "<u4"), ("resize_width", "<u4"),
    ("crop_height", "<u4"), ("crop_width", "<u4"), ("pad_top", "<u4"), ("pad_left", "<u4"),
    ("pad_bottom", "<u4"), ("pad_right", "<u4"), ("divisor", "<f4"), ("mean", "<f4", 4),
    ("std", "<f4", 4), ("reserved1", "<u4", 4)])

# ONNX TensorProto.DataType -> numpy; bfloat16, which numpy lacks, as its 16 bits.
DTYPES = {1: np.dtype("<f4"), 2: np.dtype("u1"), 3: np.dtype("i1"), 5: np.dtype("<i2"),
          6: np.dtype("<i4"), 7: np.dtype("<i8"), 9: np.dtype("u1"), 10: np.dtype("<f2"),
          11: np.dtype("<f8"), 12: np.dtype("<u4"), 16: np.dtype("<u2")}
F32, U8, F16, U32, BF16 = 1, 2, 10, 12, 16

PARENT, BETAS, MASK, ZERO_LIST, ZERO_PLANE, CHANNEL, CONSTANT = range(1, 8)
ROLE_DTYPES = {PARENT: {F32, F16, BF16}, BETAS: {F32}, MASK: {U8}, ZERO_LIST: {U32},
               ZERO_PLANE: {U8}, CHANNEL: {F32}, CONSTANT: set(DTYPES)}
ROLE_RANKS = {BETAS: 2, MASK: 1, ZERO_LIST: 1, ZERO_PLANE: 1, CHANNEL: 1}

LINEAR, S, F, DROP = range(4)
CASCADED, INTERLEAVED = 1, 2

# id: (name, least inputs, most inputs, most outputs, layout rule, carries an activation, is an activation)
OPERATORS = {
    1: ("Conv", 2, 5, 1, "SPATIAL", True, False),
    2: ("Gemm", 2, 5, 1, "ROWS", True, False),
    3: ("MaxPool", 1, 1, 2, "SPATIAL", False, False),
    4: ("AveragePool", 1, 1, 1, "SPATIAL", False, False),
    5: ("GlobalAveragePool", 1, 1, 1, "SPATIAL", False, False),
    6: ("GlobalMaxPool", 1, 1, 1, "SPATIAL", False, False),
    7: ("Relu", 1, 1, 1, "SAME", False, True),
    8: ("LeakyRelu", 1, 1, 1, "SAME", False, True),
    9: ("Elu", 1, 1, 1, "SAME", False, True),
    10: ("Sigmoid", 1, 1, 1, "SAME", False, True),
    11: ("Tanh", 1, 1, 1, "SAME", False, True),
    12: ("Clip", 1, 1, 1, "SAME", False, True),
    13: ("HardSigmoid", 1, 1, 1, "SAME", False, True),
    14: ("HardSwish", 1, 1, 1, "SAME", False, True),
    15: ("Add", 2, 2, 1, "EACH", True, False),
    16: ("Mul", 2, 2, 1, "EACH", True, False),
    17: ("Concat", 1, 4096, 1, "SAME", False, False),
    18: ("Flatten", 1, 1, 1, "ROWS", False, False),
    19: ("Softmax", 1, 1, 1, "ROWS", False, False),
    20: ("Reorder", 1, 1, 1, "REORDER", False, False),
    21: ("ScaleBias", 3, 3, 1, "SPATIAL", True, False),
    40: ("Cast", 1, 1, 1, "SAME", False, False),
    41: ("Sub", 2, 2, 1, "EACH", False, False),
    42: ("Div", 2, 2, 1, "EACH", False, False),
    43: ("Pow", 2, 2, 1, "EACH", False, False),
    44: ("Min", 2, 2, 1, "EACH", False, False),
    45: ("Max", 2, 2, 1, "EACH", False, False),
    46: ("Mod", 2, 2, 1, "EACH", False, False),
    47: ("PRelu", 2, 2, 1, "EACH", False, False),
    48: ("Equal", 2, 2, 1, "EACH", False, False),
    49: ("Less", 2, 2, 1, "EACH", False, False),
    50: ("LessOrEqual", 2, 2, 1, "EACH", False, False),
    51: ("Greater", 2, 2, 1, "EACH", False, False),
    52: ("GreaterOrEqual", 2, 2, 1, "EACH", False, False),
    53: ("And", 2, 2, 1, "EACH", False, False),
    54: ("Or", 2, 2, 1, "EACH", False, False),
    55: ("Xor", 2, 2, 1, "EACH", False, False),
    56: ("Where", 3, 3, 1, "EACH", False, False),
    57: ("Not", 1, 1, 1, "SAME", False, False),
    58: ("Abs", 1, 1, 1, "SAME", False, False),
    59: ("Neg", 1, 1, 1, "SAME", False, False),
    60: ("Sign", 1, 1, 1, "SAME", False, False),
    61: ("Exp", 1, 1, 1, "SAME", False, False),
    62: ("Log", 1, 1, 1, "SAME", False, False),
    63: ("Sqrt", 1, 1, 1, "SAME", False, False),
    64: ("Reciprocal", 1, 1, 1, "SAME", False, False),
    65: ("Ceil", 1, 1, 1, "SAME", False, False),
    66: ("Floor", 1, 1, 1, "SAME", False, False),
    67: ("Round", 1, 1, 1, "SAME", False, False),
    68: ("Erf", 1, 1, 1, "SAME", False, False),
    69: ("Sin", 1, 1, 1, "SAME", False, False),
    70: ("Cos", 1, 1, 1, "SAME", False, False),
    71: ("Tan", 1, 1, 1, "SAME", False, False),
    72: ("Asin", 1, 1, 1, "SAME", False, False),
    73: ("Acos", 1, 1, 1, "SAME", False, False),
    74: ("Atan", 1, 1, 1, "SAME", False, False),
    75: ("Sinh", 1, 1, 1, "SAME", False, False),
    76: ("Cosh", 1, 1, 1, "SAME", False, False),
    77: ("Asinh", 1, 1, 1, "SAME", False, False),
    78: ("Acosh", 1, 1, 1, "SAME", False, False),
    79: ("Atanh", 1, 1, 1, "SAME", False, False),
    80: ("Selu", 1, 1, 1, "SAME", False, False),
    81: ("Celu", 1, 1, 1, "SAME", False, False),
    82: ("Softplus", 1, 1, 1, "SAME", False, False),
    83: ("Softsign", 1, 1, 1, "SAME", False, False),
    84: ("ThresholdedRelu", 1, 1, 1, "SAME", False, False),
    85: ("Mish", 1, 1, 1, "SAME", False, False),
    86: ("Gelu", 1, 1, 1, "SAME", False, False),
    87: ("IsNaN", 1, 1, 1, "SAME", False, False),
    88: ("IsInf", 1, 1, 1, "SAME", False, False),
    89: ("LogSoftmax", 1, 1, 1, "EACH", False, False),
    90: ("Hardmax", 1, 1, 1, "EACH", False, False),
    91: ("ArgMax", 1, 1, 1, "EACH", False, False),
    92: ("ArgMin", 1, 1, 1, "EACH", False, False),
    93: ("CumSum", 1, 1, 1, "EACH", False, False),
    94: ("TopK", 1, 1, 2, "EACH", False, False),
    100: ("ConvTranspose", 2, 5, 1, "SPATIAL", True, False),
    101: ("DynamicConv", 2, 3, 1, "FIRST", True, False),
    102: ("DynamicConvTranspose", 2, 3, 1, "FIRST", True, False),
    103: ("MatMul", 2, 3, 1, "ROWS", False, False),
    104: ("Resize", 1, 1, 1, "SPATIAL", False, False),
    105: ("Pad", 1, 2, 1, "EACH", False, False),
    106: ("Slice", 1, 1, 1, "EACH", False, False),
    107: ("Split", 1, 1, 16, "EACH", False, False),
    108: ("Transpose", 1, 1, 1, "EACH", False, False),
    109: ("Expand", 1, 1, 1, "EACH", False, False),
    110: ("Tile", 1, 1, 1, "EACH", False, False),
    111: ("DepthToSpace", 1, 1, 1, "EACH", False, False),
    112: ("SpaceToDepth", 1, 1, 1, "EACH", False, False),
    113: ("Reshape", 1, 1, 1, "ROWS", False, False),
    114: ("Squeeze", 1, 1, 1, "ROWS", False, False),
    115: ("Unsqueeze", 1, 1, 1, "ROWS", False, False),
    116: ("Shape", 1, 1, 1, "EACH", False, False),
    117: ("Gather", 2, 2, 1, "ROWS", False, False),
    118: ("GatherElements", 2, 2, 1, "ROWS", False, False),
    119: ("GatherND", 2, 2, 1, "ROWS", False, False),
    120: ("ScatterElements", 3, 3, 1, "ROWS", False, False),
    121: ("ScatterND", 3, 3, 1, "ROWS", False, False),
    160: ("ReduceSum", 1, 1, 1, "EACH", False, False),
    161: ("ReduceMean", 1, 1, 1, "EACH", False, False),
    162: ("ReduceMax", 1, 1, 1, "EACH", False, False),
    163: ("ReduceMin", 1, 1, 1, "EACH", False, False),
    164: ("ReduceProd", 1, 1, 1, "EACH", False, False),
    165: ("ReduceL1", 1, 1, 1, "EACH", False, False),
    166: ("ReduceL2", 1, 1, 1, "EACH", False, False),
    167: ("ReduceLogSum", 1, 1, 1, "EACH", False, False),
    168: ("ReduceLogSumExp", 1, 1, 1, "EACH", False, False),
    169: ("ReduceSumSquare", 1, 1, 1, "EACH", False, False),
    170: ("BatchNormalization", 5, 5, 1, "EACH", False, False),
    171: ("InstanceNormalization", 3, 3, 1, "EACH", False, False),
    172: ("LayerNormalization", 2, 3, 3, "EACH", False, False),
    173: ("LRN", 1, 1, 1, "EACH", False, False),
    174: ("LpNormalization", 1, 1, 1, "EACH", False, False),
    175: ("MeanVarianceNormalization", 1, 1, 1, "EACH", False, False),
    176: ("QuantizeLinear", 2, 3, 1, "EACH", False, False),
    177: ("DequantizeLinear", 2, 3, 1, "EACH", False, False),
    178: ("DynamicQuantizeLinear", 1, 1, 3, "ROWS", False, False),
    179: ("ConvInteger", 2, 4, 1, "ROWS", False, False),
    180: ("QLinearConv", 8, 9, 1, "ROWS", False, False),
    181: ("MatMulInteger", 2, 4, 1, "ROWS", False, False),
    182: ("QLinearMatMul", 8, 8, 1, "ROWS", False, False),
    183: ("NonMaxSuppression", 2, 4, 1, "ROWS", False, False),
}

INT, FLOAT, INTS, FLOATS, STRING = range(1, 6)
# id: (name, type)
ATTRIBUTES = {
    1: ("kernel_shape", INTS), 2: ("strides", INTS), 3: ("pads", INTS), 4: ("dilations", INTS),
    5: ("group", INT), 6: ("ceil_mode", INT), 7: ("count_include_pad", INT), 8: ("axis", INT),
    9: ("alpha", FLOAT), 10: ("beta", FLOAT), 11: ("activation", INT),
    12: ("activation_alpha", FLOAT), 13: ("activation_beta", FLOAT), 14: ("to", INT),
    15: ("keepdims", INT), 16: ("select_last_index", INT), 17: ("fmod", INT),
    18: ("gamma", FLOAT), 19: ("approximate", INT), 20: ("exclusive", INT),
    21: ("reverse", INT), 22: ("k", INT), 23: ("largest", INT),
    24: ("sorted", INT), 25: ("epsilon", FLOAT), 26: ("size", INT),
    27: ("bias", FLOAT), 28: ("p", INT), 29: ("detect_negative", INT),
    57: ("detect_positive", INT), 58: ("center_point_box", INT),
    59: ("max_output_boxes", INT),
    30: ("perm", INTS), 31: ("shape", INTS), 32: ("axes", INTS), 33: ("starts", INTS),
    34: ("ends", INTS), 35: ("steps", INTS), 36: ("repeats", INTS), 37: ("pad", INTS),
    38: ("mode", INT), 39: ("blocksize", INT), 40: ("crd", INT), 41: ("start", INT),
    42: ("end", INT), 43: ("transA", INT), 44: ("transB", INT), 45: ("output_padding", INTS),
    46: ("scales", FLOATS), 47: ("roi", FLOATS), 48: ("coordinates", INT),
    49: ("nearest_mode", INT), 50: ("cubic_coeff_a", FLOAT), 51: ("exclude_outside", INT),
    52: ("extrapolation_value", FLOAT), 53: ("split", INTS), 54: ("batch_dims", INT),
    55: ("storage_order", INT), 56: ("allowzero", INT),
}

MOST = {"sections": 64, "tensors": 1 << 16, "recipes": 1 << 16, "values": 1 << 18,
        "nodes": 1 << 17, "attrs": 1 << 20, "words": 1 << 20, "refs": 1 << 20,
        "symbols": 1024, "inputs": 1024, "outputs": 1024, "strings": 16 << 20, "name": 1024,
        "labels": 1 << 20, "provenance": 1024, "preprocess": 64, "rank": 8,
        "dim": (1 << 31) - 1, "elements": 1 << 36, "child": 4 << 30, "children": 16 << 30}
