"""The part of the parser that reads words, names and types.

Chapter: ir/mlir.
Sources: MLIR language reference, "Type System"; "Builtin Dialect": types.
Real: MLIR parses a shaped type token by token; here its text is one token and is
looked up in a table of all types met so far.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

from minidl.core.errors import ParseError
from minidl.ir.mlir.attributes import Symbol
from minidl.ir.mlir.types import (
    CARRIED,
    ELEMENTS,
    EncodedMemRefType,
    EncodedTensorType,
    FunctionType,
    MemRefType,
    OpaqueType,
    ScalarType,
    TensorType,
    TupleType,
    Type,
    VectorType,
)
from minidl.ir.text.lexer import Tokens, unquote

T = TypeVar("T")
MAX_NEST = 60
_SCALARS = {name: ScalarType(name) for name in (*ELEMENTS, "index", *CARRIED)}
_SHAPED: dict[str, type[Any]] = {"tensor": TensorType, "memref": MemRefType, "vector": VectorType}
_NOTED: dict[str, type[Any]] = {"tensor": EncodedTensorType, "memref": EncodedMemRefType}
_TYPES: dict[str, Type] = {n: t for n, t in _SCALARS.items() if "<" not in n}
_INTEGER = re.compile(r"-?(?:\d{1,30}|0x[0-9A-Fa-f]{1,30})").fullmatch
MAX_INTEGER = 1 << 63
_BLANKS = re.compile(r"(?:\s+|//[^\n]*)+")
_SIZES = re.compile(r"((?:(?:\d{1,17}|\?)x)*)(.*)", re.DOTALL)


class Cursor:
    """A place in the tokens: small productions shared by all ops."""

    def __init__(self, tokens: Tokens) -> None:
        self.tokens, self.words, self.at_ = tokens, tokens.words, 0
        self._nest = self._deepest = 0

    # -- the cursor ------------------------------------------------------------

    def error(self, message: str, at: int | None = None) -> ParseError:
        i = min(self.at_ if at is None else at, len(self.words) - 1)
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
        if not (word[:1].isalpha() or word[:1] == "_") or "<" in word:
            raise self.error("expected a name")
        self.at_ += 1
        return word

    def integer(self) -> int:
        word = self.words[self.at_]
        if not _INTEGER(word):
            raise self.error("expected an integer")
        value = int(word, 0) if "x" in word else int(word)
        if not -MAX_INTEGER <= value < 2 * MAX_INTEGER:
            raise self.error("this integer has more than 64 bits", self.at_)
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
        return unquote(word)

    def symbol(self) -> str:
        word = self.words[self.at_]
        if word[:1] != "@":
            raise self.error("expected a symbol such as @main")
        self.at_ += 1
        return unquote(word[1:]) if word[1] == '"' else word[1:]

    def symbols(self) -> Symbol:
        """`@a`, or `@a::@b` into nested symbol tables."""
        path = [self.symbol()]
        while self.accept("::"):
            path.append(self.symbol())
        return Symbol(path[0], tuple(path[1:]))

    def nested(self, read: Callable[[], T], what: str) -> T:
        """`read()`, one level deeper; no text is deep enough to exhaust the stack."""
        self._nest += 1
        if self._nest > MAX_NEST:
            raise self.error(f"{what} nested deeper than {MAX_NEST}")
        self._deepest = max(self._deepest, self._nest)
        made = read()
        self._nest -= 1
        return made

    def carried(self) -> str:
        """`#dialect.name<…>` or `!dialect.name<…>`, one blank where there were any."""
        first = self.at_
        self.at_ += 1
        if self.at("<"):
            depth = 0
            while True:
                word = self.words[self.at_]
                if word == "":
                    raise self.error("the text ends inside < >")
                depth += (word == "<") - (word == ">")
                self.at_ += 1
                if depth == 0:
                    break
        last = self.at_ - 1
        starts = self.tokens.starts
        text = self.tokens.text[starts[first] : starts[last] + len(self.words[last])]
        return _even(text, self.words[first : last + 1])

    # -- types -------------------------------------------------------------------

    def type(self) -> Type:
        found = _TYPES.get(self.words[self.at_])
        if found is not None:
            self.at_ += 1
            return found
        return self.nested(self._type, "types")

    def _type(self) -> Type:
        word = self.words[self.at_]
        if word == "(":
            return self._function_type()
        if word in ("tuple", "complex") and self.words[self.at_ + 1] == "<":
            self.at_ += 2
            inside = tuple(self.comma_list(self.type, ">"))
            return TupleType(inside) if word == "tuple" else self._complex(inside)
        head = word.partition("<")[0]
        if head in _SHAPED and word.endswith(">"):
            made = self._shaped(head, word[len(head) + 1 : -1])
            _TYPES[word] = made
        elif word[:1] == "!":
            return OpaqueType(self.carried())
        elif word == "none":
            made = OpaqueType(word)
        else:
            raise self.error("expected a type")
        self.at_ += 1
        return made

    def _complex(self, inside: tuple[Type, ...]) -> Type:
        made = _SCALARS.get(f"complex<{', '.join(map(str, inside))}>")
        if made is None:
            raise self.error("complex numbers have parts of type f32 or f64", self.at_ - 1)
        return made

    def _shaped(self, head: str, inside: str) -> Type:
        """`2x?xf32`, a note after a comma."""
        body, comma, note = _outside(inside)
        body = "".join(body.split())
        found = _SIZES.match(body)
        assert found is not None
        if body[:2] == "*x":
            return OpaqueType(f"{head}<{body}>")
        element = self._element(found[2])
        shape = tuple(None if n == "?" else int(n) for n in found[1].split("x")[:-1])
        if not comma:
            return _SHAPED[head](shape, element)
        if head not in _NOTED:
            raise self.error(f"a {head} has a shape and an element type only", self.at_)
        return _NOTED[head](shape, element, _BLANKS.sub(" ", note).strip())

    def _element(self, word: str) -> ScalarType:
        known = _SCALARS.get(word)
        if known is None and word.startswith("!quant."):
            return ScalarType(word)
        if known is None and word[:1].isdigit():
            raise self.error(f"{word[:40]!r} is not a shape of sizes below 10**17", self.at_)
        if known is None:
            raise self.error(
                f"{word[:40]!r} is not an element type (of {', '.join(ELEMENTS)})", self.at_
            )
        return known

    def type_list(self) -> list[Type]:
        """Types separated by commas (at least one)."""
        out = [self.type()]
        while self.accept(","):
            out.append(self.type())
        return out

    def function_type(self) -> FunctionType:
        return self.nested(self._function_type, "types")

    def _function_type(self) -> FunctionType:
        self.expect("(")
        inputs = tuple(self.comma_list(self.type, ")"))
        self.expect("->")
        if self.accept("("):
            return FunctionType(inputs, tuple(self.comma_list(self.type, ")")))
        return FunctionType(inputs, (self.type(),))


def _outside(text: str) -> tuple[str, str, str]:
    """`text` parted at its first comma outside `< >`."""
    depth = 0
    for i, letter in enumerate(text):
        depth += (letter == "<") - (letter == ">" and text[i - 1] != "-")
        if letter == "," and depth == 0:
            return text[:i], ",", text[i + 1 :]
    return text, "", ""


def _even(text: str, words: list[str]) -> str:
    """The words as they stood in `text`, runs of blanks and comments made one blank."""
    out, at = [], 0
    for word in words:
        found = _BLANKS.match(text, at)
        if found:
            out.append(" ")
            at = found.end()
        out.append(word)
        at += len(word)
    return "".join(out)
