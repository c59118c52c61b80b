"""The multilayer perceptron: matrix, bias, relu; again.

Chapter: primers/network.
Sources: He, Zhang, Ren, Sun, "Delving deep into rectifiers", ICCV 2015 (the spread of weights).

params   a list of layers {"w": [in, out], "b": [out]}, float32
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

from minidl import numpy as mnp
from minidl import random
from minidl.nn.functions import relu

Params = list[dict[str, Any]]


def mlp_init(key: Any, sizes: Sequence[int] = (64, 128, 10)) -> Params:
    """Weights normal with variance 2/in, biases zero."""
    keys = random.split(key, len(sizes) - 1)
    return [
        {
            "w": random.normal(keys[i], (m, n)) * mnp.float32(math.sqrt(2 / m)),
            "b": mnp.zeros(n),
        }
        for i, (m, n) in enumerate(itertools.pairwise(sizes))
    ]


def mlp(params: Params, x: Any) -> Any:
    """Logits [n, out] of x [n, in]: relu between layers, none after the last."""
    *hidden, last = params
    for layer in hidden:
        x = relu(x @ layer["w"] + layer["b"])
    return x @ last["w"] + last["b"]
