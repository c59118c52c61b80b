"""StableHLO's random numbers: read and verified; no engine draws them.

Chapter: ir/stablehlo.
Sources: StableHLO specification, "rng", "rng_bit_generator"; constraints by their labels.
Real: `rng` draws from a hidden state, and the state of `rng_bit_generator` is the
implementation's own.  `minidl.random` is made of ordinary ops (threefry), as JAX's is.
"""

from __future__ import annotations

from minidl.ir.mlir.core import Operation
from minidl.ir.mlir.spec import define
from minidl.ir.mlir.types import TensorType
from minidl.ir.stablehlo.constraints import fail
from minidl.ir.stablehlo.elementwise import tensors
from minidl.ir.text.kinds import enum_kind

DISTRIBUTION = enum_kind("stablehlo", "rng_distribution", "UNIFORM NORMAL")
ALGORITHM = enum_kind("stablehlo", "rng_algorithm", "DEFAULT THREE_FRY PHILOX")


def _verify_rng(op: Operation) -> None:
    a, b, shape = tensors(op.name, [v.type for v in op.operands])
    (out,) = tensors(op.name, [op.result.type])
    if a.rank or b.rank or shape.rank != 1 or not shape.element.is_integer:
        raise fail(op.name, "I1", f"two scalars and a shape are wanted, got {a}, {b}, {shape}")
    if not a.element is b.element is out.element:
        raise fail(op.name, "C1", f"elements of {a}, {b} and {out} differ")
    if op["rng_distribution"] == "NORMAL" and not a.element.is_float:
        raise fail(op.name, "C2", f"NORMAL draws floats, not {a.element}")
    if shape.is_static and shape.dims[0] != out.rank:
        raise fail(op.name, "C3", f"a shape of {shape.dims[0]} sizes for {out}")


def _verify_bits(op: Operation) -> None:
    (state,) = tensors(op.name, [op.operands[0].type])
    if len(op.results) != 2 or op.results[0].type is not state:
        raise fail(op.name, "C1", f"the new state has the type of the old, {state}")
    if state.rank != 1 or state.element.name != "ui64":
        raise fail(op.name, "I2", f"the state is {state}, expected a vector of ui64")
    size, algorithm = state.shape[0], op["rng_algorithm"]
    allowed = {"THREE_FRY": (2,), "PHILOX": (2, 3)}.get(algorithm, (size,))
    if size is not None and size not in allowed:
        raise fail(op.name, "C2", f"{algorithm} has a state of {allowed}, got {state}")
    if not isinstance(op.results[1].type, TensorType):
        raise fail(op.name, "O2", "the output is a tensor")


define(
    "stablehlo.rng",
    "a b shape",
    attributes={"rng_distribution": DISTRIBUTION},
    form="%a , %b , %shape , distribution = $rng_distribution {} :fn",
    verify=_verify_rng,
)
define(
    "stablehlo.rng_bit_generator",
    "initial_state",
    attributes={"rng_algorithm": ALGORITHM},
    form="%initial_state , algorithm = $rng_algorithm {} :fn",
    verify=_verify_bits,
    traits="pure",
)
