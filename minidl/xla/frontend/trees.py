"""Trees: nested Python containers with arrays at the leaves.

Chapter: xla/frontend.
Sources: JAX documentation, "Pytrees".
Real JAX: `jax.tree_util`, in C++, with a registry for classes of the user.

    containers   tuple, list, dict (by sorted key), named tuple, frozen dataclass
    None         a container without children
    leaf         everything else
    TreeDef      the nesting with the leaves taken out: hashable, equal by structure
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl.core.errors import TraceError


@dataclass(frozen=True, slots=True)
class TreeDef:
    """kind: the container's type, or None for a leaf; keys: how its children are reached."""

    kind: type | None
    keys: tuple[Any, ...] = ()
    children: tuple[TreeDef, ...] = ()

    @property
    def count(self) -> int:
        """The number of leaves."""
        return 1 if self.kind is None else sum(child.count for child in self.children)

    def __str__(self) -> str:
        return repr(unflatten(self, [_Star()] * self.count))


class _Star:
    def __repr__(self) -> str:
        return "*"


LEAF = TreeDef(None)


def _children(x: Any) -> tuple[tuple[Any, ...], list[Any]] | None:
    """The keys and children of a container; None for a leaf."""
    if x is None:
        return (), []
    if isinstance(x, dict):
        keys = _sorted_keys(x)
        return keys, [x[k] for k in keys]
    if isinstance(x, (tuple, list)):
        keys = getattr(x, "_fields", None) or tuple(range(len(x)))
        return keys, list(x)
    if dataclasses.is_dataclass(x) and not isinstance(x, type) and _frozen(x):
        keys = tuple(f.name for f in dataclasses.fields(x))
        return keys, [getattr(x, k) for k in keys]
    return None


def _sorted_keys(x: dict[Any, Any]) -> tuple[Any, ...]:
    try:
        return tuple(sorted(x))
    except TypeError:
        raise TraceError(
            f"a dict used as a tree needs keys that can be sorted, got {list(x)[:4]}",
            hint="use keys of one type, such as strings",
        ) from None


def _frozen(x: Any) -> bool:
    params: Any = getattr(type(x), "__dataclass_params__", None)
    return bool(params and params.frozen)


def flatten(tree: Any) -> tuple[list[Any], TreeDef]:
    """The leaves from left to right, and the nesting."""
    leaves: list[Any] = []
    return leaves, _flatten(tree, leaves)


def _flatten(x: Any, leaves: list[Any]) -> TreeDef:
    found = _children(x)
    if found is None:
        leaves.append(x)
        return LEAF
    keys, children = found
    return TreeDef(type(x), keys, tuple(_flatten(child, leaves) for child in children))


def skeleton(x: Any, leaves: list[Any]) -> Any:
    """`flatten` for a cache: leaves are collected, the answer is a plain hashable key.

    Equal keys mean equal nesting, and equal shapes and dtypes of arrays.
    """
    kind = type(x)
    if kind is np.ndarray:
        leaves.append(x)
        return x.shape, x.dtype
    if kind is tuple or kind is list:
        return kind, tuple([skeleton(child, leaves) for child in x])
    found = _children(x)
    if found is None:
        leaves.append(x)
        return (kind, x.shape, x.dtype) if hasattr(x, "shape") else kind
    keys, children = found
    return kind, keys, tuple([skeleton(child, leaves) for child in children])


def unflatten(treedef: TreeDef, leaves: Any) -> Any:
    """The tree with these leaves put back."""
    return _unflatten(treedef, iter(leaves))


def _unflatten(treedef: TreeDef, leaves: Iterator[Any]) -> Any:
    kind = treedef.kind
    if kind is None:
        return next(leaves)
    if kind is type(None):
        return None
    children = [_unflatten(child, leaves) for child in treedef.children]
    if issubclass(kind, defaultdict):  # its factory is no part of the nesting
        return defaultdict(None, zip(treedef.keys, children, strict=True))
    if issubclass(kind, dict):
        return kind(zip(treedef.keys, children, strict=True))
    if issubclass(kind, (tuple, list)) and not hasattr(kind, "_fields"):
        return kind(children)
    return kind(**dict(zip(treedef.keys, children, strict=True)))


def paths(treedef: TreeDef, root: str = "") -> list[str]:
    """How Python reaches each leaf from `root`: `params['w'][0]`, `state.count`."""
    if treedef.kind is None:
        return [root]
    by_name = hasattr(treedef.kind, "_fields") or dataclasses.is_dataclass(treedef.kind)
    out = []
    for key, child in zip(treedef.keys, treedef.children, strict=True):
        out += paths(child, f"{root}.{key}" if by_name else f"{root}[{key!r}]")
    return out


def tree_map(f: Callable[..., Any], tree: Any, *rest: Any) -> Any:
    """`f` at each leaf; the trees in `rest` must have the same nesting."""
    leaves, treedef = flatten(tree)
    columns = [leaves]
    for other in rest:
        others, other_def = flatten(other)
        if other_def != treedef:
            raise TraceError(
                f"the trees do not nest alike: {treedef} and {other_def}",
                hint="give trees of one structure, leaf for leaf",
            )
        columns.append(others)
    return unflatten(treedef, [f(*xs) for xs in zip(*columns, strict=True)])


def broadcast_prefix(prefix: Any, treedef: TreeDef, what: str) -> list[Any]:
    """A leaf of `prefix` (None counts as one) for each leaf below it in the tree."""
    if treedef.kind is None or prefix is None or not isinstance(prefix, (tuple, list, dict)):
        return [prefix] * treedef.count
    _, children = _children(prefix) or ((), [])
    if len(children) != len(treedef.children):
        raise TraceError(f"{what} {prefix!r} does not fit the tree {treedef}")
    return [
        leaf
        for one, child in zip(children, treedef.children, strict=True)
        for leaf in broadcast_prefix(one, child, what)
    ]
