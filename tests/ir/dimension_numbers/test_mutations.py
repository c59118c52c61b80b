"""Numbers and types of valid programs, changed: our verifier and MLIR's say the same."""

from __future__ import annotations

import random
import re

import numpy as np

from minidl import ir
from minidl.core.errors import MinidlError, ShapeError
from tests.ir import jaxlib_mlir as mlir
from tests.ir.dimension_numbers import cases
from tests.ir.stablehlo import (
    test_dynamic_constraints,
    test_indexing_constraints,
    test_windows_constraints,
)

TABLES = (
    *test_dynamic_constraints.TABLES,
    *test_indexing_constraints.TABLES,
    *test_windows_constraints.TABLES,
)
NUMBER = re.compile(r"(?<![\w.#%x])-?\d+(?![\w.x])|\d+(?=x)|(?<=x)\d+(?=x)")
ELEMENTS = ["i64", "i32", "f32", "f64", "i1", "bf16", "ui8", "i8"]
STRICTER = ("dynamic_conv", "C24", "C26", "C27", "C3", "C12", "I2")  # rows say why: MLIR is not


def corpus() -> list[str]:
    drawn = [cases.case(name, seed)[0].text for name in cases.MAKERS for seed in range(12)]
    return [*drawn, *(op.program() for op, *_ in TABLES)]


def mutated(text: str, rng: random.Random) -> str:
    """One to three numbers replaced; at times an element type, too."""
    for _ in range(rng.choice((1, 1, 2, 3))):
        spans = [m.span() for m in NUMBER.finditer(text)]
        if not spans:
            return text
        start, end = rng.choice(spans)
        new = str(rng.choice((-1, 0, 1, 2, 3, 4, 5, 7)))
        text = text[:start] + (new.lstrip("-") if text[end : end + 1] == "x" else new) + text[end:]
    if rng.random() < 0.15:
        old, new = rng.sample(ELEMENTS, 2)
        text = text.replace(old, new, rng.choice((1, 2, 99)))
    return text


def test_changed_numbers_are_judged_as_mlir_judges_them():
    texts, accepted, refused = corpus(), 0, 0
    for seed in range(1500):
        text = mutated(random.Random(seed).choice(texts), random.Random(seed + 10_000))
        said = mlir.refusal(text)
        try:
            module = ir.parse(text)
            ir.verify(module)
        except MinidlError as error:
            refused += 1
            assert said is not None or any(s in error.message for s in STRICTER), f"{error}\n{text}"
            continue
        accepted += 1
        assert said is None, f"{said}\n{text}"
        inputs = [np.zeros(v.type.dims, v.type.element.numpy) for v in module.main.body.args]
        try:
            results = ir.evaluate(module, *inputs)
        except ShapeError as error:  # operands that ask for another shape
            assert "dynamic" in error.op
            continue
        types = [v.type for v in module.main.body.last.operands]
        assert [(r.shape, r.dtype) for r in results] == [(t.dims, t.element.numpy) for t in types]
    assert accepted > 120 and refused > 600
