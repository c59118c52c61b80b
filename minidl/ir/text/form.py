"""Forms: an op's pretty text, printed and parsed from one little format string.

Chapter: ir/mlir.
Sources: MLIR, "Declarative Assembly Format" (ODS `assemblyFormat`).
Real: MLIR compiles the format to two C++ functions; here both walk the same list.

A form is a string of words separated by blanks:
    %name          the operand of that name; `%name*` a list of any length
    $name          the attribute of that name, in its pretty form
    {}             all attributes the form does not mention
    :same          one type when all operand and result types agree, else as `:fn`
    :fn            `(operand types) -> result types`
    :results  :operands   only those types, in a list
    [ … ]?name     a group that is present when the attribute `name` is, and is not empty
    :to  :into      `from to into`, `from -> into`: one operand's type, then the result's
    anything else  stands for itself; a leading `~` glues it to the word before
Ops with regions, or with a shape of their own, bring a pair of functions instead:
`Custom(print, parse)`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

from minidl.ir.mlir.core import Operation, Region, Value
from minidl.ir.mlir.spec import SPECS, OpSpec
from minidl.ir.mlir.types import FunctionType, Type


@dataclass(slots=True)
class Parts:
    """What a parser has read of one op, before it becomes an Operation."""

    operands: list[Any] = field(default_factory=list)  # names, then values
    attributes: dict[str, Any] = field(default_factory=dict)
    operand_types: list[Type] | None = None
    result_types: list[Type] | None = None
    regions: list[Region] = field(default_factory=list)
    successors: list[Any] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Custom:
    """A hand-written form: `print(op, printer) -> str`, `parse(parser) -> Parts`.

    bare  it has no place for an attribute that no row knows; an op with one is generic
    """

    print: Callable[[Operation, Any], str]
    parse: Callable[[Any], Parts]
    bare: bool = False


bare = partial(Custom, bare=True)


@dataclass(frozen=True, slots=True)
class Group:
    """`[ … ]?name`: an optional part."""

    attribute: str
    words: tuple[Any, ...]


@cache
def compile_form(text: str) -> tuple[Any, ...]:
    """The words of a form, groups nested."""
    stack: list[list[Any]] = [[]]
    for word in text.split():
        if word == "[":
            stack.append([])
        elif word.startswith("]?"):
            words = tuple(stack.pop())
            stack[-1].append(Group(word[2:], words))
        else:
            stack[-1].append(word)
    (words_,) = stack
    return tuple(words_)


@cache
def mentioned(text: str) -> frozenset[str]:
    """The attributes a form writes itself, so that `{}` leaves them out."""
    return frozenset(
        word.lstrip("~")[1:] for word in text.replace("[", " ").split() if "$" in word[:2]
    )


def print_form(op: Operation, spec: OpSpec, form: str, printer: Any) -> str:
    """What stands after the op's name, with the blank before it."""
    words: list[str] = []
    _print_words(op, spec, compile_form(form), mentioned(form), printer, words)
    return "".join(words)


def _print_words(
    op: Operation,
    spec: OpSpec,
    words: Sequence[Any],
    skip: frozenset[str],
    printer: Any,
    out: list[str],
) -> None:
    for word in words:
        if isinstance(word, Group):
            absent = spec.defaults.get(word.attribute, ())
            if op.attributes.get(word.attribute, ()) not in ((), absent):
                _print_words(op, spec, word.words, skip, printer, out)
            continue
        text = _print_word(op, spec, word.lstrip("~"), skip, printer)
        if text:
            out.append(text if word[0] in "~," else f" {text}")


def _print_word(op: Operation, spec: OpSpec, word: str, skip: frozenset[str], printer: Any) -> str:
    if word[0] == "%":
        i = spec.operands.index(word[1:])
        return ", ".join(map(printer.name, op.operands[spec.slices(len(op.operands))[i]]))
    if word[0] == "$":
        return str(spec.kind(word[1:]).text(op.attributes[word[1:]], True))
    if word == "{}":
        return str(printer.attr_dict(op, skip))
    if word[0] == ":" and len(word) > 1:
        return ": " + _TYPE_PRINT[word](op)
    return word


def _function(op: Operation) -> str:
    return str(FunctionType(tuple(v.type for v in op.operands), tuple(v.type for v in op.results)))


