"""Parse: MLIR text, pretty or generic, to a module.

Chapter: ir/mlir.
Sources: MLIR language reference; each op's pretty form stands in its row.
Real: MLIR's `Parser`; it resolves forward references between blocks, too.

    op      ::= (results `=`)? (`"name"` generic | name pretty) (`loc(…)`)?
    generic ::= `(` operands `)` successors? `<{` attributes `}>`? regions? `:` types
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from minidl.core.errors import MinidlError, ParseError, VerifyError
from minidl.ir.mlir.core import Block, Operation, Region, Value
from minidl.ir.mlir.location import UNKNOWN, Location
from minidl.ir.mlir.spec import SPECS, OpSpec, infer_types
from minidl.ir.mlir.types import Type
from minidl.ir.text.attrparser import AttributeParser
from minidl.ir.text.form import Custom, Parts, parse_form
from minidl.ir.text.lexer import Tokens

T = TypeVar("T")
MAX_DEPTH = 60
_SHORT = {"return": "func.return", "call": "func.call", "module": "builtin.module"}


def parse(text: str, file: str = "<text>") -> Any:
    """The module that `text` writes; `ParseError` with line, column and caret else.

    Text without a `module` around it gets one.
    """
    if not isinstance(text, str):
        raise ParseError(f"parse takes text, got {type(text).__name__}", hint="read the file first")
    return Parser(Tokens(text, file)).module()


class Parser(AttributeParser):
    """A cursor over tokens, and the values in scope."""

    def __init__(self, tokens: Tokens) -> None:
        super().__init__(tokens)
        self.scopes: list[dict[str, Value]] = [{}]
        self.blocks: list[dict[str, Block]] = []
        self.depth = 0

    # -- values and blocks -------------------------------------------------

    def value_name(self) -> tuple[str, int]:
        """A use: the name and where it stands (values are looked up later)."""
        word = self.words[self.at_]
        if word[:1] != "%":
            raise self.error("expected a value such as %0")
        self.at_ += 1
        return word, self.at_ - 1

    def value_list(self) -> list[tuple[str, int]]:
        """Uses separated by commas; may be empty."""
        if self.words[self.at_][:1] != "%":
            return []
        out = [self.value_name()]
        while self.at(",") and self.words[self.at_ + 1][:1] == "%":
            self.at_ += 1
            out.append(self.value_name())
        return out

    def resolve(self, use: tuple[str, int]) -> Value:
        for scope in reversed(self.scopes):
            value = scope.get(use[0])
            if value is not None:
                return value
        raise ParseError(
            f"{use[0]} is used before it is defined",
            span=self.tokens.span(use[1]),
            text=self.tokens.text,
            hint="a value must be made above its use, in this region or one around it",
        )

    def define_value(self, name: str, value: Value, at: int) -> None:
        if name in self.scopes[-1]:
            raise self.error(f"{name} is defined twice", at)
        self.scopes[-1][name] = value

    # -- operations ----------------------------------------------------------

    def module(self) -> Any:
        self.find_aliases()
        block = Block()
        while not self.at(""):
            if not self.skip_alias():
                block.append(self.operation())
        ops = list(block)
        if len(ops) == 1 and ops[0].name == "builtin.module":
            return ops[0].remove()
        from minidl.ir.mlir.module import Module

        return Module.around(block)

    def operation(self) -> Operation:
        start = self.at_
        names = self._result_names()
        here = self.at_
        word = self.words[here]
        if word[:1] == '"':
            op_name = self.string()
            parts = self._generic_parts(op_name)
        else:
            op_name = _SHORT.get(word, word)
            spec = SPECS.rows.get(op_name)
            if spec is None:
                raise self.error(f"{word!r} is not an operation we know")
            self.at_ += 1
            parts = self._pretty_parts(spec)
        op = self._build(op_name, parts, here)
        op.location = self.trailing_location()
        self._name_results(names, op, start)
        return op

    def _pretty_parts(self, spec: OpSpec) -> Parts:
        if spec.form is None:
            raise self.error(f"{spec.name} has no pretty form", self.at_ - 1)
        if isinstance(spec.form, Custom):
            parts: Parts = spec.form.parse(self)
            return parts
        return parse_form(spec, spec.form, self)

    def _result_names(self) -> list[tuple[str, int]]:
        if self.words[self.at_][:1] != "%":
            return []
        names = [self._result_name()]
        while self.accept(","):
            names.append(self._result_name())
        self.expect("=")
        return names

    def _result_name(self) -> tuple[str, int]:
        name, _ = self.value_name()
        if not self.accept(":"):
            return name, 0
        return name, self.integer()

    def _name_results(self, names: list[tuple[str, int]], op: Operation, at: int) -> None:
        wanted = sum(count or 1 for _, count in names)
        if names and wanted != len(op.results):
            raise self.error(f"{op.name} has {len(op.results)} results, {wanted} are named", at)
        results = iter(op.results)
        for name, count in names:
            if not count:
                self.define_value(name, next(results), at)
                continue
            for i in range(count):
                self.define_value(f"{name}#{i}", next(results), at)

    def _generic_parts(self, op_name: str) -> Parts:
        parts = Parts()
        self.expect("(")
        parts.operands = self.value_list()
        self.expect(")")
        if self.accept("["):
            parts.successors = self.comma_list(self.block_name, "]")
        spec = SPECS.rows.get(op_name)
        if self.at("<") and self.words[self.at_ + 1] == "{":
            self.at_ += 1
            parts.attributes = self.attr_dict(spec)
            self.expect(">")
        if self.accept("("):
            parts.regions = self.comma_list(self.region, ")")
        if self.at("{"):
            parts.attributes.update(self.attr_dict(spec))
        self.expect(":")
        function = self.function_type()
        parts.operand_types = list(function.inputs)
        parts.result_types = list(function.outputs)
        return parts

    def _build(self, name: str, parts: Parts, at: int) -> Operation:
        spec = SPECS.rows.get(name)
        if spec is None:
            raise self.error(f"{name} is not an operation we know", at)
        operands = [use if isinstance(use, Value) else self.resolve(use) for use in parts.operands]
        self._check_operand_types(name, operands, parts, at)
        for attribute, value in spec.defaults.items():
            parts.attributes.setdefault(attribute, value)
        types = parts.result_types
        if types is None:
            types = self._inferred(name, operands, parts, at)
        make: Callable[..., Operation] = Operation
        if name == "builtin.module":
            from minidl.ir.mlir.module import Module

            make = Module.from_parts
        successors = [self.block_named(b) for b in parts.successors]
        return make(name, operands, types, parts.attributes, parts.regions, successors)

    def _inferred(self, name: str, operands: list[Value], parts: Parts, at: int) -> list[Type]:
        try:
            return infer_types(name, operands, parts.attributes, parts.regions)
        except MinidlError as error:
            raise self.error(error.message, at) from error

    def _check_operand_types(self, name: str, operands: list[Value], parts: Parts, at: int) -> None:
        types = parts.operand_types
        if types is None:
            return
        one_for_all = types is parts.result_types or parts.result_types is None
        if one_for_all and len(types) == 1:
            types = types * len(operands)
        if len(types) != len(operands):
            raise self.error(f"{name} has {len(operands)} operands but {len(types)} types", at)
        for i, (value, type_) in enumerate(zip(operands, types, strict=True)):
            if value.type is not type_:
                raise self.error(
                    f"operand {i} of {name} is written {type_}, its value has {value.type}", at
                )

    # -- regions ---------------------------------------------------------------

    def region(
        self,
        args: list[tuple[str, int, Type]] | None = None,
        default: str | None = None,
        isolated: bool = False,
    ) -> Region:
        """`{ blocks }`; `args` name the entry block's arguments (pretty forms).

        `default` is the terminator added when the text leaves it out.
        """
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.error(f"regions nested deeper than {MAX_DEPTH}")
        outer = self.scopes
        self.scopes = [{}] if isolated else [*outer, {}]
        self.blocks.append({})
        region = self._region_blocks(args, default)
        self.blocks.pop()
        self.scopes = outer
        self.depth -= 1
        return region

    def _region_blocks(
        self, args: list[tuple[str, int, Type]] | None, default: str | None
    ) -> Region:
        self.expect("{")
        region = Region()
        if args is not None or not self._at_block():
            entry = region.append(Block())
            for name, at, type_ in args or []:
                self.define_value(name, entry.add_arg(type_), at)
            self._block_ops(entry)
        while not self.accept("}"):
            block = region.append(self.block_label())
            self._block_ops(block)
        if default and region.blocks:
            last = region.blocks[-1]
            if last.last is None or not _is_terminator(last.last):
                last.append(Operation(default))
        return region

    def _at_block(self) -> bool:
        return self.words[self.at_][:1] == "^"

    def _block_ops(self, block: Block) -> None:
        while not self.at("}") and not self._at_block():
            if self.at(""):
                raise self.error("the text ends inside a region: expected '}'")
            block.append(self.operation())

    def block_name(self) -> str:
        word = self.words[self.at_]
        if word[:1] != "^":
            raise self.error("expected a block such as ^bb1")
        self.at_ += 1
        return word

    def block_named(self, name: str) -> Block:
        """The block of that name; made at its first mention."""
        return self.blocks[-1].setdefault(name, Block())

    def block_label(self) -> Block:
        block = self.block_named(self.block_name())
        if self.accept("("):
            for name, at, type_ in self.comma_list(self.typed_name, ")"):
                self.define_value(name, block.add_arg(type_), at)
        self.expect(":")
        return block

    def typed_name(self) -> tuple[str, int, Type]:
        """`%arg0: tensor<f32>` (with a location that is dropped)."""
        name, at = self.value_name()
        self.expect(":")
        type_ = self.type()
        self.trailing_location()
        return name, at, type_

    def trailing_location(self) -> Location:
        if self.at("loc") and self.words[self.at_ + 1] == "(":
            self.at_ += 2
            location = self.location()
            self.expect(")")
            return location
        return UNKNOWN


def _is_terminator(op: Operation) -> bool:
    spec = SPECS.rows.get(op.name)
    return spec is not None and "terminator" in spec.traits


__all__ = ["Parser", "VerifyError", "parse"]
