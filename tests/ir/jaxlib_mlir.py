"""The other reader of our text: jaxlib's MLIR, with the dialects that we write registered."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import pytest


@lru_cache(maxsize=1)
def context() -> Any:
    pytest.importorskip("jaxlib")
    from jaxlib.mlir import ir
    from jaxlib.mlir._mlir_libs import _jax_mlir_ext
    from jaxlib.mlir.dialects import chlo, sdy, stablehlo
    from jaxlib.mlir.passmanager import PassManager

    made, registry = ir.Context(), ir.DialectRegistry()
    _jax_mlir_ext.register_dialects(registry)
    made.append_dialect_registry(registry)
    made.load_all_available_dialects()
    for dialect in (stablehlo, chlo, sdy):
        dialect.register_dialect(made)
    with made:  # the pass to linalg loads the dialects it makes
        stablehlo.register_stablehlo_passes()
        empty = ir.Module.parse("module {}").operation
        PassManager.parse("builtin.module(stablehlo-legalize-to-linalg)").run(empty)
    return made


def refusal(text: str) -> str | None:
    """None when MLIR parses and verifies the text, else what it says."""
    from jaxlib.mlir import ir

    with context():
        try:
            ir.Module.parse(text).operation.verify()
        except (ir.MLIRError, ValueError) as error:
            return str(error)
    return None


def retold(text: str) -> str:
    """The text as MLIR prints it back."""
    from jaxlib.mlir import ir

    with context():
        return str(ir.Module.parse(text))


def generic(text: str) -> str:
    """The text as MLIR understands it: its generic form, names of its own choice."""
    from jaxlib.mlir import ir

    with context():
        return str(ir.Module.parse(text).operation.get_asm(print_generic_op_form=True))
