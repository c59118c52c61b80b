"""The reader's own file: read, parsed with each op's place in it, verified.

Chapter: none.
Sources: MLIR, "Builtin Dialect: Location Attributes" (an op's own place is its name's).
Real: MLIR gives an op without `loc(…)` the place in the file it was parsed from.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from minidl import ir
from minidl.core.errors import MinidlError, ParseError
from minidl.ir.mlir.location import FileLoc
from minidl.ir.text.lexer import Tokens
from minidl.ir.text.parser import Parser

BYTECODE = b"ML\xefR"  # how MLIR's binary form begins


@dataclass(frozen=True)
class Given:
    """A text and the name by which errors call it."""

    name: str
    text: str

    def module(self) -> ir.Module:
        """The verified module; each op is located where its name stands in the file."""
        module: ir.Module = _Placed(Tokens(self.text, self.name)).module()
        for op in module.walk():  # what a short form leaves unwritten stands where its op does
            if op.location == ir.UNKNOWN and op.parent_op is not None:
                op.location = op.parent_op.location
        ir.verify(module)
        return module

    def explained(self, error: MinidlError) -> str:
        """The error with the line of this file and a caret, where its place is known."""
        span = error.span
        own = span is not None and span.file == self.name
        text = self.text if own else None
        return str(type(error)(error.message, op=error.op, hint=error.hint, span=span, text=text))


class _Placed(Parser):
    """A parser that notes each op's place; a `loc(…)` of the file's own is passed over."""

    def operation(self) -> ir.Operation:
        at = self.at_
        while (
            self.words[at][:1] == "%"
            or self.words[at] in (":", ",", "=")
            or (self.words[at].isdigit())
        ):
            at += 1
        op = super().operation()
        op.location = FileLoc(self.tokens.span(at))
        return op


def read(path: str) -> Given:
    """The text of a file, or of the standard input for `-`."""
    if path == "-":
        return Given("<stdin>", sys.stdin.read())
    try:
        raw = Path(path).read_bytes()
    except OSError as error:
        raise MinidlError(f"{path} cannot be read: {error.strerror}") from error
    if raw[:4] == BYTECODE:
        raise ParseError(
            f"{path} is MLIR bytecode, expected text",
            hint="stablehlo-translate or mlir-opt write the text of a bytecode file",
        )
    try:
        return Given(path, raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ParseError(f"{path} is not text: byte {error.start} is not UTF-8") from error
