"""What a terminal asks of `python -m minidl`: `run`, `show`, `doctor`.

Chapter: none (a tool for the reader's own files).
Real: `stablehlo-translate --interpret`, `iree-run-module`, `mlir-opt`.
"""
