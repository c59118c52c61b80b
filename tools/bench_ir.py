"""Operations a second through the text and the tree, beside MLIR's own (`make bench`).

MLIR is the one inside jaxlib; it verifies while it parses.  `--write` records the table in
book/data/bench_ir.json.

    parse verify print clone    operations a second of processor time, the best of a few
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
RECORD = ROOT / "book" / "data" / "bench_ir.json"
SIZES = (1_000, 10_000, 100_000)
LINES = (
    "stablehlo.multiply %{a}, %x : tensor<8x8xf32>",
    "stablehlo.exponential %{a} : tensor<8x8xf32>",
    "stablehlo.transpose %{a}, dims = [1, 0] : (tensor<8x8xf32>) -> tensor<8x8xf32>",
    "stablehlo.constant dense<{i}.5> : tensor<8x8xf32>",
    "stablehlo.dot_general %{a}, %x, contracting_dims = [1] x [0] "
    ": (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>",
)


def generated(n: int) -> str:
    """A function of `n` operations, each on the result of the one before."""
    body = ["%0 = stablehlo.add %x, %x : tensor<8x8xf32>"]
    body += [f"%{i} = {LINES[i % len(LINES)].format(a=i - 1, i=i)}" for i in range(1, n)]
    type_ = "tensor<8x8xf32>"
    lines = "\n".join(f"  {line}" for line in body)
    head = f"func.func @main(%x: {type_}) -> {type_} {{"
    return f"{head}\n{lines}\n  return %{n - 1} : {type_}\n}}\n"


def seconds(action: Callable[[], Any], n: int) -> float:
    """Processor time of one call, the best of a few."""
    times = []
    for _ in range(5 if n <= 10_000 else 3):
        begin = time.process_time()
        action()
        times.append(time.process_time() - begin)
    return min(times)


def ours(text: str, n: int) -> dict[str, float]:
    from minidl import ir

    module = ir.parse(text)
    actions = {
        "parse": lambda: ir.parse(text),
        "verify": lambda: ir.verify(module),
        "print": lambda: str(module),
        "clone": module.clone,
    }
    return {name: seconds(action, n) for name, action in actions.items()}


def theirs(text: str, n: int) -> dict[str, float]:
    from jaxlib.mlir import ir

    from tests.ir import jaxlib_mlir

    with jaxlib_mlir.context():
        module = ir.Module.parse(text)
        actions = {
            "parse": lambda: ir.Module.parse(text),
            "verify": module.operation.verify,
            "print": lambda: str(module),
            "clone": module.operation.clone,
        }
        return {name: seconds(action, n) for name, action in actions.items()}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--write", action="store_true", help="record the table for the book")
    arguments, _ = options.parse_known_args()
    rows = []
    print(f"{'operations a second':>20} {'parse':>12} {'verify':>12} {'print':>12} {'clone':>12}")
    for n in SIZES:
        text = generated(n)
        row: dict[str, Any] = {"ops": n}
        for who, measure in (("minidl", ours), ("mlir", theirs)):
            times = measure(text, n)
            row[who] = {name: round(n / t) for name, t in times.items()}
            print(f"{who + f' {n:,}':>20}", *(f"{v:>12,}" for v in row[who].values()))
        rows.append(row)
    if arguments.write:
        about = {"python": platform.python_version(), "machine": platform.machine()}
        import jaxlib

        about["jaxlib"] = jaxlib.__version__
        RECORD.write_text(json.dumps({"about": about, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
