"""SSA on the page: a text becoming a tree of values that know their uses.

Chapter: ir/mlir.
Sources: the engine itself: its parser is listened to.
Real: `mlir-opt --view-op-graph` draws one state and no way there.

reading    one step an operation, while the real parser reads a text
pictures   what a step shows: the text, the table of names, the values with their uses
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from minidl.core.step import Step
from minidl.ir.mlir.core import Block, Operation, Value
from minidl.ir.text.lexer import Tokens
from minidl.ir.text.parser import Parser
from minidl.viz import panel
from minidl.viz.frame import Panel


class Listener(Parser):
    """The parser, telling after each operation what it has made and which names it holds."""

    def __init__(self, text: str) -> None:
        super().__init__(Tokens(text, "<text>"))
        self.names: dict[str, Value] = {}
        self.made: list[Operation] = []
        self.steps: list[Step] = []

    def define_value(self, name: str, value: Value, at: int) -> None:
        super().define_value(name, value, at)
        self.names[name] = value

    def operation(self) -> Operation:
        if self.names and not self.made:
            self.tell("arguments", 1)
        line = self.tokens.span(self.at_).line
        op = super().operation()
        if op.regions:
            self.names = {}
        else:
            self.made.append(op)
        self.tell(short(op), line)
        return op

    def tell(self, title: str, line: int) -> None:
        self.steps.append(Step(title, line, pictures(self.made, self.names, self.arguments())))

    def arguments(self) -> list[Value]:
        """The arguments of the function that is being read."""
        known = self.names.values()
        blocks = {v.owner for v in known if isinstance(v.owner, Block)}
        if not blocks and self.made:
            assert self.made[0].parent is not None
            blocks = {self.made[0].parent}
        return [v for block in blocks for v in block.args]


def reading(text: str) -> list[Step]:
    """What the parser does with one function: `where` is the line, `state` the panels."""
    listener = Listener(text)
    listener.module()
    return [s for s in listener.steps if s.title != "module"]


def short(op: Operation) -> str:
    """An operation's name without its dialect."""
    return op.name.rpartition(".")[2]


def pictures(
    ops: Sequence[Operation], names: Mapping[str, Value], args: Sequence[Value]
) -> tuple[Panel, Panel]:
    """The table of names and uses, and the values as a graph; both are snapshots."""
    made = [*args, *(v for op in ops for v in op.results)]
    known = {value: name for name, value in names.items()}
    label = labels(ops, args)
    ids = {key: f"n{i}" for i, key in enumerate(label)}
    rows = [(known.get(v, "–"), label[v.owner, v.index], uses(v, label)) for v in made]
    table = panel.table(rows, ("name", "value", "uses"), title="values", side="left")
    nodes = {ids[key]: text for key, text in label.items()}
    graph = panel.graph(nodes, _edges(ops, ids), title="who uses whom", side="right")
    return table, graph


Maker = tuple[Operation | Block, int]


def labels(ops: Sequence[Operation], args: Sequence[Value]) -> dict[Maker, str]:
    """A word for each maker of a value: `argument 0`, `add`; a second add is `add′`."""
    out: dict[Maker, str] = {(v.owner, v.index): f"argument {v.index}" for v in args}
    for op in ops:
        word = short(op)
        while word in out.values():
            word += "′"
        out[op, 0] = word
    return out


def uses(value: Value, label: Mapping[Maker, str]) -> str:
    """The uses of a value: which operand of which operation."""
    return ", ".join(f"{label[op, 0]}[{i}]" for op, i in value.uses if (op, 0) in label) or "none"


def _edges(ops: Iterable[Operation], ids: Mapping[Maker, str]) -> list[tuple[str, str, str]]:
    """One arrow from maker to user, with the numbers of the operands it stands for."""
    found: dict[tuple[str, str], list[str]] = {}
    for op in ops:
        for i, value in enumerate(op.operands):
            found.setdefault((ids[value.owner, value.index], ids[op, 0]), []).append(str(i))
    return [(a, b, ", ".join(places)) for (a, b), places in found.items()]
