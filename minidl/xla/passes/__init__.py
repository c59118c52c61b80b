"""Passes on StableHLO: simplification that keeps every bit, and the pipeline.

Chapter: xla/simplify.
"""

from minidl.xla.passes.pipeline import PIPELINE, optimize, pass_manager, simplify

__all__ = ["PIPELINE", "optimize", "pass_manager", "simplify"]
