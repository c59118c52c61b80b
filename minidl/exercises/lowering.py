"""Checks of chapter `ir/lowering`: a place for each element, a row for each scalar.

Chapter: ir/lowering.
Sources: the engine itself: a lowering with the reader's row runs beside `ir.evaluate`.
Real: MLIR tests a lowering by FileCheck on its text; StableHLO also runs it against its
interpreter (`stablehlo-translate --interpret`).

    stages(f, *args)         modules by stage, for one fixed CPU
    scalar_loops(linalg)     the loops of each fusion, one element at a time
    work(module, *arrays)    rounds, loads, stores, bytes, counted while `evaluate` runs it
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

import minidl
from minidl import numpy as mnp
from minidl.core import step
from minidl.core.errors import MinidlError
from minidl.exercises.verdict import NotYet, call, exercise, need
from minidl.ir.evaluate import evaluate
from minidl.ir.lowering import indexing
from minidl.ir.lowering.scalars import SCALAR
from minidl.ir.lowering.schedule import Schedule
from minidl.ir.lowering.to_linalg import fusion_to_linalg
from minidl.ir.lowering.to_loops import fusion_to_loops
from minidl.ir.mlir.attributes import Affine, AffineMap
from minidl.ir.mlir.core import Operation, Value
from minidl.ir.mlir.module import Module
from minidl.ir.mlir.types import MemRefType, ShapedType
from minidl.ir.mlir.verify import verify
from minidl.ir.text.parser import parse
from minidl.xla.compiler import compile_module

CPU = "x86-64-v3"  # fixed, so that the page is the same everywhere


def softmax(x: Any, axis: int = 1) -> Any:
    """exp(x − max) over its sum, along an axis."""
    e = mnp.exp(x - mnp.max(x, axis=axis, keepdims=True))
    return e / mnp.sum(e, axis=axis, keepdims=True)


def stages(f: Any, *args: Any, target: str = CPU) -> dict[str, Module]:
    """The modules of each stage down to the loops."""
    return compile_module(minidl.trace(f, *args), target, stop="loops").modules


def scalar_loops(linalg: Module) -> Module:
    """The fusions of a linalg module as loops without vectors: one element a round."""
    out = Module(linalg.get("sym_name"))
    for op in linalg.body:
        if "minidl.fusion" in op.attributes:
            fusion_to_loops(op, out, Schedule(lanes=1))
    return out


def wrapped(text: str) -> list[str]:
    """Lines of a listing, each `linalg.generic` broken before `ins` and between its maps."""
    out: list[str] = []
    for line in text.rstrip("\n").split("\n"):
        pad = "\n" + " " * (len(line) - len(line.lstrip()) + 4)
        line = line.replace("generic {indexing", f"generic {{{pad}indexing")
        line = line.replace(">, affine_map", f">,{pad}{' ' * 17}affine_map")
        line = line.replace(">], iterator", f">],{pad}iterator")
        line = line.replace("} ins(", f"}}{pad}ins(")
        out += (line.replace(") outs(", f"){pad}outs(") if pad in line else line).split("\n")
    return out


def element(map_: AffineMap, at: Sequence[int]) -> tuple[int, ...]:
    """The index that a map gives at these loop numbers."""
    return tuple(e.const + sum(c * at[d] for d, c in e.terms) for e in map_.results)


def generics(module: Module) -> list[Operation]:
    return [op for op in module.walk() if op.name == "linalg.generic"]


# -- counting ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Work:
    """What a run of loops did.

    rounds      of the loops that hold no other loop
    traffic_bytes read and written, of arrays of any kind
    buffer_bytes  of the buffers that the program makes for itself
    """

    rounds: int
    loads: int
    stores: int
    traffic_bytes: int
    buffer_bytes: int


def work(module: Module, *arrays: Any, entry: str = "main") -> tuple[Work, tuple[Any, ...]]:
    """Run loops by `evaluate`, and count; with what they returned."""
    ran: Counter[Operation] = Counter()
    with step.listen(lambda title, where, state: ran.update([where])):
        results = evaluate(module, *arrays, entry=entry)
    seen = [op for op in module.function(entry).walk() if ran[op]]
    loads, stores = ([op for op in seen if op.name == f"memref.{n}"] for n in ("load", "store"))
    moved = sum(ran[op] * _element_bytes(op) for op in (*loads, *stores))
    inner = [op for op in seen if op.name == "scf.for" and not _loops(op)]
    rounds = sum(ran[op.body.first] for op in inner if op.body.first is not None)
    counts = rounds, sum(ran[op] for op in loads), sum(ran[op] for op in stores)
    return Work(*counts, moved, buffer_bytes(module.function(entry))), results


def buffer_bytes(function: Operation) -> int:
    """Bytes of the buffers that a function makes for itself."""
    made = [op.result.type for op in function.walk() if op.name == "memref.alloca"]
    return sum(t.bytes for t in made if isinstance(t, MemRefType))


def _loops(op: Operation) -> bool:
    return any(inner.name == "scf.for" for inner in list(op.walk())[1:])


def _element_bytes(op: Operation) -> int:
    type_ = op.operands[op.name == "memref.store"].type
    assert isinstance(type_, ShapedType)
    return type_.element.bytes


def read_mlir(text: str) -> Module:
    """Loops that MLIR printed: of its two ways to make a buffer our dialect has the stack's."""
    return parse(text.replace("memref.alloc() alignment = 64", "memref.alloca()"))


