"""The open data as programs to compile: constants become arguments, the op under test stays.

The modules take no argument and hold their data as constants; a compiler would fold them
away.  So each constant above rank 0 becomes an argument first (every constant, where the op
under test has scalars alone), and only what was computed is returned.
"""

from __future__ import annotations

import zlib
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from minidl import ir
from minidl.ir.chlo.decompose import decompose
from minidl.ir.mlir.core import Operation
from minidl.ir.mlir.module import Module
from minidl.ir.mlir.types import FunctionType
from minidl.ir.rewriting import inline
from minidl.ir.rewriting.driver import DEAD
from minidl.ir.rewriting.manager import present
from minidl.xla.compiler import compile_module
from tests.ir import samples
from tests.ir.test_data import KNOWN, as_asked, as_sums, terms
from tests.xla.compare import disagreement, kinds

SILENT = frozenset(
    ["func.func", "func.return", "func.call", "stablehlo.return", "stablehlo.constant",
     "stablehlo.custom_call"]
)  # fmt: skip
# What issue 3 lists beside the elementwise ops (those are read off the op table).
LISTED = """broadcast_in_dim transpose reshape slice pad concatenate iota select compare convert
reduce reduce_window dot_general convolution gather scatter dynamic_slice dynamic_update_slice
sort while case reverse"""


@lru_cache(maxsize=1)
def listed() -> frozenset[str]:
    """The ops that the issue wants lowered."""
    elementwise = [n for n, spec in ir.SPECS.rows.items() if "elementwise" in spec.traits]
    return frozenset(elementwise) | {f"stablehlo.{n}" for n in LISTED.split()}


@lru_cache(maxsize=1)
def rarity() -> Counter[str]:
    """In how many modules of the data each op occurs."""
    return Counter(op for row in samples.open_data() for op in row["ops"])


def ops_of(row: dict[str, Any]) -> frozenset[str]:
    return frozenset(row["ops"]) - SILENT


def rows(ops: frozenset[str] | None = None) -> list[dict[str, Any]]:
    """The rows whose ops are all in the list."""
    wanted = listed() if ops is None else ops
    return [row for row in samples.open_data() if ops_of(row) and ops_of(row) <= wanted]


def under_test(row: dict[str, Any]) -> str:
    """The op the module is about: the one in its name, else its rarest."""
    named = "stablehlo." + row["id"].partition("/")[2].partition("#")[0]
    return named if named in ops_of(row) else min(ops_of(row), key=lambda n: (rarity()[n], n))


def with_arguments(module: Module, least_rank: int) -> tuple[Module, list[Any]]:
    """The module with its constants of that rank or more as arguments, and their values."""
    made = inline(module)
    main, arrays = made.main, []
    for op in list(main.walk()):
        if op.name == "stablehlo.constant" and op.result.type.rank >= least_rank:
            if _outermost_isolated(op):
                continue
            arrays.append(np.array(op["value"].array))
            op.replace([main.body.add_arg(op.result.type)])
    results = main.body.terminator.operands[::2]
    main.body.terminator.set_operands(results)
    main.attributes["function_type"] = FunctionType(
        tuple(v.type for v in main.body.args), tuple(v.type for v in results)
    )
    for name in ("arg_attrs", "res_attrs"):
        main.attributes.pop(name, None)
    return made, arrays


def _outermost_isolated(op: Operation) -> bool:
    """Whether an op around keeps its region from seeing arguments of @main."""
    around = op.parent_op
    while around is not None and around.name != "func.func":
        if around.name not in ("stablehlo.while", "stablehlo.case", "stablehlo.if"):
            return True
        around = around.parent_op
    return False


