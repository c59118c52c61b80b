"""Locations in the text: each named once, `#loc3`, however often it is used.

Chapter: ir/mlir.
Sources: MLIR, `AsmPrinter.cpp` (`AliasInitializer`, `AliasState`).
Real: the same: everything is printed once to nobody, to see which locations there are,
then they are numbered, then it is printed.  MLIR names affine maps the same way.

    depth      0 for a location that holds no other, else one more than the deepest inside
    early      needed above the module: arguments write their location where they stand
"""

from __future__ import annotations

from minidl.ir.mlir.location import Location, OriginLoc


class Places:
    """The names of locations; until they are numbered, it collects them."""

    def __init__(self) -> None:
        self.depth: dict[Location, int] = {}
        self.early: set[Location] = set()
        self.names: dict[Location, str] = {}

    def number(self) -> None:
        """What was collected gets its names: by depth, then by first use."""
        order = sorted(self.depth, key=lambda location: self.depth[location])
        self.names = {location: f"#loc{i or ''}" for i, location in enumerate(order)}

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
        location = plain(location)
        if not self.names:
            self._visit(location)
        return self.names.get(location, "")

    def inline(self, location: Location) -> str:
        """What stands in `loc( )` of an argument: itself, its parts by name."""
        location = plain(location)
        if not self.names:
            self._visit(location, early=True)
        return location.spell(self.inside)

    def definitions(self, early: bool) -> list[str]:
        """The lines above the module, or those below it."""
        return [
            f"{name} = loc({self.inline(location)})"
            for location, name in self.names.items()
            if (location in self.early) == early
        ]


def plain(location: Location) -> Location:
    """A location without the marks of a compilation."""
    while isinstance(location, OriginLoc):
        location = location.child
    return location
