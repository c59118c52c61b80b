"""Arrays from the command line: NumPy's files, or numbers as Python writes them.

Chapter: none.
Sources: NumPy, "The NPY format" (a dtype it does not know is stored as raw bytes).
Real: `iree-run-module --input=@a.npy`, `--input=2xf32=[1 2]`.
"""

from __future__ import annotations

import ast
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from minidl.core.errors import CallError, MinidlError
from minidl.ir.mlir.types import TensorType, Type

Named = tuple[str, Any]  # where an array came from, and the array


def arrays_from(words: Sequence[str]) -> list[Named]:
    """The arrays that the words name, in order: `.npy`, `.npz`, or numbers such as `[1, 2]`."""
    out: list[Named] = []
    for word in words:
        if word.endswith(".npz"):
            out += _npz(word)
        elif word.endswith(".npy") or Path(word).exists():
            out.append((word, _load(word)))
        else:
            out.append((word, _literal(word)))
    return out


def _load(path: str) -> Any:
    try:
        return np.load(path, allow_pickle=False)
    except OSError as error:
        raise MinidlError(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise MinidlError(
            f"{path} holds no array: {error}", hint="numpy.save(path, array) writes one"
        ) from error


def _npz(path: str) -> list[Named]:
    """`in0, in1, …` where there are such, else every array of the archive."""
    archive = _load(path)
    names = list(archive.files)
    numbered = [n for n in names if re.fullmatch(r"in\d+", n)]
    wanted = sorted(numbered, key=lambda n: int(n[2:])) or names
    try:
        return [(f"{n} of {path}", archive[n]) for n in wanted]
    except (ValueError, zipfile.BadZipFile) as error:
        raise MinidlError(f"{path} holds an array that cannot be read: {error}") from error


def _literal(word: str) -> Any:
    try:
        value = np.array(ast.literal_eval(word))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise MinidlError(
            f"{word!r} is neither a file nor numbers",
            hint="give a .npy or .npz file, or numbers such as 2.5 or [[1, 2], [3, 4]]",
        ) from error
    if value.dtype.kind not in "biuf":
        raise MinidlError(f"{word!r} is no array of numbers")
    return Written(value)


class Written:
    """Numbers written out: they take the type that the argument declares."""

    def __init__(self, value: Any) -> None:
        self.value, self.dtype, self.shape, self.size = value, value.dtype, value.shape, value.size

    def to(self, dtype: Any) -> Any:
        """The numbers in this dtype, or None where that would change a whole number."""
        if (dtype.kind == "b") != (self.value.dtype.kind == "b"):
            return None
        with np.errstate(all="ignore"):
            made = self.value.astype(dtype)
        whole = dtype.kind in "iu"
        return None if whole and not np.array_equal(made.astype(np.float64), self.value) else made


def fitted(entry: str, types: Sequence[Type], given: Sequence[Named]) -> list[Any]:
    """One array for each declared type; CallError names the argument that does not fit."""
    if len(given) != len(types):
        wants = ", ".join(map(str, types)) or "nothing"
        verb = "was" if len(given) == 1 else "were"
        raise CallError(
            f"@{entry} takes {_many(len(types))} ({wants}), {len(given)} {verb} given",
            hint="--input A.npy B.npy …, one for each argument, in order",
        )
    return [_fit(entry, i, t, *g) for i, (t, g) in enumerate(zip(types, given, strict=True))]


def _many(n: int) -> str:
    return f"{n} array{'s' * (n != 1)}"


def _fit(entry: str, i: int, type_: Type, name: str, array: Any) -> Any:
    if not isinstance(type_, TensorType) or not type_.is_static:
        raise CallError(f"argument {i} of @{entry} is {type_}: only tensors of known size run")
    dtype = np.dtype(type_.element.numpy)
    if isinstance(array, Written):
        made = array.to(dtype)
    elif array.dtype.type is np.void and array.dtype.itemsize == dtype.itemsize:
        made = array.view(dtype)  # NumPy's file of a bfloat16 array holds its bytes alone
    else:
        made = array
    if made is not None and made.dtype == dtype and made.shape == type_.dims:
        return made
    shape = "x".join(map(str, array.shape)) or "one number"
    raise CallError(
        f"argument {i} of @{entry} is {type_}; {name} is {array.dtype} of shape {shape}",
        hint=_hint(dtype, type_.dims, array),
    )


def _hint(dtype: Any, dims: tuple[int, ...], array: Any) -> str:
    """What to do to the array."""
    steps = []
    if tuple(array.shape) != dims:
        steps.append(f".reshape({dims})" if array.size == int(np.prod(dims)) else "")
    if array.dtype != dtype:
        steps.append(f'.astype("{dtype.name}")')
    if "" in steps:
        return f"its {array.size} elements do not fill {int(np.prod(dims))} places"
    return f"save array{''.join(steps)}"
