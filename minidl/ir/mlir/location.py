"""Where an operation came from: a Python span, a name over one, or a union.

Chapter: ir/mlir; stack (lines that light up together).
Sources: MLIR, "Builtin Dialect: Location Attributes".
Real: the same five kinds; MLIR also has opaque locations, which no text can write.

    FileLoc      a span of a file                      loc("step.py":3:8 to :15)
    NameLoc      a name over another location          loc("transpose(jvp(f))"(…))
    CallSiteLoc  a callee's place, called from another loc(callsite(… at …))
    FusedLoc     the union, for an op made of several  loc(fused[…, …])
    UNKNOWN      nothing is known                      loc(unknown)
and one of ours, OriginLoc, the number of an op in a compiled program (not printed).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

from minidl.core.span import Span
from minidl.ir.text.lexer import quote

Name = Callable[["Location"], str]


class Location:
    """Base of the kinds; `str(location)` is MLIR's text without `loc()`."""

    __slots__ = ()

    @property
    def children(self) -> tuple[Location, ...]:
        """The locations directly inside this one."""
        return ()

    def spell(self, name: Name) -> str:
        """The text, with `name` writing the locations inside."""
        raise NotImplementedError(type(self).__name__)

    def __str__(self) -> str:
        return self.spell(str)

    def spans(self) -> frozenset[Span]:
        """All source spans below this location."""
        return frozenset()


class UnknownLoc(Location):
    """Nothing is known; all of its kind are equal."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UnknownLoc)

    def __hash__(self) -> int:
        return 0

    def spell(self, name: Name) -> str:
        return "unknown"


UNKNOWN = UnknownLoc()


class TextLoc(UnknownLoc):
    """Unknown too, but an error can point at the text from which the op was parsed.

    Real MLIR: such an op gets a FileLineColLoc, and prints it.
    """

    __slots__ = ("span",)

    def __init__(self, span: Span) -> None:
        self.span = span


@dataclass(frozen=True, slots=True)
class FileLoc(Location):
    """A span in a source file."""

    span: Span

    def spans(self) -> frozenset[Span]:
        return frozenset([self.span])

    def spell(self, name: Name) -> str:
        s = self.span
        start = f"{quote(s.file)}:{s.line}:{s.column}"
        if not s.end_line:
            return start
        return f"{start} to {'' if s.end_line == s.line else s.end_line}:{s.end_column}"


@dataclass(frozen=True, slots=True)
class NameLoc(Location):
    """A name given by a transformation, over the location it transformed."""

    name: str
    child: Location = UNKNOWN

    def spans(self) -> frozenset[Span]:
        return self.child.spans()

    @property
    def children(self) -> tuple[Location, ...]:
        return () if self.child == UNKNOWN else (self.child,)

    def spell(self, name: Name) -> str:
        return quote(self.name) + "".join(f"({name(child)})" for child in self.children)


@dataclass(frozen=True, slots=True)
class CallSiteLoc(Location):
    """A place in a function, reached from a place that calls it."""

    callee: Location
    caller: Location

    def spans(self) -> frozenset[Span]:
        return self.callee.spans() | self.caller.spans()

    @property
    def children(self) -> tuple[Location, ...]:
        return (self.callee, self.caller)

    def spell(self, name: Name) -> str:
        return f"callsite({name(self.callee)} at {name(self.caller)})"


@dataclass(frozen=True, slots=True)
class FusedLoc(Location):
    """The union of the locations of ops that were merged into one.

    metadata  the spelled attribute of `fused<…>[…]`, which is carried
    """

    parts: tuple[Location, ...]
    metadata: str = ""

    def spans(self) -> frozenset[Span]:
        return frozenset().union(*(child.spans() for child in self.parts))

    @property
    def children(self) -> tuple[Location, ...]:
        return self.parts

    def spell(self, name: Name) -> str:
        note = self.metadata and f"<{self.metadata}>"
        return f"fused{note}[{', '.join(map(name, self.parts))}]"


@dataclass(frozen=True, slots=True)
class OriginLoc(Location):
    """Op number `id` of the program that was compiled; its text is its child's.

    `compile` marks every op of its input with one.  Whatever is made from an op later
    keeps its mark, so that an instruction knows the ops it came from (`origins`).
    Two marks of one number are equal, which keeps unions of them quick.
    """

    id: int
    child: Location = field(default=UNKNOWN, compare=False)

    def spans(self) -> frozenset[Span]:
        return self.child.spans()

    def spell(self, name: Name) -> str:
        return self.child.spell(name)


@lru_cache(maxsize=1 << 16)
def origins(location: Location) -> frozenset[int]:
    """The numbers of all the ops below a location."""
    if isinstance(location, OriginLoc):
        return frozenset([location.id])
    return frozenset().union(*map(origins, location.children))


def place(location: Location) -> Span | None:
    """One span to show for a location: the first by file and line, if there is any."""
    return min(location.spans(), key=str, default=None)


def fuse(*locations: Location) -> Location:
    """The union: flattened, without repetitions, in order of appearance."""
    flat: dict[Location, None] = {}
    for location in locations:
        union = isinstance(location, FusedLoc) and not location.metadata
        parts = location.children if union else (location,)
        flat.update(dict.fromkeys(part for part in parts if part != UNKNOWN))
    if not flat:
        return UNKNOWN
    return next(iter(flat)) if len(flat) == 1 else FusedLoc(tuple(flat))
