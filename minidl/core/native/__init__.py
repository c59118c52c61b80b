"""Native code for everyone: targets, objects, calls, threads. LLVM loads on first use.

Chapter: ir/llvm.
Real XLA: its CPU client (`xla/backends/cpu/codegen`, `xla/backends/cpu/runtime`).

LLVM IR text goes in, machine code comes out:

    artefact = native.assemble(text, native.target("host"))
    main = native.load(artefact).function("main")
    main(native.pointers(arrays), native.pool())

    step = native.Caller(main, inputs, outputs, temp_bytes)    # (shape, dtype) each
    results = step(arrays, native.pool())                      # checked; one native call
"""

from minidl.core.native.assemble import Artefact, assemble
from minidl.core.native.call import Arena, addresses, aligned_empty, check_array, pointers
from minidl.core.native.caller import Caller
from minidl.core.native.load import Function, Library, calls, load
from minidl.core.native.parallel import parallel_text
from minidl.core.native.pool import pool, set_threads, threads
from minidl.core.native.target import NAMES, Target, target

__all__ = [
    "NAMES",
    "Arena",
    "Artefact",
    "Caller",
    "Function",
    "Library",
    "Target",
    "addresses",
    "aligned_empty",
    "assemble",
    "calls",
    "check_array",
    "load",
    "parallel_text",
    "pointers",
    "pool",
    "set_threads",
    "target",
    "threads",
]
