"""Names: what each value and block is called in the text, exactly as MLIR would.

Chapter: ir/mlir.
Sources: MLIR, `AsmPrinter.cpp` (`SSANameState`); `OpAsmOpInterface` of each dialect.
Real: the same walk; MLIR keeps numbers, and spells a name when it prints it.

A region is numbered whole before any region inside it, and the regions inside start
from where it ended: `%5` may stand below a loop whose body also begins with `%5`.
(In generic text every name is used once.)  A value is a number, unless its op suggests a
word; a word that is taken gets a number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from minidl.ir.mlir.attributes import Dense, Typed
from minidl.ir.mlir.core import Block, Operation, Region, Value

RESULTS = {  # op → the word for its result, or one for each
    "tensor.extract": "extracted",
    "tensor.insert": "inserted",
    "tensor.extract_slice": "extracted_slice",
    "tensor.insert_slice": "inserted_slice",
    "tensor.from_elements": "from_elements",
    "tensor.pad": "padded",
    "tensor.dim": "dim",
    "tensor.cast": "cast",
    "tensor.collapse_shape": "collapsed",
    "tensor.expand_shape": "expanded",
    "tensor.generate": "generated",
    "tensor.splat": "splat",
    "tensor.concat": "concat",
    "tensor.reshape": "reshape",
    "memref.alloc": "alloc",
    "memref.alloca": "alloca",
    "memref.dim": "dim",
    "memref.cast": "cast",
    "memref.subview": "subview",
    "memref.view": "view",
    "memref.reinterpret_cast": "reinterpret_cast",
    "memref.collapse_shape": "collapse_shape",
    "memref.expand_shape": "expand_shape",
    "memref.transpose": "transpose",
    "arith.addui_extended": "sum overflow",
    "arith.mulsi_extended": "low high",
    "arith.mului_extended": "low high",
    "chlo.top_k": "values indices",
    "stablehlo.batch_norm_training": "output batch_mean batch_var",
    "stablehlo.batch_norm_grad": "grad_operand grad_scale grad_offset",
    "stablehlo.rng_bit_generator": "output_state output",
}
_GPU = ("thread_id", "block_id", "block_dim", "grid_dim", "global_id")


class Names:
    """`values` and `blocks` of everything below one operation; generic text has no `words`."""

    def __init__(self, top: Operation, words: bool = True) -> None:
        self._words = words
        self.values: dict[Value, str] = {}
        self.blocks: dict[Block, str] = {}
        self._number = self._argument = self._conflict = 0
        self._used: list[set[str]] = [set()]
        self._op(top)
        self._regions(top)

    def _regions(self, top: Operation) -> None:
        """Breadth first within a subtree, the words of enclosing regions in force."""
        words: tuple[set[str], ...] = (self._used[0],)
        todo = [(r, self._state(), words) for r in top.regions]
        while todo:
            region, state, outer = todo.pop()
            if self._words:
                self._number, self._argument, self._conflict = state
            self._used = [*outer, set()]
            self._region(region)
            state, scope = self._state(), tuple(self._used)
            todo.extend((r, state, scope) for op in _ops(region) for r in op.regions)

    def _state(self) -> tuple[int, int, int]:
        return self._number, self._argument, self._conflict

    def _region(self, region: Region) -> None:
        suggest = ARGUMENTS.get(region.parent.name) if region.parent and self._words else None
        for i, block in enumerate(region.blocks):
            self.blocks[block] = f"^bb{i}"
            words = suggest(region) if suggest and not i else None
            for j, value in enumerate(block.args):
                self.values[value] = self._argument_name(words[j] if words else "", entry=not i)
            for op in block:
                self._op(op)

    def _argument_name(self, word: str, entry: bool) -> str:
        if entry and not word:
            word, self._argument = f"arg{self._argument}", self._argument + 1
        return self._name(word)

    def _op(self, op: Operation) -> None:
        if not op.results:
            return
        words = suggestion(op).split() if self._words else []
        if len(words) == len(op.results):
            self.values.update(zip(op.results, map(self._name, words), strict=True))
            return
        name = self._name(words[0] if words else "")
        if len(op.results) == 1:
            self.values[op.results[0]] = name
            return
        for i, value in enumerate(op.results):
            self.values[value] = f"{name}#{i}"

    def _name(self, word: str) -> str:
        if not word:
            self._number += 1
            return f"%{self._number - 1}"
        name = f"%{word}"
        while any(name in used for used in self._used):
            name, self._conflict = f"%{word}_{self._conflict}", self._conflict + 1
        self._used[-1].add(name)
        return name


def _ops(region: Region) -> Iterator[Operation]:
    for block in region.blocks:
        for op in block:
            if op.regions:
                yield op


def suggestion(op: Operation) -> str:
    """The word MLIR gives an op's results; empty for a number."""
    if op.name.endswith(".constant"):
        return _constant(op)
    dialect, _, short = op.name.partition(".")
    if dialect == "gpu" and short in _GPU:
        return f"{short}_{op.get('dimension')}"
    return RESULTS.get(op.name, "")


def _constant(op: Operation) -> str:
    """cst for floats and tensors of builtin dialects, c for integers."""
    value = op.attributes.get("value")
    if op.name == "arith.constant":
        return _scalar(value) if isinstance(value, Typed) else "cst"
    if op.name == "stablehlo.constant" and isinstance(value, Dense):
        return "c" if value.type.element.is_integer else "cst"
    return "cst" if op.name == "stablehlo.constant" else ""


def _scalar(value: Typed) -> str:
    if value.type.is_float:
        return "cst"
    if value.type.name == "i1":
        return "true" if value.value else "false"
    return f"c{value.value}" + ("" if value.type.name == "index" else f"_{value.type}")


def _generic(region: Region) -> list[str]:
    """`in` for an element read, `out` for one that is written."""
    assert region.parent is not None
    ins = region.parent["operandSegmentSizes"][0]
    return ["in" if i < ins else "out" for i in range(len(region.blocks[0].args))]


def _loop(region: Region) -> list[str]:
    # Real MLIR: %argN, as elsewhere; a reader of nests wants to see what counts.
    return ["i"] + ["acc"] * (len(region.blocks[0].args) - 1)


def _iterated(region: Region) -> list[str]:
    return ["iterArg"] * len(region.blocks[0].args)


def _scanned(region: Region) -> list[str]:
    assert region.parent is not None
    n, m = region.parent["operandSegmentSizes"]
    return ["input"] * n + ["carry"] * m


ARGUMENTS: dict[str, Callable[[Region], list[str]]] = {
    "linalg.generic": _generic,
    "scf.for": _loop,
    "stablehlo.while": _iterated,
    "chlo.scan": _scanned,
}
