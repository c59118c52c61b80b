"""Where results are written: never over what they were made from.

Chapter: none.
Sources: POSIX, `<sys/stat.h>` (two names are one file when device and serial number agree).
Real: `cp` compares the same two numbers before it writes ("are the same file").
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from minidl.core.errors import MinidlError

STDIN = "<stdin>"
Identity = tuple[int, int]  # of a file on this machine: its device, its number there


def places(output: str | None, folder: str | None, count: int) -> list[Path]:
    """The files that `save` will write."""
    files = [Path(folder) / f"out{i}.npy" for i in range(count)] if folder else []
    return [Path(output), *files] if output else files


def keep_apart(targets: Sequence[Path], sources: Sequence[str]) -> None:
    """Refuse to write where something is read from, by whatever name or link."""
    read = {key: name for name in sources if (key := _identity(name)) is not None}
    for target in targets:
        found = read.get(_identity(str(target)) or (-1, -1))
        if found is not None:
            alias = "" if str(target) == found else f" by the name {found}"
            raise MinidlError(
                f"{target} is not written: it is read here{alias}, and would be lost",
                hint="name another place for the output",
            )
    if len({os.path.realpath(t) for t in targets}) < len(targets):
        raise MinidlError(
            f"{targets[0]} would be written twice", hint="give --output and --save other names"
        )


def _identity(name: str) -> Identity | None:
    """Of an ordinary file that exists; a terminal, a pipe or nothing has none to lose."""
    try:
        found = os.fstat(sys.stdin.fileno()) if name == STDIN else os.stat(name)
    except (OSError, ValueError):
        return None
    return (found.st_dev, found.st_ino) if stat.S_ISREG(found.st_mode) else None


def save(results: Sequence[Any], output: str | None, folder: str | None) -> list[str]:
    """`out0 …` and their `dtypes` in one archive, or one file each; the paths written."""
    paths = places(output, folder, len(results))
    try:
        if output:
            named = {f"out{i}": a for i, a in enumerate(results)}
            with open(output, "wb") as file:
                np.savez(file, **named, dtypes=np.array([str(a.dtype) for a in results]))
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            for path, array in zip(paths[-len(results) :], results, strict=True):
                np.save(path, array)
    except OSError as error:
        raise MinidlError(f"{error.filename} cannot be written: {error.strerror}") from error
    return [str(p) for p in paths]
