"""Lexer: MLIR text to tokens, one regular expression, all at once.

Chapter: ir/mlir.
Sources: MLIR language reference, "Top level productions"; BuiltinTypes grammar.
Real: MLIR's `Lexer` is called a token at a time; a shaped type is several tokens
there and one token here, so that its text can be looked up whole.
"""

from __future__ import annotations

import re
from bisect import bisect_right

from minidl.core.errors import ParseError
from minidl.core.span import Span

_PLAIN = r'(?:[^<>"\-\x00]|->|-)'  # what may stand in a shaped type, besides brackets
_DEEP = rf"(?:{_PLAIN}|<(?:{_PLAIN}|<(?:{_PLAIN})*+>)*+>)*+"
_TOKEN = re.compile(
    r"""
    (?: [ \t\r\n]++ | //[^\n]*+ )*+
    (?: (
        (?:tensor|memref|vector)<SHAPED>                     # a shaped type
      | %[\w$.\-]+ (?:\#\d+)?                                # a value
      | @(?:[A-Za-z_][\w$.]*|"(?:[^"\\\n\x00]|\\[^\x00])*+")           # a symbol
      | [#!](?:\d+|[A-Za-z_][\w$.]*)                         # an alias, a dialect's own
      | \^[\w$.\-]+                                          # a block
      | "(?:[^"\\\n\x00]|\\[^\x00])*+"                                 # a string
      | -?0x[0-9A-Fa-f]+ | -?\d+(?:\.\d*(?:[eE][-+]?\d+)?)?  # a number
      | [A-Za-z_][\w$.]*                                     # a word
      | -> | :: | \.\.\. | [()\[\]{}<>,:=*+\-?/|]
    ) | (.) | $ )
    """.replace("SHAPED", _DEEP),
    re.VERBOSE | re.ASCII | re.DOTALL,
)
_ESCAPE = re.compile(rb"\\([0-9A-Fa-f]{2}|.)", re.DOTALL)
BACKSLASH, QUOTE = b'\\"'
_NAMED = {b"n": b"\n", b"t": b"\t"}


def quote(text: str) -> str:
    """A string literal: a backslash twice, what does not print as two hexadecimal digits."""
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return '"' + "".join(map(_escaped, text.encode())) + '"'


def _escaped(byte: int) -> str:
    if byte == BACKSLASH:
        return "\\\\"
    return chr(byte) if 32 <= byte < 127 and byte != QUOTE else f"\\{byte:02X}"


def unquote(word: str) -> str:
    """What a literal stands for."""
    if "\\" not in word:
        return word[1:-1]

    def one(match: re.Match[bytes]) -> bytes:
        code = match[1]
        return bytes.fromhex(code.decode()) if len(code) == 2 else _NAMED.get(code, code)

    return _ESCAPE.sub(one, word[1:-1].encode()).decode(errors="replace")


class Tokens:
    """The tokens of one text, with their offsets; the last one is the empty string."""

    __slots__ = ("text", "file", "words", "starts", "_lines")

    def __init__(self, text: str, file: str) -> None:
        self.text, self.file = text, file
        self.words: list[str] = []
        self.starts: list[int] = []
        self._lines: list[int] = []  # where each line begins
        for found in _TOKEN.finditer(text):
            if found.lastindex == 1:
                self.words.append(found[1])
                self.starts.append(found.start(1))
            elif found.lastindex:
                raise ParseError(
                    f"no token begins with {found[2]!r}",
                    span=self._span(found.start(2), 1),
                    text=text,
                    hint="resources are not read: print the program with whole constants"
                    if "{-#" in text
                    else "is this MLIR text?",
                )
        self.words.append("")
        self.starts.append(len(text))

    def span(self, i: int) -> Span:
        """The span of token `i`."""
        return self._span(self.starts[i], max(1, len(self.words[i])))

    def _span(self, offset: int, length: int) -> Span:
        if not self._lines:
            self._lines = [0, *(m.end() for m in re.finditer("\n", self.text))]
        row = bisect_right(self._lines, offset) - 1
        column = offset - self._lines[row] + 1
        return Span(self.file, row + 1, column, row + 1, column + length)
