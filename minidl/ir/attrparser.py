"""The part of the parser that reads types, attributes and locations.

Chapter: ir/mlir.
Sources: MLIR, "Builtin Dialect": attributes, types, locations.
Real: MLIR parses floats with APFloat, to the bit; here Python's float, rounded once
to the type, which is the same for every literal of up to 17 digits.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from minidl.core.errors import ParseError
from minidl.core.span import Span
from minidl.ir.attributes import Affine, AffineMap, Dense, Raw, Symbol, Typed
from minidl.ir.lexer import Tokens
from minidl.ir.location import UNKNOWN, FileLoc, FusedLoc, Location, NameLoc
from minidl.ir.spec import OpSpec
from minidl.ir.types import (
    ELEMENTS,
    FunctionType,
    MemRefType,
    OpaqueType,
    ScalarType,
    TensorType,
    TupleType,
    Type,
    VectorType,
)

T = TypeVar("T")
MAX_ELEMENTS = 1 << 26
MAX_NEST = 60
_SCALARS = {name: ScalarType(name) for name in (*ELEMENTS, "index")}
_SHAPED: dict[str, type[Any]] = {"tensor": TensorType, "memref": MemRefType, "vector": VectorType}
_TYPES: dict[str, Type] = dict(_SCALARS)
_BITS = {"f16": np.uint16, "bf16": np.uint16, "f32": np.uint32, "f64": np.uint64}


class AttributeParser:
    """A cursor over tokens: small productions shared by all ops."""

    def __init__(self, tokens: Tokens) -> None:
        self.tokens, self.words, self.at_ = tokens, tokens.words, 0
        self.aliases: dict[str, int] = {}
        self._nest = 0

    # -- the cursor ------------------------------------------------------------

    def error(self, message: str, at: int | None = None) -> ParseError:
        i = self.at_ if at is None else at
        word = self.words[i]
        found = f"{word[:40]!r}" if word else "the end of the text"
        message = message if at is not None else f"{message}, found {found}"
        return ParseError(message, span=self.tokens.span(i), text=self.tokens.text)

    def at(self, word: str) -> bool:
        return self.words[self.at_] == word

    def accept(self, word: str) -> bool:
        if self.words[self.at_] != word:
            return False
        self.at_ += 1
        return True

    def expect(self, word: str) -> bool:
        if self.words[self.at_] != word:
            raise self.error(f"expected {word!r}")
        self.at_ += 1
        return True

    def comma_list(self, item: Callable[[], T], close: str) -> list[T]:
        """Items up to and with `close`."""
        if self.accept(close):
            return []
        out = [item()]
        while self.accept(","):
            out.append(item())
        self.expect(close)
        return out

    def word(self) -> str:
        word = self.words[self.at_]
        if not (word[:1].isalpha() or word[:1] == "_"):
            raise self.error("expected a name")
        self.at_ += 1
        return word

    def integer(self) -> int:
        word = self.words[self.at_]
        try:
            value = int(word, 0) if "x" in word else int(word)
        except ValueError:
            raise self.error("expected an integer") from None
        self.at_ += 1
        return value

    def boolean(self) -> bool:
        if self.accept("true"):
            return True
        if self.accept("false"):
            return False
        return bool(self.integer())

    def string(self) -> str:
        word = self.words[self.at_]
        if word[:1] != '"':
            raise self.error("expected a string")
        self.at_ += 1
        return _unquote(word)

    def symbol(self) -> str:
        word = self.words[self.at_]
        if word[:1] != "@":
            raise self.error("expected a symbol such as @main")
        self.at_ += 1
        return _unquote(word[1:]) if word[1] == '"' else word[1:]

    # -- types -------------------------------------------------------------------

    def type(self) -> Type:
        word = self.words[self.at_]
        found = _TYPES.get(word)
        if found is not None:
            self.at_ += 1
            return found
        if word == "(":
            return self.function_type()
        if word == "tuple":
            self.at_ += 1
            self.expect("<")
            return TupleType(tuple(self.comma_list(self.type, ">")))
        head = word.partition("<")[0]
        if head in _SHAPED and word.endswith(">"):
            made = self._shaped(_SHAPED[head], word[len(head) + 1 : -1])
            _TYPES[word] = made
        elif word[:1] == "!":
            made = OpaqueType(word)
        else:
            raise self.error("expected a type")
        self.at_ += 1
        return made

    def _shaped(self, kind: type[Any], inside: str) -> Type:
        *sizes, element = inside.replace(" ", "").split("x")
        if element in ("inde", ""):  # "index" ends in x
            sizes, element = inside.replace(" ", "")[:-5].split("x")[:-1], "index"
        if element not in _SCALARS:
            raise self.error(
                f"{element or inside!r} is not an element type (of {', '.join(ELEMENTS)})", self.at_
            )
        if not all(s == "?" or (s.isdigit() and len(s) < 18) for s in sizes):
            raise self.error(f"{'x'.join(sizes)!r} is not a shape", self.at_)
        return kind(tuple(None if s == "?" else int(s) for s in sizes), _SCALARS[element])

    def type_list(self) -> list[Type]:
        """Types separated by commas (at least one)."""
        out = [self.type()]
        while self.accept(","):
            out.append(self.type())
        return out

    def function_type(self) -> FunctionType:
        self.expect("(")
        inputs = tuple(self.comma_list(self.type, ")"))
        self.expect("->")
        if self.accept("("):
            return FunctionType(inputs, tuple(self.comma_list(self.type, ")")))
        return FunctionType(inputs, (self.type(),))

    # -- attributes ----------------------------------------------------------------

    def attr_dict(self, spec: OpSpec | None = None) -> dict[str, Any]:
        """`{a = 1, b}` or nothing."""
        if not self.accept("{"):
            return {}
        return dict(self.comma_list(lambda: self._entry(spec), "}"))

    def _entry(self, spec: OpSpec | None) -> tuple[str, Any]:
        name = self.string() if self.words[self.at_][:1] == '"' else self.word()
        if not self.accept("="):
            return name, None
        kind = spec.kind(name) if spec else None
        return name, kind.parse(self, False) if kind else self.attribute()

    def attribute(self) -> Any:
        """An attribute no row knows: its Python value, or one of `ir.attributes`."""
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

    # -- constants -------------------------------------------------------------------

    def dense(self) -> Dense:
        """`dense<…> : tensor<…>`."""
        self.expect("dense")
        self.expect("<")
        at = self.at_
        literal: Any = None if self.at(">") else self._literal(0)
        self.expect(">")
        self.expect(":")
        type_ = self.type()
        if not isinstance(type_, TensorType | VectorType) or not type_.is_static:
            raise self.error(f"dense<…> needs a static tensor type, got {type_}", self.at_ - 1)
        if type_.size > MAX_ELEMENTS:
            raise self.error(f"a constant of {type_.size} elements is too large", self.at_ - 1)
        return self._dense_value(literal, type_, at)

    def _dense_value(self, literal: Any, type_: Any, at: int) -> Dense:
        shaped = TensorType(type_.shape, type_.element)
        dtype = type_.element.numpy
        if literal is None:
            if type_.size:
                raise self.error(f"dense<> holds no element, {type_} has {type_.size}", at)
            return Dense(np.zeros(type_.dims, dtype), shaped)
        if isinstance(literal, str) and literal[:1] == '"':
            return self._dense_bytes(literal, shaped, at)
        if isinstance(literal, str):
            return Dense.splat(self._scalar(literal, type_.element, at), shaped)
        flat: list[Any] = []
        shape = self._flatten(literal, flat, type_.element, at)
        if shape != type_.shape:
            raise self.error(f"the constant has shape {shape}, its type is {type_}", at)
        return Dense(np.array(flat, dtype).reshape(type_.dims), shaped)

    def _dense_bytes(self, literal: str, type_: TensorType, at: int) -> Dense:
        digits = literal[1:-1]
        try:
            raw = bytes.fromhex(digits[2:] if digits[:2].lower() == "0x" else "?")
        except ValueError:
            raise self.error('expected bytes such as "0x3F80"', at) from None
        element = type_.element
        if element.name == "i1":
            if len(raw) == 1 and raw[0] in (0, 255):
                return Dense.splat(raw[0] == 255, type_)
            bits = np.unpackbits(np.frombuffer(raw, np.uint8), bitorder="little")
            if len(bits) < type_.size:
                raise self.error(f"{len(raw)} bytes do not fill {type_}", at)
            return Dense(bits[: type_.size].astype(bool).reshape(type_.dims), type_)
        if len(raw) == element.bytes:
            return Dense.splat(np.frombuffer(raw, element.numpy)[0], type_)
        if len(raw) != type_.bytes:
            raise self.error(f"{len(raw)} bytes do not fill {type_} ({type_.bytes})", at)
        return Dense(np.frombuffer(raw, element.numpy).reshape(type_.dims), type_)

    def _literal(self, depth: int) -> Any:
        """A nested list of words."""
        if depth > 32:
            raise self.error("a constant nested deeper than 32")
        if self.accept("["):
            return self.comma_list(lambda: self._literal(depth + 1), "]")
        word = self.words[self.at_]
        if not (word[:1].isdigit() or word[:1] in ("-", '"') or word in ("true", "false")):
            raise self.error("expected a number")
        self.at_ += 1
        return word

    def _flatten(self, tree: Any, out: list[Any], element: ScalarType, at: int) -> tuple[int, ...]:
        if not isinstance(tree, list):
            out.append(self._scalar(tree, element, at))
            return ()
        shapes = {self._flatten(item, out, element, at) for item in tree}
        if len(shapes) > 1:
            raise self.error("the rows of the constant have different lengths", at)
        return (len(tree), *(shapes.pop() if shapes else ()))

    def _scalar(self, word: str, element: ScalarType, at: int) -> Any:
        """One number of that type, rounded once."""
        try:
            if element.is_float:
                if "x" in word:
                    return np.array(int(word, 16), _BITS[element.name]).view(element.numpy)[()]
                return np.array(float(word)).astype(element.numpy)[()]
            if word in ("true", "false"):
                value = int(word == "true")
            else:
                value = int(word, 0) if "x" in word else int(word)
        except (ValueError, OverflowError):
            raise self.error(f"{word[:40]!r} is not a number of type {element}", at) from None
        low, high = _range(element)
        if not low <= value <= high:
            raise self.error(f"{value} does not fit {element} ({low} … {high})", at)
        return np.array(value, element.numpy)[()]

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


def _unquote(word: str) -> str:
    if "\\" not in word:
        return word[1:-1]
    try:
        return str(ast.literal_eval(word))
    except (ValueError, SyntaxError):
        return word[1:-1]


def _range(element: ScalarType) -> tuple[int, int]:
    if element.name == "i1":
        return -1, 1
    bits = element.bits
    if element.is_unsigned:
        return 0, (1 << bits) - 1
    return -(1 << (bits - 1)), (1 << (bits - 1)) - 1
