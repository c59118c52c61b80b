"""The part of the parser that reads constants: `dense<…>` and single numbers.

Chapter: ir/mlir.
Sources: MLIR, "Builtin Dialect": DenseIntOrFPElementsAttr.
Real: MLIR parses floats with APFloat, to the bit; here Python's float, rounded once
to the type, which is the same for every literal of up to 17 digits.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.core.errors import ParseError
from minidl.ir.mlir.attributes import Dense
from minidl.ir.mlir.types import ScalarType, TensorType, VectorType
from minidl.ir.text.cursor import Cursor

MAX_ELEMENTS = 1 << 26
_BITS = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}
UNREAD = {
    "dense_resource": "refers to data outside the program: print it with whole constants",
    "sparse": "is a constant that is not written here: write it dense",
    "opaque": "is bytes of an unknown dialect",
    "distinct": "is an attribute with an identity, which nothing here needs",
    "affine_set": "is a set of points, which nothing here needs",
}


class ConstantParser(Cursor):
    """Reads constant arrays."""

    def dense(self) -> Dense:
        """`dense<…> : tensor<…>`."""
        literal, at = self._dense_literal()
        self.expect(":")
        return self._dense_checked(literal, self.type(), at)

    def dense_like(self, type_: Any) -> Dense:
        """`dense<…>` without a type of its own: it has the shape of `type_`."""
        literal, at = self._dense_literal()
        return self._dense_checked(literal, TensorType(type_.shape, type_.element), at)

    def _dense_literal(self) -> tuple[Any, int]:
        """What stands in `dense<…>`, and where."""
        self.refuse_unread()
        self.expect("dense")
        self.expect("<")
        at = self.at_
        literal: Any = None if self.at(">") else self._literal(0)
        self.expect(">")
        return literal, at

    def refuse_unread(self) -> None:
        """Constants and attributes of MLIR that are known by name only."""
        word = self.words[self.at_]
        if word in UNREAD and self.words[self.at_ + 1] in ("<", "["):
            raise self.error(f"{word} {UNREAD[word]}", self.at_)

    def _dense_checked(self, literal: Any, type_: Any, at: int) -> Dense:
        if not isinstance(type_, TensorType | VectorType) or not type_.is_static:
            raise self.error(f"dense<…> needs a static tensor type, got {type_}", self.at_ - 1)
        if type_.size > MAX_ELEMENTS:
            raise self.error(f"a constant of {type_.size} elements is too large", self.at_ - 1)
        return self._dense_value(literal, type_, at)

    def _dense_value(self, literal: Any, type_: Any, at: int) -> Dense:
        shaped = type_
        dtype = type_.element.numpy
        if literal is None:
            if type_.size:
                raise self.error(f"dense<> holds no element, {type_} has {type_.size}", at)
            return Dense(np.zeros(type_.dims, dtype), shaped)
        if isinstance(literal, str) and literal[:1] == '"':
            return self._dense_bytes(literal, shaped, at)
        if not isinstance(literal, list):
            return Dense.splat(self._numbers([literal], type_.element, at)[0], shaped)
        words: list[Any] = []
        shape = self._flatten(literal, words, at)
        if shape != type_.shape:
            raise self.error(f"the constant has shape {shape}, its type is {type_}", at)
        flat = self._numbers(words, type_.element, at)
        return Dense(np.array(flat, dtype).reshape(type_.dims), shaped)

    def _dense_bytes(self, literal: str, type_: Any, at: int) -> Dense:
        digits = literal[1:-1]
        try:
            raw = bytes.fromhex(digits[2:] if digits[:2].lower() == "0x" else "?")
        except ValueError:
            raise self.error('expected bytes such as "0x3F80"', at) from None
        element = type_.element
        if element.name == "i1":
            return self._dense_bits(np.frombuffer(raw, np.uint8), type_, at)
        if len(raw) == element.bytes:
            return Dense.splat(np.frombuffer(raw, element.numpy)[0], type_)
        if len(raw) != type_.bytes:
            raise self.error(f"{len(raw)} bytes do not fill {type_} ({type_.bytes})", at)
        return Dense(np.frombuffer(raw, element.numpy).reshape(type_.dims), type_)

    def _dense_bits(self, raw: Any, type_: Any, at: int) -> Dense:
        """One byte an element, or (older MLIR) one bit; a single byte is a splat."""
        if len(raw) == 1 and raw[0] in (0, 1, 255):
            return Dense.splat(bool(raw[0]), type_)
        if len(raw) == type_.size:
            return Dense((raw != 0).reshape(type_.dims), type_)
        bits = np.unpackbits(raw, bitorder="little")
        if not 0 <= len(bits) - type_.size < 8:
            raise self.error(f"{len(raw)} bytes do not fill {type_}", at)
        return Dense(bits[: type_.size].astype(bool).reshape(type_.dims), type_)

    def _literal(self, depth: int) -> Any:
        """A nested list of words."""
        if depth > 32 and (self.at("[") or self.at("(")):
            raise self.error("a constant nested deeper than 32")
        if self.accept("["):
            return self.comma_list(lambda: self._literal(depth + 1), "]")
        if self.accept("("):
            pair = self.comma_list(lambda: self._literal(33), ")")
            return tuple(pair)
        word = self.words[self.at_]
        if not (word[:1].isdigit() or word[:1] in ("-", '"') or word in ("true", "false")):
            raise self.error("expected a number")
        self.at_ += 1
        return word

    def _flatten(self, tree: Any, out: list[Any], at: int) -> tuple[int, ...]:
        """The shape of nested lists; their words go to `out`."""
        if not isinstance(tree, list):
            out.append(tree)
            return ()
        shapes = {self._flatten(item, out, at) for item in tree}
        if len(shapes) > 1:
            raise self.error("the rows of the constant have different lengths", at)
        return (len(tree), *(shapes.pop() if shapes else ()))

    def _numbers(self, words: list[Any], element: ScalarType, at: int) -> list[Any]:
        """Each word's number; equal words are read once."""
        with np.errstate(over="ignore"):
            known = {word: self._scalar(word, element, at) for word in dict.fromkeys(words)}
        return [known[word] for word in words]

    def _scalar(self, word: Any, element: ScalarType, at: int) -> Any:
        """One number of that type, rounded once."""
        if isinstance(word, tuple) or element.is_complex:
            return self._complex_number(word, element, at)
        if element.is_float or element.is_small_float:
            return self._float(word, element, at)
        if word in ("true", "false") and element.name == "i1":
            return np.bool_(word == "true")
        try:
            value = int(word, 0) if "x" in word else int(word)
        except ValueError:
            raise self._no_number(word, element, at) from None
        low, high = _range(element)
        if low < 0 and high < value < 2 << high.bit_length():
            value -= 2 << high.bit_length()  # the bits of a negative number: 255 is -1 in i8
        if not low <= value <= high:
            raise self.error(f"{word[:40]} does not fit {element} ({low} … {high})", at)
        return np.array(value, element.numpy)[()]

    def _complex_number(self, word: Any, element: ScalarType, at: int) -> Any:
        """`(1.0, 2.0)`."""
        if not (isinstance(word, tuple) and len(word) == 2 and element.is_complex):
            raise self.error(f"this is not a number of type {element}", at)
        part = ScalarType(element.name[len("complex<") : -1])
        return np.array(complex(*(self._float(w, part, at) for w in word)), element.numpy)[()]

    def _no_number(self, word: str, element: ScalarType, at: int) -> ParseError:
        return self.error(f"{word[:40]!r} is not a number of type {element}", at)

    def _float(self, word: str, element: ScalarType, at: int) -> Any:
        """A decimal with a point, or the bits in hexadecimal."""
        if not isinstance(word, str):
            raise self.error(f"expected a number of {element}", at)
        if word.lstrip("-").isdigit():
            raise self.error(f"{word[:40]} is an integer, a number of {element} has a point", at)
        try:
            if "x" in word:
                return np.array(int(word, 16), _BITS[element.bytes]).view(element.numpy)[()]
            wide = float(word)
        except (ValueError, OverflowError):
            raise self._no_number(word, element, at) from None
        value = np.array(wide).astype(element.numpy)[()]
        if not np.isfinite(value):
            raise self.error(f"{word[:40]} is too large for {element}", at)
        return value


def _range(element: ScalarType) -> tuple[int, int]:
    if element.name == "i1":
        return -1, 1
    bits = element.bits
    if element.is_unsigned:
        return 0, (1 << bits) - 1
    return -(1 << (bits - 1)), (1 << (bits - 1)) - 1
