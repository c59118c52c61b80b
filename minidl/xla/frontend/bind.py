"""bind: every op of the front end goes through this one door.

Chapter: xla/frontend.
Sources: the `bind` of JAX's autodidax.
Real JAX: `Primitive.bind` asks a current trace what to do; traces are classes.  Here
there are two cases: a trace is going on (append an op) or not (run the op now).

    Frame   one trace: where ops go, and which location they get
    stack   the traces now going on in this thread, innermost last

Inside a trace everything is staged, constants too.  Inner traces use the values of
outer ones directly; a value whose trace has ended is refused.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from minidl.core.errors import MinidlError, TraceError
from minidl.ir.evaluate import Interpreter
from minidl.ir.mlir.attributes import Dense
from minidl.ir.mlir.core import Block, Operation, Region, Value
from minidl.ir.mlir.location import Location
from minidl.ir.mlir.module import Module
from minidl.ir.mlir.spec import Builder
from minidl.ir.mlir.types import TensorType, Type, type_of
from minidl.ir.values import VALUES
from minidl.xla.frontend import dtypes
from minidl.xla.frontend.spans import here, user_location
from minidl.xla.frontend.tracer import Tracer

HIDDEN_BYTES = 1024  # a larger closed-over array becomes an argument of a hoisting trace


class Frame:
    """One trace: its builder, the location forced on its ops, the constants it has met."""

    __slots__ = ("builder", "location", "constants", "hoisted")

    def __init__(self, block: Block, hoisted: list[Any] | None = None) -> None:
        self.builder = Builder(block)
        self.location: Location | None = None
        self.constants: dict[int, tuple[Any, Tracer]] = {}  # by id; keeps the array alive
        self.hoisted = hoisted


class _State(threading.local):
    def __init__(self) -> None:
        self.stack: list[Frame] = []
        self.blocks: set[Block] = set()


_state = _State()


def tracing() -> bool:
    """Whether a trace is going on in this thread."""
    return bool(_state.stack)


def current() -> Frame:
    return _state.stack[-1]


@contextmanager
def frame(block: Block, hoisted: list[Any] | None = None) -> Iterator[Frame]:
    """Ops made inside the `with` go to the end of `block`."""
    entry = Frame(block, hoisted)
    _state.stack.append(entry)
    _state.blocks.add(block)
    try:
        yield entry
    finally:
        _state.stack.pop()
        _state.blocks.discard(block)


@contextmanager
def visible(block: Block) -> Iterator[None]:
    """Values of `block` may be used, though ops go elsewhere (tangent inputs)."""
    _state.blocks.add(block)
    try:
        yield
    finally:
        _state.blocks.discard(block)


def block_of(value: Value) -> Block | None:
    return value.owner.parent if isinstance(value.owner, Operation) else value.owner


def as_tracer(x: Any) -> Tracer:
    """A value of the current trace; a concrete array becomes a constant or hidden argument."""
    if isinstance(x, Tracer):
        if block_of(x.value) not in _state.blocks:
            raise leaked(x)
        return x
    typing = dtypes.typing_of(x)
    if not isinstance(x, np.ndarray) or x.ndim == 0:
        return constant(dtypes.as_array(x, typing), typing[1])
    return _known_array(x)


def native(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The array in this machine's byte order."""
    return x if x.dtype.isnative else x.astype(x.dtype.newbyteorder("="))


def leaked(x: Tracer) -> TraceError:
    return here(
        TraceError,
        f"a traced value of type {x.value.type} is used outside the trace that made it",
        hint="return it from the traced function instead of storing it somewhere",
    )


def _known_array(x: np.ndarray[Any, Any]) -> Tracer:
    """The array's value, made once a frame; a big one goes to the outermost hoisting frame."""
    home = next((f for f in _state.stack if f.hoisted is not None), None)
    if home is None or home.hoisted is None or x.nbytes <= HIDDEN_BYTES:
        known = current().constants
        if id(x) not in known:
            known[id(x)] = x, constant(native(x))
        return known[id(x)][1]
    if id(x) not in home.constants:
        home.constants[id(x)] = x, Tracer(home.builder.block.add_arg(type_of(native(x))))
        home.hoisted.append(native(x).copy())  # what is done to x later changes nothing
    return home.constants[id(x)][1]


