"""StableHLO between processes: collectives, identities, channels, host transfers.

Chapter: ir/stablehlo.
Sources: StableHLO specification, "all_gather", "all_reduce", "all_to_all",
"collective_broadcast", "collective_permute", "reduce_scatter", "partition_id",
"replica_id", "send", "recv", "infeed", "outfeed"; constraints by their labels.
Real: the number of processes is not in the program, so that neither here nor in MLIR
does a verifier compare it with the groups.

    groups  [number of groups, processes in one]; -1 fills the places of a short group
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl.core.errors import ShapeError
from minidl.ir.mlir.core import Operation
from minidl.ir.mlir.spec import define
from minidl.ir.mlir.types import TensorType, Type, i1, tensor, ui32
from minidl.ir.stablehlo.calls import TOKEN
from minidl.ir.stablehlo.constraints import fail
from minidl.ir.stablehlo.elementwise import DENSE, tensors
from minidl.ir.stablehlo.regions import element_types, promotes
from minidl.ir.text.kinds import ANY, BOOL, I64, STR, Kind


@dataclass(frozen=True, slots=True)
class Channel:
    """`handle` above 0 says that partitions communicate, else replicas; `type` is XLA's."""

    handle: int = 0
    type: int = 0


CHANNEL = Kind(
    "channel",
    lambda v, pretty: f"#stablehlo.channel_handle<handle = {v.handle}, type = {v.type}>",
    lambda p, pretty: Channel(
        **p.struct("stablehlo", "channel_handle", {"handle": "handle", "type": "type"})
    ),
)
_GROUPS = {"replica_groups": DENSE, "channel_handle?": CHANNEL}
_GLOBAL = {**_GROUPS, "use_global_device_ids?": ANY}


def groups(op: Operation, name: str = "replica_groups") -> list[list[int]]:
    """The process groups of a collective, places of absent processes left out."""
    return [[int(i) for i in row if i >= 0] for row in op[name].array]


def _check_groups(op: Operation, unique: str, present: str, gaps: bool = False) -> None:
    """Each process once; unless `gaps`, the numbers from 0 without one missing."""
    value = op["replica_groups"]
    if value.type.rank != 2 or value.type.element.name != "i64":
        raise fail(op.name, "I3", f"replica_groups is {value.type}, expected tensor<…x…xi64>")
    ids = [i for row in groups(op) for i in row]
    if len(set(ids)) != len(ids):
        raise fail(op.name, unique, f"replica_groups {ids} repeat a process")
    if np.any(value.array < -1):
        raise fail(op.name, present, "replica_groups has a process below 0")
    if not gaps and sorted(ids) != list(range(len(ids))):
        raise fail(op.name, present, f"replica_groups {ids} leave out a process below {max(ids)}")


def _check_ids(op: Operation, label: str) -> None:
    channel = op.get("channel_handle", Channel())
    if "use_global_device_ids" in op.attributes and channel.handle <= 0:
        raise fail(op.name, label, "use_global_device_ids wants a channel above 0")


def _pairs(op: Operation) -> list[tuple[TensorType, TensorType]]:
    ins = tensors(op.name, [v.type for v in op.operands])
    outs = tensors(op.name, [v.type for v in op.results])
    if not ins or len(ins) != len(outs):
        raise ShapeError(f"{op.name} has {len(ins)} operands and {len(outs)} results", op=op.name)
    return list(zip(ins, outs, strict=True))


def _in_range(op: Operation, attribute: str, rank: int, label: str) -> int:
    d = int(op[attribute])
    if not 0 <= d < rank:
        raise fail(op.name, label, f"{attribute} {d} of a tensor of rank {rank}")
    return d


def _scaled(x: TensorType, factors: dict[int, tuple[int, int]]) -> list[int | None]:
    """Sizes with some multiplied and divided; `?` stays."""
    out = list(x.shape)
    for d, (times, by) in factors.items():
        n = out[d]
        out[d] = None if n is None else n * times // by
    return out


def _expect(op: Operation, out: TensorType, want: TensorType, label: str) -> None:
    if out is not want and out.is_static:
        raise fail(op.name, label, f"the result is {want}, but is written {out}")


def _verify_all_gather(op: Operation) -> None:
    for x, out in _pairs(op):
        d = _in_range(op, "all_gather_dim", x.rank, "C1")
        _check_groups(op, "C2", "C4")
        _check_ids(op, "C5")
        _expect(op, out, tensor(_scaled(x, {d: (_size(op), 1)}), x.element), "C6")


def _size(op: Operation) -> int:
    return int(op["replica_groups"].type.shape[1])


def _verify_all_reduce(op: Operation) -> None:
    for x, out in _pairs(op):
        _check_groups(op, "C1", "C3")
        _check_ids(op, "C4")
        element = _computation(op, x, "C5")
        _expect(op, out, tensor(x.shape, element), "C6" if x.shape != out.shape else "C7")


def _computation(op: Operation, x: TensorType, label: str) -> Any:
    (element, *more) = element_types(op.name, op.regions[0], 2, "computation", label) or [i1]
    if more or not promotes(x.element, element):
        raise fail(op.name, label, f"the computation is not one of scalars of {x.element}")
    return element


