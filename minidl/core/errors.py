"""One family of exceptions: what was expected, what came, and what to do.

Chapter: every one ("Break it").
Sources: house style, "Errors teach".
Real: MLIR's `emitError`, JAX's `TypeError`s; both print a position and no hint.

Every error carries, where they apply:
    line, column   1-based position in the text that was read
    op             the operation's name, such as "stablehlo.add"
    hint           one sentence: what to do next
"""

from __future__ import annotations

from minidl.core.span import Span, caret


class MinidlError(Exception):
    """Base of all errors of minidl.

    `str(e)` is the message, then the source line with a caret when a position
    in a text is known (else `shown`, lines that stand for it), then `hint: …`.
    """

    def __init__(
        self,
        message: str,
        *,
        op: str | None = None,
        hint: str | None = None,
        span: Span | None = None,
        text: str | None = None,
        shown: str | None = None,
    ) -> None:
        self.message, self.op, self.hint, self.span = message, op, hint, span
        self.line = span.line if span else None
        self.column = span.column if span else None
        super().__init__(self._render(text, shown))

    def _render(self, text: str | None, shown: str | None) -> str:
        where = f"{self.span}: " if self.span else ""
        lines = [where + self.message]
        if self.span and text is not None:
            lines.append(caret(text, self.span))
        elif shown:
            lines.append(shown)
        if self.hint:
            lines.append(f"hint: {self.hint}")
        return "\n".join(lines)


class ParseError(MinidlError, ValueError):
    """Text that is not in the language: position, caret, what was expected."""


class VerifyError(MinidlError, ValueError):
    """An IR module that breaks a rule of its ops."""


class ShapeError(MinidlError, TypeError):
    """Shapes or dtypes that do not fit the op they were given to."""


class TraceError(MinidlError, TypeError):
    """Python that a tracer cannot follow, such as `if` on a traced value."""


class UnsupportedError(MinidlError, NotImplementedError):
    """An op or type that a stage has no row for; names both."""


class CallError(MinidlError, TypeError):
    """A compiled program called with arrays it was not compiled for."""
