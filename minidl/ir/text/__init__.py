"""MLIR's text, both ways: lexer, parser, printer, and the forms in which ops are written.

Chapter: ir/mlir.
"""
