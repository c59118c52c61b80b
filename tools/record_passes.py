"""Record what MLIR's passes do with the programs of chapter `ir/rewriting`.

    python tools/record_passes.py        writes book/data/passes_mlir.json

The MLIR is the one inside jaxlib.  StableHLO's ops bring it few patterns there, so the
identities and the orders are asked of MLIR's own dialect `arith`: the same programs with
the names of its operations.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from minidl import ir
from minidl.exercises.rewriting import FENCES, IDENTITIES, ORDER, SWAPPED, WALK, identity
from minidl.ir.rewriting import count_ops
from tools.record_mlir import mlir
from tools.record_rewriting import theirs

DATA = Path(__file__).resolve().parents[1] / "book" / "data"
NAMES = ("multiply", "add", "subtract", "divide", "negate")
FLOATS = dict(zip(NAMES, ("mulf", "addf", "subf", "divf", "negf"), strict=True))
INTEGERS = dict(zip(NAMES[:4], ("muli", "addi", "subi", "divsi"), strict=True))
ORDERS = ("canonicalize", "cse", "canonicalize,cse", "cse,canonicalize",
          "canonicalize,cse,canonicalize")  # fmt: skip


def to_arith(text: str) -> str:
    """The same program in the dialect `arith`."""
    names = FLOATS if "f32" in text else INTEGERS
    for name, other in {**names, "constant": "constant"}.items():
        text = text.replace(f"stablehlo.{name} ", f"arith.{other} ")
    return text


READS = """func.func @main(%m: memref<4xf32>, %i: index, %v: f32) -> f32 {
  %a = memref.load %m[%i] : memref<4xf32>
  BETWEEN
  %b = memref.load %m[%i] : memref<4xf32>
  %c = arith.addf %a, %b : f32
  return %c : f32
}"""
WRITE = "memref.store %v, %m[%i] : memref<4xf32>"


def goes(mlir_ir: Any, text: str) -> bool:
    """Whether MLIR's canonicalizer removes the operation of an identity."""
    last = next(line for line in text.split("\n") if "%r = " in line)
    return last.split()[2] not in theirs(mlir_ir, text, "canonicalize")


def reads(mlir_ir: Any, between: str) -> int:
    """How many of two equal reads MLIR's CSE leaves."""
    left = theirs(mlir_ir, READS.replace("BETWEEN", between), "cse")
    return left.count("memref.load")


def record() -> dict[str, Any]:
    """All verdicts, counts and texts."""
    import jaxlib

    with mlir() as mlir_ir:
        order, walk = to_arith(ORDER), to_arith(WALK)
        return {
            "jaxlib": jaxlib.__version__,
            "goes": {
                element: {
                    n: goes(mlir_ir, to_arith(identity(n, element)))
                    for n in IDENTITIES
                    if n != skip
                }
                for element, skip in (("f32", ""), ("i32", "-(-x)"))
            },
            "goes, stablehlo": {n: goes(mlir_ir, identity(n)) for n in IDENTITIES},
            "reads": {"alone": reads(mlir_ir, ""), "a write between": reads(mlir_ir, WRITE)},
            "orders": {p: ops(mlir_ir, order, p) for p in ORDERS},
            "walk": theirs(mlir_ir, walk, "canonicalize"),
            "cse": {
                "swapped, stablehlo": ops(mlir_ir, SWAPPED, "cse"),
                "swapped, arith": ops(mlir_ir, to_arith(SWAPPED), "cse"),
                "fences": ops(mlir_ir, FENCES, "cse"),
            },
        }


def ops(mlir_ir: Any, text: str, passes: str) -> int:
    """How many operations the passes leave in the function, the return counted."""
    return count_ops(ir.parse(theirs(mlir_ir, text, passes)))


def main() -> None:
    path = DATA / "passes_mlir.json"
    path.write_text(json.dumps(record(), indent=1) + "\n")
    print(f"wrote {path.relative_to(DATA.parents[1])}")


if __name__ == "__main__":
    main()