def constant(x: Any, weak: bool = False) -> Tracer:
    """A `stablehlo.constant` of the current trace."""
    frame_ = current()
    op = frame_.builder.create(
        "stablehlo.constant",
        (),
        {"value": Dense(x)},
        location=frame_.location or user_location(),
    )
    return Tracer(op.results[0], weak)


def bind(
    name: str,
    *operands: Any,
    result_types: Sequence[Type] | None = None,
    regions: Sequence[Region] = (),
    weak: bool | None = None,
    **attributes: Any,
) -> Any:
    """Apply one op: append it to the current trace, or run its value row now.

    operands   tracers or concrete arrays; nothing is broadcast or converted
    weak       whether the result is weak; by default it is when all operands are
    returns    a tracer or array, a tuple of them for several results
    """
    try:
        if not _state.stack:
            return _run(name, operands, attributes, result_types, regions)
        tracers = [as_tracer(x) for x in operands]
        frame_ = _state.stack[-1]
        op = frame_.builder.create(
            name,
            [t.value for t in tracers],
            attributes,
            result_types,
            regions,
            location=frame_.location or user_location(),
        )
    except MinidlError as error:
        if error.span is not None:
            raise
        raise here(type(error), error.message, op=error.op, hint=error.hint) from None
    if weak is None:
        weak = bool(tracers) and all(t.weak for t in tracers)
    outs = tuple(Tracer(v, weak) for v in op.results)
    return outs[0] if len(outs) == 1 else outs


_templates: dict[Any, Operation] = {}  # ops run before, by name, types and attributes
TEMPLATES = 4096


def _run(
    name: str,
    operands: Sequence[Any],
    attributes: dict[str, Any],
    result_types: Sequence[Type] | None,
    regions: Sequence[Region],
) -> Any:
    """No trace: the op's shape rule (once for each type), then its value row, on arrays."""
    for x in operands:
        if isinstance(x, Tracer):
            raise leaked(x)
    arrays = [native(np.asarray(x)) for x in operands]
    made = tuple(result_types) if result_types is not None else None
    key = (name, *((x.shape, x.dtype) for x in arrays), *attributes.items(), made)
    op = None if regions else _templates.get(key)
    if op is None:
        block = Block([type_of(x) for x in arrays])
        op = Builder(block).create(name, block.args, attributes, result_types, regions)
        if not regions:
            if len(_templates) >= TEMPLATES:
                _templates.clear()
            _templates[key] = op
    if regions:
        out = Interpreter(Module()).op(op, arrays, {})
    else:
        out = VALUES[name](op, *arrays)
    outs = tuple(_owned(x, arrays) for x in (out if isinstance(out, tuple) else (out,)))
    return outs if len(op.results) != 1 else outs[0]


def _owned(x: Any, arrays: list[Any]) -> np.ndarray[Any, Any]:
    """An array that shares no memory with an operand."""
    x = np.asarray(x)
    if x.base is not None or not x.flags.writeable or any(x is a for a in arrays):
        return x.copy(order="C")
    return x


def rebind(op: Operation, operands: Sequence[Any]) -> Any:
    """The same op on other operands (of the same types): how transformations copy."""
    if op.regions:
        from minidl.ir.mlir.core import clone

        copy = clone(op)
        for block in copy.regions:
            block.parent = None
        return bind(
            op.name,
            *operands,
            result_types=_types(op),
            regions=copy.regions,
            **op.attributes,
        )
    return bind(op.name, *operands, result_types=_types(op), **op.attributes)


def _types(op: Operation) -> list[Type]:
    return [v.type for v in op.results]


def type_(x: Any) -> TensorType:
    """The tensor type of a tracer or concrete value (a Python number by its own typing)."""
    if isinstance(x, Tracer):
        return x.type
    if isinstance(x, np.ndarray):
        return type_of(native(x))
    return TensorType((), dtypes.typing_of(x)[0])
