"""Shardings as data: which axes of a mesh of devices split which dimensions of a tensor.

Chapter: ir/mlir.
Sources: Shardy, "Sharding Representation" and "SDY dialect" (openxla.org/shardy).
Real: `MeshAttr`, `AxisRefAttr`, `DimensionShardingAttr`, `TensorShardingAttr` of Shardy.

    mesh     `<["x"=2, "y"=4]>`: named axes and their sizes; `device_ids` when not 0, 1, 2 …
    axis     `"y"`, or a part of one: `"y":(2)2` has size 2 and steps over 2
    dim      `{"x", ?}p1`: the axes, major first; `?` is open to more; p1 its priority
    sharding `<@mesh, [dims], replicated={…}, unreduced={…}>`
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from minidl.ir.mlir.attributes import Symbol
from minidl.ir.text.kinds import Kind
from minidl.ir.text.lexer import quote


@dataclass(frozen=True, slots=True)
class Mesh:
    axes: tuple[tuple[str, int], ...] = ()
    device_ids: tuple[int, ...] = ()

    def __str__(self) -> str:
        axes = ", ".join(f"{quote(name)}={size}" for name, size in self.axes)
        ids = f", device_ids=[{', '.join(map(str, self.device_ids))}]" if self.device_ids else ""
        return f"<[{axes}]{ids}>"

    @property
    def sizes(self) -> dict[str, int]:
        return dict(self.axes)

    @property
    def is_maximal(self) -> bool:
        """No axes, one device: that device has the whole tensor."""
        return not self.axes and len(self.device_ids) == 1


@dataclass(frozen=True, slots=True)
class AxisRef:
    """A whole axis (`size` 0), or the part of it behind the first `pre`."""

    name: str
    pre: int = 1
    size: int = 0

    def __str__(self) -> str:
        return quote(self.name) + (f":({self.pre}){self.size}" if self.size else "")

    def range(self, full: int) -> tuple[int, int]:
        """Where the part begins and ends in an axis of that size."""
        return (self.pre, self.pre * self.size) if self.size else (1, full)


@dataclass(frozen=True, slots=True)
class Dim:
    axes: tuple[AxisRef, ...] = ()
    is_open: bool = False
    priority: int | None = None

    def __str__(self) -> str:
        inside = [*map(str, self.axes), *("?" * self.is_open)]
        return f"{{{', '.join(inside)}}}{'' if self.priority is None else f'p{self.priority}'}"


@dataclass(frozen=True, slots=True)
class Sharding:
    mesh: Symbol | Mesh
    dims: tuple[Dim, ...] = ()
    replicated: tuple[AxisRef, ...] = ()
    unreduced: tuple[AxisRef, ...] = ()

    def __str__(self) -> str:
        mesh = self.mesh if isinstance(self.mesh, Symbol) else f"mesh{self.mesh}"
        text = f"<{mesh}, [{', '.join(map(str, self.dims))}]"
        for name in SETS:
            if axes := getattr(self, name):
                text += f", {name}={{{', '.join(map(str, axes))}}}"
        return text + ">"

    @property
    def axes(self) -> Iterator[AxisRef]:
        """All that are mentioned."""
        for dim in self.dims:
            yield from dim.axes
        yield from self.replicated
        yield from self.unreduced


MAX_PRIORITY = 20  # characters: `p` and what fits 64 bits
SETS = ("replicated", "unreduced")


# -- from text -----------------------------------------------------------------------------


def _mesh(p: Any) -> Mesh:
    p.expect("<")
    p.expect("[")
    axes = tuple(p.comma_list(lambda: _sized_axis(p), "]"))
    ids: tuple[int, ...] = ()
    if p.accept(","):
        _words(p, "device_ids", "=", "[")
        ids = _some(p, p.integer, "]")
    p.expect(">")
    plain = bool(axes) and prod(size for _, size in axes) == len(ids) and ids == (*range(len(ids)),)
    return Mesh(axes, () if plain else ids)


def _some(p: Any, item: Callable[[], Any], end: str) -> tuple[Any, ...]:
    """A list that is written where it is not empty."""
    if p.at(end):
        raise p.error("this list is left out when it is empty")
    return tuple(p.comma_list(item, end))


def _words(p: Any, *words: str) -> None:
    for word in words:
        p.expect(word)


def _sized_axis(p: Any) -> tuple[str, int]:
    name = p.string()
    p.expect("=")
    return name, p.integer()


def _axis(p: Any) -> AxisRef:
    name = p.string()
    if not p.accept(":"):
        return AxisRef(name)
    p.expect("(")
    pre = p.integer()
    p.expect(")")
    at = p.at_
    size = p.integer()
    if size < 1 or pre < 1:
        raise p.error("a part of an axis has a size, and steps over one, of at least 1", at)
    return AxisRef(name, pre, size)


def _dim(p: Any) -> Dim:
    p.expect("{")
    found = p.comma_list(lambda: None if p.accept("?") else _axis(p), "}")
    if None in found[:-1]:
        raise p.error("`?` stands last: more axes may come after those that are there", p.at_ - 1)
    axes = tuple(axis for axis in found if axis)
    word = p.words[p.at_]
    has_priority = word[:1] == "p" and word[1:].isdigit() and len(word) < MAX_PRIORITY
    if has_priority:
        p.at_ += 1
    return Dim(axes, None in found, int(word[1:]) if has_priority else None)


def _sharding(p: Any) -> Sharding:
    p.expect("<")
    mesh = _mesh(p) if p.accept("mesh") else p.symbols()
    _words(p, ",", "[")
    dims = tuple(p.comma_list(lambda: _dim(p), "]"))
    sets: dict[str, tuple[AxisRef, ...]] = {}
    while p.accept(","):
        at = p.at_
        name = p.word()
        if name not in SETS or name in sets:
            raise p.error(f"expected {' or '.join(SETS)}, each once", at)
        p.expect("=")
        p.expect("{")
        sets[name] = _some(p, lambda: _axis(p), "}")
    p.expect(">")
    return Sharding(mesh, dims, **sets)


def _shardings(p: Any) -> tuple[Sharding, ...]:
    p.expect("[")
    return tuple(p.comma_list(lambda: _sharding(p), "]"))


def _names(p: Any) -> tuple[str, ...]:
    p.expect("{")
    return tuple(p.comma_list(p.string, "}"))


def _kind(mnemonic: str, text: Any, read: Any, around: tuple[str, ...]) -> Kind:
    """Bare in the pretty form; `#sdy.mnemonic` and perhaps brackets in the generic one."""
    before, after = around[:-1], around[-1]

    def parse(p: Any, pretty: bool) -> Any:
        if pretty and p.words[p.at_] != before[0]:
            return read(p)
        _words(p, *before)
        value = read(p)
        if after:
            p.expect(after)
        return value

    def write(value: Any, pretty: bool) -> str:
        return text(value) if pretty else f"{''.join(before)}{text(value)}{after}"

    return Kind(mnemonic, write, parse)


def _shardings_text(values: Sequence[Sharding]) -> str:
    return f"[{', '.join(map(str, values))}]"


def _names_text(names: Sequence[str]) -> str:
    return f"{{{', '.join(map(quote, names))}}}"


MESH = _kind("mesh", str, _mesh, ("#sdy.mesh", ""))
SHARDING = _kind("sharding", str, _sharding, ("#sdy.sharding", ""))
SHARDINGS = _kind("shardings", _shardings_text, _shardings, ("#sdy.sharding_per_value", "<", ">"))
MANUAL_AXES = _kind("manual axes", _names_text, _names, ("#sdy", "<", "manual_axes", ">"))
SYMBOL_NAME = Kind(
    "symbol name",
    lambda v, pretty: str(Symbol(v)) if pretty else quote(v),
    lambda p, pretty: p.symbol() if pretty else p.string(),
)
