"""Locations in the text: each named once, `#loc3`, however often it is used.

Chapter: ir/mlir.
Sources: MLIR, `AsmPrinter.cpp` (`AliasInitializer`, `AliasState`).
Real: the same order, so that the numbers are MLIR's; it names affine maps the same way.

    depth      0 for a location that holds no other, else one more than the deepest inside
    before     needed above the module: arguments write their location where they stand
"""

from __future__ import annotations

from minidl.ir.mlir.core import Block, Operation, Region
from minidl.ir.mlir.location import Location, OriginLoc

IN_THE_HEAD = ("builtin.module", "func.func", "gpu.func", "llvm.func")  # arguments in the head
HIDDEN = ("stablehlo.while", "scf.for", "scf.parallel")  # arguments without a place for `loc`


class Places:
    """The names of all locations below an operation."""

    def __init__(self, top: Operation, generic: bool = False) -> None:
        self.depth: dict[Location, int] = {}
        self.early: set[Location] = set()
        self.generic = generic
        self._visit_all(top)
        order = sorted(self.depth, key=lambda location: self.depth[location])
        self.names = {loc: f"#loc{i or ''}" for i, loc in enumerate(order)}

    def _visit_all(self, top: Operation) -> None:
        stack: list[Operation | Block] = [top]
        while stack:
            item = stack.pop()
            if isinstance(item, Block):
                for arg in item.args:
                    self._visit(plain(arg.location), early=True)
                stack.extend(reversed(item))
                continue
            self._visit(plain(item.location))
            stack.extend(block for region in reversed(item.regions) for block in _blocks(region))

    def _visit(self, location: Location, early: bool = False) -> int:
        known = self.depth.get(location)
        if known is None or (early and location not in self.early):
            self.depth[location] = 0 if known is None else known  # its place in the order
            inside = [self._visit(plain(child), early) for child in location.children]
            self.depth[location] = known = 1 + max(inside, default=-1)
            if early:
                self.early.add(location)
        return known

    def inside(self, location: Location) -> str:
        """What stands in `loc( )` of an operation."""
        return self.names[plain(location)]

    def inline(self, location: Location) -> str:
        """What stands in `loc( )` of an argument: itself, its parts by name."""
        return plain(location).spell(self.inside)

    def definitions(self, early: bool) -> list[str]:
        """The lines above the module, or those below it."""
        return [
            f"{name} = loc({self.inline(location)})"
            for location, name in self.names.items()
            if (location in self.early) == early
        ]


def _blocks(region: Region) -> list[Block]:
    return region.blocks[::-1]


def plain(location: Location) -> Location:
    """A location without the marks of a compilation."""
    while isinstance(location, OriginLoc):
        location = location.child
    return location
