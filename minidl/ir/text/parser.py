"""Parse: MLIR text, pretty or generic, to a module.

Chapter: ir/mlir.
Sources: MLIR language reference; each op's pretty form stands in its row.
Real: MLIR's `Parser.cpp` (`OperationParser`).

    op      ::= (results `=`)? (`"name"` generic | name pretty) (`loc(…)`)?
    generic ::= `(` operands `)` successors? `<{` attributes `}>`? regions?
                `{` attributes `}`? `:` types
    region  ::= `{` block* `}`        block ::= (`^bb1` (`(` arguments `)`)? `:`)? op*

A name may stand above its value when a block above is entered later: until the value
comes, a placeholder of the type that the use was written with stands for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from minidl.core.collector import paused
from minidl.core.errors import MinidlError, ParseError, VerifyError
from minidl.ir.mlir.core import Block, Operation, Region, Value
from minidl.ir.mlir.location import UNKNOWN, Location, TextLoc
from minidl.ir.mlir.spec import SPECS, OpSpec, infer_types
from minidl.ir.mlir.types import Type
from minidl.ir.mlir.verify import MISFIT
from minidl.ir.text.form import Custom, Parts, parse_form
from minidl.ir.text.lexer import Tokens
from minidl.ir.text.locparser import LocationParser
from minidl.ir.text.printer import DEFAULT_DIALECT

MAX_DEPTH = 60
Use = tuple[str, int]  # a name and the token where it stands


def parse(text: str, file: str = "<text>") -> Any:
    """The module that `text` writes; `ParseError` with line, column and caret else.

    Text without a `module` around it gets one.
    """
    if not isinstance(text, str):
        raise ParseError(f"parse takes text, got {type(text).__name__}", hint="read the file first")
    with paused():
        return Parser(Tokens(text, file)).module()


class TypedName(NamedTuple):
    """`%arg0: tensor<f32> loc("x")`: an argument as it is written."""

    name: str
    at: int
    type: Type
    location: Location = UNKNOWN


class Scope:
    """The names that may be used: of one isolated region and the regions inside it."""

    def __init__(self, around: Scope | None = None) -> None:
        self.around = around
        self.values: dict[str, Value] = {}
        self.forward: dict[str, int] = {}  # names of placeholders, and where they stand
        self.local: list[str] = []  # names that end with the innermost region

    def outside(self, name: str) -> bool:
        """The name is known around the isolated region."""
        return self.around is not None and (name in self.around.values or self.around.outside(name))


class Parser(LocationParser):
    """A cursor over tokens, and the values in scope."""

    def __init__(self, tokens: Tokens) -> None:
        super().__init__(tokens)
        self.scope = Scope()
        self.blocks: list[dict[str, tuple[Block, int]]] = []  # by name, and where first named
        self.depth = 0
        self.implied = "builtin"  # the dialect that a short name has here

    # -- values ----------------------------------------------------------------

    def value_name(self) -> Use:
        """A use: the name and where it stands (values are looked up later)."""
        word = self.words[self.at_]
        if word[:1] != "%":
            raise self.error("expected a value such as %0")
        self.at_ += 1
        return word, self.at_ - 1

    def value_list(self) -> list[Use]:
        """Uses separated by commas; may be empty."""
        if self.words[self.at_][:1] != "%":
            return []
        out = [self.value_name()]
        while self.at(",") and self.words[self.at_ + 1][:1] == "%":
            self.at_ += 1
            out.append(self.value_name())
        return out

    def resolve(self, use: Use, type_: Type | None) -> Value:
        """The value of a name; a placeholder of its type when it comes later."""
        name, at = use
        known = self.scope.values.get(name)
        if known is None and name.endswith("#0"):
            known = self.scope.values.get(name[:-2])
        if known is not None:
            return known
        if type_ is None:
            raise self._undefined(name, at)
        self.scope.forward[name] = at
        self.scope.values[name] = made = Value(type_, Block(), 0)
        return made

    def _undefined(self, name: str, at: int) -> ParseError:
        message = f"{name} is used before it is defined"
        hint = "a value must be made above its use, in this region or one around it"
        if self.scope.outside(name):
            message = f"{name} is made outside the isolated operation in which it is used"
            hint = "what is isolated, as func.func, uses its arguments and what is made in it"
        return ParseError(message, span=self.tokens.span(at), text=self.tokens.text, hint=hint)

    def define_value(self, name: str, value: Value, at: int) -> None:
        """`name` stands for `value` until its region ends."""
        values = self.scope.values
        if name in values:
            self._now_defined(name, value, at)
        values[name] = value
        self.scope.local.append(name)

    def _now_defined(self, name: str, value: Value, at: int) -> None:
        if self.scope.forward.pop(name, None) is None:
            raise self.error(f"{name} is defined twice", at)
        used = self.scope.values[name]
        if used.type is not value.type:
            raise self.error(f"{name} is {value.type}, but was used as {used.type} above", at)
        used.replace_all_uses_with(value)

    # -- operations ----------------------------------------------------------

    def module(self) -> Any:
        self.read_aliases()
        block = Block()
        while not self.at(""):
            if not self.skip_alias():
                block.append(self.operation())
        self._all_defined()
        ops = list(block)
        if len(ops) == 1 and ops[0].name == "builtin.module":
            return ops[0].remove()
        from minidl.ir.mlir.module import Module

        return Module.around(block)

    def operation(self) -> Operation:
        start = self.at_
        names = self._result_names() if self.words[start][:1] == "%" else []
        here, around = self.at_, (self.implied, self.row)
        generic = self.words[here][:1] == '"'
        op_name = self.string() if generic else self._op_name()
        spec = SPECS.rows.get(op_name)
        if spec is None:
            raise self.error(f"{op_name!r} is not an operation we know", here)
        self.implied, self.row = DEFAULT_DIALECT.get(op_name, ""), spec
        parts = self._generic_parts(spec) if generic else self._pretty_parts(spec)
        self.implied, self.row = around
        op = self._build(spec, parts, here)
        if self.words[self.at_] == "loc":
            op.location = self.trailing_location()
        else:
            op.location = TextLoc(self.tokens.span(here))
        if names:
            self._name_results(names, op, start)
        return op

    def _op_name(self) -> str:
        word = self.words[self.at_]
        if not (word[:1].isalpha() or word[:1] == "_"):
            raise self.error("expected an operation")
        self.at_ += 1
        return word if "." in word else f"{self.implied}.{word}"

    def _pretty_parts(self, spec: OpSpec) -> Parts:
        if spec.form is None:
            raise self.error(f"{spec.name} has no pretty form", self.at_ - 1)
        try:
            if isinstance(spec.form, Custom):
                parts: Parts = spec.form.parse(self)
                return parts
            return parse_form(spec, spec.form, self)
        except MISFIT as error:  # a form that met a type or an attribute it was not written for
            if isinstance(error, MinidlError):
                raise
            raise self.error(f"this does not fit the form of {spec.name}") from error

    def _result_names(self) -> list[tuple[str, int]]:
        names = [self._result_name()]
        while self.accept(","):
            names.append(self._result_name())
        self.expect("=")
        return names

    def _result_name(self) -> tuple[str, int]:
        name, at = self.value_name()
        if "#" in name:
            raise self.error("a name that is defined has no number: %0:2 makes %0#0 and %0#1", at)
        return name, self.integer() if self.accept(":") else 0

    def _name_results(self, names: list[tuple[str, int]], op: Operation, at: int) -> None:
        wanted = sum(count or 1 for _, count in names)
        if wanted != len(op.results) or any(count < 0 for _, count in names):
            raise self.error(f"{op.name} has {len(op.results)} results, {wanted} are named", at)
        results = iter(op.results)
        for name, count in names:
            first = next(results)
            self.define_value(name, first, at)
            for i in range(count):
                self.define_value(f"{name}#{i}", next(results) if i else first, at)

    def _generic_parts(self, spec: OpSpec) -> Parts:
        parts, start = Parts(), self.at_ - 1
        self.expect("(")
        parts.operands = self.value_list()
        self.expect(")")
        if self.accept("["):
            parts.successors = self.comma_list(self.block_name, "]")
        if self.at("<") and self.words[self.at_ + 1] == "{":
            self.at_ += 1
            parts.attributes = self.attr_dict(spec)
            self.expect(">")
        if self.accept("("):
            isolated = "isolated" in spec.traits
            parts.regions = self.comma_list(lambda: self.region(isolated=isolated), ")")
        if self.at("{"):
            parts.attributes.update(self.attr_dict(spec))
        self.expect(":")
        function = self.function_type()
        parts.operand_types = list(function.inputs)
        parts.result_types = list(function.outputs)
        if spec.generic is not None:
            try:
                spec.generic.adopt(parts)
            except ParseError as error:
                raise self.error(f"{spec.name}: {error.message}", start) from None
        return parts

    def _build(self, spec: OpSpec, parts: Parts, at: int) -> Operation:
        operands = self._operands(spec.name, parts, at)
        for attribute, value in spec.defaults.items():
            parts.attributes.setdefault(attribute, value)
        types = parts.result_types
        if types is None:
            types = self._inferred(spec.name, operands, parts, at)
        make: Callable[..., Operation] = Operation
        if spec.name == "builtin.module":
            from minidl.ir.mlir.module import Module

            if len(parts.regions) != 1 or len(parts.regions[0].blocks) > 1:
                raise self.error("a module has one region of one block", at)
            make = Module.from_parts
        successors = [self.block_named(b) for b in parts.successors]
        return make(spec.name, operands, types, parts.attributes, parts.regions, successors)

    def _inferred(self, name: str, operands: list[Value], parts: Parts, at: int) -> list[Type]:
        try:
            return infer_types(name, operands, parts.attributes, parts.regions)
        except MinidlError as error:
            raise self.error(error.message, at) from error

    def _operands(self, name: str, parts: Parts, at: int) -> list[Value]:
        """The values, each of the type it was written with."""
        uses, types = parts.operands, parts.operand_types
        if types is None:
            return [use if isinstance(use, Value) else self.resolve(use, None) for use in uses]
        one_for_all = types is parts.result_types or parts.result_types is None
        if one_for_all and len(types) == 1:
            types = types * len(uses)
        if len(types) != len(uses):
            raise self.error(f"{name} has {len(uses)} operands but {len(types)} types", at)
        out = []
        for i, (use, type_) in enumerate(zip(uses, types, strict=True)):
            value = use if isinstance(use, Value) else self.resolve(use, type_)
            if value.type is not type_:
                raise self.error(
                    f"operand {i} of {name} is written {type_}, its value has {value.type}", at
                )
            out.append(value)
        return out

    # -- regions ---------------------------------------------------------------

    def region(
        self,
        args: list[Any] | None = None,
        default: str | None = None,
        isolated: bool = False,
    ) -> Region:
        """`{ blocks }`; `args` name the entry block's arguments (pretty forms).

        `default` is the terminator added when the text leaves it out.
        """
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.error(f"regions nested deeper than {MAX_DEPTH}")
        around, implied = self.scope, self.implied
        local = around.local
        self.scope = Scope(around) if isolated else around
        self.scope.local = []
        self.blocks.append({})
        region = self._region_blocks([TypedName(*arg) for arg in args or ()], default)
        self._close(isolated)
        self.scope, self.implied = around, implied
        around.local = local
        self.depth -= 1
        return region

    def _close(self, isolated: bool) -> None:
        """The end of a region: its blocks are all there, its names are forgotten."""
        for name, (block, at) in self.blocks.pop().items():
            if block.parent is None:
                raise self.error(f"{name} is not a block of this region", at)
        if isolated:
            self._all_defined()
        for name in self.scope.local:
            del self.scope.values[name]

    def _all_defined(self) -> None:
        for name, at in self.scope.forward.items():
            raise self._undefined(name, at)

    def _region_blocks(self, args: list[TypedName], default: str | None) -> Region:
        self.expect("{")
        region = Region()
        if args or not (self._at_block() or self.at("}")):
            entry = region.append(Block())
            for arg in args:
                value = entry.add_arg(arg.type, arg.location)
                self.define_value(arg.name, value, arg.at)
            self._block_ops(entry)
        while not self.accept("}"):
            self._block_ops(self.block_label(region))
        if default and not region.blocks:
            region.append(Block())
        if default:
            last = region.blocks[-1]
            if last.last is None or not _is_terminator(last.last):
                last.append(Operation(default, location=TextLoc(self.tokens.span(self.at_ - 1))))
        return region

    def _at_block(self) -> bool:
        return self.words[self.at_][:1] == "^"

    def _block_ops(self, block: Block) -> None:
        while not self.at("}") and not self._at_block():
            if self.at(""):
                raise self.error("the text ends inside a region: expected '}'")
            block.append(self.operation())

    def block_name(self) -> Use:
        """`^bb1`, and where it stands."""
        word = self.words[self.at_]
        if word[:1] != "^":
            raise self.error("expected a block such as ^bb1")
        self.at_ += 1
        return word, self.at_ - 1

    def block_named(self, use: Use) -> Block:
        """The block of that name; made at its first mention."""
        name, at = use
        if not self.blocks:
            raise self.error(f"{name} is not in a region", at)
        return self.blocks[-1].setdefault(name, (Block(), at))[0]

    def block_label(self, region: Region) -> Block:
        name, at = self.block_name()
        block = self.block_named((name, at))
        if block.parent is not None:
            raise self.error(f"{name} is defined twice", at)
        region.append(block)
        if self.accept("("):
            for arg in self.comma_list(self.typed_name, ")"):
                value = block.add_arg(arg.type, arg.location)
                self.define_value(arg.name, value, arg.at)
        self.expect(":")
        return block

    def typed_name(self) -> TypedName:
        """`%arg0: tensor<f32>`, with a location or none."""
        name, at = self.value_name()
        self.expect(":")
        type_ = self.type()
        return TypedName(name, at, type_, self.trailing_location())


def _is_terminator(op: Operation) -> bool:
    spec = SPECS.rows.get(op.name)
    return spec is not None and "terminator" in spec.traits


__all__ = ["Parser", "VerifyError", "parse"]
