"""The functions users call: jvp, vjp, grad, linearize.

Chapter: autodiff/jax.
Sources: JAX documentation, "The Autodiff Cookbook"; names and conventions are JAX's.
Real JAX: `jax._src.api`.

Each works on user functions of trees.  Inside a trace the transformed ops are inlined;
outside, they are traced at each call and run by `ir.evaluate`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np

from minidl.autodiff import linear as lin
from minidl.autodiff.jvp_rules.elementwise import is_float
from minidl.core.errors import ShapeError, TraceError, UnsupportedError
from minidl.ir.mlir.types import TensorType
from minidl.numpy import creation
from minidl.xla.frontend import lax
from minidl.xla.frontend.bind import as_tracer, current, tracing
from minidl.xla.frontend.spans import here
from minidl.xla.frontend.trace import (
    Traced,
    aval_of,
    callable_,
    discard,
    name_of,
    run,
    trace_region,
)
from minidl.xla.frontend.tracer import Tracer
from minidl.xla.frontend.trees import TreeDef, flatten, paths, unflatten

Array = Any
Fun = Callable[..., Any]


def _traced(f: Fun, args: Sequence[Any]) -> tuple[Traced, list[Any]]:
    """f traced at these arguments, and their leaves."""
    leaves, tree = flatten((tuple(args), {}))
    avals = [aval_of(x, p) for x, p in zip(leaves, paths(tree, "argument"), strict=True)]
    return trace_region(f, tree, avals), leaves


def _zeros(type_: TensorType) -> Array:
    return lax.full(type_.dims, 0, type_.element)


def _like(what: str, tree: Any, like: Any) -> Any:
    """A tree of tangents or cotangents in the types of the values; checked."""
    leaves, treedef = flatten(tree)
    others, other_def = flatten(like)
    if treedef != other_def:
        raise here(TraceError, f"{what} nest as {treedef}, the values as {other_def}")
    where = paths(treedef, what)
    made = [_leaf_like(*each) for each in zip(leaves, others, where, strict=True)]
    return unflatten(treedef, made)


def _leaf_like(leaf: Any, other: Any, path: str) -> Any:
    """One of them: a number takes the dtype of its value, an array must have it."""
    got, want = aval_of(leaf, path)[0], aval_of(other, path)[0]
    if not want.element.is_float and not isinstance(leaf, Tracer) and np.any(leaf):
        raise here(
            TraceError,
            f"{path} is not 0, but its value is of type {want}, which has no derivative",
            hint="convert the value: x.astype('float32')",
        )
    if not isinstance(leaf, Tracer | np.ndarray) and not want.rank:
        return np.asarray(leaf, want.element.numpy)
    if got is not want and is_float(want):
        raise here(
            ShapeError,
            f"{path} has type {got}, its value has type {want}",
            hint="a tangent or cotangent has the shape and dtype of its value",
        )
    return leaf


def jvp(f: Fun, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    """f(*primals) and its derivative along `tangents`: forward mode."""
    for what, given in (("primals", primals), ("tangents", tangents)):
        if not isinstance(given, (tuple, list)):
            raise here(
                TraceError,
                f"jvp of {name_of(f)} wants {what} as a tuple, got a {type(given).__name__}",
                hint="one entry for each argument: jvp(f, (x,), (t,))",
            )
    tangents = _like("tangents", tuple(tangents), tuple(primals))

    def transformed(primals: Any, tangents: Any) -> Any:
        traced, xs = _traced(f, primals)
        ts = [as_like(t, v.type) for t, v in zip(flatten(tangents)[0], traced.args, strict=True)]
        mark = current().builder.block.last
        outs, moves = lin.push(traced, name_of(f), list(map(as_tracer, xs)), ts)
        moves = [_zeros(o.type) if t is None else t for t, o in zip(moves, outs, strict=True)]
        lin.sweep(mark, outs + moves)
        return unflatten(traced.tree, outs), unflatten(traced.tree, moves)

    return run(transformed, tuple(primals), tuple(tangents))


def as_like(x: Any, type_: Any) -> Array | None:
    """A tangent in the type of its value; integers have none."""
    return lax.convert(as_tracer(x), type_.element) if is_float(type_) else None


def _linearized(f: Fun, primals: Sequence[Any], has_aux: bool = False) -> tuple[Any, Any, Any]:
    """Outputs, the derivative as `(Linear, in tree, avals, out tree, out types)`, aux."""

    def with_aux(*args: Any) -> Any:
        out = f(*args)
        if not (isinstance(out, tuple) and len(out) == 2):
            raise here(
                TraceError,
                f"with has_aux=True, {name_of(f)} must return a pair (output, aux)",
                hint="return (loss, extra), or leave has_aux out",
            )
        return out

    def transformed(*primals: Any) -> Any:
        traced, xs = _traced(with_aux if has_aux else f, primals)
        outs, linear = lin.linearize(traced, name_of(f), xs)
        aux: Any = None
        tree = traced.tree
        if has_aux:
            tree, aux_tree_ = tree.children
            aux = unflatten(aux_tree_, outs[tree.count :])
            outs, linear.outs = outs[: tree.count], linear.outs[: tree.count]
        record.extend([linear, tree, [o.type for o in outs], [v.type for v in traced.args]])
        free = [] if tracing_outside else [Tracer(v) for v in linear.free()]
        return unflatten(tree, outs), free, aux

    record: list[Any] = []
    tracing_outside = tracing()
    out, values, aux = run(transformed, *primals)
    linear = record[0]
    if not tracing_outside:
        linear.residuals = dict(zip(linear.free(), values, strict=True))
    return out, record, aux


def linearize(f: Fun, *primals: Any) -> tuple[Any, Fun]:
    """f(*primals), and its derivative at this point as a linear function of tangents."""
    out, (linear, out_tree, out_types, in_types), _ = _linearized(f, primals)

    def tangent(*tangents: Any) -> Any:
        """The derivative along these tangents."""
        leaves = flatten(_like("tangents", tangents, primals))[0]
        ts = [t for t, type_ in zip(leaves, in_types, strict=True) if is_float(type_)]

        def transformed(ts: Any) -> Any:
            types = [v.type for v in linear.block.args]
            seeds = [as_like(t, type_) for t, type_ in zip(ts, types, strict=True)]
            moves = lin.apply(linear, seeds)
            filled = [_zeros(t) if m is None else m for m, t in zip(moves, out_types, strict=True)]
            return unflatten(out_tree, filled)

        return run(transformed, ts)

    return out, tangent


def vjp(f: Fun, *primals: Any, has_aux: bool = False) -> Any:
    """f(*primals), and the function from output cotangents to a tuple of input cotangents.

    Integer inputs get None.  With has_aux, f returns (output, aux) and aux comes third.
    """
    out, (linear, _, _, in_types), aux = _linearized(f, primals, has_aux)
    in_tree = flatten(tuple(primals))[1]

    def back(cotangent: Any) -> Any:
        """Cotangents of the inputs."""
        cotangent = _like("cotangent", cotangent, out)

        def transformed(cotangent: Any) -> Any:
            types = [aval_of(o)[0] for o in flatten(out)[0]]
            cts = [as_like(c, t) for c, t in zip(flatten(cotangent)[0], types, strict=True)]
            return _pulled(linear, cts, in_tree, in_types)

        return run(transformed, cotangent)

    return (out, back, aux) if has_aux else (out, back)


def _pulled(linear: Any, cts: Any, in_tree: TreeDef, in_types: Sequence[Any]) -> Any:
    """Input cotangents as a tree: zeros where none arrived, None for integers."""
    made = iter(lin.pull(linear, cts))
    leaves = []
    for type_ in in_types:
        ct = next(made) if is_float(type_) else None
        leaves.append(_zeros(type_) if ct is None and is_float(type_) else ct)
    return unflatten(in_tree, leaves)


def linear_transpose(f: Fun, *primals: Any) -> Fun:
    """The transpose of a linear function, of which only the argument types matter.

    Refused: a function whose derivative depends on its arguments, or that is not 0 at 0.
    """
    types = [aval_of(x)[0] for x in flatten(primals)[0]]
    zeros = unflatten(flatten(primals)[1], [creation.zeros(t.dims, t.element) for t in types])
    _check_linear(f, zeros)
    out, back = vjp(f, *zeros)
    if not tracing() and any(np.any(x) for x in flatten(out)[0]):
        raise _not_linear(f, "at 0 it is not 0")
    return back


def _check_linear(f: Fun, zeros: Sequence[Any]) -> None:
    """Refuse f if what its derivative uses can be traced back to its arguments."""

    def probe(*xs: Any) -> tuple[()]:
        traced, leaves = _traced(f, xs)
        _, linear = lin.linearize(traced, name_of(f), leaves)
        curved = lin.reaches(linear.free(), {as_tracer(x).value for x in leaves})
        discard(linear.block)
        if curved:
            raise _not_linear(f, "its derivative depends on its arguments")
        return ()

    leaves, tree = flatten((tuple(zeros), {}))
    trace_region(probe, tree, [aval_of(x) for x in leaves]).discard()


def _not_linear(f: Fun, why: str) -> TraceError:
    return here(
        TraceError,
        f"linear_transpose of {name_of(f)}, which is not linear: {why}",
        hint="vjp(f, x) transposes the derivative of f at a point x",
    )


def value_and_grad(f: Fun, argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Fun:
    """A function that returns f's value and the gradient for the arguments at `argnums`.

    f        returns a scalar float; (scalar, aux) with has_aux
    returns  (value, gradient), or ((value, aux), gradient)
    """
    return _differentiated(f, argnums, has_aux, keep=True)


def grad(f: Fun, argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Fun:
    """The gradient of a scalar function; (gradient, aux) with has_aux."""
    both = _differentiated(f, argnums, has_aux, keep=False)

    @functools.wraps(f, updated=())
    def call(*args: Any, **kwargs: Any) -> Any:
        value, grads = both(*args, **kwargs)
        return (grads, value[1]) if has_aux else grads

    return call


def _differentiated(f: Fun, argnums: Any, has_aux: bool, keep: bool) -> Fun:
    """value_and_grad; without `keep` the value is left out (None)."""
    callable_("grad", f)
    numbers, several = numbers_of(f, argnums)

    @functools.wraps(f, updated=())
    def call(*args: Any, **kwargs: Any) -> Any:
        chosen = [argument(f, args, i) for i in numbers]
        for i, x in zip(numbers, chosen, strict=True):
            check_floats(f, x, i)

        def of_chosen(*chosen: Any) -> Any:
            full = list(args)
            for i, x in zip(numbers, chosen, strict=True):
                full[i] = x
            return f(*full, **kwargs)

        of_chosen.__name__ = name_of(f)

        def transformed(*chosen: Any) -> Any:
            return _gradient(of_chosen, chosen, has_aux, keep)

        value, grads = run(transformed, *chosen)
        return value, grads if several else grads[0]

    return call


def numbers_of(f: Fun, argnums: Any) -> tuple[list[int], bool]:
    """argnums as a list, and whether it was one."""
    several = isinstance(argnums, (tuple, list))
    numbers = list(argnums) if several else [argnums]
    if not all(isinstance(i, (int, np.integer)) for i in numbers) or len(set(numbers)) < len(
        numbers
    ):
        raise here(
            TraceError,
            f"argnums of {name_of(f)} is {argnums!r}, not a number or different numbers",
            hint="argnums counts positional arguments from 0",
        )
    return numbers, several


def argument(f: Fun, args: Sequence[Any], i: int) -> Any:
    if not -len(args) <= i < len(args):
        raise here(
            TraceError,
            f"grad of {name_of(f)} wants argument {i}, but it was called with {len(args)} "
            "positional arguments",
            hint="argnums counts positional arguments from 0; pass them by position",
        )
    return args[i]


def check_floats(f: Fun, x: Any, i: int) -> None:
    leaves, tree = flatten(x)
    for leaf, path in zip(leaves, paths(tree, f"argument {i} of {name_of(f)}"), strict=True):
        type_, _ = aval_of(leaf, path)
        if not type_.element.is_float:
            raise here(
                TraceError,
                f"grad needs floating-point inputs; {path} has type {type_}",
                hint="convert it (x.astype('float32')), or choose other arguments by argnums",
            )


def _gradient(f: Fun, chosen: Sequence[Any], has_aux: bool, keep: bool) -> Any:
    """(value or (value, aux), tuple of gradients), in the current trace."""
    mark = current().builder.block.last
    out, (linear, _, out_types, in_types), aux = _linearized(f, chosen, has_aux)
    leaves, _ = flatten(out)
    if len(leaves) != 1 or leaves[0].shape or not is_float(leaves[0].type):
        got = str([str(t) for t in out_types]) if len(leaves) != 1 else str(out_types[0])
        raise here(
            TraceError,
            f"grad needs a function with one scalar float output; {name_of(f)} returned {got}",
            hint="sum or average it to a scalar, or use jacrev, vjp",
        )
    one = lax.full((), 1, out_types[0].element)
    grads = _pulled(linear, [one], flatten(tuple(chosen))[1], in_types)
    discard(linear.block)
    out = out if keep else None
    lin.sweep(mark, flatten((out, grads, aux))[0])
    return (out, aux) if has_aux else out, grads


def checkpoint(f: Fun) -> NoReturn:
    """Recomputation is a chapter of its own; refused by name until then."""
    raise UnsupportedError(
        "minidl.checkpoint has no rule yet",
        op="minidl.checkpoint",
        hint="call the function itself: the gradient is the same, its residuals are kept",
    )
