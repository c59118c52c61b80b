"""Whole Jacobians: jacfwd by columns, jacrev by rows, hessian one over the other.

Chapter: autodiff/jacobians.
Sources: JAX documentation, "The Autodiff Cookbook"; names and conventions are JAX's.
Real JAX: `jax._src.api.jacfwd`, `jacrev`, which also push a standard basis through vmap.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from minidl.autodiff.api import argument, check_floats, linearize, numbers_of, vjp
from minidl.autodiff.batch import vmap
from minidl.ir.mlir.types import TensorType
from minidl.numpy import creation
from minidl.xla.frontend import lax
from minidl.xla.frontend.trace import aval_of, callable_, run
from minidl.xla.frontend.trees import flatten, tree_map, unflatten

Array = Any
Fun = Callable[..., Any]


def _basis(tree: Any) -> tuple[list[Array], list[TensorType]]:
    """For each leaf the standard basis of the whole tree: [total, *shape of the leaf]."""
    leaves, _ = flatten(tree)
    types = [aval_of(x)[0] for x in leaves]
    total = sum(t.size for t in types)
    out, at = [], 0
    for t in types:
        square = creation.eye(total, dtype=t.element)
        part = lax.slice_(square, [0, at], [total, at + t.size])
        out.append(lax.reshape(part, (total, *t.dims)))
        at += t.size
    return out, types


def jacfwd(f: Fun, argnums: int | Sequence[int] = 0) -> Fun:
    """The Jacobian column by column: one jvp for each input element, batched.

    argnums   one argument, or several: their Jacobians in a tuple
    """
    callable_("jacfwd", f)

    def call(*args: Any) -> Any:
        def transformed(x: Any) -> Any:
            _, push = linearize(_only(f, args, argnums), x)
            basis, types = _basis(x)
            tree = flatten(x)[1]
            rows = vmap(lambda ts: push(unflatten(tree, ts)))(basis)

            def leaf(columns: Array) -> Any:
                # [inputs, *out] → for each input leaf [*out, *in]
                moved = lax.transpose(columns, [*range(1, columns.ndim), 0])
                return unflatten(tree, _cut(moved, types, columns.shape[1:]))

            return tree_map(leaf, rows)

        return run(transformed, _chosen(f, args, argnums))

    return call


def _cut(moved: Array, types: Sequence[TensorType], lead: tuple[int, ...]) -> list[Array]:
    """[*lead, total] cut along its last axis into the leaves' shapes."""
    out, at = [], 0
    for t in types:
        low = [0] * len(lead) + [at]
        part = lax.slice_(moved, low, [*lead, at + t.size])
        out.append(lax.reshape(part, (*lead, *t.dims)))
        at += t.size
    return out


def jacrev(f: Fun, argnums: int | Sequence[int] = 0) -> Fun:
    """The Jacobian row by row: one vjp for each output element, batched.

    argnums   one argument, or several: their Jacobians in a tuple
    """
    callable_("jacrev", f)

    def call(*args: Any) -> Any:
        def transformed(x: Any) -> Any:
            out, back = vjp(_only(f, args, argnums), x)
            basis, types = _basis(out)
            out_tree = flatten(out)[1]
            (rows,) = vmap(lambda cts: back(unflatten(out_tree, cts)))(basis)
            leaves, in_tree = flatten(rows)
            columns = [_rows(leaf, types) for leaf in leaves]
            by_out = [unflatten(in_tree, [c[k] for c in columns]) for k in range(len(types))]
            return unflatten(out_tree, by_out)

        return run(transformed, _chosen(f, args, argnums))

    return call


def _rows(leaf: Array, types: Sequence[TensorType]) -> list[Array]:
    """[total, *in] cut along its first axis into [*out, *in] for each output leaf."""
    out, at, rest = [], 0, leaf.shape[1:]
    for t in types:
        part = lax.slice_(leaf, [at] + [0] * len(rest), [at + t.size, *rest])
        out.append(lax.reshape(part, (*t.dims, *rest)))
        at += t.size
    return out


def _chosen(f: Fun, args: Sequence[Any], argnums: int | Sequence[int]) -> Any:
    """The argument, or the tuple of arguments, that f is differentiated by."""
    numbers, several = numbers_of(f, argnums)
    found = [argument(f, args, i) for i in numbers]
    for i, x in zip(numbers, found, strict=True):
        check_floats(f, x, i)
    return tuple(found) if several else found[0]


def _only(f: Fun, args: Sequence[Any], argnums: int | Sequence[int]) -> Fun:
    """f as a function of the chosen argument, or of the tuple of them."""
    numbers, several = numbers_of(f, argnums)

    @functools.wraps(f, updated=())
    def of_chosen(x: Any) -> Any:
        full = list(args)
        for i, one in zip(numbers, x if several else (x,), strict=True):
            full[i] = one
        return f(*full)

    return of_chosen


def hessian(f: Fun, argnums: int | Sequence[int] = 0) -> Fun:
    """Second derivatives: forward over reverse."""
    return jacfwd(jacrev(f, argnums), argnums)
