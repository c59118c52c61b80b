"""What every layer stands on: errors that teach, text spans, steps, rule tables.

Nothing here knows about tensors or compilers.  `core.native` (LLVM, objects,
calls, threads) and `core.mathfun` (polynomials as data) load only when used.
"""
