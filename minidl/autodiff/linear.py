"""jvp, linearize, transpose: three walks over a block of StableHLO.

Chapter: autodiff/jax.
Sources: Radul et al., "You only linearize once", POPL 2023; JAX's autodidax, parts 1 and 4.
Real JAX: `ad.jvp`, `ad.linearize`, `ad.backward_pass`; JAX 0.4.36 and later linearizes in
one walk, as here.

    push       walk forward, ops and their jvp rules side by side, into the current trace
    linearize  push, then move the ops that depend on tangents into a block of their own
    pull       walk that block backward with the transpose rules

Known values that the linear block uses are its residuals: free values, simply.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from minidl.autodiff.jvp_rules import JVP
from minidl.autodiff.jvp_rules.elementwise import is_float
from minidl.autodiff.transpose_rules import TRANSPOSE
from minidl.ir.mlir.core import Block, Operation, Value
from minidl.ir.mlir.location import Location, NameLoc
from minidl.ir.mlir.spec import has_trait
from minidl.xla.frontend import lax
from minidl.xla.frontend.bind import as_tracer, current, rebind, visible
from minidl.xla.frontend.trace import Traced
from minidl.xla.frontend.tracer import Tracer

Array = Any
Env = dict[Value, Any]


@dataclass(slots=True)
class Linear:
    """A linear function as a block; `residuals` gives values to free values, if any."""

    block: Block
    outs: list[Value | None]
    name: str
    residuals: Env = field(default_factory=dict)

    def free(self) -> list[Value]:
        """The values it uses and does not make."""
        inside = {v for op in self.block for v in op.results} | set(self.block.args)
        used = [v for op in self.block for v in op.operands]
        used += [v for v in self.outs if v is not None]
        return list(dict.fromkeys(v for v in used if v not in inside))


def reaches(values: Sequence[Value], sources: set[Value]) -> bool:
    """Whether one of the values is, or was made from, one of the sources."""
    todo, seen = list(values), set(values)
    while todo:
        value = todo.pop()
        if value in sources:
            return True
        if isinstance(value.owner, Operation):
            new = [v for v in value.owner.operands if v not in seen]
            seen.update(new)
            todo += new
    return False


def read(env: Env, value: Value) -> Array:
    """The value in the current trace; one that is not mapped stands for itself."""
    found = env.get(value)
    return Tracer(value) if found is None else found


def push(
    traced: Traced, name: str, primals: Sequence[Array], tangents: Sequence[Array | None]
) -> tuple[list[Array], list[Array | None]]:
    """The function and its derivative along `tangents`, in the current trace."""
    values: Env = dict(zip(traced.args, primals, strict=True))
    moves: dict[Value, Array] = {
        v: t for v, t in zip(traced.args, tangents, strict=True) if t is not None
    }
    frame = current()
    before = frame.location
    for op in traced.block:
        xs = [read(values, v) for v in op.operands]
        frame.location = op.location
        out = rebind(op, xs)
        outs = out if isinstance(out, tuple) else (out,)
        values.update(zip(op.results, outs, strict=True))
        ts = [moves.get(v) for v in op.operands]
        if all(t is None for t in ts) or not any(is_float(v.type) for v in op.results):
            continue
        frame.location = NameLoc(f"jvp({name})", op.location)
        made = JVP[op.name](op, out, xs, ts)
        for v, t in zip(op.results, made if isinstance(made, tuple) else (made,), strict=False):
            if t is not None:
                moves[v] = t
    frame.location = before
    traced.discard()
    outs_ = [Tracer(read(values, t.value).value, t.weak) for t in traced.outs]
    return outs_, [moves.get(t.value) for t in traced.outs]


def linearize(traced: Traced, name: str, primals: Sequence[Array]) -> tuple[list[Array], Linear]:
    """The outputs now, and the derivative at this point as a linear block.

    The block has an argument for each float input, in order.
    """
    primals = [as_tracer(x) for x in primals]
    floats = [is_float(v.type) for v in traced.args]
    block = Block([v.type for v, f in zip(traced.args, floats, strict=True) if f])
    seeds = iter(block.args)
    tangents = [Tracer(next(seeds)) if f else None for f in floats]
    here = current().builder.block
    mark = here.last
    with visible(block):
        outs, moves = push(traced, name, primals, tangents)
    _split(here, mark, block)
    return outs, Linear(block, [None if t is None else t.value for t in moves], name)


def _split(here: Block, mark: Operation | None, linear: Block) -> None:
    """Move the ops after `mark` that depend on the linear block's arguments into it."""
    moved: set[Value] = set(linear.args)
    op = here.first if mark is None else mark.next
    while op is not None:
        following = op.next
        if any(v in moved for v in op.operands):
            moved.update(op.results)
            linear.append(op.remove())
        op = following


def apply(linear: Linear, tangents: Sequence[Array]) -> list[Array]:
    """The linear function on tangents, in the current trace."""
    env: Env = {**linear.residuals, **dict(zip(linear.block.args, tangents, strict=True))}
    frame = current()
    before = frame.location
    for op in linear.block:
        frame.location = op.location
        out = rebind(op, [read(env, v) for v in op.operands])
        env.update(zip(op.results, out if isinstance(out, tuple) else (out,), strict=True))
    frame.location = before
    return [None if v is None else read(env, v) for v in linear.outs]


def pull(linear: Linear, cotangents: Sequence[Array | None]) -> list[Array | None]:
    """The transpose: cotangents of the outputs to cotangents of the inputs."""
    cts: dict[Value, Array] = {}
    unknown = set(linear.block.args) | {v for op in linear.block for v in op.results}
    for v, ct in zip(linear.outs, cotangents, strict=True):
        if v is not None and ct is not None:
            accumulate(cts, v, ct)
    frame = current()
    before = frame.location
    for op in reversed(linear.block):
        made = [cts.pop(v, None) for v in op.results]
        if all(ct is None for ct in made):
            continue
        frame.location = _transposed(linear.name, op.location)
        xs = [None if v in unknown else read(linear.residuals, v) for v in op.operands]
        ct = made[0] if len(made) == 1 else tuple(made)
        for v, back in zip(op.operands, TRANSPOSE[op.name](op, ct, *xs), strict=True):
            if back is not None and v in unknown:
                accumulate(cts, v, back)
    frame.location = before
    return [cts.get(v) for v in linear.block.args]


def _transposed(name: str, location: Location) -> Location:
    """`transpose(jvp(f))` over what jvp(f) stood over."""
    inner = f"jvp({name})"
    if isinstance(location, NameLoc) and location.name == inner:
        return NameLoc(f"transpose({inner})", location.child)
    return NameLoc(f"transpose({inner})", location)


def accumulate(cts: dict[Value, Array], value: Value, ct: Array) -> None:
    """A value used twice gets the sum of its cotangents."""
    cts[value] = ct if value not in cts else lax.add(cts[value], ct)


def sweep(mark: Operation | None, keep: Sequence[Array]) -> None:
    """Erase what was emitted after `mark` into this trace and nobody needs."""
    block = current().builder.block
    kept = {x.value for x in keep if isinstance(x, Tracer)}
    kept |= {x.value for _, x in current().constants.values()}
    for op in reversed(block):
        if op is mark:
            return
        free = not any(v.uses or v in kept for v in op.results)
        if free and has_trait(op, "pure"):
            op.erase()
