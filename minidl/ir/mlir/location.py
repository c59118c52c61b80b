"""Where an operation came from: a Python span, a name over one, or a union.

Chapter: ir/mlir; stack (lines that light up together).
Sources: MLIR, "Builtin Dialect: Location Attributes".
Real: the same four kinds; MLIR also has call-site and opaque locations.

    FileLoc   a span of a file                      loc("step.py":3:8 to :15)
    NameLoc   a name over another location          loc("transpose(jvp(f))"(…))
    FusedLoc  the union, for an op made of several  loc(fused[…, …])
    UNKNOWN   nothing is known                      loc(unknown)
and one of ours, OriginLoc, the number of an op in a compiled program (not printed).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

from minidl.core.span import Span
from minidl.ir.text.lexer import quote


class Location:
    """Base of the four kinds; `str(location)` is MLIR's text without `loc()`."""

    __slots__ = ()

    def spans(self) -> frozenset[Span]:
        """All source spans below this location."""
        return frozenset()


@dataclass(frozen=True, slots=True)
class UnknownLoc(Location):
    def __str__(self) -> str:
        return "unknown"


UNKNOWN = UnknownLoc()


@dataclass(frozen=True, slots=True)
class FileLoc(Location):
    """A span in a source file."""

    span: Span

    def spans(self) -> frozenset[Span]:
        return frozenset([self.span])

    def __str__(self) -> str:
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

    def __str__(self) -> str:
        inner = "" if self.child is UNKNOWN or self.child == UNKNOWN else f"({self.child})"
        return quote(self.name) + inner


@dataclass(frozen=True, slots=True)
class FusedLoc(Location):
    """The union of the locations of ops that were merged into one."""

    children: tuple[Location, ...]

    def spans(self) -> frozenset[Span]:
        return frozenset().union(*(child.spans() for child in self.children))

    def __str__(self) -> str:
        return f"fused[{', '.join(map(str, self.children))}]"


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

    def __str__(self) -> str:
        return str(self.child)


@lru_cache(maxsize=1 << 16)
def origins(location: Location) -> frozenset[int]:
    """The numbers of all the ops below a location."""
    if isinstance(location, OriginLoc):
        return frozenset([location.id])
    if isinstance(location, NameLoc):
        return origins(location.child)
    if isinstance(location, FusedLoc):
        return frozenset().union(*map(origins, location.children))
    return frozenset()


def place(location: Location) -> Span | None:
    """One span to show for a location: the first by file and line, if there is any."""
    return min(location.spans(), key=str, default=None)


def fuse(*locations: Location) -> Location:
    """The union: flattened, without repetitions, in order of appearance."""
    flat: dict[Location, None] = {}
    for location in locations:
        parts = location.children if isinstance(location, FusedLoc) else (location,)
        flat.update(dict.fromkeys(part for part in parts if part != UNKNOWN))
    if not flat:
        return UNKNOWN
    return next(iter(flat)) if len(flat) == 1 else FusedLoc(tuple(flat))
