"""trace: run a Python function on tracers and keep the ops it made.

Chapter: xla/frontend.
Sources: JAX documentation, "Tracing"; Frostig, Johnson, Leary, "Compiling machine
learning programs via high-level tracing", SysML 2018.
Real JAX: `pe.trace_to_jaxpr_dynamic`, then `mlir.jaxpr_to_module`; here the trace is
the StableHLO already.

    trace_region   f on new block arguments → Traced: a block, its outputs, their tree
    trace          f → a module with @main
    staged         makes a transformed function run: inline in a trace, else by evaluate
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl.core.errors import MinidlError, TraceError
from minidl.ir.evaluate import evaluate
from minidl.ir.mlir.core import Block, Operation, Value
from minidl.ir.mlir.location import UNKNOWN, Location
from minidl.ir.mlir.module import Module, finish, function
from minidl.ir.mlir.spec import Builder
from minidl.ir.mlir.types import TensorType, element_of, tensor
from minidl.xla.frontend import dtypes
from minidl.xla.frontend.bind import as_tracer, current, frame, native, tracing
from minidl.xla.frontend.spans import here, location_of_code
from minidl.xla.frontend.tracer import Tracer
from minidl.xla.frontend.trees import LEAF, TreeDef, flatten, paths, unflatten

RAGGED = "rows of one length in one numeric dtype make an array; pad ragged data first"
Aval = tuple[TensorType, bool]  # what tracing knows of an argument: type, weak


@dataclass(frozen=True, slots=True)
class Traced:
    """A traced function: block arguments in, values out; other values are free."""

    block: Block
    outs: tuple[Tracer, ...]
    tree: TreeDef

    @property
    def args(self) -> list[Value]:
        return self.block.args

    def discard(self) -> None:
        """The block has been walked: its ops no longer count as users of free values."""
        discard(self.block)


def discard(block: Block) -> None:
    """Drop the uses made by all ops of a block that will not be run."""
    for outer in block:
        for op in outer.walk():
            op.drop_uses()
            op.operands = []


def aval_of(x: Any, path: str = "x") -> Aval:
    """What a leaf looks like to a trace; a leaf that is no array is refused by its path."""
    if isinstance(x, Tracer):
        return as_tracer(x).type, x.weak
    if isinstance(x, (bool, int, float, np.generic)) and not isinstance(x, (np.str_, np.bytes_)):
        element, weak = dtypes.typing_of(x)
        dtypes.as_array(x, (element, weak))
        return tensor((), element), weak
    shape, dtype = getattr(x, "shape", None), getattr(x, "dtype", None)
    if shape is None or dtype is None:
        raise _no_array(path, f"a {type(x).__name__}", "pass arrays, numbers, or trees of them")
    if isinstance(x, np.ma.MaskedArray):
        raise _no_array(path, "a masked array", "give x.filled(…) and the mask as two arrays")
    try:
        return tensor(shape, element_of(np.dtype(dtype).newbyteorder("="))), False
    except MinidlError as error:
        hint = error.hint if np.dtype(dtype).kind != "O" else RAGGED
        raise _no_array(path, f"an array of dtype {np.dtype(dtype)}", hint) from None


def _no_array(path: str, what: str, hint: str | None) -> TraceError:
    return here(TraceError, f"{path} is {what}, which is not an array of numbers", hint=hint)


def argument_paths(f: Callable[..., Any], args: Any, kwargs: Any) -> list[str]:
    """How the function itself would name each leaf of its arguments."""
    try:
        names = list(inspect.signature(f).bind(*args, **kwargs).arguments.items())
    except (TypeError, ValueError):
        names = [(f"argument {i}", a) for i, a in enumerate(args)] + list(kwargs.items())
    out: list[str] = []
    for name, value in names:
        out += paths(flatten(value)[1], name)
    leaves = len(flatten((args, kwargs))[0])
    return out if len(out) == leaves else [f"argument leaf {i}" for i in range(leaves)]


def name_of(f: Any) -> str:
    return getattr(f, "__name__", None) or type(f).__name__


def location_of(f: Any) -> Location:
    code = getattr(inspect.unwrap(f) if callable(f) else f, "__code__", None)
    return location_of_code(code) if code else UNKNOWN


def run_in(f: Callable[..., Any], tree: TreeDef, tracers: Sequence[Tracer]) -> tuple[Any, Any]:
    """Call f on the tracers put back into (args, kwargs); its outputs as tracers, their tree."""
    callable_("tracing", f)
    args, kwargs = unflatten(tree, tracers)
    leaves, out_tree = flatten(f(*args, **kwargs))
    for leaf, path in zip(leaves, paths(out_tree, f"the result of {name_of(f)}"), strict=True):
        aval_of(leaf, path)
    return tuple(as_tracer(x) for x in leaves), out_tree


def trace_region(f: Callable[..., Any], tree: TreeDef, avals: Sequence[Aval]) -> Traced:
    """f on fresh block arguments, inside whatever trace is going on."""
    block = Block([type_ for type_, _ in avals])
    tracers = [Tracer(v, weak) for v, (_, weak) in zip(block.args, avals, strict=True)]
    with frame(block):
        outs, out_tree = run_in(f, tree, tracers)
    return Traced(block, outs, out_tree)


def trace_flat(
    f: Callable[..., Any], tree: TreeDef, avals: Sequence[Aval], hoisted: list[Any] | None = None
) -> tuple[Module, TreeDef]:
    """f as @main of a new module; arrays put into `hoisted` are further arguments."""
    name = name_of(f)
    module = Module(name if name.isidentifier() else None)
    _, builder = function(module, "main", [type_ for type_, _ in avals], location=location_of(f))
    block = builder.block
    tracers = [Tracer(v, weak) for v, (_, weak) in zip(list(block.args), avals, strict=True)]
    with frame(block, hoisted):
        outs, out_tree = run_in(f, tree, tracers)
        finish(Builder(block, location=location_of(f)), [t.value for t in outs])
    forget_strangers(block)
    return module, out_tree


def forget_strangers(block: Block) -> None:
    """Uses by ops of temporary blocks (linear parts of a vjp) end with the trace."""
    values = [*block.args, *(v for op in block for v in op.results)]
    for value in values:
        for use in [u for u in value.uses if not _inside(u[0], block)]:
            del value.uses[use]


def _inside(op: Operation | None, block: Block) -> bool:
    while op is not None and op.parent is not block:
        op = op.parent_op
    return op is not None


def trace(f: Callable[..., Any], *args: Any, **kwargs: Any) -> Module:
    """The function as a StableHLO module; only shapes, dtypes and weak types of args matter.

    args     arrays, numbers, or anything with .shape and .dtype; nested in trees
    returns  ir.Module: @main takes and returns the leaves, left to right
    errors   TraceError for Python that needs a value; ShapeError for what does not fit
    """
    leaves, tree = flatten((args, kwargs))
    where = argument_paths(f, args, kwargs)
    avals = [aval_of(x, p) for x, p in zip(leaves, where, strict=True)]
    return trace_flat(f, tree, avals)[0]


def concrete(x: Any) -> np.ndarray[Any, Any]:
    """A leaf as the array that a module takes."""
    if isinstance(x, (bool, int, float, np.generic)):
        return dtypes.as_array(x, dtypes.typing_of(x))
    return native(np.asarray(x))


def callable_(what: str, f: Any) -> None:
    """Refuse what is no function where it is wrapped, not where it is called."""
    if not callable(f):
        raise here(
            TraceError,
            f"{what} wants a function, got {f!r}",
            hint=f"{what}(f)(x): the function first, its arguments in the call",
        )


def run(f: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Trace f and run the module by evaluate; inside a trace just call f."""
    if tracing():
        return f(*args, **kwargs)
    leaves, tree = flatten((args, kwargs))
    where = argument_paths(f, args, kwargs)
    avals = [aval_of(x, p) for x, p in zip(leaves, where, strict=True)]
    hoisted: list[Any] = []
    module, out_tree = trace_flat(f, tree, avals, hoisted)
    return unflatten(out_tree, evaluate(module, *map(concrete, leaves), *hoisted))


def staged(f: Callable[..., Any]) -> Callable[..., Any]:
    """A transformed function as users call it."""

    @functools.wraps(f)
    def call(*args: Any, **kwargs: Any) -> Any:
        return run(f, *args, **kwargs)

    return call


__all__ = ["LEAF", "Traced", "aval_of", "current", "run", "staged", "trace", "trace_region"]
