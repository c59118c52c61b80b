"""Kinds of dimension numbers: how gather, scatter, convolution and padding are written.

Chapter: ir/dimension_numbers.
Sources: StableHLO's attributes `#stablehlo.gather`, `.scatter`, `.conv`; their printers
in StablehloOps.cpp (`printConvolutionDimensions`, `printWindowAttributes`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl.ir.dimension_numbers import ConvDims, GatherDims, ScatterDims
from minidl.ir.mlir.attributes import Dense
from minidl.ir.text.kinds import Kind
from minidl.ir.text.printer import dense_text


def _struct_kind(mnemonic: str, make: Any) -> Kind:
    """`#stablehlo.gather<offset_dims = [1], …>`: fields that are empty or 0 are left out."""
    fields = {name: name for name in make.__dataclass_fields__}

    def text(v: Any, pretty: bool) -> str:
        items = [(name, getattr(v, name)) for name in fields]
        parts = [f"{name} = {list(x) if isinstance(x, tuple) else x}" for name, x in items if x]
        return f"#stablehlo.{mnemonic}<{', '.join(parts)}>"

    def parse(p: Any, pretty: bool) -> Any:
        at = p.at_
        read = p.struct("stablehlo", mnemonic, fields)
        for name, value in read.items():
            if isinstance(value, int) != (name == "index_vector_dim"):
                raise p.error(f"{name} of {mnemonic} must be {_shape_of(name)}", at)
        return make(**read)

    return Kind(mnemonic, text, parse)


def _shape_of(name: str) -> str:
    return "an integer" if name == "index_vector_dim" else "a list"


# -- convolution -----------------------------------------------------------------------

_RAW = {
    "input_batch_dimension": "input_batch",
    "input_feature_dimension": "input_feature",
    "input_spatial_dimensions": "input_spatial",
    "kernel_input_feature_dimension": "kernel_input_feature",
    "kernel_output_feature_dimension": "kernel_output_feature",
    "kernel_spatial_dimensions": "kernel_spatial",
    "output_batch_dimension": "output_batch",
    "output_feature_dimension": "output_feature",
    "output_spatial_dimensions": "output_spatial",
}


def _conv_text(v: ConvDims, pretty: bool) -> str:
    lhs, rhs, out = (f"[{', '.join(letters)}]" for letters in v.letters())
    return f"{lhs}x{rhs}->{out}" if pretty else f"#stablehlo.conv<{lhs}x{rhs}->{out}>"


def _parse_conv(p: Any, pretty: bool) -> ConvDims:
    if pretty:
        return _parse_letters(p)
    p.expect("#stablehlo.conv")
    p.expect("<")
    if p.accept("raw"):
        return _parse_raw(p)
    dims = _parse_letters(p)
    p.expect(">")
    return dims


def _parse_letters(p: Any) -> ConvDims:
    lhs = _letter_list(p, "bf")
    p.expect("x")
    rhs = _letter_list(p, "io")
    p.expect("->")
    out = _letter_list(p, "bf")
    return ConvDims(*lhs, *rhs, *out)


def _letter_list(p: Any, letters: str) -> tuple[int, int, tuple[int, ...]]:
    """(dimension of each of the two letters, dimensions of space 0, 1, …)."""
    at = p.at_
    p.expect("[")

    def item() -> str:
        word = str(p.words[p.at_])
        p.at_ += 1
        return word

    words = p.comma_list(item, "]")
    space = [str(i) for i in range(len(words) - 2)]
    if sorted(words) != sorted([*letters, *space]):
        raise p.error(f"expected {', '.join(letters)} and 0, 1, … once each", at)
    first, second = (words.index(c) for c in letters)
    return first, second, tuple(words.index(s) for s in space)


def _parse_raw(p: Any) -> ConvDims:
    """`raw input_batch_dimension = 0, …`: the fields by name, all of them."""
    at = p.at_
    read: dict[str, Any] = {}

    def entry() -> None:
        here = p.at_
        name = p.word()
        if name not in _RAW or _RAW[name] in read:
            raise p.error(f"{name!r} is not a field of conv, or stands twice", here)
        p.expect("=")
        is_list = name.endswith("dimensions")
        if is_list:
            p.expect("[")
        read[_RAW[name]] = tuple(p.comma_list(p.integer, "]")) if is_list else p.integer()

    p.comma_list(entry, ">")
    if len(read) != len(_RAW):
        missing = [name for name, field in _RAW.items() if field not in read]
        raise p.error(f"conv lacks {', '.join(missing)}", at)
    return ConvDims(**read)


# -- padding and the window ------------------------------------------------------------

Pairs = tuple[tuple[int, int], ...]


def _padding_text(v: Pairs, pretty: bool) -> str:
    if pretty:
        return "[" + ", ".join(f"[{lo}, {hi}]" for lo, hi in v) + "]"
    dense = Dense(np.array(v, np.int64).reshape(len(v), 2))
    return f"{dense_text(dense)} : {dense.type}"


def _parse_padding(p: Any, pretty: bool) -> Pairs:
    if pretty:
        p.expect("[")
        return tuple(p.comma_list(lambda: _pair(p), "]"))
    at = p.at_
    array = p.dense().array
    if array.ndim != 2 or array.shape[1] != 2 or array.dtype != np.int64:
        raise p.error("padding is pairs: dense<[[low, high], …]> : tensor<Nx2xi64>", at)
    return tuple((int(lo), int(hi)) for lo, hi in array)


def _pair(p: Any) -> tuple[int, int]:
    p.expect("[")
    low = p.integer()
    p.expect(",")
    high = p.integer()
    p.expect("]")
    return low, high


def _flags(p: Any, pretty: bool) -> tuple[bool, ...]:
    p.expect("[")
    return tuple(p.comma_list(p.boolean, "]"))


def flags_text(v: Sequence[bool]) -> str:
    return "[" + ", ".join("true" if x else "false" for x in v) + "]"


GATHER = _struct_kind("gather", GatherDims)
SCATTER = _struct_kind("scatter", ScatterDims)
CONV = Kind("conv", _conv_text, _parse_conv)
PADDING = Kind("padding", _padding_text, _parse_padding)
FLAGS = Kind("flags", lambda v, pretty: flags_text(v), _flags)
