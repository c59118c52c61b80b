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
from math import inf
from typing import Any

import numpy as np

from minidl.core.errors import TraceError
from minidl.ir.mlir.module import Module
from minidl.xla.compiler import compile_module
from minidl.xla.frontend.bind import native, tracing
from minidl.xla.frontend.spans import here
from minidl.xla.frontend.trace import (
    Aval,
    argument_paths,
    aval_of,
    callable_,
    concrete,
    name_of,
    trace_flat,
)
from minidl.xla.frontend.trees import TreeDef, flatten, skeleton, unflatten

Static = tuple[tuple[str, type, Any], ...]  # name, class, value


@dataclass(frozen=True, slots=True)
class Program:
    """One compiled kind of call: `run(*leaves, *hidden)` gives the output leaves."""

    module: Module
    hidden: tuple[Any, ...]
    out_tree: TreeDef
    run: Callable[..., Sequence[Any]]


@dataclass(frozen=True, slots=True)
class _Call:
    """One call as the tracer sees it: nesting, the leaves' paths and types, static values."""

    tree: TreeDef
    where: list[str]
    avals: list[Aval]
    static: dict[str, Any]


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
        callable_("jit", f)
        functools.update_wrapper(self, f)
        self.f, self.explain = f, explain
        self.compiles: list[str] = []
        self.static = frozenset(_several(static_argnums, int) + _several(static_argnames, str))
        self.donated = frozenset(_several(donate_argnums, int))
        self.names = _parameters(f)
        _exist(f, self.static | self.donated)
        self._programs: dict[Any, Program] = {}
        self._last: _Call | None = None
        self._lock = threading.Lock()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if tracing():
            return self.f(*args, **kwargs)
        static: Static = ()
        if self.static:
            args, kwargs, static = self._take_static(args, kwargs)
        leaves: list[Any] = []
        key = skeleton((args, kwargs), leaves), static
        program = self._programs.get(key)
        if program is None:
            with self._lock:
                program = self._programs.get(key) or self._compile_for(key, args, kwargs, static)
        arrays = [x if type(x) is np.ndarray else concrete(x) for x in leaves]
        return unflatten(program.out_tree, program.run(*arrays, *program.hidden))

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def __repr__(self) -> str:
        return f"<jit of {name_of(self.f)}, {len(self._programs)} programs>"

    def lower(self, *args: Any, **kwargs: Any) -> Module:
        """The StableHLO module for these arguments."""
        args, kwargs, static = self._take_static(args, kwargs)
        return self._trace(self._call(args, kwargs, static))[0]

    def clear(self) -> None:
        """Forget all programs."""
        self._programs.clear()

    def _take_static(self, args: Any, kwargs: Any) -> Any:
        args, kwargs, static = list(args), dict(kwargs), []
        for i in range(len(args)):
            name = self.names[i] if i < len(self.names) else f"argument {i}"
            if i in self.static or i - len(args) in self.static or name in self.static:
                static.append((name, type(args[i]), _hashable(name, args[i])))
                args[i] = None
        for name in [n for n in kwargs if n in self.static]:
            value = kwargs.pop(name)
            static.append((name, type(value), _hashable(name, value)))
        return tuple(args), kwargs, tuple(static)

    def _call(self, args: Any, kwargs: Any, static: Static) -> _Call:
        """What one call looks like to the tracer, leaf by leaf."""
        leaves, tree = flatten((args, kwargs))
        where = argument_paths(self.f, args, kwargs)
        avals = [aval_of(x, path) for x, path in zip(leaves, where, strict=True)]
        return _Call(tree, where, avals, {name: value for name, _, value in static})

    def _trace(self, call: _Call) -> tuple[Module, TreeDef, tuple[Any, ...]]:
        hidden: list[Any] = []

        @functools.wraps(self.f, updated=())
        def with_static(*args: Any, **kwargs: Any) -> Any:
            left = dict(call.static)
            full = [
                left.pop(name) if x is None and (name := self._name(i)) in left else x
                for i, x in enumerate(args)
            ]
            return self.f(*full, **kwargs, **left)

        module, out_tree = trace_flat(with_static, call.tree, call.avals, hidden)
        return module, out_tree, tuple(hidden)

    def _name(self, i: int) -> str:
        return self.names[i] if i < len(self.names) else f"argument {i}"

    def _compile_for(self, key: Any, args: Any, kwargs: Any, static: Static) -> Program:
        call = self._call(args, kwargs, static)
        module, out_tree, hidden = self._trace(call)
        run = _compile(module, self._donated_leaves(args))
        if not all(native(x) is x for x in flatten((args, kwargs))[0] if type(x) is np.ndarray):
            run = _in_this_byte_order(run)
        program = self._programs[key] = Program(module, hidden, out_tree, run)
        reason = _reason(self._last, call)
        self._last = call
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


def _in_this_byte_order(run: Callable[..., Sequence[Any]]) -> Callable[..., Sequence[Any]]:
    return lambda *arrays: run(*map(concrete, arrays))


def _parameters(f: Callable[..., Any]) -> list[str]:
    try:
        return list(inspect.signature(f).parameters)
    except (TypeError, ValueError):
        return []


def _exist(f: Callable[..., Any], chosen: frozenset[Any]) -> None:
    """Refuse numbers and names that no parameter of f has."""
    try:
        parameters = inspect.signature(f).parameters
    except (TypeError, ValueError):
        return
    kinds = {p.kind for p in parameters.values()}
    n = inf if inspect.Parameter.VAR_POSITIONAL in kinds else len(parameters)
    for c in chosen:
        named = c in parameters or inspect.Parameter.VAR_KEYWORD in kinds
        if not (named if isinstance(c, str) else -n <= c < n):
            raise here(
                TraceError,
                f"jit of {name_of(f)}: there is no argument {c!r} among {tuple(parameters)}",
                hint="static_argnums and donate_argnums count from 0; static_argnames are names",
            )


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


def _reason(old: _Call | None, new: _Call) -> str:
    """What differs from the last program compiled, argument by argument."""
    if old is None:
        return "first call"
    changes = [
        f"{name}: {old.static.get(name)!r} → {value!r} (static)"
        for name, value in new.static.items()
        if (type(old.static.get(name)), old.static.get(name)) != (type(value), value)
    ]
    if new.where != old.where:
        changes.append(f"the nesting of arguments: {old.tree} → {new.tree}")
    else:
        changes += [
            f"{path}: {_spell(a)} → {_spell(b)}"
            for path, a, b in zip(new.where, old.avals, new.avals, strict=True)
            if a != b
        ]
    return "; ".join(changes) or "the nesting of arguments, in its Python types"


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
