"""The part of the parser that reads words, names and types.

Chapter: ir/mlir.
Sources: MLIR language reference, "Type System"; "Builtin Dialect": types.
Real: MLIR parses a shaped type token by token; here its text is one token and is
looked up in a table of all types met so far.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from minidl.core.errors import ParseError
from minidl.ir.mlir.types import (
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
from minidl.ir.text.lexer import Tokens, unquote

T = TypeVar("T")
MAX_NEST = 60
_SCALARS = {name: ScalarType(name) for name in (*ELEMENTS, "index")}
_SHAPED: dict[str, type[Any]] = {"tensor": TensorType, "memref": MemRefType, "vector": VectorType}
_TYPES: dict[str, Type] = dict(_SCALARS)


class Cursor:
    """A place in the tokens: small productions shared by all ops."""

    def __init__(self, tokens: Tokens) -> None:
        self.tokens, self.words, self.at_ = tokens, tokens.words, 0
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
        if not (word[:1].isalpha() or word[:1] == "_") or "<" in word:
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
        return unquote(word)

    def symbol(self) -> str:
        word = self.words[self.at_]
        if word[:1] != "@":
            raise self.error("expected a symbol such as @main")
        self.at_ += 1
        return unquote(word[1:]) if word[1] == '"' else word[1:]

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

    def _shaped(self, kind: Callable[..., Type], inside: str) -> Type:
        inside = "".join(inside.split())
        *sizes, element = inside.split("x")
        if inside.endswith("index"):
            sizes, element = inside[:-5].split("x")[:-1], "index"
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
