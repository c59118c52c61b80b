"""Kinds: how each sort of attribute is written, in both forms of MLIR's text.

Chapter: ir/mlir.
Sources: MLIR, "Attributes"; StableHLO's pretty forms (StablehloOps assembly formats).

    kind.text(value, pretty)     the text; `pretty` inside an op's own format
    kind.parse(parser, pretty)   the value back
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from minidl.ir.mlir.attributes import DotDims, Symbol
from minidl.ir.mlir.types import ScalarType
from minidl.ir.text.attrprinter import attribute_text
from minidl.ir.text.lexer import quote


@dataclass(frozen=True, slots=True)
class Kind:
    """A pair of functions, each taking `pretty`."""

    name: str
    text: Callable[[Any, bool], str]
    parse: Callable[[Any, bool], Any]


def _list(values: Any) -> str:
    return "[" + ", ".join(str(v) for v in values) + "]"


def int_kind(type_name: str) -> Kind:
    """An integer: `0` in the pretty form, `0 : i64` in the generic one."""

    def parse(p: Any, pretty: bool) -> int:
        value = p.integer()
        if not pretty and p.accept(":") and str(p.type()) != type_name:
            raise p.error(f"this number has type {type_name}", p.at_ - 1)
        return int(value)

    return Kind(type_name, lambda v, pretty: str(v) if pretty else f"{v} : {type_name}", parse)


def _parse_array(p: Any, item: Callable[[], Any], element: str) -> tuple[Any, ...]:
    """`[1, 2]`, or `array<i64: 1, 2>`."""
    if p.accept("["):
        return tuple(p.comma_list(item, "]"))
    p.expect("array")
    p.expect("<")
    at = p.at_
    found = p.type()
    if not isinstance(found, ScalarType) or found.name != element:
        raise p.error(f"expected an array of {element}, found one of {found}", at)
    if p.accept(">"):
        return ()
    p.expect(":")
    first = item()
    return (first, *(p.comma_list(item, ">") if p.accept(",") else p.expect(">") and ()))


def _parse_ints(p: Any, pretty: bool) -> tuple[int, ...]:
    return _parse_array(p, p.integer, "i64")


def _ints_text(v: Any, pretty: bool) -> str:
    if pretty:
        return _list(v)
    return f"array<i64: {', '.join(map(str, v))}>" if v else "array<i64>"


def _parse_bools(p: Any, pretty: bool) -> tuple[bool, ...]:
    return _parse_array(p, p.boolean, "i1")


def _bool(v: bool) -> str:
    return "true" if v else "false"


def enum_kind(dialect: str, mnemonic: str, cases: str) -> Kind:
    """`EQ` in the pretty form, `#stablehlo<comparison_direction EQ>` generic."""
    allowed = cases.split()

    def case(p: Any) -> str:
        at = p.at_
        word = p.word()
        if word not in allowed:
            raise p.error(f"{word[:40]!r} is not a {mnemonic}: {', '.join(allowed)}", at)
        return str(word)

    def parse(p: Any, pretty: bool) -> str:
        if pretty and p.words[p.at_][:1] != "#":
            return case(p)
        p.expect("#" + dialect)
        if p.accept("."):
            p.word()
            p.expect("<")
        else:
            p.expect("<")
            p.expect(mnemonic)
        value = case(p)
        p.expect(">")
        return value

    return Kind(mnemonic, lambda v, pretty: v if pretty else f"#{dialect}<{mnemonic} {v}>", parse)


def numbered(name: str, cases: str, quoted: bool = False, type_name: str = "i64") -> Kind:
    """A case by its name in the pretty form, by its number in the generic one: `2 : i64`."""
    known = cases.split()

    def parse(p: Any, pretty: bool) -> str:
        at = p.at_
        if p.words[at][:1].isdigit():
            number = int_kind(type_name).parse(p, pretty)
            word = known[number] if 0 <= number < len(known) else str(number)
        else:
            word = p.string() if p.words[at][:1] == '"' else p.word()
        if word not in known:
            raise p.error(f"{word[:40]!r} is not a {name}: {', '.join(known)}", at)
        return str(word)

    def text(v: str, pretty: bool) -> str:
        if pretty:
            return quote(v) if quoted else v
        return f"{known.index(v)} : {type_name}"

    return Kind(name, text, parse)


def flags(dialect: str, mnemonic: str, cases: str, comma: str = ", ") -> Kind:
    """A set of words as a tuple: `<nsw, nuw>` in the pretty form; none are left out."""
    known = (*cases.split(), "none")

    def word(p: Any) -> str:
        at = p.at_
        found = p.word()
        if found not in known:
            raise p.error(f"{found[:40]!r} is not one of {', '.join(known)}", at)
        return str(found)

    def parse(p: Any, pretty: bool) -> tuple[str, ...]:
        if not pretty:
            p.expect(f"#{dialect}.{mnemonic}")
        p.expect("<")
        found = tuple(p.comma_list(lambda: word(p), ">"))
        return () if found == ("none",) else found

    def text(v: tuple[str, ...], pretty: bool) -> str:
        inside = f"<{comma.join(v) or 'none'}>"
        return inside if pretty else f"#{dialect}.{mnemonic}{inside}"

    return Kind(mnemonic, text, parse)


ICMP = "eq ne slt sle sgt sge ult ule ugt uge"
FCMP = "oeq ogt oge olt ole one ord ueq ugt uge ult ule une uno"
FAST = "reassoc nnan ninf nsz arcp contract afn fast"


def list_of(kind: Kind) -> Kind:
    """A bracketed list of another kind, as a tuple."""

    def parse(p: Any, pretty: bool) -> tuple[Any, ...]:
        p.expect("[")
        return tuple(p.comma_list(lambda: kind.parse(p, pretty), "]"))

    return Kind(
        f"list of {kind.name}", lambda v, pretty: _list(kind.text(x, pretty) for x in v), parse
    )


_DOT_FIELDS = (
    ("lhs_batching_dimensions", "lhs_batching"),
    ("rhs_batching_dimensions", "rhs_batching"),
    ("lhs_contracting_dimensions", "lhs_contracting"),
    ("rhs_contracting_dimensions", "rhs_contracting"),
)


def _dot_text(v: DotDims, pretty: bool) -> str:
    if pretty:
        batch = f"batching_dims = {_list(v.lhs_batching)} x {_list(v.rhs_batching)}, "
        contract = f"contracting_dims = {_list(v.lhs_contracting)} x {_list(v.rhs_contracting)}"
        return (batch if v.lhs_batching else "") + contract
    fields = [f"{long} = {_list(getattr(v, s))}" for long, s in _DOT_FIELDS if getattr(v, s)]
    return f"#stablehlo.dot<{', '.join(fields)}>"


def _parse_dot(p: Any, pretty: bool) -> DotDims:
    if not pretty:
        return DotDims(**p.struct("stablehlo", "dot", dict(_DOT_FIELDS)))

    def pair() -> tuple[tuple[int, ...], tuple[int, ...]]:
        p.expect("=")
        left = _parse_ints(p, True)
        p.expect("x")
        return left, _parse_ints(p, True)

    batch: tuple[tuple[int, ...], tuple[int, ...]] = ((), ())
    if p.accept("batching_dims"):
        batch = pair()
        p.expect(",")
    p.expect("contracting_dims")
    contract = pair()
    return DotDims(batch[0], batch[1], contract[0], contract[1])


def _algorithm_text(v: tuple[tuple[str, str], ...], pretty: bool) -> str:
    fields = f"<{', '.join(f'{name} = {word}' for name, word in v)}>"
    return fields if pretty else f"#stablehlo.dot_algorithm{fields}"


def _parse_algorithm(p: Any, pretty: bool) -> tuple[tuple[str, str], ...]:
    """The fields as written: types and counts of a device's matrix unit."""
    p.accept("#stablehlo.dot_algorithm")
    p.expect("<")

    def entry() -> tuple[str, str]:
        name = p.word()
        p.expect("=")
        at = p.at_
        if not p.words[at][:1].isalnum():
            raise p.error("expected a type, a number, true or false")
        p.at_ += 1
        return name, p.words[at]

    return tuple(p.comma_list(entry, ">"))


