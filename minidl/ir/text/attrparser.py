"""The part of the parser that reads attributes and locations.

Chapter: ir/mlir.
Sources: MLIR, "Builtin Dialect": attributes, locations.
Real: MLIR's `AttributeParser`, `LocationParser`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from minidl.core.span import Span
from minidl.ir.mlir.attributes import Affine, AffineMap, Raw, Symbol, Typed
from minidl.ir.mlir.location import UNKNOWN, FileLoc, FusedLoc, Location, NameLoc
from minidl.ir.mlir.spec import OpSpec
from minidl.ir.mlir.types import ScalarType
from minidl.ir.text.constparser import ConstantParser
from minidl.ir.text.cursor import MAX_NEST
from minidl.ir.text.lexer import Tokens

T = TypeVar("T")


class AttributeParser(ConstantParser):
    """Reads attributes, aliases and locations."""

    def __init__(self, tokens: Tokens) -> None:
        super().__init__(tokens)
        self.aliases: dict[str, int] = {}

    # -- attributes ----------------------------------------------------------------

    def attr_dict(self, spec: OpSpec | None = None) -> dict[str, Any]:
        """`{a = 1, b}` or nothing."""
        if not self.accept("{"):
            return {}
        return dict(self.comma_list(lambda: self._entry(spec), "}"))

    def _entry(self, spec: OpSpec | None) -> tuple[str, Any]:
        name = self.string() if self.words[self.at_][:1] == '"' else self.word()
        kind = spec.kind(name) if spec else None
        if kind is None and not self.at("="):
            return name, None
        self.expect("=")
        return name, kind.parse(self, False) if kind else self.attribute()

    def attribute(self) -> Any:
        """An attribute no row knows: its Python value, or one of `ir.mlir.attributes`."""
        self._nest += 1
        if self._nest > MAX_NEST:
            raise self.error(f"attributes nested deeper than {MAX_NEST}")
        try:
            return self._attribute()
        finally:
            self._nest -= 1

    def _attribute(self) -> Any:
        word = self.words[self.at_]
        first = word[:1]
        if first == '"':
            return self.string()
        if first == "@":
            return Symbol(self.symbol())
        if first == "[":
            self.at_ += 1
            return tuple(self.comma_list(self.attribute, "]"))
        if first == "{":
            return self.attr_dict()
        if first == "#":
            return self._raw() if word not in self.aliases else self.alias(word, self.attribute)
        if word == "dense":
            return self.dense()
        if word == "affine_map":
            return self.affine_map()
        if word in ("true", "false"):
            return self.boolean()
        if word == "unit":
            self.at_ += 1
            return None
        if first.isdigit() or first == "-":
            return self._number()
        if word == "array":
            return self._raw()
        return self.type()

    def _number(self) -> Any:
        at = self.at_
        word = self.words[at]
        self.at_ += 1
        default = ScalarType("f64") if "." in word else ScalarType("i64")
        element = self.type() if self.accept(":") else default
        if not isinstance(element, ScalarType):
            raise self.error("expected an element type", self.at_ - 1)
        value = self._scalar(word, element, at)
        return Typed(value.item() if element.name != "bf16" else float(value), element)

    def _raw(self) -> Raw:
        """Text with balanced brackets, carried and not read."""
        start = self.tokens.starts[self.at_]
        self.at_ += 1
        if self.at("<"):
            depth = 0
            while True:
                word = self.words[self.at_]
                if word == "":
                    raise self.error("the text ends inside an attribute")
                depth += (word == "<") - (word == ">")
                self.at_ += 1
                if depth == 0:
                    break
        last = self.at_ - 1
        return Raw(self.tokens.text[start : self.tokens.starts[last] + len(self.words[last])])

    def struct(self, dialect: str, mnemonic: str, fields: dict[str, str]) -> dict[str, Any]:
        """`#dialect.mnemonic<field = [..], …>` as a dict by `fields`' values."""
        self.expect(f"#{dialect}.{mnemonic}")
        self.expect("<")

        def entry() -> tuple[str, Any]:
            at = self.at_
            name = self.word()
            if name not in fields:
                raise self.error(f"{name!r} is not a field of {mnemonic}", at)
            self.expect("=")
            if self.accept("["):
                return fields[name], tuple(self.comma_list(self.integer, "]"))
            return fields[name], self.integer()

        return dict(self.comma_list(entry, ">"))

    def affine_map(self) -> AffineMap:
        self.expect("affine_map")
        self.expect("<")
        self.expect("(")
        dims = self.comma_list(self.word, ")")
        self.expect("->")
        self.expect("(")
        results = self.comma_list(lambda: self._affine_result(dims), ")")
        self.expect(">")
        return AffineMap(len(dims), tuple(results))

    def _affine_result(self, dims: list[str]) -> Affine:
        """Sums of dimensions, products with constants, constants."""
        made, sign = Affine(), 1
        while True:
            term = self._affine_term(dims).scaled(sign, 0)
            both = Affine(((0, 1), (1, 1)))
            made = both.substitute((made, term))
            if self.accept("+"):
                sign = 1
            elif self.accept("-"):
                sign = -1
            elif self.words[self.at_][:1] == "-" and self.words[self.at_] != "->":
                sign = 1  # `d0 -1`: the lexer reads the sign with the number
            else:
                return made

    def _affine_term(self, dims: list[str]) -> Affine:
        word = self.words[self.at_]
        if word in dims:
            self.at_ += 1
            factor = self.integer() if self.accept("*") else 1
            return Affine.dim(dims.index(word)).scaled(factor, 0)
        if not word.lstrip("-")[:1].isdigit():
            raise self.error(f"expected one of {', '.join(dims) or 'no dimensions'}")
        return Affine((), self.integer())

    def iterator_type(self) -> str:
        if self.words[self.at_][:1] == '"':
            return self.string()
        self.expect("#linalg.iterator_type")
        self.expect("<")
        word = self.word()
        self.expect(">")
        return word

    # -- aliases and locations -----------------------------------------------------

    def find_aliases(self) -> None:
        """`#loc1 = …` may stand after its uses: note where each is."""
        for i, word in enumerate(self.words):
            if word[:1] == "#" and self.words[i + 1] == "=" and word not in self.aliases:
                self.aliases[word] = i + 2

    def skip_alias(self) -> bool:
        """Pass over a definition `#name = attribute` at the top level."""
        word = self.words[self.at_]
        if word[:1] != "#" or self.words[self.at_ + 1] != "=":
            return False
        self.at_ += 2
        if self.accept("loc"):
            self.expect("(")
            self.location()
            self.expect(")")
        else:
            self.attribute()
        return True

    def alias(self, word: str, read: Callable[[], T]) -> T:
        """What an alias stands for, read where it is defined."""
        back, self.at_ = self.at_ + 1, self.aliases[word]
        self._nest += 1
        if self._nest > MAX_NEST:
            raise self.error("aliases that refer to each other without end")
        made = read()
        self._nest -= 1
        self.at_ = back
        return made

    def _loc_attribute(self) -> Location:
        self.expect("loc")
        self.expect("(")
        made = self.location()
        self.expect(")")
        return made

    def location(self) -> Location:
        """What stands inside `loc( )`."""
        self._nest += 1
        if self._nest > MAX_NEST:
            raise self.error(f"locations nested deeper than {MAX_NEST}")
        try:
            return self._location()
        finally:
            self._nest -= 1

    def _location(self) -> Location:
        word = self.words[self.at_]
        if word == "unknown":
            self.at_ += 1
            return UNKNOWN
        if word[:1] == "#":
            if word not in self.aliases:
                raise self.error(f"{word} is not defined")
            return self.alias(word, self._loc_attribute)
        if self.accept("fused"):
            if self.at("<"):
                self._raw_brackets()
            self.expect("[")
            return FusedLoc(tuple(self.comma_list(self.location, "]")))
        if self.accept("callsite"):
            self.expect("(")
            callee = self.location()
            self.expect("at")
            caller = self.location()
            self.expect(")")
            return FusedLoc((callee, caller))
        name = self.string()
        if self.accept(":"):
            return self._file(name)
        if self.accept("("):
            child = self.location()
            self.expect(")")
            return NameLoc(name, child)
        return NameLoc(name)

    def _raw_brackets(self) -> None:
        self.at_ -= 1
        self._raw()

    def _file(self, name: str) -> FileLoc:
        line = self.integer()
        self.expect(":")
        column = self.integer()
        end_line = end_column = 0
        if self.accept("to"):
            end_line = line if self.at(":") else self.integer()
            self.expect(":")
            end_column = self.integer()
        return FileLoc(Span(name, line, column, end_line, end_column))
