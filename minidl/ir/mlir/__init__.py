"""The SSA core: types, attributes, operations, locations, op specs, modules, the verifier.

Chapter: ir/mlir.
"""
