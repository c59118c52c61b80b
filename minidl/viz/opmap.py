"""The map of a program: its ops as a graph, a lane for each line of Python.

Chapter: step.
Sources: Sugiyama's layers turned into lanes; Netron (a model as a graph of ops).
Real: TensorBoard's graph groups by name scope, which the author of a model writes.

Only ops that make new numbers are drawn.  Constants and moves (broadcast, reshape,
transpose) are part of an arrow; Σ, ▲ and ▼ are a sum, a maximum, a minimum along an axis.
In a lane the program runs from left to right; ops made by a derivative stand at the right
end and run from right to left.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from minidl.ir.mlir.core import Operation
from minidl.ir.mlir.location import origins
from minidl.viz import panel
from minidl.viz.frame import Panel
from minidl.xla import cost
from minidl.xla.executable import Executable

STEP, LANE, LEFT, TOP = 60.0, 62.0, 40.0, 34.0
SIGNS = {
    "add": "+", "subtract": "−", "multiply": "×", "divide": "÷", "negate": "neg",
    "maximum": "max", "minimum": "min", "exponential": "exp", "dot_general": "dot",
    "select": "sel", "convert": "cvt", "compare": "cmp",
}  # fmt: skip
COMPARES = {"EQ": "=?", "NE": "≠?", "GT": ">?", "GE": "≥?", "LT": "<?", "LE": "≤?"}


@dataclass(frozen=True, slots=True)
class Node:
    """An op on the map: its sign and number, its line of Python, which way it runs."""

    id: str
    op: Operation
    sign: str
    line: int
    back: bool


@dataclass(frozen=True)
class OpMap:
    """Nodes by name (`max 6` is op 6), arrows, and where the nodes stand."""

    nodes: Mapping[str, Node]
    edges: Sequence[tuple[str, str]]
    at: Mapping[str, tuple[float, float]]

    def panel(self, lanes: Mapping[int, str] | None = None, **roles: Any) -> Panel:
        """The graph; `lanes` names the lines {line: name} in a key, up to six of them."""
        names = {n.id: lanes[n.line] for n in self.nodes.values()} if lanes else None
        signs = {n.id: n.sign for n in self.nodes.values()}
        return panel.graph(signs, self.edges, groups=names, at=self.at, **roles)

    def on(self, line: int, back: bool | None = None) -> list[str]:
        """The ops of a line: all, or those that run forward, or back."""
        return [n.id for n in self.nodes.values() if n.line == line and back in (None, n.back)]

    def of(self, numbers: Iterable[int]) -> list[str]:
        """Those of the numbered ops that are on the map."""
        known = {int(name.split()[1]): name for name in self.nodes}
        return [known[i] for i in sorted(numbers) if i in known]


def op_map(exe: Executable, above: Sequence[int] = ()) -> OpMap:
    """The map of a compiled program as it was traced.

    above   lines whose lanes stand on top, at the right: what takes the derivatives in
    """
    nodes: dict[str, Node] = {}
    names: dict[Operation, str] = {}
    for op in exe.modules["stablehlo"].main.body:
        if cost.computes(op):
            node = _node(op)
            nodes[node.id], names[op] = node, node.id
    edges: dict[tuple[str, str], None] = {}
    for op, name in names.items():
        for value in cost.reads([op]):
            if value.op in names:
                edges[names[value.op], name] = None
    return OpMap(nodes, list(edges), _places(nodes.values(), above))


def _node(op: Operation) -> Node:
    (number,) = origins(op.location)
    name = f"{sign(op)} {number}"
    line = max((span.line for span in op.location.spans()), default=0)
    return Node(name, op, sign(op), line, "transpose(" in str(op.location))


def sign(op: Operation) -> str:
    """An op in at most four letters."""
    name = op.name.split(".")[-1]
    if name == "compare":
        return COMPARES.get(str(op["comparison_direction"]).split(".")[-1], "cmp")
    if name == "reduce":
        inner = op.body.first
        body = inner.name.split(".")[-1] if inner else ""
        return {"add": "Σ", "maximum": "▲", "minimum": "▼"}.get(body, "red")
    return SIGNS.get(name, name[:4])


def _places(nodes: Iterable[Node], above: Sequence[int]) -> dict[str, tuple[float, float]]:
    lanes: dict[int, tuple[list[str], list[str]]] = {}
    for node in nodes:
        lanes.setdefault(node.line, ([], []))[node.back].append(node.id)
    width = max((len(there) + len(back) for there, back in lanes.values()), default=0)
    at = {}
    for row, line in enumerate(sorted(lanes, key=lambda n: (n not in above, n))):
        there, back = ([], lanes[line][0]) if line in above else lanes[line]
        y = TOP + row * LANE
        at.update({n: (LEFT + i * STEP, y) for i, n in enumerate(there)})
        at.update({n: (LEFT + (width - 1 - i) * STEP, y) for i, n in enumerate(back)})
    return at
