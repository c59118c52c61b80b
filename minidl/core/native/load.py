"""An object file in memory, and the one place where generated code is called.

Chapter: ir/llvm.
Sources: llvmlite 0.50, `create_mcjit_compiler`, `add_object_file`.
Real XLA: `FunctionLibrary` of its CPU runtime; a `Thunk` calls the pointer.

Every function has one signature: `void f(ptr, ptr)`; for compiled programs the
first is the table of array pointers and the second the thread pool (or 0).
"""

from __future__ import annotations

import ctypes
import sys
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

    def function(self, name: str, *, returns: bool = False) -> Function:
        """The function `name`; with `returns` it gives back an i64."""
        return Function(self, name, returns)


class Function:
    """A native function of two pointers; calling it releases the GIL."""

    __slots__ = ("address", "library", "name", "raw")

    def __init__(self, library: Library, name: str, returns: bool = False) -> None:
        self.library, self.name, self.address = library, name, library.address(name)
        result = ctypes.c_int64 if returns else None
        self.raw: Any = ctypes.CFUNCTYPE(result, ctypes.c_void_p, ctypes.c_void_p)(self.address)

    def __call__(self, table: Any, pool: Any = None) -> Any:
        """Run with two addresses: integers, ctypes arrays, or None for null."""
        return self.call_for(self.name, table, pool)

    def call_for(self, name: str, table: Any, pool: Any) -> Any:
        """Run on behalf of the function `name`, which this one calls."""
        if _listeners:
            for heard in _listeners:
                heard.append(name)
        return self.raw(table, pool)


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
        # In LLVM's global context: an engine frees its module late, after a context of its own
        module = llvm.parse_assembly("")
        module.triple = artefact.target.triple
        # one block for code and constants: the small code model needs them near each other
        together = None if sys.platform == "win32" else True
        engine = llvm.create_mcjit_compiler(module, machine(artefact.target), use_lmm=together)
        engine.add_object_file(llvm.ObjectFileRef.from_data(artefact.object))
        engine.finalize_object()
    return Library(engine, artefact.defined)


def _check_loadable(artefact: Artefact) -> None:
    mine, its = target("host"), artefact.target
    missing = missing_features(its)
    if _architecture(its) != _architecture(mine) or not artefact.object or missing:
        why = f"its CPU lacks {', '.join(missing)}" if missing else mine.triple
        raise UnsupportedError(
            f"code for {its.name} ({its.triple}) cannot run on this machine ({why})",
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


NEEDS = {
    "x86-64-v2": ("sse4.2", "ssse3", "popcnt", "cx16"),
    "x86-64-v3": ("avx2", "fma", "bmi", "bmi2", "f16c", "lzcnt", "movbe"),
    "x86-64-v4": ("avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"),
}


def missing_features(its: Target) -> list[str]:
    """What a micro-architecture level of x86 needs and this CPU has not."""
    has = binding().get_host_cpu_features()
    return [f for f in NEEDS.get(its.name, ()) if not has.get(f)]


def _architecture(of: Target) -> str:
    return of.triple.split("-")[0].replace("arm64", "aarch64")


def compile_and_load(llvm_text: str, at: Target | None = None, opt: int = 1) -> Library:
    """`load(assemble(text))` for the host."""
    return load(assemble(llvm_text, at or target("host"), opt))
