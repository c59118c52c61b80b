"""Record what MLIR says to the programs of chapter `ir/mlir`: texts, verdicts, messages.

    python tools/record_mlir.py        writes book/data/mlir_jaxlib.json

The MLIR is the one inside jaxlib, with the StableHLO dialect.  The page reads the file, so it
needs no jaxlib; a test makes it again and compares.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import minidl
from minidl.exercises.mlir import BRANCH, THREE, WRONG, training_step

DATA = Path(__file__).resolve().parents[1] / "book" / "data"

VALUES = ["x", "a", "b", "c", "d", "e", "z"]
PLACES = ["a", "c", "d", "e", "return"]


@contextmanager
def mlir() -> Iterator[Any]:
    """jaxlib's `ir` module inside a context that knows StableHLO."""
    from jaxlib.mlir import ir
    from jaxlib.mlir._mlir_libs import _jax_mlir_ext
    from jaxlib.mlir.dialects import stablehlo

    context, registry = ir.Context(), ir.DialectRegistry()
    _jax_mlir_ext.register_dialects(registry)
    context.append_dialect_registry(registry)
    context.load_all_available_dialects()
    stablehlo.register_dialect(context)
    with context:
        yield ir


def said(action: Any) -> str:
    """The first line of MLIR's complaint, or nothing."""
    try:
        action()
    except Exception as error:
        lines = [line.strip() for line in str(error).split("\n")]
        return next((line for line in lines if line.startswith("error")), lines[0])
    return ""


def named_values(ir: Any, module: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The values of BRANCH, and the operations whose operand 0 is replaced, by name."""
    main, other = module.body.operations
    body = main.regions[0].blocks[0]
    a, b, e, back = body.operations
    (c, _), (d, _) = (b.regions[i].blocks[0].operations for i in range(2))
    values = {"x": body.arguments[1], "z": other.regions[0].blocks[0].arguments[0]}
    values |= {n: op.results[0] for n, op in zip("abcde", (a, b, c, d, e), strict=True)}
    return values, {"a": a, "c": c, "d": d, "e": e, "return": back}


def verdicts(ir: Any) -> dict[str, dict[str, str]]:
    """For each place and value, MLIR's complaint when that operand is that value."""
    module = ir.Module.parse(BRANCH)
    values, places = named_values(ir, module)
    out: dict[str, dict[str, str]] = {}
    for place in PLACES:
        op = places[place].operation
        before = op.operands[0]
        out[place] = {}
        for name in VALUES:
            op.operands[0] = values[name]
            out[place][name] = said(module.operation.verify)
        op.operands[0] = before
    return out


def generic(ir: Any, text: str) -> str:
    return str(ir.Module.parse(text).operation.get_asm(print_generic_op_form=True))


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def record() -> dict[str, Any]:
    import jaxlib

    step = str(minidl.trace(*training_step()))
    with mlir() as ir:
        return {
            "jaxlib": jaxlib.__version__,
            "three_generic": generic(ir, THREE),
            "branch_pretty": str(ir.Module.parse(BRANCH)),
            "step_sha256": digest(str(ir.Module.parse(step))),
            "step_generic_sha256": digest(generic(ir, step)),
            "verdicts": verdicts(ir),
            "messages": {k: said(lambda t=t: ir.Module.parse(t)) for k, t in WRONG.items()},
        }


def main() -> None:
    path = DATA / "mlir_jaxlib.json"
    path.write_text(json.dumps(record(), indent=1) + "\n")
    print(f"wrote {path.relative_to(DATA.parents[1])}")


if __name__ == "__main__":
    main()
