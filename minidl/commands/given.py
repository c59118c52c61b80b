"""The reader's own file: read, parsed with each op's place in it, verified.

Chapter: none.
Sources: MLIR, "Builtin Dialect: Location Attributes" (an op's own place is its name's).
Real: MLIR gives an op without `loc(…)` the place in the file it was parsed from.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

from minidl import ir
from minidl.core.errors import MinidlError, ParseError
from minidl.ir.mlir.location import FileLoc
from minidl.ir.text.lexer import Tokens
from minidl.ir.text.parser import Parser

BYTECODE = b"ML\xefR"  # how MLIR's binary form begins
EXPECTED = "a file of MLIR is expected, such as print(jax.jit(f).lower(x).as_text()) writes"
MLIR = "MLIR"
MARKS = {  # how a language is known: the row that is found first in the text counts
    MLIR: r'\bmodule\s*(?:@|attributes\b|\{)|\bfunc\b.*@|\b[a-z_]+\.[a-z_]+"?[ (].*:',
    "HLO": r"^\s*HloModule\b",
    "a jaxpr": r"^\s*\{ *lambda\b",
    "PTX": r"^\s*\.version\s+\d",
    "LLVM IR": r"^(?:define|declare) .*@|^target (?:triple|datalayout)|^; ModuleID",
    "HTML": r"(?i)\A\s*<(?:!doctype|html)",
    "JSON": r"\A\s*[\[{]\s*[\"\[{\]}]",
    "Python": r"^(?:import |from \S+ import |def \w+\(|class \w+)",
}


@dataclass(frozen=True)
class Given:
    """A text and the name by which errors call it."""

    name: str
    text: str

    def module(self) -> ir.Module:
        """The verified module; each op is located where its name stands in the file."""
        module = self._parsed()
        for op in module.walk():  # what a short form leaves unwritten stands where its op does
            if op.location == ir.UNKNOWN and op.parent_op is not None:
                op.location = op.parent_op.location
        ir.verify(module)
        return module

    def _parsed(self) -> ir.Module:
        """The module as it is written; for what is no MLIR, an error that says what is."""
        if not self.text.strip():
            raise ParseError(f"{self.name} is empty, expected MLIR text", hint=EXPECTED)
        try:
            module: ir.Module = _Placed(Tokens(self.text, self.name)).module()
        except ParseError as error:
            seen = language(self.text)
            if seen == MLIR:
                raise
            said = f"this is {seen}, expected MLIR text" if seen else error.message
            raise ParseError(said, span=error.span, hint=EXPECTED) from error
        return module

    def explained(self, error: MinidlError) -> str:
        """The error with the line of this file and a caret, where its place is known."""
        span = error.span
        own = span is not None and span.file == self.name
        text = self.text if own else None
        return str(type(error)(error.message, op=error.op, hint=error.hint, span=span, text=text))


def language(text: str) -> str:
    """What a text is written in, by its looks; "" when it looks like nothing we know."""
    found = {name: re.search(mark, text, re.MULTILINE) for name, mark in MARKS.items()}
    starts = ((match.start(), name) for name, match in found.items() if match)
    return min(starts, default=(0, ""))[1]


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
