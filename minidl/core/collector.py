"""The cyclic garbage collector, paused while many objects are made that all stay.

Chapter: none; a tool of the parser, the rewriter and the compiler.
Real: C++ compilers allocate their IR in arenas and free it at once.

Python looks for dead cycles again and again while a large graph grows: at 100,000 ops
that costs ten times the rewriting itself.  Nothing is lost by waiting until it is done.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused() -> Iterator[None]:
    """No collection inside the `with` block; nested use is fine."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
