"""Weights and images that every program can make for itself: a hash of the name, counted up and mixed.

The same as packages/backbones/src/testing/deterministic-values.ts, which says more.
"""
import numpy as np


def stream(key, count):
    digest = 0x811C9DC5
    for byte in key.encode():
        digest = ((digest ^ byte) * 0x01000193) & 0xFFFFFFFF
    x = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B9) + np.uint64(digest)
    x = x.astype(np.uint32)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        x = (x ^ (x >> np.uint32(shift))) * np.uint32(factor)
    return x ^ (x >> np.uint32(16))


def uniform(key, shape, low, high):
    count = int(np.prod(shape, dtype=np.int64))
    values = low + (high - low) * (stream(key, count) / 2.0**32)
    return values.astype(np.float32).reshape(shape)


def parameter(name, shape, gain, is_slope):
    key = "0:" + name
    if name.endswith("weight"):
        bound = float(np.sqrt(3 * gain / np.prod(shape[1:], dtype=np.int64)))
        return uniform(key, shape, -bound, bound)
    if is_slope:
        return uniform(key, shape, 0.2, 0.3)
    if name.endswith(("gamma", "_var")):
        return uniform(key, shape, 0.9, 1.1)
    return uniform(key, shape, -0.1, 0.1)


def images(count, height, width=None):
    """[count, 3, height, width], 0..255; square without a width."""
    width = height if width is None else width
    c, y, x = np.meshgrid(np.arange(3), np.arange(height), np.arange(width), indexing="ij")
    batch = []
    for k in range(count):
        noise = (stream(f"0:image:{k}", 3 * height * width) >> np.uint32(24)).astype(np.int64).reshape(3, height, width)
        ramp = (x * (2 + k) + y * (3 + c) + 40 * c * (k + 1)) % 256
        batch.append((noise + 3 * ramp) >> 2)
    return np.stack(batch).astype(np.float32)
