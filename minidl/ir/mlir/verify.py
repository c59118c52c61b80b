"""verify: a module is well formed, or one error says where it is not.

Chapter: ir/mlir ("Break it").
Sources: MLIR language reference ("Regions", dominance; "Symbols and Symbol Tables");
each op's constraints in its row.
Real: MLIR's `OperationVerifier`, one C++ function an op, generated from its definition.

    seen     the values that dominate the op in hand
    symbols  the operations with names, of the symbol table around the op in hand
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from minidl.core.errors import MinidlError, VerifyError
from minidl.core.span import Span
from minidl.ir.mlir.attributes import Symbol
from minidl.ir.mlir.core import Block, Operation, Region, Value
from minidl.ir.mlir.dominance import children, immediate_dominators, successors
from minidl.ir.mlir.location import TextLoc, place
from minidl.ir.mlir.spec import ANY, SPECS, OpSpec, infer_types
from minidl.ir.mlir.types import FunctionType, ShapedType, TensorType, Type

ENDS = {  # dialect → the ops that may end a block directly inside one of its ops
    "stablehlo": {"stablehlo.return"},
    "scf": {"scf.yield", "scf.condition", "scf.reduce"},
    "linalg": {"linalg.yield"},
    "tensor": {"tensor.yield"},
}
CALLS = {"func.call": "callee", "memref.get_global": "name"}
MISFIT = (AttributeError, TypeError, ValueError, LookupError, AssertionError)


def verify(module: Operation) -> None:
    """None, or raises VerifyError naming the op and what it broke."""
    if not isinstance(module, Operation):
        raise VerifyError(
            f"verify takes a module, got {type(module).__name__}", hint="ir.parse(text) makes one"
        )
    _verify_op(module, set(), {})


def _fail(op: Operation, message: str, hint: str | None = None) -> VerifyError:
    span = _place(op)
    return VerifyError(message, op=op.name, hint=hint, span=span, shown=_shown(op))


def _shown(op: Operation) -> str:
    """The op as it would be printed, a caret under its name."""
    from minidl.ir.text.printer import Printer

    try:
        lines = Printer().module_lines(_root(op))
        line = _line_of(op, lines).strip()
    except MISFIT:  # what is not well formed may not be printable
        line = op.name
    line = line[:100]
    short = op.name if op.name in line else op.name.rpartition(".")[2]
    return f"  {line}\n  {' ' * max(0, line.find(short))}{'^' * len(short)}"


def _root(op: Operation) -> Operation:
    while op.parent_op is not None:
        op = op.parent_op
    return op


# Their sums may be kept in a wider type.
WIDER = ("stablehlo.dot_general", "stablehlo.convolution")


# -- one operation ---------------------------------------------------------------------


def _verify_op(op: Operation, seen: set[Value], symbols: dict[str, Operation]) -> None:
    spec = SPECS.rows.get(op.name)
    if spec is None:
        raise _fail(op, f"{op.name} is not an operation we know")
    for i, value in enumerate(op.operands):
        if value not in seen:
            raise _fail(
                op,
                f"operand {i} of {op.name} is not defined before its use",
                "a value must dominate its uses: be made above, in this region or around it",
            )
        if (op, i) not in value.uses:
            raise _fail(op, f"operand {i} of {op.name} does not list this use")
    _verify_row(op, spec)
    if op.name in CALLS:
        _verify_use(op, symbols)
    if op.regions:
        inner = set() if "isolated" in spec.traits else seen
        if "symbol_table" in spec.traits:
            symbols = _symbols(op)
        for region in op.regions:
            _verify_region(op, spec, region, inner, symbols)


def _verify_row(op: Operation, spec: OpSpec) -> None:
    if not spec.accepts(len(op.operands)):
        raise _fail(
            op,
            f"{op.name} takes {len(spec.operands)} operands ({', '.join(spec.operands)}), "
            f"got {len(op.operands)}",
        )
    for name in spec.attributes:
        if not name.endswith("?") and name not in op.attributes:
            raise _fail(op, f"{op.name} needs the attribute {name!r}")
    if spec.regions not in (ANY, len(op.regions)):
        raise _fail(op, f"{op.name} has {spec.regions} regions, got {len(op.regions)}")
    try:
        if spec.verify is not None:
            spec.verify(op)
        if spec.infer is not None and _static(op):
            _verify_types(op)
    except MinidlError as error:
        raise _fail(op, error.message, error.hint) from error
    except MISFIT as error:  # a rule that met types it was not written for
        types = ", ".join(str(v.type) for v in (*op.operands, *op.results))
        raise _fail(op, f"{op.name} is not defined on {types} with these attributes") from error


def _static(op: Operation) -> bool:
    """Whether the shape rule can judge: it needs sizes, not `?`."""
    values = (*op.operands, *op.results)
    return all(v.type.is_static for v in values if isinstance(v.type, ShapedType))


def _verify_types(op: Operation) -> None:
    attributes = dict(op.attributes)
    if op.name == "stablehlo.convert":
        attributes["to"] = op.results[0].type.element  # type: ignore[attr-defined]
    types = infer_types(op.name, op.operands, attributes, op.regions)
    got = [v.type for v in op.results]
    free = op.name in WIDER
    if len(types) != len(got) or not all(map(partial(_agree, free), types, got)):
        want, have = (", ".join(map(str, ts)) or "nothing" for ts in (types, got))
        label = _label(SPECS[op.name].made.split(), types, got)
        raise VerifyError(f"{op.name} makes {want}, but is written {have}{label}", op=op.name)


def _label(made: list[str], types: list[Type], got: list[Type]) -> str:
    """Of the two constraints on a result, its element and its shape, the one that is broken."""
    if not made:
        return ""
    shapes = [[getattr(t, "shape", None) for t in ts] for ts in (types, got)]
    return f" ({made[0] if shapes[0] == shapes[1] else made[-1]})"


def _agree(free: bool, want: Type, got: Type) -> bool:
    """Whether a written type is the inferred one (its element may be free)."""
    if not isinstance(want, TensorType) or want is got:
        return True
    return free and isinstance(got, TensorType) and want.shape == got.shape


# -- regions ---------------------------------------------------------------------------


def _verify_region(
    op: Operation,
    spec: OpSpec,
    region: Region,
    seen: set[Value],
    symbols: dict[str, Operation],
) -> None:
    blocks = region.blocks
    if len(blocks) > 1 and "cfg" not in spec.traits:
        raise _fail(op, f"a region of {op.name} has one block, got {len(blocks)}")
    for block in blocks:
        _verify_end(op, spec, block, region)
    for block, entering in _dominating_first(region):
        if not entering:
            seen.difference_update(block.args)
            for inner in block:
                seen.difference_update(inner.results)
            continue
        seen.update(block.args)
        for inner in block:
            if inner.parent is not block:
                raise _fail(inner, f"{inner.name} does not know its block")
            _verify_op(inner, seen, symbols)
            seen.update(inner.results)


def _dominating_first(region: Region) -> Iterator[tuple[Block, bool]]:
    """(block, True) on entering a subtree of the dominator tree, (block, False) on leaving."""
    if len(region.blocks) <= 1:
        for block in region.blocks:
            yield block, True
            yield block, False
        return
    above = immediate_dominators(region)
    below = children(above)
    stack = [(region.blocks[0], True)]
    while stack:
        block, entering = stack.pop()
        yield block, entering
        if entering:
            stack.append((block, False))
            stack.extend((child, True) for child in below[block])
    for block in region.blocks:  # no path leads here: nothing here ever runs
        if block not in above:
            yield block, True
            yield block, False


def _verify_end(op: Operation, spec: OpSpec, block: Block, region: Region) -> None:
    """A block ends with one terminator, which leads to blocks of the same region."""
    if block.parent is not region:
        raise _fail(op, f"a block of {op.name} does not know its region")
    if "graph" in spec.traits:
        return
    hint = "a block ends with one terminator"
    if block.last is None:
        raise _fail(op, f"a block of {op.name} is empty", hint)
    for inner in block:
        row = SPECS.rows.get(inner.name)
        ends = row is not None and "terminator" in row.traits
        if ends != (inner is block.last):
            what = "stands before the end of its block" if ends else "ends its block"
            raise _fail(inner, f"{inner.name} {what}", hint)
    wanted = ENDS.get(spec.dialect)
    if wanted and block.last.name not in wanted:
        names = " or ".join(sorted(wanted))
        raise _fail(block.last, f"a block of {op.name} ends with {names}, got {block.last.name}")
    for after in successors(block):
        if after.parent is not region:
            raise _fail(block.last, f"{block.last.name} leads out of its region")
        if after is region.blocks[0]:
            raise _fail(block.last, f"{block.last.name} leads to the first block of its region")


# -- symbols ---------------------------------------------------------------------------


def _symbols(table: Operation) -> dict[str, Operation]:
    """The operations with names directly inside; no two have one name."""
    found: dict[str, Operation] = {}
    for block in table.region.blocks:
        for op in block:
            name = op.get("sym_name")
            if name is None:
                continue
            if name in found:
                raise _fail(op, f"two operations are called {Symbol(name)}")
            found[name] = op
    return found


def _verify_use(op: Operation, symbols: dict[str, Operation]) -> None:
    """A call names a function that is there, and fits its type."""
    symbol = op[CALLS[op.name]]
    target = symbols.get(symbol.name)
    for name in symbol.path:
        inside = _symbols(target) if target is not None and len(target.regions) == 1 else {}
        target = inside.get(name)
    if target is None:
        known = ", ".join(str(Symbol(name)) for name in symbols)
        raise _fail(op, f"{op.name} names {symbol}, which is not here", f"there are {known}")
    if op.name == "func.call":
        _verify_call(op, target)


def _verify_call(op: Operation, callee: Operation) -> None:
    if callee.name != "func.func":
        raise _fail(op, f"call of {op['callee']}, which is a {callee.name}")
    want = callee.get("function_type")
    if not isinstance(want, FunctionType):
        raise _fail(callee, f"{callee.name} needs the attribute 'function_type'")
    got = (tuple(v.type for v in op.operands), tuple(v.type for v in op.results))
    if got != (want.inputs, want.outputs):
        raise _fail(op, f"call of {op['callee']} with types that are not its own: {want}")


# -- where an op stands ------------------------------------------------------------------


def _place(op: Operation | None) -> Span | None:
    """Where the op was written, or the one around it that holds it in its own line."""
    while op is not None:
        where = op.location
        span = where.span if isinstance(where, TextLoc) else place(where)
        if span is not None:
            return span
        op = op.parent_op
    return None


def _line_of(op: Operation, lines: list[tuple[str, Operation | None]]) -> str:
    """The line on which the op begins, or the one that holds it: `applies` hides a region."""
    begins = {here: line for line, here in reversed(lines)}
    shown: Operation | None = op
    while shown is not None and shown not in begins:
        shown = shown.parent_op
    return begins.get(shown, op.name)
