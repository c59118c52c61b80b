"""OpSpec: what an operation is, in one row.

Chapter: ir/mlir.
Sources: MLIR's Operation Definition Specification (ODS); StableHLO specification.
Real: ODS rows are TableGen and generate C++; here the row is the program.

    operands    names in order; a name that ends in `*` takes any number
    attributes  name → Kind; a name that ends in `?` may be absent
    infer       shape rule: (operand types, attributes, regions) → result types
    form        the pretty text as a little format (see `ir.text.form`), or a custom pair
    generic     the generic form, where MLIR writes more than the row keeps (`ir.text.generic_form`)
    verify      further constraints of the specification
    traits      pure, terminator, elementwise, commutative, isolated, constant …
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from minidl.core.errors import VerifyError
from minidl.core.rules import RuleTable
from minidl.ir.mlir.core import Block, Operation, Region, Value
from minidl.ir.mlir.location import UNKNOWN, Location
from minidl.ir.mlir.types import Type

ANY = -1  # regions: any number of them
Infer = Callable[[Sequence[Any], dict[str, Any], Sequence[Region]], list[Type]]


@dataclass(frozen=True, slots=True)
class OpSpec:
    name: str
    operands: tuple[str, ...] = ()
    attributes: dict[str, Any] = field(default_factory=dict)
    infer: Infer | None = None
    form: Any = None
    generic: Any = None
    verify: Callable[[Operation], None] | None = None
    traits: frozenset[str] = frozenset()
    regions: int = 0
    defaults: dict[str, Any] = field(default_factory=dict)
    lists: int = 0  # how many operand names take any number
    made: str = ""  # labels of the constraints on the results: `C5 C6`, element and shape, or one

    @property
    def dialect(self) -> str:
        return self.name.partition(".")[0]

    def kind(self, attribute: str) -> Any:
        """The Kind of a named attribute, or None for one the row does not know."""
        own = self.attributes.get(attribute) or self.attributes.get(attribute + "?")
        return own or (self.generic.kinds.get(attribute) if self.generic else None)

    def slices(self, count: int) -> list[slice]:
        """Where each named operand stands among `count`; lists share equally."""
        extra, lists = count - len(self.operands) + self.lists, self.lists
        out, at = [], 0
        for name in self.operands:
            width = extra // lists if name.endswith("*") else 1
            out.append(slice(at, at + width))
            at += width
        return out

    def accepts(self, count: int) -> bool:
        """Whether the op may have that many operands."""
        extra, lists = count - len(self.operands) + self.lists, self.lists
        return extra == 0 if not lists else extra >= 0 and extra % lists == 0


SPECS: RuleTable[OpSpec] = RuleTable("op", "the IR")


def define(
    name: str,
    operands: str = "",
    *,
    attributes: dict[str, Any] | None = None,
    traits: str = "",
    **rest: Any,
) -> OpSpec:
    """Add a row to SPECS; operands and traits are words separated by blanks."""
    names = tuple(operands.split())
    spec = OpSpec(
        name,
        names,
        attributes or {},
        traits=frozenset(traits.split()),
        lists=sum(n.endswith("*") for n in names),
        **rest,
    )
    SPECS[name] = spec
    return spec


def has_trait(op: Operation, trait: str) -> bool:
    spec = SPECS.rows.get(op.name)
    return spec is not None and trait in spec.traits


def infer_types(
    name: str, operands: Sequence[Value], attributes: dict[str, Any], regions: Sequence[Region]
) -> list[Type]:
    """The result types by the op's shape rule; errors name the op."""
    spec = SPECS[name]
    if not spec.accepts(len(operands)):
        raise VerifyError(
            f"{name} takes {len(spec.operands)} operands ({', '.join(spec.operands)}), "
            f"got {len(operands)}",
            op=name,
        )
    if spec.infer is None:
        raise VerifyError(
            f"{name} has no shape rule; its result types must be given",
            op=name,
            hint="pass result_types to Builder.create",
        )
    return spec.infer([v.type for v in operands], attributes, regions)


class Builder:
    """Creates operations at a point: the end of a block, or before an op.

    `location` is given to every op made while it is set.
    """

    __slots__ = ("block", "before", "location")

    def __init__(
        self, block: Block, before: Operation | None = None, location: Location = UNKNOWN
    ) -> None:
        self.block, self.before, self.location = block, before, location

    @staticmethod
    def before_op(op: Operation) -> Builder:
        assert op.parent is not None, f"{op.name} is in no block"
        return Builder(op.parent, op, op.location)

    def insert(self, op: Operation) -> Operation:
        return self.block.insert(op, self.before)

    def create(
        self,
        name: str,
        operands: Sequence[Value] = (),
        attributes: dict[str, Any] | None = None,
        result_types: Sequence[Type] | None = None,
        regions: Sequence[Region] = (),
        successors: Sequence[Block] = (),
        location: Location | None = None,
    ) -> Operation:
        """A new op at the point; result types come from the shape rule unless given."""
        spec = SPECS[name]
        attributes = {**spec.defaults, **(attributes or {})}
        if result_types is None:
            result_types = infer_types(name, operands, attributes, regions)
        where = self.location if location is None else location
        op = Operation(name, operands, result_types, attributes, regions, successors, where)
        return self.insert(op)

    def value(self, name: str, *operands: Value, **attributes: Any) -> Value:
        """`create`, for an op with one result whose type the shape rule knows."""
        return self.create(name, operands, attributes).result
