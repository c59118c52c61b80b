"""XLA: front end, compiler passes, executables.

Chapter: xla/frontend.
"""

from minidl.xla.frontend import trace

__all__ = ["trace"]
