"""Spans: the Python expression that an op comes from.

Chapter: xla/frontend; stack.
Sources: PEP 657, fine-grained positions (`code.co_positions`).
Real JAX: `source_info_util.current()`, which keeps the whole traceback.

The frame of the user is the innermost one whose code is not part of this package.
Positions are cached by (code object, instruction): tracing pays two dict look-ups.
"""

from __future__ import annotations

import linecache
import os
import sys
from itertools import islice
from types import CodeType, FrameType
from typing import TypeVar

from minidl.core.errors import MinidlError
from minidl.core.span import Span
from minidl.ir.mlir.location import UNKNOWN, FileLoc, Location

_PACKAGE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))) + os.sep
_ours: dict[CodeType, bool] = {}
_locations: dict[tuple[CodeType, int], Location] = {}


def _is_ours(code: CodeType) -> bool:
    known = _ours.get(code)
    if known is None:
        known = _ours[code] = code.co_filename.startswith(_PACKAGE)
    return known


def user_location() -> Location:
    """Where the innermost frame of the user stands."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        ours = _ours.get(code)
        if not (_is_ours(code) if ours is None else ours):
            break
        frame = frame.f_back
    if frame is None:
        return UNKNOWN
    key = code, frame.f_lasti
    found = _locations.get(key)
    if found is None:
        found = _locations[key] = _locate(*key)
    return found


_shown: dict[str, str] = {}  # file name → the name it is shown by
_real: dict[str, str] = {}
_numbers: list[int | str] = []


def shown_file(file: str) -> str:
    """A notebook's cell is `cell [n]`: its real name carries the kernel's process number."""
    if "ipykernel" not in file:
        return file
    if file not in _shown:
        shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
        cells = getattr(getattr(shell, "compile", None), "_filename_map", {})
        number = cells.get(file, "?")
        again = f".{i}" if (i := sum(n == number for n in _numbers)) else ""
        _shown[file] = f"cell [{number}{again}]"  # without a history every cell is number 1
        _numbers.append(number)
        _real[_shown[file]] = file
    return _shown[file]


def _locate(code: CodeType, instruction: int) -> Location:
    """Columns of PEP 657 count UTF-8 bytes from 0; a Span counts from 1."""
    line, end_line, column, end_column = next(
        islice(code.co_positions(), instruction // 2, None), (None, None, None, None)
    )
    if line is None:
        return UNKNOWN
    start = 0 if column is None else column
    if end_line is None or end_column is None:
        return FileLoc(Span(shown_file(code.co_filename), line, start + 1))
    return FileLoc(Span(shown_file(code.co_filename), line, start + 1, end_line, end_column + 1))


def location_of_code(code: CodeType) -> Location:
    """Where a function is defined."""
    return FileLoc(Span(shown_file(code.co_filename), code.co_firstlineno, 1))


E = TypeVar("E", bound=MinidlError)


def here(kind: type[E], message: str, *, op: str | None = None, hint: str | None = None) -> E:
    """An error that points at the user's expression, to be raised by the caller."""
    spans = user_location().spans()
    span = next(iter(spans), None)
    text = "".join(linecache.getlines(_real.get(span.file, span.file))) if span else None
    return kind(message, op=op, hint=hint, span=span, text=text or None)
