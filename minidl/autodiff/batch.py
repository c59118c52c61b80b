"""vmap: one example's program becomes the batch's, op by op.

Chapter: autodiff/jax.
Sources: JAX documentation, "Automatic vectorization"; JAX's autodidax, part 1.
Real JAX: `batching.batch_jaxpr`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from minidl.autodiff.batch_rules import BATCH
from minidl.autodiff.batch_rules.rows import spread
from minidl.core.errors import ShapeError, TraceError
from minidl.ir.mlir.core import Value
from minidl.ir.mlir.location import NameLoc
from minidl.ir.mlir.types import tensor
from minidl.xla.frontend import lax
from minidl.xla.frontend.bind import as_tracer, current, rebind
from minidl.xla.frontend.spans import here
from minidl.xla.frontend.trace import Aval, Traced, aval_of, callable_, name_of, run, trace_region
from minidl.xla.frontend.tracer import Tracer
from minidl.xla.frontend.trees import broadcast_prefix, flatten, paths, unflatten

Array = Any


def vmap(f: Callable[..., Any], in_axes: Any = 0, out_axes: Any = 0) -> Callable[..., Any]:
    """f for each element of a batch, as one program.

    in_axes    where the batch stands in each argument: an int, None (the same for all),
               or a tuple of such, one an argument; trees inside are allowed
    out_axes   where it shall stand in the outputs
    """

    callable_("vmap", f)

    @functools.wraps(f, updated=())
    def call(*args: Any) -> Any:
        by_arg = in_axes if isinstance(in_axes, (tuple, list)) else (in_axes,) * len(args)
        if len(by_arg) != len(args):
            raise here(
                TraceError,
                f"vmap of {name_of(f)} has {len(by_arg)} in_axes for {len(args)} arguments",
                hint="one entry of in_axes for each positional argument",
            )
        mapped = [i for i, axis in enumerate(by_arg) if axis is not None]

        def of_mapped(*chosen: Any) -> Any:
            full = list(args)
            for i, x in zip(mapped, chosen, strict=True):
                full[i] = x
            return f(*full)

        of_mapped.__name__ = name_of(f)

        def transformed(*chosen: Any) -> Any:
            return _batched(of_mapped, chosen, tuple(by_arg[i] for i in mapped), out_axes)

        return run(transformed, *(args[i] for i in mapped))

    return call


def _batched(f: Callable[..., Any], args: Any, in_axes: Any, out_axes: Any) -> Any:
    leaves, tree = flatten((tuple(args), {}))
    axes = [
        axis
        for one, child in zip(in_axes, tree.children[0].children, strict=True)
        for axis in broadcast_prefix(one, child, "in_axes")
    ]
    where = paths(tree.children[0], "argument")
    xs = [as_tracer(x) for x in leaves]
    n, avals = _inner(f, xs, axes, where)
    inputs = [x if a is None else _to_front(x, a % x.ndim) for x, a in zip(xs, axes, strict=True)]
    traced = trace_region(f, tree, avals)
    outs, flags = walk(traced, name_of(f), n, inputs, [a is not None for a in axes])
    places = broadcast_prefix(out_axes, traced.tree, "out_axes")
    made = [_place(f, x, b, n, a) for x, b, a in zip(outs, flags, places, strict=True)]
    return unflatten(traced.tree, made)


def _inner(f: Any, xs: list[Tracer], axes: list[Any], where: list[str]) -> tuple[int, list[Aval]]:
    """The batch's size, and what one example looks like."""
    sizes: dict[str, int] = {}
    avals: list[Aval] = []
    for x, axis, path in zip(xs, axes, where, strict=True):
        type_, weak = aval_of(x, path)
        if axis is not None:
            if not -x.ndim <= axis < x.ndim:
                raise here(
                    ShapeError,
                    f"vmap of {name_of(f)}: {path} has type {type_}, which has no axis {axis}",
                    hint="choose in_axes so that every mapped array has that axis, or None",
                )
            axis %= x.ndim
            sizes[path] = type_.dims[axis]
            type_ = tensor(type_.dims[:axis] + type_.dims[axis + 1 :], type_.element)
        avals.append((type_, weak))
    if len(set(sizes.values())) != 1:
        got = ", ".join(f"{path}: {n}" for path, n in sizes.items()) or "none"
        raise here(
            ShapeError,
            f"vmap of {name_of(f)} needs one batch size, got {got}",
            hint="all mapped axes have one size",
        )
    return next(iter(sizes.values())), avals


def _to_front(x: Array, axis: int) -> Array:
    return lax.transpose(x, [axis, *(d for d in range(x.ndim) if d != axis)])


def _place(f: Any, x: Array, batched: bool, n: int, axis: int | None) -> Array:
    """An output with its batch at `axis`."""
    if axis is None:
        if batched:
            raise here(
                TraceError,
                f"vmap of {name_of(f)}: an output with out_axes None varies over the batch",
                hint="give it an axis, or reduce it inside the function",
            )
        return x
    x = x if batched else spread(x, n)
    if not -x.ndim <= axis < x.ndim:
        raise here(
            ShapeError,
            f"vmap of {name_of(f)}: out_axes {axis} does not exist in an output {x.type}",
            hint=f"with the batch, its axes are {-x.ndim} … {x.ndim - 1}",
        )
    axis %= x.ndim
    order = list(range(1, x.ndim))
    order.insert(axis, 0)
    return lax.transpose(x, order)


def walk(
    traced: Traced, name: str, n: int, inputs: list[Array], flags: list[bool]
) -> tuple[list[Array], list[bool]]:
    """The block on batched inputs, in the current trace; what varies has the batch in front."""
    env: dict[Value, Array] = dict(zip(traced.args, inputs, strict=True))
    varies = {v for v, flag in zip(traced.args, flags, strict=True) if flag}
    frame = current()
    before = frame.location
    for op in traced.block:
        xs = [env[v] if v in env else Tracer(v) for v in op.operands]
        batched = [v in varies for v in op.operands]
        frame.location = op.location
        if any(batched):
            frame.location = NameLoc(f"vmap({name})", op.location)
            out = BATCH[op.name](op, n, xs, batched)
            varies.update(op.results)
        else:
            out = rebind(op, xs)
        env.update(zip(op.results, out if isinstance(out, tuple) else (out,), strict=True))
    frame.location = before
    traced.discard()
    outs = [env.get(t.value) for t in traced.outs]
    found = [t if x is None else x for t, x in zip(traced.outs, outs, strict=True)]
    return found, [t.value in varies for t in traced.outs]
