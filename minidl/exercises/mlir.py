"""Checks of chapter `ir/mlir`: what an operation may use, and an operation as a row.

Chapter: ir/mlir.
Sources: the engine itself: its verifier judges every use, its parser reads every row.
Real: `mlir-opt --verify-diagnostics` on files written by hand.

The oracle of `check_visible` asks the verifier: an operation may use a value when the
module still verifies with that value put in the operation's place.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

import minidl
from minidl import nn, random
from minidl import numpy as mnp
from minidl.core.errors import MinidlError
from minidl.exercises.verdict import call, exercise, need
from minidl.ir.mlir.core import Block, Operation, Value
from minidl.ir.mlir.spec import SPECS, OpSpec
from minidl.ir.mlir.verify import verify
from minidl.ir.text import form
from minidl.ir.text.parser import parse

THREE = """func.func @main(%x: tensor<4xf32>, %w: tensor<4xf32>)
    -> tensor<4xf32> {
  %p = stablehlo.multiply %x, %w : tensor<4xf32>
  %q = stablehlo.add %p, %p : tensor<4xf32>
  %r = stablehlo.subtract %q, %x : tensor<4xf32>
  return %r : tensor<4xf32>
}
"""
WRONG = {
    "written twice": THREE.replace("%q", "%p"),
    "used above": THREE.replace("%p, %p", "%r, %r"),
    "another type": THREE.replace("%p, %p : tensor<4", "%p, %p : tensor<8"),
    "unknown operation": THREE.replace("subtract", "minus"),
    "into a function": """func.func @main(%x: tensor<f32>) -> tensor<f32> {
  builtin.module {
    func.func @inner() -> tensor<f32> {
      return %x : tensor<f32>
    }
  }
  return %x : tensor<f32>
}
""",
}
BRANCH = """func.func @main(%t: tensor<i1>, %x: tensor<f32>) -> tensor<f32> {
  %a = stablehlo.cosine %x : tensor<f32>
  %b = "stablehlo.if"(%t) ({
    %c = stablehlo.negate %a : tensor<f32>
    stablehlo.return %c : tensor<f32>
  }, {
    %d = stablehlo.abs %a : tensor<f32>
    stablehlo.return %d : tensor<f32>
  }) : (tensor<i1>) -> tensor<f32>
  %e = stablehlo.sqrt %b : tensor<f32>
  return %e : tensor<f32>
}
func.func @other(%z: tensor<f32>) -> tensor<f32> {
  return %z : tensor<f32>
}
"""


def training_step() -> tuple[Any, ...]:
    """The step of chapter `step` on 64 images, and its arguments: `trace(*training_step())`."""
    x, y, *_ = nn.digits()
    layers = nn.mlp_init(random.key(0))
    start = [np.asarray(a) for d in layers for a in (d["w"], d["b"])]
    return step, start, x[:64], y[:64]


def loss(params: Any, x: Any, y: Any) -> Any:
    W1, b1, W2, b2 = params
    h = mnp.maximum(x @ W1 + b1, 0)
    z = h @ W2 + b2
    return -mnp.mean(mnp.sum(nn.log_softmax(z) * nn.one_hot(y, 10), axis=1))


def step(params: Any, x: Any, y: Any) -> Any:
    value, grads = minidl.value_and_grad(loss)(params, x, y)
    return [p - 0.5 * g for p, g in zip(params, grads, strict=True)], value


def every_value(module: Operation) -> list[Value]:
    """All values of a module in the order of its text: arguments stand before what follows."""
    out: list[Value] = []
    for op in module.walk():
        out += op.results
        out += [v for region in op.regions for block in region.blocks for v in block.args]
    return out


def complaint(op: Operation, operand: int, value: Value) -> str:
    """What the verifier says when that operand is `value`, or nothing; the op is left as it was."""
    root, before = op, op.operands[operand]
    while root.parent_op is not None:
        root = root.parent_op
    op.set_operand(operand, value)
    try:
        verify(root)
    except MinidlError as error:
        return error.message
    finally:
        op.set_operand(operand, before)
    return ""


def allowed(op: Operation, module: Operation) -> set[Value]:
    """The values of its first operand's type that the verifier lets `op` use."""
    like = op.operands[0].type
    return {v for v in every_value(module) if v.type is like and not complaint(op, 0, v)}


