"""The op set: which of StableHLO's and CHLO's ops have a row, run, or are refused by name."""

from __future__ import annotations

import importlib
import inspect
import re

import pytest

from minidl import ir
from minidl.ir.evaluate import CALLEE
from minidl.ir.values import VALUES
from minidl.ir.values.calls import REFUSED

# One that only a pass of complex numbers makes.
DRAFT = {"chlo._asin_acos_kernel"}
REFUSED_NAMES = {f"stablehlo.{n}" for names in REFUSED for n in names.split()}


def mlirs(dialect: str) -> set[str]:
    """The names that MLIR's own bindings know."""
    pytest.importorskip("jaxlib")
    module = importlib.import_module(f"jaxlib.mlir.dialects._{dialect}_ops_gen")
    return set(re.findall(r'OPERATION_NAME = "([^"]*)"', inspect.getsource(module)))


@pytest.mark.parametrize("dialect", ["stablehlo", "chlo"])
def test_every_op_of_the_dialect_has_a_row(dialect):
    ours = {name for name in ir.SPECS if name.startswith(f"{dialect}.")}
    assert mlirs(dialect) - ours == {name for name in DRAFT if name.startswith(dialect)}
    assert ours - mlirs(dialect) == set(), "an op that MLIR does not know"


def test_every_op_runs_or_says_why_not():
    """Terminators stand for what they return; calls and composites for what they name."""
    silent = {"stablehlo.return", *CALLEE}
    missing = [
        name
        for name in ir.SPECS
        if name.startswith(("stablehlo.", "chlo.")) and name not in VALUES and name not in silent
    ]
    assert missing == []


def test_only_what_leaves_the_process_or_our_types_is_refused(capsys):
    alone = REFUSED_NAMES | {"stablehlo.custom_call"}
    runs = [n for n in ir.SPECS if n.startswith(("stablehlo.", "chlo.")) and n not in alone]
    with capsys.disabled():
        print(f"\n{len(runs)} ops of StableHLO and CHLO run; by name are refused {len(alone)}:")
        for names, (why, _) in REFUSED.items():
            print(f"  {names}: {why}")
    assert len(alone) < 25 and len(runs) > 130