@dataclass(frozen=True)
class Case:
    row: dict[str, Any]
    module: Module
    arrays: list[Any]
    exe: Any

    @property
    def survives(self) -> bool:
        """Whether the loops stage holds something that came from the op under test.

        An op that computes nothing (an identity) may go, and says so; none may be folded.
        """
        name, kept = under_test(self.row), present(self.exe.modules["loops"])
        marked = [r for r in self.exe.provenance.ops.values() if r.name == name]
        if any(r.id in kept for r in marked):
            return True
        reasons = [self.exe.provenance.reasons.get(r.id, "") for r in marked]
        return any(why and "constant" not in why and why != DEAD for why in reasons)


def case(row: dict[str, Any], least_rank: int = 1) -> Case:
    """The row compiled; UnsupportedError where a stage has no rule."""
    module, arrays = with_arguments(ir.parse(row["text"]), least_rank)
    made = Case(row, module, arrays, compile_module(module))
    return made if made.survives or least_rank == 0 else case(row, 0)


# -- what the numbers may be -----------------------------------------------------------------

MOVES = frozenset(
    f"stablehlo.{n}"
    for n in [
        "broadcast_in_dim",
        "reshape",
        "transpose",
        "slice",
        "reverse",
        "convert",
        "concatenate",
    ]
)
LINEAR = frozenset(
    f"stablehlo.{n}" for n in ("dot_general", "convolution", "reduce", "reduce_window", "add")
)


def wrong(made: Case, got: list[Any]) -> str | None:
    """How the results differ from evaluate's by more than DESIGN's Numbers allow; or None."""
    want = ir.evaluate(made.module, *made.arrays)
    found = kinds(decompose(made.module), exact_sums=False)
    if any(op.startswith("chlo.") for op in made.row["ops"]):  # evaluate rounds a formula once
        found = ["free" if a.dtype.kind not in "biu" else k for k, a in zip(found, want)]
    said = disagreement(found, want, got)
    if said or "free" not in found:
        return said
    if ops_of(made.row) <= MOVES | LINEAR:
        return _beyond_the_bound(made, want, got)
    return _not_as_the_data_says(made, want, got)


def _beyond_the_bound(made: Case, want: Any, got: list[Any]) -> str | None:
    """√K · u · Σ|terms|, and evaluate's one rounding; K is the result on ones."""
    total_of = ir.evaluate(made.module, *map(np.abs, made.arrays))
    count = ir.evaluate(made.module, *map(np.ones_like, made.arrays))
    for a, b, total, k in zip(want, got, total_of, count, strict=True):
        wide = [np.asarray(x).astype(np.float64) for x in (a, b, total, k)]
        u = 2.0**-53 if a.dtype == np.float64 else 2.0**-24
        last = {np.float64: 2.0**-53, np.float32: 2.0**-24, np.float16: 2.0**-11}
        unit = last.get(a.dtype.type, 2.0**-8)
        bound = np.sqrt(wide[3]) * u * wide[2] + 2 * unit * np.abs(wide[0])
        if not np.all(np.abs(wide[0] - wide[1]) <= bound):
            return f"an accumulation is beyond its bound: {b!r}, evaluate {a!r}"
    return None


def _not_as_the_data_says(made: Case, want: Any, got: list[Any]) -> str | None:
    """Several functions of one another: the module's own expected results and tolerance.

    Where the recorded answer is known to be off, evaluate's stands for it.
    """
    module = ir.parse(made.row["text"])
    expected, k = ir.evaluate(module)[1::2], terms(module)
    if made.row["id"] in KNOWN:
        expected = want
    default = 1e-4 if made.row["id"].startswith("interpret/") else 1e-3
    for (kind, options), a, b in zip(made.row["checks"], expected, got, strict=True):
        if not as_asked(b, a, kind, {"tolerance": default, **options}) and not as_sums(b, a, k):
            return f"the data expects {a!r}, came {b!r}"
    return None


def chunk_of(row: dict[str, Any], chunks: int) -> int:
    """Which part of a split run a row belongs to; the same in every process."""
    return zlib.crc32(row["id"].encode()) % chunks
