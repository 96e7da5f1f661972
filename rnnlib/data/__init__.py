"""Data: data sets by name, synthetic tasks, sequences as batches."""

from rnnlib.data import synthetic
from rnnlib.data.batches import Batch, Batches, lengths_name, mask, masked_mean, pad, streams
from rnnlib.data.datasets import DatasetUnavailable, available, cache, describe, fetch, load, verify

__all__ = [
    "Batch",
    "Batches",
    "DatasetUnavailable",
    "available",
    "cache",
    "describe",
    "fetch",
    "lengths_name",
    "load",
    "mask",
    "masked_mean",
    "pad",
    "streams",
    "synthetic",
    "verify",
]