# -- writing in place ----------------------------------------------------------------------

INSERTS = """func.func @main(%u: tensor<2xf32>)
    -> (tensor<8xf32>, tensor<2xf32>) {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<8xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<8xf32>) -> tensor<8xf32>
  %a = tensor.insert_slice %u into %z[0] [2] [1]
      : tensor<2xf32> into tensor<8xf32>
  %b = tensor.insert_slice %u into %a[3] [2] [1]
      : tensor<2xf32> into tensor<8xf32>
  %c = tensor.insert_slice %u into %b[4] [2] [1]
      : tensor<2xf32> into tensor<8xf32>
  %s = tensor.extract_slice %b[4] [2] [1]
      : tensor<8xf32> to tensor<2xf32>
  return %c, %s : tensor<8xf32>, tensor<2xf32>
}
"""


def short_map() -> str:
    """The linalg of a softmax, the first map with one part too few."""
    text = str(stages(softmax, np.ones((4, 10), np.float32))["linalg"])
    return text.replace("(d0, d1) -> (d0, d1)", "(d0, d1) -> (d0)", 1)


def with_in_place(text: str, places: Sequence[int], *arrays: Any) -> tuple[Any, ...]:
    """Run a text whose inserts of these numbers write into the array they are given."""
    module = parse(text)
    inserts = [op for op in module.walk() if op.name == "tensor.insert_slice"]
    chosen = {inserts[i] for i in places}

    def insert(op: Operation, part: Any, whole: Any) -> Any:
        target = whole if op in chosen else whole.copy()
        rows = zip(op["offsets"], op["sizes"], op["strides"], strict=True)
        target[tuple(slice(o, o + n * s, s) for o, n, s in rows)] = part
        return target

    return evaluate(module, *arrays, handlers={"tensor.insert_slice": insert})


# -- exercises -----------------------------------------------------------------------------


@contextmanager
def replaced(table: Any, name: str, row: Callable[..., Any]) -> Iterator[None]:
    """The row stands in the table inside the `with` block."""
    before = table[name]
    table[name] = row
    try:
        yield
    finally:
        table[name] = before


def lowered(text: str) -> Module:
    """A StableHLO text as linalg: @main as one fusion, without any pass before."""
    source, out = parse(text).main, Module()
    source.attributes["minidl.fusion"] = "loop"
    fusion_to_linalg(source, out)
    return out


REVERSED = [((5,), (0,)), ((4, 3), (1,)), ((2, 3), (0, 1)), ((2, 4, 3), (0, 2))]


def _reverse(shape: Sequence[int], dimensions: Sequence[int]) -> str:
    """The text of a reverse."""
    type_ = "tensor<" + "".join(f"{n}x" for n in shape) + "i32>"
    return f"""func.func @main(%x: {type_}) -> {type_} {{
  %0 = stablehlo.reverse %x, dims = {list(dimensions)} : {type_}
  return %0 : {type_}
}}
"""


@exercise("Four programs of one, two and three dimensions: every element is the reference's.")
def check_where(where: Any) -> None:
    """`where(op, at)` is the index at which a reverse reads its operand."""
    for shape, dimensions in REVERSED:
        text = _reverse(shape, dimensions)
        op = parse(text).main.body.first
        assert op is not None
        _is_index(call(where, op, indexing.here(len(shape))), len(shape))
        x = np.arange(np.prod(shape), dtype=np.int32).reshape(shape)
        (want,) = evaluate(parse(text), x)
        hint = _reverse_hint(dimensions, len(shape))
        with replaced(indexing.INDEX, "stablehlo.reverse", lambda *a: tuple(call(where, *a))):
            got = _run(text, x, hint=hint)
        spot = ", ".join("::-1" if d in dimensions else ":" for d in range(len(shape)))
        _same(got, want, f"x[{spot}] of shape {list(shape)}", hint)


