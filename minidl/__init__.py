"""minidl: a textbook that runs.  This file is the map of the front door.

    from minidl import numpy as mnp, random     arrays and keys for traced programs
    minidl.jit, .grad, .vmap, …                 transformations of functions
    minidl.trace(f, *args)                      the function as a StableHLO module
    from minidl import ir, xla, isa, nn         the layers: text, compiler, machine, models

Everything loads when first used, so `import minidl` costs what NumPy costs.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import numpy as _numpy  # noqa: F401  the one package every layer needs

if TYPE_CHECKING:
    from minidl import autodiff as autodiff
    from minidl import core as core
    from minidl import ir as ir
    from minidl import nn as nn
    from minidl import numpy as numpy
    from minidl import random as random
    from minidl import viz as viz
    from minidl import xla as xla
    from minidl.autodiff import grad as grad
    from minidl.autodiff import jvp as jvp
    from minidl.autodiff import linearize as linearize
    from minidl.autodiff import value_and_grad as value_and_grad
    from minidl.autodiff import vjp as vjp
    from minidl.xla import trace as trace
    from minidl.xla.jitted import jit as jit

__version__ = "0.1.0"

# name → the module that defines it
FUNCTIONS = {
    "trace": "minidl.xla",
    "jit": "minidl.xla",
    "grad": "minidl.autodiff",
    "value_and_grad": "minidl.autodiff",
    "jvp": "minidl.autodiff",
    "vjp": "minidl.autodiff",
    "linearize": "minidl.autodiff",
    "linear_transpose": "minidl.autodiff",
    "vmap": "minidl.autodiff",
    "jacfwd": "minidl.autodiff",
    "jacrev": "minidl.autodiff",
    "hessian": "minidl.autodiff",
    "checkpoint": "minidl.autodiff",
}
LAYERS = (
    *("numpy", "random", "core", "isa", "ir", "cuda", "xla", "triton", "frameworks"),
    *("autodiff", "nn", "efficiency", "distribution", "exercises", "viz"),
)
__all__ = list(FUNCTIONS) + list(LAYERS)


def __getattr__(name: str) -> Any:
    """Load a layer or function at its first use (PEP 562)."""
    if name in FUNCTIONS:
        value = getattr(importlib.import_module(FUNCTIONS[name]), name)
    elif name in LAYERS:
        value = importlib.import_module(f"minidl.{name}")
    else:
        raise AttributeError(f"module 'minidl' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