@exercise("The same values as the verifier allows, for every operation of two programs.")
def check_visible(visible: Any) -> None:
    """`visible(op)` lists the values that `op` may use."""
    for text in (BRANCH, BRANCH.replace("@other", "@more").replace("cosine", "sine")):
        module = parse(text)
        for op in module.walk():
            if op.operands:
                _same_values(visible, op, module)


def _same_values(visible: Any, op: Operation, module: Operation) -> None:
    got = call(visible, op)
    need(isinstance(got, (list, set, tuple)), f"a list of values was expected, came {got!r}")
    like = op.operands[0].type
    mine = {v for v in got if isinstance(v, Value) and v.type is like}
    want, names = allowed(op, module), _names(module)
    where = f"{op.name} of {names[op.operands[0]]}"
    for value in sorted(mine - want, key=lambda v: names[v]):
        need(False, f"{where} may not use {names[value]}", _reason(op, value))
    for value in sorted(want - mine, key=lambda v: names[v]):
        need(False, f"{where} may use {names[value]}, too", _reason_missing(op, value))


def _names(module: Operation) -> dict[Value, str]:
    """The values of BRANCH by the names they have in its text."""
    order = ["%t", "%x", "%a", "%b", "%c", "%d", "%e", "%z"]
    return dict(zip(every_value(module), order, strict=True))


def _around(op: Operation | None) -> list[Operation]:
    """The op, the one that holds it, and so on outwards."""
    out: list[Operation] = []
    while op is not None:
        out.append(op)
        op = op.parent_op
    return out


def _reason(op: Operation, value: Value) -> str:
    if value.op is not None and value.op.parent is op.parent:
        return "in one block only what stands above has been made: follow `.prev`"
    if value.op in _around(op):
        return "an operation around this one is not over: its result is not made yet"
    home = value.op.parent if value.op else value.owner
    assert isinstance(home, Block) and home.parent is not None
    if "func.func" in [o.name for o in _around(home.parent.parent) if o in _around(op)]:
        return "what a region makes is not seen outside it"
    return "a func.func is isolated: stop there"


def _reason_missing(op: Operation, value: Value) -> str:
    if value.op is None:
        return "the arguments of a block are values, too: `block.args`"
    return "go on outside: `op.parent_op` stands in a block, which has operations above it"


@contextmanager
def added(row: OpSpec) -> Iterator[None]:
    """The row stands in the table inside the `with` block."""
    before = SPECS.rows.get(row.name)
    SPECS.rows[row.name] = row
    form.readers.cache_clear()
    try:
        yield
    finally:
        SPECS.rows.pop(row.name)
        if before is not None:
            SPECS.rows[row.name] = before
        form.readers.cache_clear()


BLEND = """func.func @main(%x: tensor<4xf32>, %y: tensor<4xf32>) -> tensor<4xf32> {
  %0 = toy.blend %x, %y by 3 : tensor<4xf32>
  return %0 : tensor<4xf32>
}
"""


@exercise("Your operation parses, prints, prints generically and refuses what it should.")
def check_row(row: Any) -> None:
    """`row()` is the OpSpec of `toy.blend`: two operands of one type, an attribute `by`."""
    spec = call(row)
    need(isinstance(spec, OpSpec), f"an OpSpec was expected, came {type(spec).__name__}")
    need(spec.name == "toy.blend", f"the operation is called {spec.name!r}, not 'toy.blend'")
    with added(spec):
        module = _read(BLEND)
        op = next(iter(module.main.body))
        need("by" in op.attributes, "the text's 3 is not kept: no attribute is called 'by'")
        text = str(module)
        need("toy.blend %arg0, %arg1 by 3 : tensor<4xf32>" in text, f"it prints as\n{text}")
        need(str(_read(module.text(generic=True))) == text, "the generic text reads back otherwise")
        _refused(BLEND.replace("%y: tensor<4", "%y: tensor<8"), "operands of two types")
        _refused(BLEND.replace("by 3", ""), "a text without `by`")


def _read(text: str) -> Any:
    try:
        module = parse(text)
        verify(module)
    except MinidlError as error:
        need(False, str(error).split("\nhint")[0], "compare `form` with the text word by word")
    except Exception as error:
        need(False, f"the row raised {type(error).__name__}: {error}")
    return module


def _refused(text: str, what: str) -> None:
    try:
        verify(parse(text))
    except MinidlError:
        return
    need(False, f"{what} is let through", "`same` is a shape rule that wants one type")
