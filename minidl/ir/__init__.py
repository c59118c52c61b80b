"""A small MLIR: SSA core, real text, verifier, passes, reference interpreter.

Chapter: ir/mlir.
"""

from minidl.ir import stablehlo as _stablehlo  # noqa: F401  (adds rows)
from minidl.ir.dialects import arith as _arith  # noqa: F401  (adds rows)
from minidl.ir.dialects import builtin as _builtin  # noqa: F401  (adds rows)
from minidl.ir.dialects import cf as _cf  # noqa: F401  (adds rows)
from minidl.ir.dialects import gpu as _gpu  # noqa: F401  (adds rows)
from minidl.ir.dialects import linalg as _linalg  # noqa: F401  (adds rows)
from minidl.ir.dialects import llvm as _llvm  # noqa: F401  (adds rows)
from minidl.ir.dialects import llvm_memory as _llvm_memory  # noqa: F401  (adds rows)
from minidl.ir.dialects import loops as _loops  # noqa: F401  (adds rows)
from minidl.ir.dialects import scf as _scf  # noqa: F401  (adds rows)
from minidl.ir.dialects import sdy as _sdy  # noqa: F401  (adds rows)
from minidl.ir.evaluate import evaluate
from minidl.ir.mlir.attributes import Affine, AffineMap, Dense, DotDims, Raw, Symbol, Typed
from minidl.ir.mlir.core import Block, Operation, Region, Value
from minidl.ir.mlir.location import (
    UNKNOWN,
    FileLoc,
    FusedLoc,
    Location,
    NameLoc,
    OriginLoc,
    fuse,
    origins,
)
from minidl.ir.mlir.module import Module, finish, function
from minidl.ir.mlir.spec import SPECS, Builder, OpSpec
from minidl.ir.mlir.verify import verify
from minidl.ir.text.parser import parse

__all__ = [
    "SPECS",
    "UNKNOWN",
    "Affine",
    "AffineMap",
    "Block",
    "Builder",
    "Dense",
    "DotDims",
    "FileLoc",
    "FusedLoc",
    "Location",
    "Module",
    "NameLoc",
    "OpSpec",
    "Operation",
    "OriginLoc",
    "Raw",
    "Region",
    "Symbol",
    "Typed",
    "Value",
    "evaluate",
    "finish",
    "function",
    "fuse",
    "origins",
    "parse",
    "verify",
]
