"""A place in a text, and the caret that points at it.

Chapter: ir/mlir.
Real: MLIR's `FileLineColRange`, Python's PEP 657 positions.

line, column          1-based, column counted in characters
end_line, end_column  the position just after the last character
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """A range of characters in a file (or in `<text>`)."""

    file: str
    line: int
    column: int
    end_line: int = 0
    end_column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


def at_offset(text: str, offset: int, length: int = 1, file: str = "<text>") -> Span:
    """The span of `length` characters that start at `offset` of `text`."""
    line = text.count("\n", 0, offset) + 1
    column = offset - (text.rfind("\n", 0, offset) + 1) + 1
    return Span(file, line, column, line, column + length)


def caret(text: str, span: Span, width: int = 100) -> str:
    """The line of `text` at `span` with `^` under the span; long lines are cut."""
    lines = text.split("\n")
    line = lines[span.line - 1] if 0 < span.line <= len(lines) else ""
    start = max(0, span.column - 1 - width // 2)
    shown = line[start : start + width].replace("\t", " ")
    length = span.end_column - span.column if span.end_line == span.line else 1
    pad = span.column - 1 - start
    return f"  {shown}\n  {' ' * pad}{'^' * max(1, min(length, width - pad))}"
