"""evaluate against programs that carry their own answers: StableHLO's tests and JAX's."""

from __future__ import annotations

import numpy as np
import pytest

from minidl import ir
from minidl.core.check import ulp_error
from minidl.core.errors import ParseError, UnsupportedError
from minidl.xla.passes import optimize
from tests.ir import samples
from tests.xla.programs import same_bits

FAMILIES = {  # op → modules of the data that hold it and run here, at least
    "stablehlo.broadcast_in_dim": 40, "stablehlo.reduce": 15, "stablehlo.dot_general": 10,
    "stablehlo.compare": 60, "stablehlo.convert": 50, "stablehlo.transpose": 8,
    "stablehlo.reshape": 10, "stablehlo.slice": 5, "stablehlo.pad": 5, "stablehlo.select": 5,
    "stablehlo.concatenate": 4, "stablehlo.iota": 10, "stablehlo.power": 5, "stablehlo.divide": 5,
}  # fmt: skip


def agrees(got, want, kind: str, options: dict, sums: bool) -> bool:
    """The comparison that the data asks for; float32 sums have their own, 2e-5."""
    if sums and got.dtype == np.float32:
        return bool(np.allclose(got, want, rtol=2e-5, atol=1e-6, equal_nan=True))
    if kind == "expect_eq":
        with np.errstate(invalid="ignore"):
            return bool(np.all((got == want) | ((got != got) & (want != want))))
    if kind == "expect_close" and got.dtype.kind != "i":
        limit = options.get("max_ulp_difference", 3)
        if got.dtype.itemsize == 2:  # ulps of a 16-bit type, counted in it
            unit = 2.0**-10 if got.dtype == np.float16 else 2.0**-7
            a, b = got.astype(np.float32), want.astype(np.float32)
            return bool(np.allclose(a, b, rtol=limit * unit, atol=1e-6, equal_nan=True))
        return bool(np.all(ulp_error(got, want) <= limit))
    tolerance = options.get("tolerance", 1e-3)
    a, b = got.astype(np.float64), want.astype(np.float64)
    return bool(np.allclose(a, b, rtol=0, atol=tolerance, equal_nan=True))


def runnable():
    """(row, module, results) of each module whose ops all have rows."""
    for row in samples.open_data():
        try:
            module = ir.parse(row["text"])
            ir.verify(module)
            results = ir.evaluate(module)
        except (ParseError, UnsupportedError):
            continue
        yield row, module, results


@pytest.fixture(scope="module")
def ran():
    return list(runnable())


def test_evaluate_agrees_with_the_open_data(ran):
    wrong = []
    for row, _, results in ran:
        sums = not {"stablehlo.dot_general", "stablehlo.reduce"}.isdisjoint(row["ops"])
        for i, (kind, options) in enumerate(row["checks"]):
            if not agrees(results[2 * i], results[2 * i + 1], kind, options, sums):
                wrong.append(row["id"])
    assert wrong == []
    assert len(ran) >= 590


def test_the_data_covers_each_family(ran):
    count = {op: sum(op in row["ops"] for row, _, _ in ran) for op in FAMILIES}
    assert {op: n for op, n in count.items() if n < FAMILIES[op]} == {}


def test_the_pipeline_keeps_every_result_of_the_open_data(ran):
    for row, module, results in ran:
        changed = optimize(module)
        ir.verify(changed)
        for before, after in zip(results, ir.evaluate(changed), strict=True):
            assert same_bits(before, after), row["id"]


def test_evaluate_agrees_with_recorded_jax_programs():
    """Programs as JAX lowers them, inputs and outputs recorded; before and after the passes."""
    ran = []
    for path in samples.jax_programs():
        try:
            module = ir.parse(path.read_text())
            ir.verify(module)
        except ParseError:
            continue
        data = np.load(path.with_suffix(".npz"))
        args = [
            data[f"in{i}"].astype(v.type.element.numpy) for i, v in enumerate(module.main.body.args)
        ]
        try:
            for changed in (module, optimize(module)):
                for i, got in enumerate(ir.evaluate(changed, *args)):
                    want = data[f"out{i}"].astype(np.float64)
                    np.testing.assert_allclose(got.astype(np.float64), want, rtol=2e-5, atol=1e-5)
        except UnsupportedError:
            continue
        ran.append(path.stem)
    assert {"mlp_forward", "mlp_train_sgd", "softmax", "softmax_grad", "layernorm"} <= set(ran)
    assert "adam_step" in ran
