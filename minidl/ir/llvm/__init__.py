"""Loops → LLVM IR: a row for each op of arith, math, memref, vector, scf and gpu.

Chapter: ir/llvm.
"""
