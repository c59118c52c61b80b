"""JVP: how each op pushes a tangent forward; all of forward mode is in these rows.

Chapter: autodiff/jax.
Sources: Griewank and Walther, "Evaluating Derivatives", table 3.3; JAX `lax.py`.
Real JAX: `ad.primitive_jvps`.

A row is `row(op, out, xs, ts) -> tangent of out`:

    op    the operation (for its attributes)
    out   its result, a tracer of the current trace
    xs    its operands
    ts    their tangents; None is a zero that was never made
A row is called only when some tangent is there; it is linear in `ts` and may return
None for zero.
"""

from collections.abc import Callable
from typing import Any

from minidl.core.rules import RuleTable

JVP: RuleTable[Callable[..., Any]] = RuleTable("jvp", "autodiff")

from minidl.autodiff.jvp_rules import elementwise, structure  # noqa: E402, F401  (rows)
