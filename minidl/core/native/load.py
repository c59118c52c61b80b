"""An object file in memory, and the one place where generated code is called.

Chapter: ir/llvm.
Sources: llvmlite 0.50, `create_mcjit_compiler`, `add_object_file`.
Real XLA: `FunctionLibrary` of its CPU runtime; a `Thunk` calls the pointer.

Every function has one signature: `void f(ptr, ptr)`; for compiled programs the
first is the table of array pointers and the second the thread pool (or 0).
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from minidl.core.errors import UnsupportedError
from minidl.core.native.assemble import Artefact, assemble
from minidl.core.native.target import Target, binding, machine, target

_lock = threading.Lock()
_listeners: list[list[str]] = []


class Library:
    """Loaded code. It stays in memory as long as a function of it is alive."""

    def __init__(self, engine: Any, names: frozenset[str]) -> None:
        self._engine, self.names = engine, names

    def address(self, name: str) -> int:
        """Where the code of `name` begins."""
        if name not in self.names:
            raise UnsupportedError(
                f"no function {name!r} in this object",
                op=name,
                hint=f"it defines {', '.join(sorted(self.names))}",
            )
        with _lock:
            return int(self._engine.get_function_address(name))

    def function(self, name: str) -> Function:
        return Function(self, name)


class Function:
    """A native function of two pointers; calling it releases the GIL."""

    __slots__ = ("library", "name", "raw")

    def __init__(self, library: Library, name: str) -> None:
        self.library, self.name = library, name
        kind = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)
        self.raw: Any = kind(library.address(name))

    def __call__(self, table: Any, pool: Any = None) -> None:
        """Run with two addresses: integers, ctypes arrays, or None for null."""
        if _listeners:
            for heard in _listeners:
                heard.append(self.name)
        self.raw(table, pool)


@contextmanager
def calls() -> Iterator[list[str]]:
    """The names of the native functions called inside the `with` block, in order."""
    heard: list[str] = []
    _listeners.append(heard)
    try:
        yield heard
    finally:
        _listeners[:] = [other for other in _listeners if other is not heard]


def load(artefact: Artefact) -> Library:
    """Place an object of the host's architecture in memory.

    Refused when symbols are missing: LLVM's loader would not say so, and the
    first call would jump to address 0.
    """
    _check_loadable(artefact)
    llvm = binding()
    with _lock:
        module = llvm.parse_assembly("", llvm.create_context())
        module.triple = artefact.target.triple
        engine = llvm.create_mcjit_compiler(module, machine(artefact.target))
        engine.add_object_file(llvm.ObjectFileRef.from_data(artefact.object))
        engine.finalize_object()
    return Library(engine, artefact.defined)


def _check_loadable(artefact: Artefact) -> None:
    mine, its = target("host"), artefact.target
    if _architecture(its) != _architecture(mine) or not artefact.object:
        raise UnsupportedError(
            f"code for {its.name} ({its.triple}) cannot run on this machine ({mine.triple})",
            op=its.name,
            hint="compile for native.target('host') to run it here",
        )
    if artefact.undefined:
        raise UnsupportedError(
            f"the object for {its.name} wants symbols that nobody defines: "
            + ", ".join(artefact.undefined),
            op=artefact.undefined[0],
            hint="a runtime helper was called: write the operation in core.mathfun instead",
        )


def _architecture(of: Target) -> str:
    return of.triple.split("-")[0].replace("arm64", "aarch64")


def compile_and_load(llvm_text: str, at: Target | None = None, opt: int = 0) -> Library:
    """`load(assemble(text))` for the host."""
    return load(assemble(llvm_text, at or target("host"), opt))
