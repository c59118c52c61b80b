"""Trees: flatten and back, paths, prefixes."""

from __future__ import annotations

from collections import namedtuple
from dataclasses import dataclass

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl.core.errors import TraceError
from minidl.xla.frontend.trees import (
    broadcast_prefix,
    flatten,
    paths,
    skeleton,
    tree_map,
    unflatten,
)

Point = namedtuple("Point", "x y")


@dataclass(frozen=True)
class State:
    count: int
    inner: dict


trees = st.recursive(
    st.integers() | st.none(),
    lambda children: (
        st.lists(children, max_size=3)
        | st.tuples(children, children)
        | st.dictionaries(st.text("abc", min_size=1, max_size=2), children, max_size=3)
        | st.builds(Point, children, children)
    ),
    max_leaves=12,
)


@given(trees)
def test_unflatten_undoes_flatten(tree):
    leaves, treedef = flatten(tree)
    assert unflatten(treedef, leaves) == tree
    assert len(leaves) == treedef.count == len(paths(treedef))


@given(trees)
def test_leaves_come_in_the_order_of_jax(tree):
    assert flatten(tree)[0] == jax.tree.leaves(tree)


@given(trees, trees)
def test_the_cache_key_tells_nestings_apart(a, b):
    keys, kept = [], []
    for tree in (a, b):
        leaves = []
        keys.append(skeleton(tree, leaves))
        kept.append(leaves)
    assert kept == [flatten(a)[0], flatten(b)[0]]
    assert (hash(keys[0]) == hash(keys[1])) or keys[0] != keys[1]
    assert (keys[0] == keys[1]) == (flatten(a)[1] == flatten(b)[1])


def test_a_frozen_dataclass_is_a_tree():
    state = State(3, {"b": 1, "a": 2})
    leaves, treedef = flatten(state)
    assert leaves == [3, 2, 1]
    assert unflatten(treedef, leaves) == state
    assert paths(treedef, "s") == ["s.count", "s.inner['a']", "s.inner['b']"]


def test_paths_are_how_python_reaches_a_leaf():
    tree = ({"w": [1, 2]}, Point(3, None))
    assert paths(flatten(tree)[1], "p") == ["p[0]['w'][0]", "p[0]['w'][1]", "p[1].x"]


def test_map_wants_trees_of_one_shape():
    assert tree_map(np.add, {"a": 1}, {"a": 2}) == {"a": 3}
    with pytest.raises(TraceError, match="do not nest alike"):
        tree_map(np.add, {"a": 1}, {"b": 2})


def test_keys_that_cannot_be_sorted_are_refused():
    with pytest.raises(TraceError, match="keys that can be sorted"):
        flatten({1: 0, "a": 0})


def test_a_prefix_stands_for_all_leaves_below():
    treedef = flatten(([1, 2], 3))[1]
    assert broadcast_prefix((0, None), treedef, "axes") == [0, 0, None]
