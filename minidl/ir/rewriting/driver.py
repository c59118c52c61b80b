"""Rewrite: patterns, and a worklist that applies them until none fits.

Chapter: ir/rewriting.
Sources: MLIR, "Pattern Rewriting: Generic DAG-to-DAG Rewriting".
Real: `RewritePatternSet` and `applyPatternsGreedily`; MLIR also has benefits, a
roll-back mode and a declarative language (PDL).

    pattern  a root op name and a function from a matching op to its replacement
    reasons  origin id → why nothing in the program stands for that op any more

An op keeps its place in the source: what replaces it is located at the union of all
it replaces, and an op that goes without a successor leaves a reason.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from minidl.core.errors import MinidlError
from minidl.ir.mlir.core import Block, Operation, Region, Value, clone
from minidl.ir.mlir.location import Location, fuse, origins
from minidl.ir.mlir.spec import SPECS, infer_types
from minidl.ir.mlir.types import TensorType, Type
from minidl.ir.rewriting.watch import watch

Reasons = dict[int, str]
Made = Value | Sequence[Value] | None
DEAD = "dead: nothing uses its result"


@dataclass(frozen=True, slots=True)
class Pattern:
    """`rewrite(op, rewriter)` returns what replaces `op`'s results, or None.

    `op` is the root's name, or "*"; `why` says in one line that the meaning is kept.
    """

    name: str
    op: str
    why: str
    rewrite: Callable[[Operation, Rewriter], Made]
    dynamic: bool = False  # whether it also understands sizes that are not known


def forget(op: Operation, reason: str, reasons: Reasons | None) -> None:
    """Note why no op stands for `op`, nor for what it holds, any more."""
    if reasons is not None:
        for inner in op.walk():
            reasons.update(dict.fromkeys(origins(inner.location), reason))


def is_pure(op: Operation) -> bool:
    """Whether leaving it out changes nothing but its results; so is all that it holds."""
    spec = SPECS.rows.get(op.name)
    if spec is None or "pure" not in spec.traits:
        return False
    inside = [o for region in op.regions for block in region.blocks for o in block]
    return all(is_pure(o) or "terminator" in SPECS[o.name].traits for o in inside)


def is_static(op: Operation) -> bool:
    """Whether the sizes of all tensors it reads and makes are known."""
    for value in (*op.operands, *op.results):
        if isinstance(value.type, TensorType) and not value.type.is_static:
            return False
    return True


def is_dead(op: Operation) -> bool:
    return all(not v.uses for v in op.results) and bool(op.results) and is_pure(op)


class Rewriter:
    """The worklist, and the hands of a pattern: it makes ops before the root."""

    __slots__ = ("module", "reasons", "queue", "queued", "root", "made", "watch", "static")

    def __init__(self, module: Operation, reasons: Reasons | None) -> None:
        self.module, self.reasons = module, reasons
        self.watch = watch(module)
        self.static = True  # every size is known, so no pattern need ask
        self.queue: deque[Operation] = deque()
        self.queued: set[Operation] = set()
        self.root = module
        self.made: list[Operation] = []

    # -- for patterns --------------------------------------------------------------

    def create(
        self,
        name: str,
        operands: Sequence[Value] = (),
        attributes: dict[str, Any] | None = None,
        result_types: Sequence[Type] | None = None,
        regions: Sequence[Region] = (),
        also: Iterable[Operation | None] = (),
    ) -> Value:
        """A new op before the root, located at the root and at the ops in `also`."""
        block = self.root.parent
        assert block is not None, f"{self.root.name} was erased"
        attributes = {**SPECS[name].defaults, **(attributes or {})}
        if result_types is None:
            result_types = infer_types(name, operands, attributes, regions)
        op = Operation(name, operands, result_types, attributes, regions, (), self.place(also))
        self.made.append(block.insert(op, self.root))
        return op.results[0]

    def inline(self, block: Block, values: Sequence[Value]) -> list[Value]:
        """A copy of `block` before the root, its arguments `values`; what it returns."""
        parent = self.root.parent
        assert parent is not None, f"{self.root.name} was erased"
        mapping: dict[Value, Value] = dict(zip(block.args, values, strict=True))
        for op in block:
            if op is block.last:
                break
            copy = parent.insert(clone(op, mapping), self.root)
            for inner in copy.walk():
                inner.location = fuse(inner.location, self.root.location)
            self.made.append(copy)
        return [mapping.get(v, v) for v in block.terminator.operands]

    def place(self, also: Iterable[Operation | None] = ()) -> Location:
        """The union of the root's location and those of ops that it absorbs."""
        return fuse(self.root.location, *(op.location for op in also if op is not None))

    # -- for the driver ------------------------------------------------------------

    def push(self, op: Operation | None) -> None:
        if op is not None and op not in self.queued:
            self.queued.add(op)
            self.queue.append(op)

    def pop(self) -> Operation | None:
        """The next op that still stands."""
        while self.queue:
            op = self.queue.popleft()
            if op in self.queued:
                self.queued.discard(op)
                return op
        return None

    def erase(self, op: Operation) -> None:
        """Erase an unused op; the makers of its operands may be dead now."""
        inside = list(op.walk()) if op.regions else [op]
        makers = dict.fromkeys(value.op for inner in inside for value in inner.operands)
        for inner in inside:
            self.queued.discard(inner)
            makers.pop(inner, None)
        op.erase()
        for maker in makers:
            self.push(maker)

    def replace(self, op: Operation, values: Sequence[Value], why: str) -> None:
        """The results become `values`; users and new ops are looked at again."""
        if not any(value.op in self.made for value in values):
            forget(op, why, self.reasons)
        for region in op.regions:
            for block in region.blocks:
                for inner in block:
                    forget(inner, why, self.reasons)
        for old, new in zip(op.results, values, strict=True):
            for user, _ in old.uses:
                self.push(user if user.results else user.parent_op)
            old.replace_all_uses_with(new)
        for made in self.made:
            for inner in made.walk() if made.regions else (made,):
                self.push(inner)
        self.erase(op)

    def tell(self, title: str, rule: str, why: str, gone: Operation, where: Operation) -> None:
        """The step of one change, when somebody listens."""
        if self.watch is not None:
            waiting = (op for op in self.queue if op in self.queued)
            made = [op for op in self.made if op.parent is not None]
            self.watch.tell(self.module, title, where, rule, why, [gone], made, waiting)


