"""`viz.passes`: the order of passes, and how many ops each order leaves.

Chapter: ir/rewriting.
Sources: Click and Cooper, "Combining Analyses, Combining Optimizations" (1995): why order matters.
Real: LLVM's `-O2` is one fixed order, found by measuring; here all orders are tried.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

from minidl.ir.mlir.module import Module
from minidl.ir.rewriting.manager import PassManager, Runs, count_ops
from minidl.viz import panel
from minidl.viz.explorer import Explorer, Knob
from minidl.viz.frame import Frame, ViewError
from minidl.viz.rewriting_player import cut, window

MOST = 5  # passes: 120 orders
Order = tuple[str, ...]


def orders(module: Module, passes: Sequence[Runs]) -> dict[Order, list[Module]]:
    """For each order of all the passes: the module as it came, and after each of them."""
    by_name = {p.name: p for p in passes}
    if len(by_name) != len(passes) or not 2 <= len(passes) <= MOST:
        raise ViewError(f"{len(passes)} passes; expected 2 to {MOST} of different names")
    after: dict[Order, Module] = {(): module}

    def run(order: Order) -> Module:
        if order not in after:
            after[order] = PassManager([by_name[order[-1]]]).run(run(order[:-1]))
        return after[order]

    every = permutations(by_name)
    return {order: [run(order[:k]) for k in range(len(order) + 1)] for order in every}


def passes(
    module: Module,
    passes: Sequence[Runs],
    *,
    name: str = "passes",
    title: str = "The order of the passes",
    start: Sequence[str] = (),
    height: int = 16,
) -> Explorer:
    """Choose an order; every order has been run, `start` is the one shown first."""
    tried = orders(module, passes)
    fewest = min(count_ops(made[-1]) for made in tried.values())
    rows = {_words(order): made for order, made in tried.items()}

    def row(order: str) -> Frame:
        return _picture(order, rows[order], fewest, height)

    knob = Knob(list(rows), "order", start=_words(tuple(start)) if start else None)
    return Explorer(name, {"order": knob}, row, title=title)


def _words(order: Order) -> str:
    return ", ".join(order)


def _picture(order: str, made: Sequence[Module], fewest: int, height: int) -> Frame:
    names = ["as it comes", *(f"{i}. {one}" for i, one in enumerate(order.split(", "), 1))]
    counts = [count_ops(m) for m in made]
    left = counts[-1]
    more = left - fewest
    words = "no order leaves fewer" if not more else f"{more} more than the best order"
    bars = panel.bars(list(zip(names, counts, strict=True)), unit="ops", current=[names[-1]],
                      title="ops after each pass", side="wide")  # fmt: skip
    lines = [cut(line) for line in str(made[-1]).rstrip("\n").split("\n")]
    first, last = window(lines, 0, height)
    text = panel.code(lines[first:last], (), (), title="what is left", start=first + 1, side="wide")
    caption = f"The order {order} leaves {left} ops: {words}."
    return Frame("", caption, [bars, text], {"ops left": left, "fewest": fewest})
