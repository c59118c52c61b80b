"""A constraint's row: a valid program, what is changed in it, the label that must be named.

`mlir=` on a row says why MLIR's own verifier lets the text pass; the test holds it to that.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import pytest

from minidl import ir
from minidl.core.errors import VerifyError
from tests.ir import jaxlib_mlir as mlir

TENSOR = re.compile(r"tensor<[^<>]*>")


@dataclass
class Op:
    """A program of one op: fields of its text, some of them the types of its operands."""

    name: str
    text: str  # `{field}` for each field; operands are %a, %b, … in the order of `types`
    fields: dict[str, str]
    types: tuple[str, ...]
    out: str = "out"

    def program(self, **changes: str) -> str:
        """The text with some fields changed; a field of types may hold none, or several."""
        fields = {**self.fields, **changes}
        names, groups = iter("abcdefgh"), {}
        args: list[str] = []
        for name in self.types:
            types = TENSOR.findall(fields[name])
            mine = [f"%{next(names)}" for _ in types]
            args += [f"{v}: {t}" for v, t in zip(mine, types, strict=True)]
            groups[f"%{name}"] = ", ".join(mine)
        body = body_of(self.text, {**groups, **fields})
        results = TENSOR.findall(fields[self.out])
        ins = ", ".join(", ".join(TENSOR.findall(fields[n])) for n in self.types if fields[n])
        n = len(results)
        head = f"%0{f':{n}' if n > 1 else ''} = " if n else ""
        values = ", ".join(f"%0#{i}" for i in range(n)) if n > 1 else "%0"
        outs = ", ".join(results)
        end = f"return {values} : {outs}" if n else "return"
        return (
            f"func.func @main({', '.join(args)}) -> ({outs}) {{\n  {head}{body} : "
            f"({ins}) -> ({outs})\n  {end}\n}}"
        )


def body_of(text: str, fields: dict[str, str]) -> str:
    for name, value in fields.items():
        text = text.replace("{" + name + "}", value)
    return text.replace("(, ", "(").replace(", )", ")")


@dataclass
class Row:
    label: str
    changes: dict[str, str] = field(default_factory=dict)
    mlir: str | None = None  # why MLIR accepts it


def row(label: str, /, mlir: str | None = None, **changes: str) -> Row:
    return Row(label, changes, mlir)


def parameters(*tables: tuple[Op, list[Row]]) -> list[Any]:
    return [
        pytest.param(op, r, id=f"{op.name}-{r.label}-{i}")
        for op, rows in tables
        for i, r in enumerate(rows)
    ]


def check_valid(op: Op) -> None:
    """The program without a change is accepted by both."""
    ir.verify(ir.parse(op.program()))
    assert mlir.refusal(op.program()) is None, mlir.refusal(op.program())


def check_row(op: Op, row: Row) -> None:
    """Ours refuses by label and place; MLIR refuses too, or the row says why not."""
    text = op.program(**row.changes)
    module = ir.parse(text)
    with pytest.raises(VerifyError) as caught:
        ir.verify(module)
    error = caught.value
    assert f"({row.label})" in error.message, error.message
    assert error.op == f"stablehlo.{op.name}"
    said = mlir.refusal(text)
    assert (said is None) == (row.mlir is not None), said or "MLIR accepts it"


def labels(rows: list[Row]) -> set[int]:
    return {int(r.label.split()[0][1:]) for r in rows if r.label[0] == "C"}
