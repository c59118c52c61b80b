"""XLA: front end, compiler passes, executables.

Chapter: xla/frontend.
"""

from minidl.xla.compiler import compile, compile_module
from minidl.xla.executable import Executable
from minidl.xla.frontend import trace
from minidl.xla.jit import jit

__all__ = ["Executable", "compile", "compile_module", "jit", "trace"]
