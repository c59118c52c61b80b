"""Arrays from the command line: NumPy's files, or numbers as Python writes them.

Chapter: none.
Sources: NumPy, "The NPY format" (a dtype it does not know is stored as raw bytes).
Real: `iree-run-module --input=@a.npy`, `--input=2xf32=[1 2]`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl.commands.advice import converted, reshaped
from minidl.commands.literal import Written, literal, short
from minidl.core.errors import CallError, MinidlError
from minidl.ir.mlir.types import ELEMENTS, TensorType, Type, runs, tensor

Named = tuple[str, Any]  # where an array came from, and the array
NPY, ZIP = b"\x93NUMPY", b"PK"  # how NumPy's files begin
NOT_NUMPY = "it does not begin as NumPy's files do"
EXAMPLE = 12  # elements of an array that a hint writes out


def arrays_from(words: Sequence[str]) -> list[Named]:
    """The arrays that the words name, in order: `.npy`, `.npz`, or numbers such as `[1, 2]`."""
    out: list[Named] = []
    for word in map(str.strip, words):
        out += _from_file(word) if names_file(word) else [(short(word), literal(word))]
    return out


def names_file(word: str) -> bool:
    """Whether a word means a file; one that is too long to be a name does not."""
    return word.endswith((".npy", ".npz")) or os.path.exists(word)


def _from_file(path: str) -> list[Named]:
    """What the file holds; its failure as a sentence about the file."""
    try:
        return _read(path)
    except OSError as error:
        raise MinidlError(f"{short(path)} cannot be read: {error.strerror or error}") from error
    except (MemoryError, MinidlError):
        raise
    except Exception as error:  # the errors of NumPy's and zipfile's readers have no common base
        pickled = "allow_pickle" in str(error)  # NumPy's advice is to execute what is in the file
        why = "its elements are Python objects, expected numbers" if pickled else str(error)
        saves = "savez(path, in0=…, in1=…)" if path.endswith(".npz") else "save(path, array)"
        raise MinidlError(
            f"{path} holds no array: {why}", hint=f"numpy.{saves} writes one"
        ) from error


def _read(path: str) -> list[Named]:
    """The array of a `.npy`; of a `.npz` its `in0, in1, …`, else every one."""
    with open(path, "rb") as file:
        start = file.read(len(NPY))
        file.seek(0)
        if start == NPY:
            return [(path, _native(np.load(file, allow_pickle=False)))]
        if start[: len(ZIP)] != ZIP:
            raise ValueError(NOT_NUMPY if start else "it is empty")
        with np.load(file, allow_pickle=False) as archive:
            names = list(archive.files)
            numbered = [n for n in names if re.fullmatch(r"in\d+", n)]
            wanted = sorted(numbered, key=lambda n: int(n[2:])) or names
            return [(f"{n} of {path}", _native(archive[n])) for n in wanted]


def _native(array: Any) -> Any:
    """The same numbers in this machine's byte order."""
    if not isinstance(array, np.ndarray):
        raise MinidlError("the archive holds what is no array", hint="numpy.savez writes arrays")
    return array.astype(array.dtype.newbyteorder("="), copy=False)


# -- arrays for declared types -----------------------------------------------------------


def sized(types: Sequence[Type], given: Sequence[Named]) -> list[Type]:
    """The types, each unknown size filled in from the array given for it."""
    if len(types) != len(given):
        return list(types)
    return [_sized(t, array.shape) for t, (_, array) in zip(types, given, strict=True)]


def _sized(type_: Type, shape: tuple[int, ...]) -> Type:
    if not isinstance(type_, TensorType) or type_.is_static or type_.rank != len(shape):
        return type_
    fits = all(n in (None, m) for n, m in zip(type_.shape, shape, strict=True))
    return tensor(shape, type_.element) if fits else type_


def fitted(entry: str, types: Sequence[Type], given: Sequence[Named]) -> list[Any]:
    """One array for each declared type; CallError names the argument that does not fit."""
    if len(given) != len(types):
        wants = ", ".join(map(str, types)) or "nothing"
        verb = "was" if len(given) == 1 else "were"
        raise CallError(
            f"@{entry} takes {_many(len(types))} ({wants}), {len(given)} {verb} given",
            hint="--input A.npy B.npy …, one for each argument, in order",
        )
    return [_fit(f"argument {i} of @{entry} is {t}", t, *g)
            for i, (t, g) in enumerate(zip(types, given, strict=True))]  # fmt: skip


def _many(n: int) -> str:
    return f"{n} array{'s' * (n != 1)}"


def _fit(what: str, type_: Type, name: str, array: Any) -> Any:
    if not isinstance(type_, TensorType):
        raise CallError(f"{what}, and only tensors can be given")
    if not type_.is_static:
        raise CallError(f"{what}; {name} has {_shape(array)}", hint=_rank(type_))
    if not runs(type_):
        raise CallError(f"{what}, which parses and does not run",
                        hint=f"the element types that run are {', '.join(ELEMENTS)}")  # fmt: skip
    element = type_.element
    if isinstance(array, Written):
        return _written(what, type_, name, array)
    if array.dtype == f"V{element.bytes}" and element.numpy.isbuiltin != 1:
        array = array.view(element.numpy)  # NumPy's file of a bfloat16 array holds bytes alone
    hints = [] if array.shape == type_.dims else [reshaped(array.shape, type_.dims)]
    hints += [] if array.dtype == element.numpy else [converted(array, element)]
    if hints:
        said = f"{name} is {array.dtype} of {_shape(array)}"
        raise CallError(f"{what}; {said}", hint="; ".join(hints))
    return array


def _written(what: str, type_: TensorType, name: str, array: Written) -> Any:
    if array.shape != type_.dims:
        raise CallError(f"{what}; {name} has {_shape(array)}", hint=_rank(type_))
    why = array.misfit(type_.element)
    if why is not None:
        raise CallError(f"{what}; {why}")
    return array.to(type_.element)


def _shape(array: Any) -> str:
    return f"shape {_sizes(array.shape)}" if array.shape else "no dimensions"


def _sizes(shape: Sequence[int | None]) -> str:
    return "x".join("?" if n is None else str(n) for n in shape)


def _rank(type_: TensorType) -> str:
    """What has the type's shape."""
    if None in type_.shape:
        return f"give shape {_sizes(type_.shape)}: a `?` is any size"
    if type_.size > EXAMPLE or not type_.size:
        return f"give an array of shape {_sizes(type_.shape)}"
    return f"such numbers are written {np.zeros(type_.dims, int).tolist()}"
