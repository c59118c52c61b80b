"""Values of tuples and tokens; ops that no single process can run say so by name.

Chapter: ir/stablehlo.
Sources: StableHLO specification, "tuple", "get_tuple_element", "after_all", "custom_call".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minidl.core.errors import UnsupportedError
from minidl.ir.mlir.core import Operation
from minidl.ir.values import VALUES

Array = Any


class Token:
    """The value of a token: it has none, it stands for an order."""

    def __repr__(self) -> str:
        return "token"


TOKEN = Token()


@VALUES.rule("stablehlo.tuple")
def tuple_(op: Operation, *values: Any) -> Any:
    return (values,)


@VALUES.rule("stablehlo.get_tuple_element")
def get_tuple_element(op: Operation, whole: tuple[Any, ...]) -> Any:
    return (whole[op["index"]],)


@VALUES.rule("stablehlo.after_all", "stablehlo.create_token")
def after_all(op: Operation, *tokens: Token) -> Token:
    return TOKEN


# -- what evaluate refuses -----------------------------------------------------------------


@VALUES.rule("stablehlo.custom_call")
def custom_call(op: Operation, *arrays: Array) -> Any:
    target = op["call_target_name"]
    raise UnsupportedError(
        f"custom_call @{target} names code outside the program: evaluate cannot know what it does",
        op=op.name,
        hint='evaluate(…, handlers={"stablehlo.custom_call": function of (op, *arrays)}) can',
    )


def _refusal(why: str, hint: str) -> Callable[..., Any]:
    def row(op: Operation, *arrays: Array) -> Any:
        raise UnsupportedError(f"{op.name} {why}", op=op.name, hint=hint)

    return row


REFUSED = {
    "all_gather all_reduce all_to_all collective_broadcast collective_permute reduce_scatter "
    "partition_id replica_id cross-replica-sum": (
        "speaks to other processes, and evaluate is one",
        "evaluate(…, handlers={name: function of (op, *arrays)}) brings the others",
    ),
    "sdy.manual_computation sdy.sharding_constraint": (
        "says where the parts of a tensor are on a mesh of devices, and evaluate is one process",
        "lower the function in JAX without the mesh, or give evaluate(…, handlers={name: …})",
    ),
    "async_start async_done": (
        "runs beside other work, and evaluate does one thing after the other",
        "write the op of its body in its place",
    ),
    "infeed outfeed send recv": (
        "moves data to or from outside the program, which evaluate does not",
        "make what is received an argument of the function, what is sent a result",
    ),
    "rng rng_bit_generator": (
        "draws numbers that each implementation chooses, so it has no value rule",
        "minidl.random makes the same numbers everywhere, out of ordinary ops",
    ),
    "fft complex": (
        "computes with complex numbers, which no engine here does",
        "write real and imaginary parts as two tensors",
    ),
    "uniform_quantize uniform_dequantize": (
        "computes with quantized types, which no engine here does",
        "write scale and zero point as ordinary multiply, add, round_nearest_even, clamp",
    ),
}
_BY_NAME = {
    name if "." in name else f"stablehlo.{name}": words
    for names, words in REFUSED.items()
    for name in names.split()
}
for _name, _words in _BY_NAME.items():
    VALUES[_name] = _refusal(*_words)


def needs_handler(name: str) -> bool:
    """Whether evaluate runs the op by a handler only."""
    return name in _BY_NAME or name == "stablehlo.custom_call"
