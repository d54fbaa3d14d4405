# SPDX-License-Identifier: Apache-2.0
"""Child weights from recipes, as schema/FORMAT.md section 5 has them, in NumPy."""

import numpy as np

from rnm_layout import (BF16, CASCADED, DROP, F, INTERLEAVED, LINEAR, PANEL, S, ZERO_LIST, require)

FLOAT_MAX = np.finfo(np.float32).max


def panels(outputs):
    """(first output, number of outputs, bytes a word) of each panel."""
    for first in range(0, outputs, PANEL):
        width = min(PANEL, outputs - first)
        yield first, width, -(-width // 8)


def mask_bytes(dims):
    """Size of the mask of a child of these dims."""
    kernels = int(np.prod(dims[1:], dtype=np.int64))
    return kernels * sum(size for _, _, size in panels(dims[0]))


def unpack_mask(raw, dims):
    """Bytes in mask order -> (booleans [Co, Ci, taps...], whether a tail bit is set)."""
    kernels = int(np.prod(dims[1:], dtype=np.int64))
    result = np.empty((dims[0], kernels), bool)
    start, tail = 0, False
    for first, width, size in panels(dims[0]):
        words = raw[start:start + kernels * size].reshape(kernels, size)
        bits = np.unpackbits(words, axis=1, bitorder="little").astype(bool)
        result[first:first + width] = bits[:, :width].T
        tail = tail or bits[:, width:].any()
        start += kernels * size
    return result.reshape(dims), tail


def zero_positions(recipe):
    """(booleans of the child's learned zeros, whether a bit names no element)"""
    if recipe.zeros is None:
        return np.zeros(recipe.dims, bool), False
    raw = recipe.zeros.data
    if recipe.zeros.role == ZERO_LIST:
        bits = np.zeros(8 * mask_bytes(recipe.dims), np.uint8)
        bits[raw] = 1
        raw = np.packbits(bits, bitorder="little")
    return unpack_mask(raw, recipe.dims)


def pair_count(recipe):
    """How many beta pairs an s recipe has."""
    (co, ci), (po, pi) = recipe.dims[:2], parent_shape(recipe)
    if recipe.flags == CASCADED:
        return (co // po) * (ci // pi) + (co % po != 0) + (ci % pi != 0)
    return -(-co // po) * -(-ci // pi)


def parent_shape(recipe):
    """(Po, Pi)"""
    return recipe.parent.dims[-1], recipe.parent.dims[0]


def check_parts(recipe):
    """Sizes and values of what a recipe names; its indices and roles are right already."""
    size = mask_bytes(recipe.dims)
    if recipe.mask is not None:
        require(recipe.mask.dims == (size,), recipe.name, "mask length")
        require(not unpack_mask(recipe.mask.data, recipe.dims)[1], recipe.name, "mask tail")
    if recipe.zeros is not None:
        if recipe.zeros.role == ZERO_LIST:
            require(recipe.zeros.data[-1] < 8 * size, recipe.name, "zero position")
        else:
            require(recipe.zeros.dims == (size,), recipe.name, "zero plane length")
        require(not zero_positions(recipe)[1], recipe.name, "zeros in the mask tail")
    if recipe.betas is not None:
        require(recipe.betas.dims[0] == pair_count(recipe), recipe.name, "pair count")
        (co, ci), (po, pi) = recipe.dims[:2], parent_shape(recipe)
        if recipe.flags == INTERLEAVED:
            require(co % po == 0 and ci % pi == 0, recipe.name, "interleaved edges")
        require(largest_product(recipe) <= FLOAT_MAX, recipe.name, "s overflows")


def largest_product(recipe):
    """The largest numerator that the expansion can meet."""
    beta1 = np.abs(recipe.betas.data[:, 0].astype(np.float64))
    largest = float(np.abs(parent_of(recipe)).max())
    if recipe.flags != CASCADED:
        return beta1.max() * largest
    po, pi = parent_shape(recipe)
    regular = (recipe.dims[0] // po) * (recipe.dims[1] // pi)
    chain = running = beta1[:regular].max() * largest
    for edge in beta1[regular:]:
        running *= edge
        chain = max(chain, running)
    return chain


def parent_of(recipe):
    """P[Po, Pi, taps...] as f32: f16 and bf16 convert exactly."""
    stored = recipe.parent.data
    if recipe.parent.dtype == BF16:
        stored = (stored.astype(np.uint32) << 16).view(np.float32)
    rank = stored.ndim
    return stored.astype(np.float32).transpose(rank - 1, 0, *range(1, rank - 1))


def s_transform(p, beta1, beta2):
    """fl(fl(p * b1) / fl(1 + exp(fl(p * b2)))) with an exp that is rounded once.

    The exponential is taken in double and rounded to single, so it is within 1 ulp.
    """
    one = np.float32(1)
    with np.errstate(over="ignore", under="ignore"):
        exponential = np.exp((p * beta2).astype(np.float64)).astype(np.float32)
        result = (p * beta1) / (one + exponential)
    assert result.dtype == np.float32
    return result


def per_element(pairs, index, rank):
    """The two betas of each kernel: index [o, i] of pairs -> two arrays [o, i, 1...]."""
    shape = index.shape + (1,) * (rank - 2)
    return (pairs[index, column].reshape(shape) for column in (0, 1))


def expand_s(recipe, tiled):
    """`tiled` is T."""
    pairs = recipe.betas.data
    (co, ci), (po, pi) = recipe.dims[:2], parent_shape(recipe)
    outputs, inputs = np.arange(co)[:, None], np.arange(ci)[None, :]
    r0, r1 = co // po, ci // pi
    if recipe.flags == INTERLEAVED:
        index = outputs % r0 * r1 + inputs % r1
        return s_transform(tiled, *per_element(pairs, index, tiled.ndim))
    if recipe.flags != CASCADED:
        index = outputs // po * -(-ci // pi) + inputs // pi
        return s_transform(tiled, *per_element(pairs, index, tiled.ndim))

    index = (outputs // po * r1 + inputs // pi)[:r0 * po, :r1 * pi]
    child = s_transform(tiled[:r0 * po, :r1 * pi], *per_element(pairs, index, tiled.ndim))
    e0, e1 = co % po, ci % pi
    if e0:
        child = np.concatenate([child, s_transform(child[:e0], *pairs[r0 * r1])])
    if e1:
        edge = s_transform(child[:, :e1], *pairs[-1])
        child = np.concatenate([child, edge], axis=1)
    return child


def expand(recipe):
    """The child weight, f32 [Co, Ci, taps...]."""
    parent = parent_of(recipe)
    co, ci = recipe.dims[:2]
    tiled = parent[np.arange(co) % parent.shape[0]][:, np.arange(ci) % parent.shape[1]]
    if recipe.transform == LINEAR:
        return tiled
    if recipe.transform == S:
        return expand_s(recipe, tiled)
    bits = unpack_mask(recipe.mask.data, recipe.dims)[0]
    zero = np.float32(0)
    if recipe.transform == DROP:
        return np.where(bits, np.copysign(zero, tiled), tiled)
    assert recipe.transform == F
    child = (tiled.view(np.uint32) ^ (bits.astype(np.uint32) << 31)).view(np.float32)
    return np.where(zero_positions(recipe)[0], np.copysign(zero, child), child)