def rewrite(module: Operation, patterns: Iterable[Pattern], reasons: Reasons | None = None) -> int:
    """Apply patterns and drop dead ops until nothing fits; the number of changes.

    Works in place.  Errors: MinidlError when the patterns do not settle.
    """
    table: dict[str, list[Pattern]] = {}
    for pattern in patterns:
        table.setdefault(pattern.op, []).append(pattern)
    general = table.pop("*", [])
    rewriter = Rewriter(module, reasons)
    for op in module.walk():
        if op.results:
            rewriter.push(op)
            rewriter.static = rewriter.static and is_static(op)
    limit, count = 1024 + 64 * len(rewriter.queue), 0
    while (root := rewriter.pop()) is not None:
        count += _visit(root, rewriter, table.get(root.name, ()), general)
        if count > limit:
            raise MinidlError(
                f"{count} rewrites and no end: two patterns undo each other near {root.name}",
                op=root.name,
                hint="each pattern must make the program smaller or more canonical",
            )
    return count


def _visit(
    op: Operation, rewriter: Rewriter, own: Sequence[Pattern], general: Sequence[Pattern]
) -> bool:
    if is_dead(op):
        _drop(op, rewriter)
        return True
    rewriter.root, rewriter.made = op, []
    known = rewriter.static or is_static(op)
    for pattern in (*general, *own):
        if not (known or pattern.dynamic):
            continue
        made = pattern.rewrite(op, rewriter)
        if made is not None:
            _apply(pattern, op, [made] if isinstance(made, Value) else made, rewriter)
            return True
    return False


def _drop(op: Operation, rewriter: Rewriter) -> None:
    forget(op, DEAD, rewriter.reasons)
    rewriter.made = []
    rewriter.erase(op)
    rewriter.tell(f"dead code: {op.name} goes", "dead code", DEAD, op, op)


def _apply(pattern: Pattern, op: Operation, values: Sequence[Value], rewriter: Rewriter) -> None:
    rewriter.replace(op, values, f"{pattern.name}: {pattern.why}")
    if rewriter.watch is not None:
        now = values[0].op if values else None
        title = f"{pattern.name}: {op.name} became {now.name if now else 'an argument'}"
        rewriter.tell(title, pattern.name, pattern.why, op, now or op)
