"""Random numbers from keys: threefry2x32, the same bits as JAX.

Chapter: xla/frontend.

    key(seed)                 a key: uint32[2]
    split(key, n) fold_in     new keys from a key; never use one key twice
    bits uniform normal bernoulli randint permutation
A key is an argument like any other: nothing is hidden, everything traces and repeats.
"""

from minidl.random.distributions import bernoulli, normal, permutation, randint, uniform
from minidl.random.threefry import bits, fold_in, key, split

__all__ = [
    "bernoulli",
    "bits",
    "fold_in",
    "key",
    "normal",
    "permutation",
    "randint",
    "split",
    "uniform",
]
