"""Prefixes: a window over everything before each element, in much less than n² work.

Chapter: xla/fusion.
Sources: Hillis & Steele 1986; Blelloch 1990 (scans by blocks).
Real: XLA's `ReduceWindowRewriter`; JAX writes `cumsum` as such a reduce_window.

Runs of 32 elements, the prefixes of their totals, and both together.  The association
depends on the size alone.
"""

from __future__ import annotations

from minidl.ir.dimension_numbers import Window, WindowDim
from minidl.ir.lowering.indexing import tensor_type
from minidl.ir.lowering.scalars import is_16
from minidl.ir.mlir.core import Operation, Value
from minidl.ir.mlir.spec import Builder
from minidl.ir.stablehlo.reduction import reducer_name
from minidl.ir.stablehlo.windows import op_window
from minidl.xla.around import cut, elementwise, padded, reshape, slid

NEUTRAL = {"add": 0, "multiply": 1, "xor": 0}  # padding with another value would count
IDEMPOTENT = ("maximum", "minimum", "and", "or")  # padding with any initial value is once it
RUN = 32  # elements that are folded one by one; longer prefixes are made of runs


def prefix_dim(op: Operation) -> int | None:
    """The one long dimension along which the op makes all prefixes (or all suffixes)."""
    sizes, window = tensor_type(op.operands[0]).dims, op_window(op)
    plain = all(w.stride == w.base_dilation == w.window_dilation == 1 for w in window)
    wide = [d for d, w in enumerate(window) if w.size > 1]
    if not plain or len(wide) != 1 or not _joins(op):
        return None
    (d,) = wide
    n, ends = sizes[d], (window[d].low, window[d].high)
    long = n > 2 * RUN and window[d].size == n and ends in ((n - 1, 0), (0, n - 1))
    alone = all(w.low == w.high == 0 for e, w in enumerate(window) if e != d)
    return d if long and alone else None


def _joins(op: Operation) -> bool:
    """Whether runs may be made apart: no rounding but the element's own, padding without effect."""
    name, init = (reducer_name(op) or "").removeprefix("stablehlo."), op.operands[1].op
    element = tensor_type(op.operands[0]).element
    if is_16(element) or tensor_type(op.results[0]).element is not element:
        return False
    if name in IDEMPOTENT:
        return True
    if init is None or init.name != "stablehlo.constant" or name not in NEUTRAL:
        return False
    return bool(init["value"].item == NEUTRAL[name])


def prefixes(b: Builder, op: Operation, x: Value, d: int, suffixes: bool) -> Value:
    """`x` with each element replaced by the fold of all up to it (or from it on)."""
    if suffixes:
        x = b.value("stablehlo.reverse", x, dimensions=(d,))
        made = prefixes(b, op, x, d, False)
        return b.value("stablehlo.reverse", made, dimensions=(d,))
    t, init = tensor_type(x), op.operands[1]
    n, runs = t.dims[d], -(-t.dims[d] // RUN)
    one = WindowDim(1)

    def window(at: int, rank: int, size: int, low: int, high: int) -> Window:
        return tuple(WindowDim(size, low=low, high=high) if i == at else one for i in range(rank))

    if n <= 2 * RUN:
        return slid(b, op, window(d, t.rank, n, n - 1, 0), [x], [t.element])[0]
    x = padded(b, x, window(d, t.rank, 1, 0, runs * RUN - n), range(t.rank), init)
    x = reshape(b, x, [*t.dims[:d], runs, RUN, *t.dims[d + 1 :]])
    (inner,) = slid(b, op, window(d + 1, t.rank + 1, RUN, RUN - 1, 0), [x], [t.element])
    totals = reshape(b, cut(b, inner, d + 1, RUN - 1, RUN), [*t.dims[:d], runs, *t.dims[d + 1 :]])
    before = prefixes(b, op, totals, d, False)  # with each run's own; shifted by one run
    before = padded(b, before, window(d, t.rank, 1, 1, -1), range(t.rank), init)
    wide = [*(i for i in range(t.rank) if i <= d), *range(d + 2, t.rank + 1)]
    carried = b.create(
        "stablehlo.broadcast_in_dim", [before], {"broadcast_dimensions": tuple(wide)}, [inner.type]
    ).result
    (both,) = elementwise(b, op.regions[0], [carried, inner], tensor_type(inner).dims)
    flat = reshape(b, both, [*t.dims[:d], runs * RUN, *t.dims[d + 1 :]])
    return cut(b, flat, d, 0, n)
