"""jit: trace once for each kind of argument, compile, keep, and say why it compiled again.

Chapter: xla/frontend.
Sources: JAX documentation, "Just-in-time compilation".
Real JAX: `pjit.py`, with a C++ cache in front (`jax._src.lib.pjit`).

A kept program is found by: the nesting of the arguments, each leaf's shape, dtype and
weak type, and the static values.  Arrays the function closes over are read when it is
traced, as JAX's constants are: changing one later changes nothing.
"""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl.core.errors import TraceError
from minidl.ir.module import Module
from minidl.xla.compiler import compile_module
from minidl.xla.frontend.bind import tracing
from minidl.xla.frontend.spans import here
from minidl.xla.frontend.trace import (
    Aval,
    argument_paths,
    aval_of,
    concrete,
    name_of,
    trace_flat,
)
from minidl.xla.frontend.trees import TreeDef, flatten, unflatten


@dataclass(frozen=True, slots=True)
class Program:
    """One compiled kind of call: `run(*leaves, *hidden)` gives the output leaves."""

    module: Module
    hidden: tuple[Any, ...]
    out_tree: TreeDef
    run: Callable[..., Sequence[Any]]


@dataclass(frozen=True, slots=True)
class _Call:
    """What a program is found by."""

    tree: TreeDef
    kinds: tuple[Any, ...]  # (shape, dtype) of an array, the class of a Python number
    static: tuple[tuple[str, Any], ...]


def _kind(x: Any) -> Any:
    return (x.shape, x.dtype) if type(x) is np.ndarray else type(x)


class Jitted:
    """A function that compiles itself at its first call with each kind of arguments.

    compiles   one line a compilation: why it happened
    lower      the module, traced at example arguments, not run
    """

    def __init__(
        self,
        f: Callable[..., Any],
        static_argnums: int | Sequence[int] = (),
        static_argnames: str | Sequence[str] = (),
        donate_argnums: int | Sequence[int] = (),
        explain: bool = False,
    ) -> None:
        functools.update_wrapper(self, f)
        self.f, self.explain = f, explain
        self.compiles: list[str] = []
        self.static = {*_several(static_argnums, int), *_several(static_argnames, str)}
        self.donated = frozenset(_several(donate_argnums, int))
        self.names = _parameters(f)
        self._programs: dict[_Call, Program] = {}
        self._last: tuple[_Call, list[str], list[Aval]] | None = None
        self._lock = threading.Lock()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if tracing():
            return self.f(*args, **kwargs)
        leaves, call, bound = self._bind(args, kwargs)
        program = self._programs.get(call)
        if program is None:
            with self._lock:
                program = self._programs.get(call) or self._compile_for(call, leaves, bound)
        outs = program.run(*map(concrete, leaves), *program.hidden)
        return unflatten(program.out_tree, outs)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def __repr__(self) -> str:
        return f"<jit of {name_of(self.f)}, {len(self._programs)} programs>"

    def lower(self, *args: Any, **kwargs: Any) -> Module:
        """The StableHLO module for these arguments."""
        leaves, call, bound = self._bind(args, kwargs)
        return self._trace(call, self._avals(leaves, bound), bound)[0]

    def clear(self) -> None:
        """Forget all programs."""
        self._programs.clear()

    def _bind(self, args: Any, kwargs: Any) -> tuple[list[Any], _Call, Any]:
        """Leaves and key; static arguments are taken out and None put in their place."""
        static: tuple[tuple[str, Any], ...] = ()
        if self.static:
            args, kwargs, static = self._take_static(args, kwargs)
        leaves, tree = flatten((args, kwargs))
        return leaves, _Call(tree, tuple(map(_kind, leaves)), static), (args, kwargs, static)

    def _take_static(self, args: Any, kwargs: Any) -> Any:
        args, kwargs, static = list(args), dict(kwargs), []
        for i in range(len(args)):
            name = self.names[i] if i < len(self.names) else f"argument {i}"
            if i in self.static or i - len(args) in self.static or name in self.static:
                static.append((name, _hashable(name, args[i])))
                args[i] = None
        for name in [n for n in kwargs if n in self.static]:
            static.append((name, _hashable(name, kwargs.pop(name))))
        return tuple(args), kwargs, tuple(static)

    def _avals(self, leaves: list[Any], bound: Any) -> list[Aval]:
        where = argument_paths(self.f, bound[0], bound[1])
        return [aval_of(x, path) for x, path in zip(leaves, where, strict=True)]

    def _trace(self, call: _Call, avals: list[Aval], bound: Any) -> tuple[Module, TreeDef, Any]:
        static, hidden = dict(bound[2]), []  # type: ignore[var-annotated]

        @functools.wraps(self.f, updated=())
        def with_static(*args: Any, **kwargs: Any) -> Any:
            left = dict(static)
            full = [
                left.pop(name) if x is None and (name := self._name(i)) in left else x
                for i, x in enumerate(args)
            ]
            return self.f(*full, **kwargs, **left)

        module, out_tree = trace_flat(with_static, call.tree, avals, hidden)
        return module, out_tree, tuple(hidden)

    def _name(self, i: int) -> str:
        return self.names[i] if i < len(self.names) else f"argument {i}"

    def _compile_for(self, call: _Call, leaves: list[Any], bound: Any) -> Program:
        avals = self._avals(leaves, bound)
        where = argument_paths(self.f, bound[0], bound[1])
        module, out_tree, hidden = self._trace(call, avals, bound)
        run = _compile(module, self._donated_leaves(bound[0]))
        program = Program(module, hidden, out_tree, run)
        self._programs[call] = program
        reason = _reason(self._last, call, where, avals)
        self._last = call, where, avals
        self.compiles.append(reason)
        if self.explain:
            print(f"jit compiles {name_of(self.f)}: {reason}")
        return program

    def _donated_leaves(self, args: Sequence[Any]) -> tuple[int, ...]:
        """The numbers of the leaves of donated arguments."""
        out: list[int] = []
        at = 0
        for i, x in enumerate(args):
            count = len(flatten(x)[0])
            out += range(at, at + count) if i in self.donated else []
            at += count
        return tuple(out)


