"""sdy: where the parts of a program's tensors are, as JAX writes it for many devices.

Chapter: ir/mlir.
Sources: Shardy, "SDY dialect" (openxla.org/shardy): `mesh`, `sharding_constraint`,
`manual_computation`, `return`; what its verifier refuses was tried in jaxlib's MLIR.
Real: Shardy propagates shardings and partitions the program; JAX writes these four ops
(`shard_map`, `with_sharding_constraint`, callbacks).  Here they are read, verified and
printed; what one process runs is the program without them.

    manual  the axes over which a body is written for one device
    bound   manual axes of the computations around an op: no op inside may speak of them
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import prod
from typing import Any

from minidl.core.errors import VerifyError
from minidl.ir.dialects.sharding import (
    MANUAL_AXES,
    MESH,
    SETS,
    SHARDING,
    SHARDINGS,
    SYMBOL_NAME,
    AxisRef,
    Dim,
    Mesh,
    Sharding,
)
from minidl.ir.mlir.core import Operation
from minidl.ir.mlir.spec import define
from minidl.ir.mlir.types import FunctionType, TensorType, Type, tensor
from minidl.ir.text.form import Custom, Parts
from minidl.ir.text.terminators import terminator

MANUAL = "sdy.manual_computation"


def _fail(op: Operation, message: str, hint: str | None = None) -> VerifyError:
    return VerifyError(f"{op.name}: {message}", op=op.name, hint=hint)


# -- meshes --------------------------------------------------------------------------------


def _check_mesh(op: Operation, mesh: Mesh) -> None:
    names, ids = [name for name, _ in mesh.axes], mesh.device_ids
    if len(set(names)) != len(names):
        raise _fail(op, f"the mesh {mesh} has two axes of one name")
    if any(size < 1 for _, size in mesh.axes):
        raise _fail(op, f"an axis of {mesh} has a size below 1")
    if any(i < 0 for i in ids):
        raise _fail(op, f"the mesh {mesh} has a device below 0")
    devices = prod(size for _, size in mesh.axes)
    whole = len(ids) == devices and sorted(ids) == list(range(len(ids)))
    if ids and mesh.axes and not whole:
        raise _fail(op, f"the device_ids of {mesh} are not 0 … {devices - 1} in some order")
    if len(ids) > 1 and not mesh.axes:
        raise _fail(op, f"the mesh {mesh} has no axes and more than one device")


def _verify_mesh(op: Operation) -> None:
    if op.parent_op is not None and op.parent_op.name != "builtin.module":
        raise _fail(op, f"stands in {op.parent_op.name}, expected a module")
    _check_mesh(op, op["mesh"])


def _mesh_of(op: Operation, sharding: Sharding) -> Mesh:
    """The mesh itself, or the one that the module has under its name."""
    mesh = sharding.mesh
    if isinstance(mesh, Mesh):
        _check_mesh(op, mesh)
        return mesh
    around = [outer for outer in _around(op) if outer.name == "builtin.module"]
    known = {m["sym_name"]: m["mesh"] for m in around[0].body if m.name == "sdy.mesh"}
    if mesh.path or mesh.name not in known:
        names = ", ".join(f"@{name}" for name in known) or "no mesh"
        raise _fail(op, f"unknown mesh {mesh}", f"the module has {names}")
    found: Mesh = known[mesh.name]
    return found


def _around(op: Operation) -> Iterator[Operation]:
    outer = op.parent_op
    while outer is not None:
        yield outer
        outer = outer.parent_op


# -- one sharding of one type ------------------------------------------------------------------


def _check(op: Operation, sharding: Sharding, type_: Type) -> Mesh:
    mesh = _mesh_of(op, sharding)
    if mesh.is_maximal and any((sharding.dims, *(getattr(sharding, s) for s in SETS))):
        raise _fail(op, f"{sharding}: one device has all, so that no dimensions are written")
    if not mesh.is_maximal and isinstance(type_, TensorType) and type_.rank != len(sharding.dims):
        raise _fail(op, f"{sharding} has {len(sharding.dims)} dimensions, {type_} {type_.rank}")
    for dim in sharding.dims:
        if dim.priority is not None and not dim.axes and not dim.is_open:
            raise _fail(op, f"a dimension {dim} of {sharding} is empty and closed: no priority")
    bound = {name for outer in _around(op) if outer.name == MANUAL for name in outer["manual_axes"]}
    for axis in sharding.axes:
        _check_axis(op, axis, mesh.sizes)
        if axis.name in bound:
            raise _fail(op, f"speaks of axis {axis}, which is bound by a {MANUAL} around it")
    _check_together(op, sharding, mesh)
    return mesh


def _check_axis(op: Operation, axis: AxisRef, sizes: dict[str, int]) -> None:
    full = sizes.get(axis.name)
    if full is None:
        raise _fail(op, f"unknown axis {axis}", f"the mesh has {', '.join(sizes) or 'none'}")
    if axis.size and (full % (axis.pre * axis.size) or full % axis.pre):
        raise _fail(op, f"{axis} does not divide its axis of size {full}")
    if axis.size == full or axis.size == 1:
        raise _fail(op, f"{axis} is the full axis, or nothing: size {axis.size} of {full}")


def _check_together(op: Operation, sharding: Sharding, mesh: Mesh) -> None:
    """No part of an axis twice, none cut in two needlessly, sets in the mesh's order."""
    used: dict[str, list[tuple[int, int]]] = {}
    for axis in sharding.axes:
        begin, end = axis.range(mesh.sizes[axis.name])
        if any(begin < e and b < end for b, e in used.setdefault(axis.name, [])) or (
            axis.size == 0 and used[axis.name]
        ):
            raise _fail(op, f"{sharding} uses {axis} twice")
        used[axis.name].append((begin, end))
    sets = [getattr(sharding, name) for name in SETS]
    for axes in (*(dim.axes for dim in sharding.dims), *sets):
        for a, b in pairwise(axes):
            if a.name == b.name and a.size and a.pre * a.size == b.pre:
                raise _fail(op, f"{a}, {b} of {sharding} are one part: merge them")
    order = list(mesh.sizes)
    for axes in sets:
        places = [(order.index(axis.name), axis.pre) for axis in axes]
        if places != sorted(places):
            raise _fail(op, f"replicated and unreduced axes of {sharding} are not in mesh order")