def _verify_reduce_scatter(op: Operation) -> None:
    ((x, out),) = _pairs(op)
    d = _in_range(op, "scatter_dimension", x.rank, "C2")
    if x.is_static and x.dims[d] % _size(op):
        raise fail(op.name, "C1", f"dimension {d} of {x} is not divided by {_size(op)} processes")
    _check_groups(op, "C3", "C5")
    _check_ids(op, "C6")
    element = _computation(op, x, "C7")
    want = tensor(_scaled(x, {d: (1, _size(op))}), element)
    _expect(op, out, want, "C8" if want.shape != out.shape else "C9")


def _verify_all_to_all(op: Operation) -> None:
    for x, out in _pairs(op):
        split = _in_range(op, "split_dimension", x.rank, "C1")
        concat = _in_range(op, "concat_dimension", x.rank, "C3")
        parts = int(op["split_count"])
        if parts <= 0:
            raise fail(op.name, "C4", f"split_count {parts} must be positive")
        if x.is_static and x.dims[split] % parts:
            raise fail(op.name, "C2", f"dimension {split} of {x} is not divided by {parts}")
        _check_groups(op, "C5", "C7")
        if _size(op) != parts:
            raise fail(op.name, "C8", f"groups of {_size(op)} processes, split_count {parts}")
        factors = {split: (1, parts), concat: (parts, 1)} if split != concat else {}
        _expect(op, out, tensor(_scaled(x, factors), x.element), "C9")


def _verify_broadcast(op: Operation) -> None:
    ((x, out),) = _pairs(op)
    _check_groups(op, "C1", "C2", gaps=True)
    _expect(op, out, x, "C3")


def _verify_permute(op: Operation) -> None:
    ((x, out),) = _pairs(op)
    pairs = op["source_target_pairs"]
    if pairs.type.rank != 2 or pairs.type.shape[1] != 2:
        raise fail(op.name, "C1", f"source_target_pairs is {pairs.type}, expected tensor<…x2xi64>")
    for column, label in ((0, "C2"), (1, "C3")):
        ids = [int(i) for i in pairs.array[:, column]]
        if len(set(ids)) != len(ids):
            what = ("source", "target")[column]
            raise fail(op.name, label, f"source_target_pairs repeat a {what}: {ids}")
    if np.any(pairs.array < 0):
        raise fail(op.name, "C4", "source_target_pairs has a process below 0")
    _expect(op, out, x, "C5")


_COLLECTIVES: dict[str, tuple[dict[str, Any], int, Callable[[Operation], None]]] = {
    "all_gather": ({"all_gather_dim": I64, **_GLOBAL}, 0, _verify_all_gather),
    "all_reduce": (_GLOBAL, 1, _verify_all_reduce),
    "reduce_scatter": ({"scatter_dimension": I64, **_GLOBAL}, 1, _verify_reduce_scatter),
    "all_to_all": (
        {"split_dimension": I64, "concat_dimension": I64, "split_count": I64, **_GROUPS},
        0,
        _verify_all_to_all,
    ),
    "collective_broadcast": (_GROUPS, 0, _verify_broadcast),
    "collective_permute": (
        {"source_target_pairs": DENSE, "channel_handle?": CHANNEL},
        0,
        _verify_permute,
    ),
    "cross-replica-sum": ({"replica_groups": DENSE}, 0, _verify_broadcast),
}
for _short, (_attributes, _regions, _verify) in _COLLECTIVES.items():
    define(
        f"stablehlo.{_short}",
        "operands*",
        attributes=_attributes,
        verify=_verify,
        traits="collective",
        regions=_regions,
    )
for _short in ("partition_id", "replica_id"):
    define(
        f"stablehlo.{_short}",
        infer=lambda types, attributes, regions: [tensor((), ui32)],
        form="{} :results",
        traits="collective",
    )


# -- the host, and other devices: read and verified, never run -------------------------


def _ends_with_token(values: Sequence[Any], name: str, what: str, label: str) -> None:
    types: list[Type] = [v.type for v in values]
    if not types or types[-1] is not TOKEN:
        raise fail(name, label, f"the last {what} must be a token")


def _verify_transfer(token_in: str, token_out: str, host: int) -> Any:
    """The token comes last in and out; the channel's type says where the other end is.

    `host` is XLA's number of a channel to or from the host; 1 is one between devices.
    """

    def check(op: Operation) -> None:
        _ends_with_token(op.operands, op.name, "operand", token_in)
        if op.name == "stablehlo.infeed" and not op.results:
            raise fail(op.name, "C1", "has no results")
        _ends_with_token(op.results, op.name, "result", token_out)
        if host and op["channel_handle"].type != (host if op.get("is_host_transfer") else 1):
            got = op["channel_handle"].type
            raise fail(op.name, "C5", f"channel type {got} does not fit is_host_transfer")

    return check


_CHANNELED = {
    "channel_handle": CHANNEL,
    "is_host_transfer?": BOOL,
    "source_target_pairs?": DENSE,
}
for _short, _attributes, _labels in (
    ("infeed", {"infeed_config?": STR, "layout?": ANY}, ("I1", "C3", 0)),
    ("outfeed", {"outfeed_config?": STR}, ("I2", "O1", 0)),
    ("send", _CHANNELED, ("I2", "O1", 2)),
    ("recv", _CHANNELED, ("I1", "O1", 3)),
):
    define(
        f"stablehlo.{_short}",
        "operands*",
        attributes=_attributes,
        verify=_verify_transfer(*_labels),
    )
