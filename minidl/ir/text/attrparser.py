"""The part of the parser that reads attributes, and names that stand for them.

Chapter: ir/mlir.
Sources: MLIR, "Builtin Dialect": attributes; "Attribute Value Aliases", "Type aliases".
Real: MLIR's `AttributeParser`.

    alias   `#map = affine_map<…>`, `!t = tensor<…>`, `#loc1 = loc(…)`: a name for a value,
            defined at the top level, before its uses or (a location) after them
    weight  how many attributes and locations it would be, written out without names
    depth   how deep they would be nested
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from minidl.ir.mlir.attributes import WRITTEN, Affine, AffineMap, Array, Raw, Typed
from minidl.ir.mlir.location import Location
from minidl.ir.mlir.spec import OpSpec
from minidl.ir.mlir.types import ScalarType, Type
from minidl.ir.text.constparser import ConstantParser
from minidl.ir.text.lexer import Tokens

MAX_WEIGHT = 10_000
MAX_DEEP = 150
MAX_FORWARD = 40  # names that are defined by names below them


class Alias(NamedTuple):
    """What a name stands for; `end` is the token after its definition."""

    value: Any
    end: int
    weight: int
    depth: int


class AttributeParser(ConstantParser):
    """Reads attributes and aliases."""

    def __init__(self, tokens: Tokens) -> None:
        super().__init__(tokens)
        self.aliases: dict[str, int] = {}  # name → the token after its `=`
        self._known: dict[str, Alias] = {}
        self._open: list[str] = []  # aliases that are being read
        self._weight = 0
        self.row: OpSpec | None = None  # of the operation that is being read

    # -- attributes ----------------------------------------------------------------

    def attr_dict(self, spec: OpSpec | None = None) -> dict[str, Any]:
        """`{a = 1, b}` of the op in hand, or nothing; notes what is written at its default."""
        row = spec or self.row
        found = self.dictionary(row)
        same = row and tuple(k for k, v in row.defaults.items() if found.get(k, found) == v)
        return {**found, WRITTEN: same} if same else found

    def dictionary(self, spec: OpSpec | None = None) -> dict[str, Any]:
        """`{a = 1, b}` or nothing; `spec` knows the kinds of some."""
        if not self.accept("{"):
            return {}
        if self.accept("}"):
            return {}
        entries: dict[str, Any] = {}
        while True:
            at = self.at_
            name, value = self._entry(spec)
            if name in entries:
                raise self.error(f"{name!r} is written twice", at)
            entries[name] = value
            if not self.accept(","):
                self.expect("}")
                return entries

    def _entry(self, spec: OpSpec | None) -> tuple[str, Any]:
        name = self.string() if self.words[self.at_][:1] == '"' else self.word()
        if not name:
            raise self.error("an attribute has a name", self.at_ - 1)
        kind = spec.kind(name) if spec else None
        if not self.at("=") and (kind is None or kind.name == "any"):
            return name, None
        self.expect("=")
        return name, self.of_kind(kind) if kind else self.attribute()

    def of_kind(self, kind: Any) -> Any:
        """A value that a row knows how to read, perhaps behind an alias."""
        word = self.words[self.at_]
        if word not in self.aliases:
            return kind.parse(self, False)
        back, self.at_ = self.at_ + 1, self.aliases[word]
        made = kind.parse(self, False)
        self.at_ = back
        return made

    def attribute(self) -> Any:
        """An attribute no row knows: its Python value, or one of `ir.mlir.attributes`."""
        self._weight += 1
        return self.nested(self._attribute, "attributes")

    def _attribute(self) -> Any:
        word = self.words[self.at_]
        read = _BY_WORD.get(word) or _BY_LETTER.get(word[:1])
        if read is not None:
            return read(self)
        self.refuse_unread()
        return self.type()

    def _unit(self) -> None:
        self.at_ += 1

    def _list(self) -> tuple[Any, ...]:
        self.expect("[")
        return tuple(self.comma_list(self.attribute, "]"))

    def _carried_attribute(self) -> Any:
        word = self.words[self.at_]
        if word in self.aliases:
            return self.alias(word)
        if "." not in word and self.words[self.at_ + 1] != "<":
            raise self.error(f"{word} is not defined", self.at_)
        return Raw(self.carried())

    def _number(self) -> Any:
        at = self.at_
        word = self.words[at]
        self.at_ += 1
        default = ScalarType("f64") if "." in word else ScalarType("i64")
        element = self.type() if self.accept(":") else default
        if not isinstance(element, ScalarType):
            raise self.error("expected an element type", self.at_ - 1)
        (value,) = self._numbers([word], element, at)
        if element.name == "i1":
            return bool(value)
        return Typed(float(value) if element.is_float else int(value), element)

    def _array(self) -> Array:
        """`array<i64: 1, 2>`."""
        self.expect("array")
        self.expect("<")
        element = self.type()
        if not isinstance(element, ScalarType) or element.name == "index" or element.is_complex:
            raise self.error(f"an array has numbers, not {element}", self.at_ - 1)
        if self.accept(">"):
            return Array(element, ())
        self.expect(":")
        values = self.comma_list(lambda: self._array_number(element), ">")
        return Array(element, tuple(values))

    def _array_number(self, element: ScalarType) -> Any:
        at = self.at_
        self.at_ += 1
        (value,) = self._numbers([self.words[at]], element, at)
        return float(value) if element.is_float else int(value)

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

    # -- affine maps ---------------------------------------------------------------

    def affine_map(self) -> AffineMap:
        word = self.words[self.at_]
        if word in self.aliases:
            made = self.alias(word)
            if not isinstance(made, AffineMap):
                raise self.error(f"{word} is not an affine map", self.at_ - 1)
            return made
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
            made = made + self._affine_term(dims).scaled(sign, 0)
            if self.accept("+"):
                sign = 1
            elif self.accept("-"):
                sign = -1
            elif self.words[self.at_][:1] == "-" and self.words[self.at_] != "->":
                sign = 1  # `d0 -1`: the lexer reads the sign with the number
            else:
                return made

    def _affine_term(self, dims: list[str]) -> Affine:
        if self.accept("-"):
            return self._affine_term(dims).scaled(-1, 0)
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

    # -- aliases -------------------------------------------------------------------

    def find_aliases(self) -> None:
        """`#loc1 = …` may stand after its uses: note where each is."""
        words = self.words
        for i, word in enumerate(words):
            if word == "=" and words[i - 1][:1] in ("#", "!"):
                name = words[i - 1]
                if name in self.aliases:
                    raise self.error(f"{name} is defined twice", i - 1)
                self.aliases[name] = i + 1

    def skip_alias(self) -> bool:
        """Pass over a definition `#name = attribute` at the top level."""
        word = self.words[self.at_]
        if self.aliases.get(word) != self.at_ + 2:
            return False
        self.at_ = self._known[word].end
        return True

    def read_aliases(self) -> None:
        """Each once, in order: a name mostly stands for others that were defined before."""
        self.find_aliases()
        for word in self.aliases:
            if word not in self._known:
                self._read_alias(word)
        self.at_ = 0

    def alias(self, word: str) -> Any:
        """What an alias stands for."""
        back = self.at_ + 1
        if word not in self._known:
            self._read_alias(word)
        found = self._known[word]
        self._weight += found.weight
        self._deepest = max(self._deepest, self._nest + found.depth)
        self.at_ = back
        return found.value

    def _read_alias(self, word: str) -> None:
        if word in self._open or len(self._open) == MAX_FORWARD:
            raise self.error(f"{word} is defined by itself, or by too many later names", self.at_)
        self._open.append(word)
        outside = self._nest, self._deepest, self._weight
        self._nest = self._deepest = self._weight = 0
        self.at_ = self.aliases[word]
        value = self.type() if word[0] == "!" else self.attribute()
        made = Alias(value, self.at_, self._weight, self._deepest)
        if made.weight > MAX_WEIGHT or made.depth > MAX_DEEP:
            size = f"{made.weight} attributes in {made.depth} levels"
            raise self.error(f"{word} is too large, written out: {size}", self.aliases[word])
        self._known[word] = made
        self._nest, self._deepest, self._weight = outside
        self._open.pop()

    def type(self) -> Type:
        word = self.words[self.at_]
        if word[:1] == "!" and word in self.aliases:
            made: Type = self.alias(word)
            return made
        return super().type()

    def location_attribute(self) -> Location:
        raise NotImplementedError


_BY_WORD: dict[str, Callable[[Any], Any]] = {
    "dense": lambda p: p.dense(),
    "array": AttributeParser._array,
    "affine_map": AttributeParser.affine_map,
    "true": lambda p: p.boolean(),
    "false": lambda p: p.boolean(),
    "unit": AttributeParser._unit,
    "loc": lambda p: p.location_attribute(),
    "[": AttributeParser._list,
    "{": lambda p: p.dictionary(),
}
_BY_LETTER: dict[str, Callable[[Any], Any]] = {
    '"': lambda p: p.string(),
    "@": lambda p: p.symbols(),
    "#": AttributeParser._carried_attribute,
    **dict.fromkeys("-0123456789", AttributeParser._number),
}
