"""Elementwise ops where types end: least and greatest, zero, NaN, subnormal, out of range."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest

from minidl import ir
from tests.ir.stablehlo.edges import (
    BOTH,
    FLOATS,
    INTEGERS,
    SIGNED,
    Case,
    check,
    dtype_of,
    parameters,
)

DIRECTIONS = "EQ NE LT LE GT GE".split()  # noqa: SIM905
RTOL = {"f64": 1e-14, "f32": 1e-6, "f16": 2e-3, "bf16": 2e-2}


def grid(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every pair of them."""
    return np.repeat(values, len(values)), np.tile(values, len(values))


def integers(element: str, *more: int) -> np.ndarray:
    info = np.iinfo(dtype_of(element))
    low = [-7, -3, -2, -1, info.min + 1] if info.min else []
    high = [info.max // 2, info.max - 1, info.max]
    held = [n for n in more if n <= info.max]
    return np.array([info.min, *low, 0, 1, 2, 3, 7, *high, *held], info.dtype)


def floats(element: str) -> np.ndarray:
    """Halves to round, both zeros, what is not finite, the ends of the normal and subnormal."""
    info = ml_dtypes.finfo(dtype_of(element))
    ends = [info.max, info.tiny, info.smallest_subnormal, info.eps]
    some = [0.0, 0.5, 0.49999997, 1, 1.5, 2, 2.5, 3, 3.5, 100, 1e-3, 1e4, np.inf, *map(float, ends)]
    some += [1 + float(info.eps)]
    with np.errstate(all="ignore"):
        return np.array([s * x for x in some for s in (1, -1)] + [np.nan]).astype(dtype_of(element))


def lines(ops: list[str], operands: str, type_: str) -> str:
    return "\n".join(f"%r{i} = stablehlo.{op} {operands} : {type_}" for i, op in enumerate(ops))


def each(name: str, ops: str, element: str, *arrays: np.ndarray, **more) -> Case:
    """Every op of a list on the same arrays; one result an op."""
    words, type_ = ops.split(), f"tensor<{len(arrays[0])}x{element}>"
    body = lines(words, ", ".join(["%a", "%b"][: len(arrays)]), type_)
    return Case(f"{name} {element}", body, [type_] * len(words), arrays, **more)


def comparisons(element: str, x, y, kind: str, by=BOTH) -> Case:
    n = len(x)
    words = [
        f"%r{i} = stablehlo.compare {d}, %a, %b, {kind} : (tensor<{n}x{element}>, "
        f"tensor<{n}x{element}>) -> tensor<{n}xi1>"
        for i, d in enumerate(DIRECTIONS)
    ]
    name = f"compare {kind} {element}"
    return Case(name, "\n".join(words), [f"{n}xi1"] * 6, (x, y), by)


def of_integers(element: str) -> list[Case]:
    values = integers(element)
    x, y = grid(values)
    bits = x.dtype.itemsize * 8
    amounts = [s for s in (0, 1, 7, 8, 15, 16, 31, 32, 33, 63, 64, 65, 100, 127) if s < 1 << bits]
    top = np.full(len(amounts), values[0] if element in SIGNED else values[-1], x.dtype)
    plain = "add subtract multiply maximum minimum and or xor"
    alone = "negate not popcnt count_leading_zeros" + " abs sign" * (element in SIGNED)
    shifts = "shift_left shift_right_logical shift_right_arithmetic"
    kind = "SIGNED" if element in SIGNED else "UNSIGNED"
    return [
        each("arithmetic of", plain, element, x, y),
        each("division of", "divide remainder", element, x, y, by=["xla"]),
        each("power of", "power", element, x, y, by=["reference"]),
        each("bits of", alone, element, values),
        each("shifts by every pair of", shifts, element, x, y),
        each("shifts of the top bit of", shifts, element, top, np.array(amounts).astype(x.dtype)),
        comparisons(element, x, y, kind),
    ]


def of_floats(element: str) -> list[Case]:
    x = floats(element)
    y = grid(x)
    exact = "abs negate sign ceil floor round_nearest_afz round_nearest_even sqrt"
    functions = "cbrt cosine sine tan tanh exponential exponential_minus_one log log_plus_one"
    functions += " logistic rsqrt"
    plain, mine = "add subtract multiply divide remainder maximum minimum", ["reference"]
    return [
        each("arithmetic of", plain, element, *y, by=mine),
        each("power of", "power atan2", element, *y, by=mine, rtol=RTOL[element]),
        each("rounding of", exact, element, x, by=mine),
        each("functions of", functions, element, x, by=mine, rtol=RTOL[element]),
        comparisons(element, *y, "FLOAT", mine),
        comparisons(element, *y, "TOTALORDER", ["xla"]),
        Case(f"is_finite {element}",
             f"stablehlo.is_finite %a : (tensor<{len(x)}x{element}>) -> tensor<{len(x)}xi1>",
             [f"{len(x)}xi1"], [x]),
    ]  # fmt: skip


LIMITS = [2.0**63, 2.0**64, 2.0**63 + 2.0**12, 2.0**31, 2.0**32, 2.0**31 - 1, 2.0**32 - 1, 0.99]
LIMITS += [2.0**15, 2.0**16, 65504, 127, 127.5, 128, 128.5, 129, 255.4, 255.6, 256, 32767.5]
LIMITS += [2.0**31 - 0.5, 9.3e18, 1.85e19, 1e-3, 2.5, np.inf, np.nan]


def converted(element: str, x: np.ndarray, by) -> Case:
    targets = [*INTEGERS, *FLOATS, "i1"]
    n, body = len(x), []
    for i, to in enumerate(targets):
        types = f"(tensor<{n}x{element}>) -> tensor<{n}x{to}>"
        body.append(f"%r{i} = stablehlo.convert %a : {types}")
    return Case(
        f"conversion of {element}", "\n".join(body), [f"{n}x{to}" for to in targets], [x], by
    )


def conversions() -> list[Case]:
    """To every type: what lies beyond it, between its numbers, and what is no number."""
    out = []
    for element in FLOATS:
        with np.errstate(all="ignore"):
            ends = np.array([s * x for x in LIMITS for s in (1, -1)]).astype(dtype_of(element))
        x = np.concatenate([floats(element), ends])
        out.append(converted(element, x, ["reference"]))
    for element in INTEGERS:
        x = integers(element, 257, 2049, 2**24 + 1, 2**53 + 1, 2**63 - 513)
        out.append(converted(element, x, BOTH))
    return [*out, converted("i1", np.array([True, False]), BOTH)]


CASES = [c for e in INTEGERS for c in of_integers(e)] + [c for e in FLOATS for c in of_floats(e)]
CASES += conversions()
CASES.append(each("logic of", "add multiply maximum minimum and or xor", "i1",
                  *grid(np.array([False, True]))))  # fmt: skip


@pytest.mark.parametrize("case", parameters(CASES))
def test_an_elementwise_op_at_the_edge_of_its_type(case):
    check(case)


@pytest.mark.parametrize("element", FLOATS)
def test_a_float_beyond_an_integer_type_is_its_end(element):
    """Counted in exact arithmetic: toward zero, then the nearest number there is; NaN is 0."""
    with np.errstate(all="ignore"):
        x = np.array([s * v for v in LIMITS for s in (1, -1)]).astype(dtype_of(element))
    case = converted(element, x, ())
    results = ir.evaluate(ir.parse(case.text), x)
    for to, got in zip(INTEGERS, results, strict=False):
        low, high = np.iinfo(dtype_of(to)).min, np.iinfo(dtype_of(to)).max
        for v, y in zip(map(float, x), got, strict=True):
            end = low if v < 0 else high
            want = 0 if v != v else end if abs(v) == np.inf else min(max(int(v), low), high)
            assert int(y) == want, f"{v} to {to}"
