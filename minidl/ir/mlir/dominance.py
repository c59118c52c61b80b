"""Dominance: which blocks every path to a block must pass.

Chapter: ir/mlir ("Regions").
Sources: Cooper, Harvey, Kennedy, "A Simple, Fast Dominance Algorithm" (2001).
Real: LLVM's `GenericDomTree` (Semi-NCA), kept up to date while blocks change.

    order[b]  place of block b in reverse postorder; a block no path reaches has none
    above[b]  the immediate dominator: the last block that every path to b passes
"""

from __future__ import annotations

from minidl.ir.mlir.core import Block, Region


def successors(block: Block) -> list[Block]:
    """Where control may go from the end of a block."""
    return block.last.successors if block.last is not None else []


def reverse_postorder(entry: Block) -> list[Block]:
    """The blocks that can be reached, each before those it leads to, loops aside."""
    seen, out = {entry}, []
    stack = [(entry, iter(successors(entry)))]
    while stack:
        block, rest = stack[-1]
        found = next((b for b in rest if b not in seen), None)
        if found is None:
            out.append(block)
            stack.pop()
        else:
            seen.add(found)
            stack.append((found, iter(successors(found))))
    return out[::-1]


def immediate_dominators(region: Region) -> dict[Block, Block]:
    """`above` for every block that can be reached; the entry is its own."""
    blocks = reverse_postorder(region.blocks[0])
    order = {block: i for i, block in enumerate(blocks)}
    coming: dict[Block, list[Block]] = {block: [] for block in blocks}
    for block in blocks:
        for after in successors(block):
            coming[after].append(block)
    above = {blocks[0]: blocks[0]}
    changed = True
    while changed:
        changed = False
        for block in blocks[1:]:
            best = _meet([b for b in coming[block] if b in above], above, order)
            changed |= above.get(block) is not best
            above[block] = best
    return above


def _meet(blocks: list[Block], above: dict[Block, Block], order: dict[Block, int]) -> Block:
    """The last block that dominates them all."""
    best = blocks[0]
    for other in blocks[1:]:
        while best is not other:
            if order[best] > order[other]:
                best = above[best]
            else:
                other = above[other]
    return best


def children(above: dict[Block, Block]) -> dict[Block, list[Block]]:
    """The dominator tree, downwards."""
    out: dict[Block, list[Block]] = {block: [] for block in above}
    for block, parent in above.items():
        if block is not parent:
            out[parent].append(block)
    return out


__all__ = ["children", "immediate_dominators", "reverse_postorder", "successors"]
