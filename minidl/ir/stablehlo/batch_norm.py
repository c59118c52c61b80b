"""StableHLO's batch normalisation: inference, training, gradient.

Chapter: ir/stablehlo.
Sources: StableHLO specification, "batch_norm_grad", "batch_norm_inference",
"batch_norm_training"; constraints by their labels.
Real: no framework emits them any more; XLA expands them (`BatchNormExpander`).

    x    operand, any rank; feature_index is one of its dimensions
    [c]  one number for each feature, c its size
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidl.core.errors import ShapeError
from minidl.ir.mlir.attributes import Typed
from minidl.ir.mlir.spec import define
from minidl.ir.mlir.types import TensorType, Type, f32, tensor
from minidl.ir.stablehlo.elementwise import tensors
from minidl.ir.stablehlo.regions import makes
from minidl.ir.text.decimals import number_text
from minidl.ir.text.kinds import I64, Kind

EPSILON = Kind(
    "f32", lambda v, pretty: f"{number_text(v, f32)} : f32", lambda p, pretty: _parse_epsilon(p)
)


def _parse_epsilon(p: Any) -> float:
    at = p.at_
    made = p.attribute()
    if not isinstance(made, Typed) or made.type is not f32:
        raise p.error("epsilon is a number such as 1.0e-5 : f32", at)
    return float(made.value)


def _feature(name: str, x: TensorType, attributes: dict[str, Any]) -> TensorType:
    """The type of one number for each feature."""
    d = attributes["feature_index"]
    if not x.element.is_float:
        raise ShapeError(f"{name} is not defined on {x.element} (I1)", op=name)
    if not 0 <= d < x.rank:
        raise ShapeError(f"{name}: feature_index {d} of {x} (C1)", op=name)
    return tensor((x.dims[d],), x.element)


def _shapes(name: str, roles: str, labels: str, results: str) -> Any:
    """Shape rule: `roles` after x are features (c) or full (x), each with its label."""

    def infer(types: Sequence[Type], attributes: dict[str, Any], regions: Any) -> list[Type]:
        x, *others = tensors(name, types)
        feature = _feature(name, x, attributes)
        for i, (t, role, label) in enumerate(zip(others, roles, labels.split(), strict=True), 1):
            want = feature if role == "c" else x
            if t.element is not x.element:
                raise ShapeError(f"{name}: operand {i} is {t}, elements {x.element} (C2)", op=name)
            if t is not want:
                raise ShapeError(f"{name}: operand {i} is {t}, expected {want} ({label})", op=name)
        return [x if role == "x" else feature for role in results]

    return infer


for _short, _operands, _roles, _labels, _results, _made in (
    ("inference", "operand scale offset mean variance", "cccc", "C3 C4 C5 C6", "x", "C7"),
    ("training", "operand scale offset", "cc", "C3 C4", "xcc", "C7 C5 C6"),
    ("grad", "operand scale mean variance grad_output", "cccx", "C5 C4 C4 C3", "xcc", "C3 C4 C4"),
):
    _name = f"stablehlo.batch_norm_{_short}"
    define(
        _name,
        _operands,
        attributes={"epsilon": EPSILON, "feature_index": I64},
        infer=_shapes(_name, _roles, _labels, _results),
        verify=makes(*_made.split()),
        traits="pure",
    )
