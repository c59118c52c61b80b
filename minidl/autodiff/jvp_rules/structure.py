"""Tangents of ops that move and combine elements: most are linear and act on tangents.

Chapter: autodiff/jax.
Sources: StableHLO specification; linearity is read off each definition.
"""

from __future__ import annotations

from typing import Any

from minidl.autodiff.jvp_rules import JVP
from minidl.autodiff.jvp_rules.elementwise import zeros_unless
from minidl.core.errors import UnsupportedError
from minidl.ir.mlir.core import Operation
from minidl.ir.stablehlo.reduction import reducer_name
from minidl.xla.frontend import lax
from minidl.xla.frontend.bind import rebind

Array = Any


@JVP.rule(
    *("stablehlo.broadcast_in_dim", "stablehlo.reshape", "stablehlo.transpose"),
    *("stablehlo.reverse", "stablehlo.slice", "stablehlo.concatenate", "stablehlo.pad"),
)
def linear(op: Operation, out: Array, xs: list[Array], ts: list[Array]) -> Array:
    """The op itself, on the tangents."""
    return rebind(op, [zeros_unless(t, x) for t, x in zip(ts, xs, strict=True)])


@JVP.rule("stablehlo.dot_general")
def bilinear(op: Operation, out: Array, xs: list[Array], ts: list[Array]) -> Array:
    """d(x·y) = dx·y + x·dy."""
    (x, y), (dx, dy) = xs, ts
    parts = [rebind(op, [dx, y])] if dx is not None else []
    parts += [rebind(op, [x, dy])] if dy is not None else []
    return parts[0] if len(parts) == 1 else lax.add(*parts)


@JVP.rule("stablehlo.reduce")
def reduce(op: Operation, out: Array, xs: list[Array], ts: list[Array]) -> Array:
    """A sum is linear; an extreme takes the mean tangent of the places that reach it."""
    body = reducer_name(op)
    if body == "stablehlo.add":
        return linear(op, out, xs, ts)
    if body not in ("stablehlo.maximum", "stablehlo.minimum") or ts[1] is not None:
        raise UnsupportedError(
            f"stablehlo.reduce with body {body} has no jvp rule, so autodiff cannot handle it",
            op=op.name,
            hint="bodies with a rule: stablehlo.add, stablehlo.maximum, stablehlo.minimum",
        )
    x, axes = xs[0], op["dimensions"]
    kept = [d for d in range(x.ndim) if d not in axes]
    hit = lax.compare("EQ", x, lax.broadcast_in_dim(out, x.shape, kept))
    hits = lax.convert(hit, x.element)
    return lax.reduce("add", ts[0] * hits, axes) / lax.reduce("add", hits, axes)


@JVP.rule("stablehlo.optimization_barrier")
def barrier(op: Operation, out: Any, xs: list[Array], ts: list[Array]) -> Any:
    """Tangents pass, unless the barrier is a stop_gradient."""
    if op.get("minidl.stop_gradient"):
        return None
    return ts[0] if len(ts) == 1 else tuple(ts)
