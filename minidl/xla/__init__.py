"""XLA: front end, compiler passes, executables.

Chapter: xla/frontend.

The front end loads alone; the compiler (and LLVM) load when one of its names is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from minidl.xla.compiler import compile, compile_module
    from minidl.xla.executable import Executable
    from minidl.xla.frontend.trace import trace
    from minidl.xla.jitted import jit

_HOME = {
    "trace": "frontend",
    "jit": "jitted",
    "compile": "compiler",
    "compile_module": "compiler",
    "Executable": "executable",
}
__all__ = ["Executable", "compile", "compile_module", "jit", "trace"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'minidl.xla' has no attribute {name!r}")
    value = getattr(import_module(f"minidl.xla.{_HOME[name]}"), name)
    globals()[name] = value
    return value