def _parse_segments(p: Any, pretty: bool) -> tuple[int, ...]:
    for word in ("array", "<", "i32", ":"):
        p.expect(word)
    return tuple(p.comma_list(p.integer, ">"))


def _parse_symbol(p: Any, pretty: bool) -> Symbol:
    made: Symbol = p.symbols()
    return made


I64 = int_kind("i64")
I32 = int_kind("i32")
INTS = Kind("array<i64>", _ints_text, _parse_ints)
BOOLS = Kind(
    "array<i1>",
    lambda v, pretty: f"array<i1: {', '.join(map(_bool, v))}>" if v else "array<i1>",
    _parse_bools,
)
SEGMENTS = Kind(
    "segments", lambda v, pretty: f"array<i32: {', '.join(map(str, v))}>", _parse_segments
)
BOOL = Kind("bool", lambda v, pretty: _bool(v), lambda p, pretty: p.boolean())
ANY = Kind("any", lambda v, pretty: attribute_text(v), lambda p, pretty: p.attribute())
STR = Kind("string", lambda v, pretty: quote(v), lambda p, pretty: p.string())
TYPE = Kind("type", lambda v, pretty: str(v), lambda p, pretty: p.type())
SYMBOL = Kind("symbol", lambda v, pretty: str(v), _parse_symbol)
DOT = Kind("dot", _dot_text, _parse_dot)
DOT_ALGORITHM = Kind("dot algorithm", _algorithm_text, _parse_algorithm)
COMPARISON = enum_kind("stablehlo", "comparison_direction", "EQ NE GE GT LE LT")
COMPARE_TYPE = enum_kind("stablehlo", "comparison_type", "FLOAT TOTALORDER SIGNED UNSIGNED NOTYPE")
PRECISION = list_of(enum_kind("stablehlo", "precision", "DEFAULT HIGH HIGHEST"))
ITERATORS = Kind(
    "iterator types",
    lambda v, pretty: (
        _list(f'"{x}"' for x in v) if pretty else _list(f"#linalg.iterator_type<{x}>" for x in v)
    ),
    lambda p, pretty: tuple(p.comma_list(p.iterator_type, "]")) if p.expect("[") else (),
)
MAPS = Kind(
    "affine maps",
    lambda v, pretty: _list(v),
    lambda p, pretty: tuple(p.comma_list(p.affine_map, "]")) if p.expect("[") else (),
)