def _compile(module: Module, donated: tuple[int, ...]) -> Callable[..., Sequence[Any]]:
    """Donated arguments are accepted and, so far, not written over."""
    executable = compile_module(module)
    return lambda *arrays: executable.run_flat(arrays)


def _parameters(f: Callable[..., Any]) -> list[str]:
    try:
        return list(inspect.signature(f).parameters)
    except (TypeError, ValueError):
        return []


def _several(x: Any, one: type) -> tuple[Any, ...]:
    return (x,) if isinstance(x, one) else tuple(x)


def _hashable(name: str, x: Any) -> Any:
    try:
        hash(x)
    except TypeError:
        raise here(
            TraceError,
            f"static argument {name} is a {type(x).__name__}, which cannot be hashed",
            hint="static arguments are kept as keys: use numbers, strings, tuples; or trace it",
        ) from None
    return x


def _spell(aval: Aval) -> str:
    type_, weak = aval
    return f"{type_.element}{list(type_.dims)}".replace(" ", "") + (" weak" if weak else "")


def _reason(last: Any, call: _Call, where: list[str], avals: list[Aval]) -> str:
    """What differs from the last program compiled, argument by argument."""
    if last is None:
        return "first call"
    old, old_where, old_avals = last
    changes = [
        f"{name}: {dict(old.static).get(name)!r} → {value!r} (static)"
        for name, value in call.static
        if dict(old.static).get(name) != value
    ]
    if where != old_where:
        changes.append(f"the nesting of arguments: {old.tree} → {call.tree}")
    else:
        changes += [
            f"{path}: {_spell(a)} → {_spell(b)}"
            for path, a, b in zip(where, old_avals, avals, strict=True)
            if a != b
        ]
    return "; ".join(changes) or "the kinds of arguments: an earlier program was for others"


def jit(
    f: Callable[..., Any] | None = None,
    *,
    static_argnums: int | Sequence[int] = (),
    static_argnames: str | Sequence[str] = (),
    donate_argnums: int | Sequence[int] = (),
    explain: bool = False,
) -> Any:
    """f, compiled at its first call with each nesting, shape, dtype and static value.

    static_argnums, static_argnames   arguments that stay Python values (part of the key)
    donate_argnums                    arguments whose memory the outputs may take
    explain                           print why whenever it compiles
    Arrays it closes over are read when it is traced; pass what changes as an argument.
    """
    options: dict[str, Any] = {
        "static_argnums": static_argnums,
        "static_argnames": static_argnames,
        "donate_argnums": donate_argnums,
        "explain": explain,
    }
    return functools.partial(jit, **options) if f is None else Jitted(f, **options)


__all__ = ["Jitted", "jit"]