def _verify_constraint(op: Operation) -> None:
    _check(op, op["sharding"], op.operands[0].type)


# -- manual computations -----------------------------------------------------------------------


def _verify_manual(op: Operation) -> None:
    block = op.regions[0].blocks[0]
    end = block.last
    if end is None or end.name != "sdy.return":
        raise _fail(op, f"its body ends with {end.name if end else 'nothing'}, not sdy.return")
    meshes: set[Mesh] = set()
    for what, shardings, values, inner in (
        ("operand", op["in_shardings"], op.operands, list(block.args)),
        ("result", op["out_shardings"], op.results, list(end.operands)),
    ):
        if not len(shardings) == len(values) == len(inner):
            counts = f"{len(values)} {what}s, {len(shardings)} shardings, {len(inner)} in its body"
            raise _fail(op, f"has {counts}")
        for sharding, value, local in zip(shardings, values, inner, strict=True):
            mesh = _check(op, sharding, value.type)
            meshes.update([mesh] if mesh.axes else [])
            want = _local(op, sharding, mesh, value.type)
            if want is not local.type:
                raise _fail(op, f"{what} {value.type} by {sharding} is {want}, not {local.type}")
    if len(meshes) > 1:
        raise _fail(op, f"its shardings are of {len(meshes)} meshes, expected one")
    _check_bound(op)


def _check_bound(op: Operation) -> None:
    for outer in _around(op):
        shared = set(op["manual_axes"]) & set(outer.get("manual_axes") or ())
        if shared:
            names = ", ".join(sorted(shared))
            raise _fail(op, f"axis {names} is bound by a {MANUAL} around it")


def _local(op: Operation, sharding: Sharding, mesh: Mesh, type_: Type) -> Type:
    """What one device has of a value, split along the manual axes alone."""
    if not isinstance(type_, TensorType) or mesh.is_maximal:
        return type_
    manual, sizes = set(op["manual_axes"]), list(type_.shape)
    for d, dim in enumerate(sharding.dims):
        _check_order(op, dim, manual)
        parts = prod(a.size or mesh.sizes[a.name] for a in dim.axes if a.name in manual)
        n = sizes[d]
        if n is not None and n % parts:
            raise _fail(op, f"dimension {d} of {type_} is not divided by {parts} devices")
        sizes[d] = None if n is None else n // parts
    return tensor(sizes, type_.element)


def _check_order(op: Operation, dim: Dim, manual: set[str]) -> None:
    free = [axis.name not in manual for axis in dim.axes]
    if free != sorted(free):
        raise _fail(op, f"a manual axis of {dim} stands behind a free one")


def _print_manual(op: Operation, printer: Any) -> str:
    names = ", ".join(map(printer.name, op.operands))
    words = [f"{name}={kind.text(op[name], True)}" for name, kind in _MANUAL_ATTRIBUTES.items()]
    arguments = ", ".join(printer.arg_list(op.regions[0].block))
    region = printer.region(op.regions[0])
    rest = printer.attr_dict(op, frozenset(_MANUAL_ATTRIBUTES))
    types = FunctionType(tuple(v.type for v in op.operands), tuple(v.type for v in op.results))
    head = f"{op.name}({names}) {' '.join(words)} ({arguments}) {region}"
    return f"{head}{rest and ' '}{rest} : {types}"


def _parse_manual(p: Any) -> Parts:
    p.expect("(")
    parts = Parts(operands=p.value_list())
    p.expect(")")
    for name, kind in _MANUAL_ATTRIBUTES.items():
        p.expect(name)
        p.expect("=")
        parts.attributes[name] = kind.parse(p, True)
    p.expect("(")
    arguments = p.comma_list(p.typed_name, ")")
    parts.regions = [p.region(arguments, isolated=True)]
    parts.attributes.update(p.attr_dict())
    p.expect(":")
    function = p.function_type()
    parts.operand_types, parts.result_types = list(function.inputs), list(function.outputs)
    return parts


_MANUAL_ATTRIBUTES = {
    "in_shardings": SHARDINGS,
    "out_shardings": SHARDINGS,
    "manual_axes": MANUAL_AXES,
}


def _same(types: Sequence[Type], attributes: dict[str, Any], regions: Any) -> list[Type]:
    return [types[0]]


define(
    "sdy.mesh",
    attributes={"sym_name": SYMBOL_NAME, "mesh": MESH},
    infer=lambda types, attributes, regions: [],
    form="$sym_name = $mesh {}",
    verify=_verify_mesh,
    traits="symbol",
)
define(
    "sdy.sharding_constraint",
    "input",
    attributes={"sharding": SHARDING},
    infer=_same,
    form="%input $sharding {} :same",
    verify=_verify_constraint,
)
define(
    MANUAL,
    "tensors*",
    attributes=dict(_MANUAL_ATTRIBUTES),
    form=Custom(_print_manual, _parse_manual),
    verify=_verify_manual,
    traits="isolated",
    regions=1,
)
terminator("sdy.return")