def _reverse_hint(dimensions: Sequence[int], rank: int) -> str:
    if len(dimensions) < rank:
        return "only the dimensions in `dimensions` are reversed; the others keep `at[d]`"
    return "element 0 of the result is the operand's last, number size − 1"


def _is_index(made: Any, rank: int) -> None:
    need(isinstance(made, tuple | list), f"an index is a tuple, came {type(made).__name__}")
    need(len(made) == rank, f"{len(made)} expressions came for an operand of rank {rank}")
    for e in made:
        hint = "`at[d].scaled(factor, offset)` is at[d] · factor + offset"
        need(isinstance(e, Affine), f"{e!r} is no affine expression", hint)


def _run(text: str, *arrays: Any, hint: str = "") -> Any:
    """The text lowered to linalg and run; a refusal is the reader's to read."""
    try:
        module = lowered(text)
        verify(module)
        return evaluate(module, *arrays)[0]
    except NotYet:
        raise
    except (MinidlError, IndexError, TypeError, ValueError, AttributeError) as error:
        need(False, f"the lowered text does not run: {str(error).splitlines()[0]}", hint)


def _same(got: Any, want: Any, what: str, hint: str = "") -> None:
    """Equal in every bit, but that a NaN is a NaN."""
    shapes = f"{what}: shape {list(got.shape)} came, {list(want.shape)} was expected"
    need(got.shape == want.shape and got.dtype == want.dtype, shapes, hint)
    bits = f"u{want.dtype.itemsize}"
    far = got.view(bits) != want.view(bits)
    if want.dtype.kind == "f":
        far &= ~(np.isnan(got) & np.isnan(want))
    if far.any():
        at = tuple(int(i) for i in np.argwhere(far)[0])
        need(False, f"{what} at {list(at)}: {got[at]} came, {want[at]} was expected", hint)


CLAMP = """func.func @main(%low: tensor<6xTYPE>, %x: tensor<6xTYPE>, %high: tensor<6xTYPE>)
    -> tensor<6xTYPE> {
  %0 = stablehlo.clamp %low, %x, %high : tensor<6xTYPE>
  return %0 : tensor<6xTYPE>
}
"""
NAN = float("nan")
CLAMPED: dict[str, list[Any]] = {
    "f32": [[0.0] * 6, [-1.0, 0.5, 2.0, NAN, -0.0, 1.0], [1.0] * 6],
    "i32": [[-2] * 6, [-7, -2, 0, 1, 5, 9], [3] * 6],
    "ui8": [[1] * 6, [0, 1, 127, 128, 200, 255], [200] * 6],
    "f64": [[0.0, 5.0, -1.0, NAN, 0.0, 1.0], [1.0, 1.0, -3.0, 2.0, 0.0, 2.0], [2.0] * 6],
}
DTYPES = {"f32": "f4", "f64": "f8", "i32": "i4", "ui8": "u1"}
CLAMP_HINT = {
    "ui8": "arith's integers have no sign: the op has it (`maxui` is not `maxsi`)",
    "f32": "minimum(maximum(x, low), high): not below low, not above high",
    "f64": "where low is above high, high is the result: the minimum is taken last",
    "i32": "floats and integers have ops of different names",
}


@exercise("Four element types, NaN and unsigned ones among them: the reference's bits.")
def check_row(row: Any) -> None:
    """`row(b, op, element, low, x, high)` makes one element of a clamp."""
    for name, numbers in CLAMPED.items():
        arrays = [np.array(n, DTYPES[name]) for n in numbers]
        text = CLAMP.replace("TYPE", name)
        (want,) = evaluate(parse(text), *arrays)
        with replaced(SCALAR.rows, "stablehlo.clamp", lambda *a: _value(call(row, *a))):
            got = _run_signless(text, arrays)
        _same(got.view(want.dtype), want, f"clamp of {name}", CLAMP_HINT[name])


def _value(made: Any) -> Value:
    need(isinstance(made, Value), f"a row returns a value, came {type(made).__name__}")
    return made


def _run_signless(text: str, arrays: Sequence[Any]) -> Any:
    """Below StableHLO an array of ui8 is one of i8."""
    return _run(text, *(a.view("i1") if a.dtype.kind == "u" else a for a in arrays))
