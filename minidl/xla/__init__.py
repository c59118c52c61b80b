"""XLA: front end, compiler passes, executables.

Chapter: xla/frontend.
"""

from minidl.xla.frontend import trace
from minidl.xla.jit import jit

__all__ = ["jit", "trace"]