def _same(op: Operation) -> str:
    types = {v.type for v in op.operands} | {v.type for v in op.results}
    return str(types.pop()) if len(types) == 1 else _function(op)


def _list(values: Sequence[Value]) -> str:
    return ", ".join(str(v.type) for v in values)


_TYPE_PRINT: dict[str, Callable[[Operation], str]] = {
    ":fn": _function,
    ":same": _same,
    ":results": lambda op: _list(op.results),
    ":operands": lambda op: _list(op.operands),
    ":first": lambda op: str(op.operands[0].type),
    ":to": lambda op: f"{op.operands[0].type} to {op.results[0].type}",
    ":into": lambda op: f"{op.operands[0].type} -> {op.results[0].type}",
}


Reader = Callable[[Any, "Parts"], Any]


def parse_form(spec: OpSpec, form: str, parser: Any) -> Parts:
    parts = Parts(operands=[[] for _ in spec.operands])
    for read in readers(spec.name, form):
        read(parser, parts)
    parts.operands = [name for group in parts.operands for name in group]
    return parts


@cache
def readers(op_name: str, form: str) -> tuple[Reader, ...]:
    """The form as functions, one a word: worked out once for each op."""
    return tuple(_reader(SPECS[op_name], word) for word in compile_form(form))


def _reader(spec: OpSpec, word: Any) -> Reader:
    if isinstance(word, Group):
        return _group_reader(spec, word)
    word = word.lstrip("~")
    if word[0] == "%":
        i = spec.operands.index(word[1:])
        if word.endswith("*"):
            return lambda parser, parts: parts.operands[i].extend(parser.value_list())
        return lambda parser, parts: parts.operands[i].append(parser.value_name())
    if word[0] == "$":
        return _attribute_reader(word[1:], spec.kind(word[1:]).parse)
    if word == "{}":
        return lambda parser, parts: _read_rest(spec, parser, parts)
    if word[0] == ":" and len(word) > 1:
        types = _TYPE_PARSE[word]
        return lambda parser, parts: parser.expect(":") and types(parser, parts)
    return lambda parser, parts: parser.expect(word)


def _group_reader(spec: OpSpec, group: Group) -> Reader:
    inside = [_reader(spec, word) for word in group.words]
    first, second = group.words[:2]  # the second tells two groups apart that begin with a comma
    plain = second.lstrip("~")[0] not in "$%{:"

    def read(parser: Any, parts: Parts) -> None:
        if parser.at(first) and (not plain or parser.words[parser.at_ + 1] == second):
            for one in inside:
                one(parser, parts)

    return read


def _attribute_reader(name: str, parse: Callable[[Any, bool], Any]) -> Reader:
    def read(parser: Any, parts: Parts) -> None:
        parts.attributes[name] = parse(parser, True)

    return read


def _read_rest(spec: OpSpec, parser: Any, parts: Parts) -> None:
    if parser.at("{"):
        parts.attributes.update(parser.attr_dict(spec))


def _parse_function(parser: Any, parts: Parts) -> None:
    function = parser.function_type()
    parts.operand_types, parts.result_types = list(function.inputs), list(function.outputs)


def _parse_same(parser: Any, parts: Parts) -> None:
    if parser.at("("):
        return _parse_function(parser, parts)
    parts.operand_types = parts.result_types = [parser.type()]
    return None


def _parse_results(parser: Any, parts: Parts) -> None:
    parts.result_types = parser.type_list()


def _parse_operands(parser: Any, parts: Parts) -> None:
    parts.operand_types = parser.type_list()


def _parse_first(parser: Any, parts: Parts) -> None:
    parts.operand_types = [parser.type()]


def _parse_pair(word: str) -> Callable[[Any, Parts], None]:
    def read(parser: Any, parts: Parts) -> None:
        parts.operand_types = [parser.type()]
        parser.expect(word)
        parts.result_types = [parser.type()]

    return read


_TYPE_PARSE: dict[str, Callable[[Any, Parts], None]] = {
    ":fn": _parse_function,
    ":same": _parse_same,
    ":results": _parse_results,
    ":operands": _parse_operands,
    ":first": _parse_first,
    ":to": _parse_pair("to"),
    ":into": _parse_pair("->"),
}
