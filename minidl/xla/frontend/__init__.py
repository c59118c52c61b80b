"""The front end: Python functions in, StableHLO out.

Chapter: xla/frontend.
"""

from minidl.xla.frontend.bind import bind, tracing
from minidl.xla.frontend.trace import Traced, staged, trace, trace_region
from minidl.xla.frontend.tracer import Tracer
from minidl.xla.frontend.trees import TreeDef, flatten, tree_map, unflatten

__all__ = [
    "Traced",
    "Tracer",
    "TreeDef",
    "bind",
    "flatten",
    "staged",
    "trace",
    "trace_region",
    "tracing",
    "tree_map",
    "unflatten",
]
