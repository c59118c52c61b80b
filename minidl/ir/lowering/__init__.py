"""Lowering: StableHLO → linalg → loops → LLVM IR; the one back end.

Chapter: ir/lowering, ir/llvm.
Real: MLIR's `stablehlo-legalize-to-linalg`, `one-shot-bufferize`, `convert-*-to-llvm`.

    to_linalg   a fusion's body as `linalg.generic` on tensors
    to_loops    generics as scf loops over memrefs, vectors explicit
    provenance  which ops a line of LLVM IR came from; the text is written by `ir.llvm`
"""
