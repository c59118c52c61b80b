"""The part of the parser that reads locations: where an operation came from.

Chapter: ir/mlir.
Sources: MLIR, "Builtin Dialect: Location Attributes"; `LocationParser.cpp`.

    location ::= `unknown` | #alias | "file":line:column (`to` line?:column)?
               | "name" (`(` location `)`)? | `callsite(` location `at` location `)`
               | `fused` (`<` attribute `>`)? `[` locations `]`
"""

from __future__ import annotations

from minidl.core.span import Span
from minidl.ir.mlir.location import UNKNOWN, CallSiteLoc, FileLoc, FusedLoc, Location, NameLoc
from minidl.ir.text.attrparser import AttributeParser
from minidl.ir.text.attrprinter import attribute_text

MAX_LINE = 1 << 32


class LocationParser(AttributeParser):
    """Reads what stands in `loc( )`."""

    def trailing_location(self) -> Location:
        """`loc(…)` after an operation or an argument, when it is there."""
        if self.words[self.at_] == "loc" and self.words[self.at_ + 1] == "(":
            return self.location_attribute()
        return UNKNOWN

    def location_attribute(self) -> Location:
        self.expect("loc")
        self.expect("(")
        made = self.location()
        self.expect(")")
        return made

    def location(self) -> Location:
        """What stands inside `loc( )`."""
        self._weight += 1
        return self.nested(self._location, "locations")

    def _location(self) -> Location:
        word = self.words[self.at_]
        if word == "unknown":
            self.at_ += 1
            return UNKNOWN
        if word[:1] == "#":
            return self._named(word)
        if self.accept("fused"):
            return self._fused()
        if self.accept("callsite"):
            self.expect("(")
            callee = self.location()
            self.expect("at")
            caller = self.location()
            self.expect(")")
            return CallSiteLoc(callee, caller)
        name = self.string()
        if self.accept(":"):
            return self._file(name)
        if self.accept("("):
            child = self.location()
            self.expect(")")
            return NameLoc(name, child)
        return NameLoc(name)

    def _named(self, word: str) -> Location:
        if word not in self.aliases:
            raise self.error(f"{word} is not defined", self.at_)
        made = self.alias(word)
        if not isinstance(made, Location):
            raise self.error(f"{word} is not a location", self.at_ - 1)
        return made

    def _fused(self) -> FusedLoc:
        note = ""
        if self.accept("<"):
            note = attribute_text(self.attribute())
            self.expect(">")
        self.expect("[")
        return FusedLoc(tuple(self.comma_list(self.location, "]")), note)

    def _file(self, name: str) -> FileLoc:
        line = self._line()
        self.expect(":")
        column = self._line()
        end_line = end_column = 0
        if self.accept("to"):
            end_line = line if self.at(":") else self._line()
            self.expect(":")
            end_column = self._line()
        return FileLoc(Span(name, line, column, end_line, end_column))

    def _line(self) -> int:
        at, number = self.at_, self.integer()
        if not 0 <= number < MAX_LINE:
            raise self.error(f"{number} is not a line or column", at)
        return number
