"""Module: the outermost operation, and how programs enter and leave as text.

Chapter: ir/mlir.
Sources: MLIR, "Builtin Dialect: builtin.module"; "Symbols and Symbol Tables".
Real: `ModuleOp`, with a cached `SymbolTable`; here a lookup walks the top level.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidl.core.collector import paused
from minidl.core.errors import CallError, MinidlError
from minidl.ir.mlir.core import Block, Operation, Region, Value, clone
from minidl.ir.mlir.location import UNKNOWN, Location
from minidl.ir.mlir.spec import Builder
from minidl.ir.mlir.types import FunctionType, Type
from minidl.ir.text.printer import Printer


class Module(Operation):
    """`builtin.module`: a symbol table of functions."""

    __slots__ = ()

    def __init__(self, name: str | None = None) -> None:
        super().__init__("builtin.module", regions=[Region([Block()])])
        if name:
            self.attributes["sym_name"] = name

    @staticmethod
    def around(block: Block) -> Module:
        """A module whose body is `block`."""
        module = Module()
        module.regions = [Region([block])]
        module.region.parent = module
        return module

    @staticmethod
    def from_parts(
        name: str,
        operands: Sequence[Value],
        types: Sequence[Type],
        attributes: dict[str, Any],
        regions: Sequence[Region],
        successors: Sequence[Block],
    ) -> Module:
        module = Module.__new__(Module)
        Operation.__init__(module, name, operands, types, attributes, regions, successors)
        if not module.region.blocks:
            module.region.append(Block())
        return module

    @property
    def functions(self) -> dict[str, Operation]:
        """The functions by name, in order."""
        return {op["sym_name"]: op for op in self.body if op.name == "func.func"}

    def function(self, name: str) -> Operation:
        for op in self.body:
            if op.regions and op.attributes.get("sym_name") == name:
                return op
        raise MinidlError(
            f"the module has no function @{name}",
            hint=f"it has {', '.join('@' + n for n in self.functions) or 'none'}",
        )

    def defined(self, name: str) -> Operation:
        """A function of this module that has a body."""
        function = self.function(name)
        if not function.region.blocks:
            raise CallError(
                f"@{name} is declared here and defined elsewhere: it has no body to run",
                op="func.func",
                hint="put the function's body into the module",
            )
        return function

    @property
    def main(self) -> Operation:
        return self.function("main")

    def clone(self) -> Module:
        with paused():
            copy = clone(self)
        assert isinstance(copy, Module)
        return copy

    def text(self, generic: bool = False, locations: bool = False) -> str:
        """MLIR text that MLIR's own tools parse."""
        return Printer(generic, locations).module(self)

    def lines(self, locations: bool = False) -> list[tuple[str, Operation | None]]:
        """The text's lines, each with the operation that begins on it."""
        return Printer(False, locations).module_lines(self)

    def __str__(self) -> str:
        return self.text()

    __repr__ = __str__


def function(
    module: Module,
    name: str,
    inputs: Sequence[Type],
    outputs: Sequence[Type] = (),
    visibility: str = "public",
    location: Location = UNKNOWN,
    before: Operation | None = None,
) -> tuple[Operation, Builder]:
    """A new function at the end of the module, and a builder in its body.

    `outputs` may be filled in by `set_outputs` when the body is known.
    """
    op = Operation(
        "func.func",
        attributes={
            "sym_name": name,
            "function_type": FunctionType(tuple(inputs), tuple(outputs)),
            "sym_visibility": visibility,
        },
        regions=[Region([Block(inputs)])],
        location=location,
    )
    module.body.insert(op, before)
    return op, Builder(op.body, location=location)


def finish(builder: Builder, values: Sequence[Value]) -> None:
    """`return values`; the function's type is set to fit."""
    builder.create("func.return", list(values))
    region = builder.block.parent
    assert region is not None and region.parent is not None
    func = region.parent
    inputs = tuple(v.type for v in func.body.args)
    func.attributes["function_type"] = FunctionType(inputs, tuple(v.type for v in values))
