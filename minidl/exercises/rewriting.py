"""Programs, counts and checks of chapter `ir/rewriting`: a pattern, and the key of CSE.

Chapter: ir/rewriting.
Sources: the engine itself rewrites; `ir.evaluate` compares before and after, bit by bit.
Real: Alive2 proves such rewrites of LLVM for all inputs; here eight hard numbers stand in.

Two arrays are the same when their bits are; of a NaN the payload counts as no bit.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Hashable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np

from minidl.core import step
from minidl.core.errors import MinidlError
from minidl.exercises.verdict import NotYet, exercise, need
from minidl.ir.evaluate import evaluate
from minidl.ir.mlir.core import Operation
from minidl.ir.mlir.module import Module
from minidl.ir.mlir.verify import verify
from minidl.ir.rewriting import CANONICAL, FOLD, canonicalize
from minidl.ir.rewriting.driver import Made, Pattern, Rewriter, rewrite
from minidl.ir.rewriting.patterns.match import made_by
from minidl.ir.text.parser import parse

HARD = np.array([0.0, -0.0, 1.5, -2.0, np.inf, -np.inf, np.nan, 1e-45], np.float32)

# -- identities ------------------------------------------------------------------------

IDENTITIES = {  # what is written: (operation, the constant, what school says it is)
    "x * 1": ("multiply", "1", "x"),
    "x + 0": ("add", "0", "x"),
    "x - 0": ("subtract", "0", "x"),
    "x * 0": ("multiply", "0", "0"),
    "x - x": ("subtract", "", "0"),
    "x / x": ("divide", "", "1"),
    "-(-x)": ("negate", "", "x"),
}


def identity(name: str, element: str = "f32") -> str:
    """The left side of one identity as a program on eight numbers."""
    op, constant, _ = IDENTITIES[name]
    type_ = f"tensor<8x{element}>"
    point = ".0" if element[0] == "f" else ""
    lines = [f"%c = stablehlo.constant dense<{constant}{point}> : {type_}"] if constant else []
    if op == "negate":
        lines.append(f"%n = stablehlo.negate %x : {type_}")
    operands = "%n" if op == "negate" else f"%x, {'%c' if constant else '%x'}"
    lines += [f"%r = stablehlo.{op} {operands} : {type_}", f"return %r : {type_}"]
    body = "".join(f"  {line}\n" for line in lines)
    return f"func.func @main(%x: {type_}) -> {type_} {{\n{body}}}\n"


def goes(name: str, element: str = "f32") -> bool:
    """Whether canonicalization removes the operation of an identity."""
    left = canonicalize(parse(identity(name, element)))
    return all(op.name != f"stablehlo.{IDENTITIES[name][0]}" for op in left.walk())


def disagreeing(name: str, numbers: np.ndarray = HARD) -> list[float]:
    """The numbers at which the two sides of an identity have different bits."""
    (left,) = evaluate(parse(identity(name)), numbers)
    right = {"x": numbers, "0": np.zeros_like(numbers), "1": np.ones_like(numbers)}
    return numbers[different(left, right[IDENTITIES[name][2]])].tolist()


def different(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Where the bits differ; two NaNs are the same."""
    bits = f"u{a.itemsize}"
    nans = (a != a) & (b != b)
    return (a.view(bits) != b.view(bits)) & ~nans


# -- programs of the page --------------------------------------------------------------


def body(text: str, arguments: str = "%x", element: str = "f32") -> str:
    """A function of these lines on single numbers; the last line names what is returned."""
    type_ = f"tensor<{element}>"
    *lines, last = text.strip().split("\n")
    ops = "".join(
        f"  {line.strip().replace('= ', '= stablehlo.', 1)} : {type_}\n" for line in lines
    )
    args = ", ".join(f"{a}: {type_}" for a in arguments.split())
    return f"func.func @main({args}) -> {type_} {{\n{ops}  {last.strip()} : {type_}\n}}\n"


WALK = body("""
%one = constant dense<1.0>
%zero = constant dense<0.0>
%a = multiply %x, %one
%b = add %a, %zero
%c = multiply %b, %b
%d = add %c, %zero
%e = divide %b, %d
return %e""")
EQUAL = body(
    """
%a = multiply %x, %y
%b = multiply %y, %x
%c = multiply %x, %y
%d = add %a, %y
%e = add %c, %y
%p = constant dense<0.0>
%n = constant dense<-0.0>
%f = add %d, %e
%g = add %f, %b
%h = divide %g, %p
%i = divide %h, %n
return %i""",
    "%x %y",
)
SWAPPED = body(
    """
%a = multiply %x, %y
%b = multiply %y, %x
%c = add %a, %b
return %c""",
    "%x %y",
)
FENCES = body("""
%a = optimization_barrier %x
%b = optimization_barrier %x
%c = add %a, %b
return %c""")
DEAD = body("""
%a = exponential %x
%b = add %a, %a
%c = multiply %b, %x
%d = abs %x
%e = add %d, %x
return %e""")
ORDER = body(
    """
%one = constant dense<1>
%a = multiply %x, %one
%b = add %x, %x
%c = add %a, %x
%d = subtract %b, %c
%e = add %d, %x
return %e""",
    element="i32",
)
CALLS = """func.func public @main(%x: tensor<i32>) -> tensor<i32> {
  %a = call @twice(%x) : (tensor<i32>) -> tensor<i32>
  %b = call @twice(%x) : (tensor<i32>) -> tensor<i32>
  %c = stablehlo.subtract %a, %b : tensor<i32>
  %d = stablehlo.add %c, %x : tensor<i32>
  return %d : tensor<i32>
}
func.func private @twice(%v: tensor<i32>) -> tensor<i32> {
  %one = stablehlo.constant dense<1> : tensor<i32>
  %0 = stablehlo.multiply %v, %one : tensor<i32>
  %1 = stablehlo.add %0, %0 : tensor<i32>
  return %1 : tensor<i32>
}
"""


def dead_chain(n: int) -> Module:
    """`n` operations, each used by the next alone, and nobody uses the last."""
    names = ["%x", *(f"%v{i}" for i in range(n))]
    lines = [f"{b} = exponential {a}" for a, b in pairwise(names)]
    return parse(body("\n".join([*lines, "return %x"])))


def visited(module: Module) -> tuple[int, int]:
    """How many times canonicalization takes an operation from its list, and how many rewrites."""
    looks = dropped = 0

    def look(op: Operation, rewriter: Rewriter) -> Made:
        nonlocal looks
        looks += 1
        return None

    def listener(title: str, where: Any, state: Any) -> None:
        nonlocal dropped
        dropped += title.startswith("dead code: ")

    with step.listen(listener):
        count = rewrite(module.clone(), [Pattern("look", "*", "", look), FOLD, *CANONICAL])
    return looks + dropped, count


# -- generated programs ----------------------------------------------------------------


def generated(seed: int, length: int = 14) -> str:
    """A program on eight numbers: absolute values, products, sums, comparisons, constants."""
    rng = random.Random(seed)
    type_, flags = "tensor<8xf32>", "tensor<8xi1>"
    known, lines = ["%x", "%y"], []
    for i in range(length):
        a, b = rng.choice(known[-4:]), rng.choice(known[-4:])
        kind = rng.choice(["abs", "abs", "square", "square", "multiply", "add", "select", "zero"])
        name = f"%v{i}"
        if kind == "abs":
            lines.append(f"{name} = stablehlo.abs {a} : {type_}")
        elif kind == "zero":
            sign = rng.choice(["", "-"])
            lines.append(f"{name} = stablehlo.constant dense<{sign}0.0> : {type_}")
        elif kind == "select":
            which = rng.choice(["LT", "GE", "NE"])
            signature = f"({type_}, {type_}) -> {flags}"
            lines.append(f"%p{i} = stablehlo.compare {which}, {a}, {b} : {signature}")
            lines.append(f"{name} = stablehlo.select %p{i}, {a}, {b} : {flags}, {type_}")
        elif kind == "square":
            lines.append(f"%s{i} = stablehlo.abs {a} : {type_}")
            lines.append(f"{name} = stablehlo.multiply %s{i}, %s{i} : {type_}")
        else:
            lines.append(f"{name} = stablehlo.{kind} {a}, {b} : {type_}")
        known.append(name)
    ends = known[-3:]
    outs = ", ".join([type_] * 3)
    lines.append(f"return {', '.join(ends)} : {outs}")
    head = f"func.func @main(%x: {type_}, %y: {type_}) -> ({outs}) {{\n"
    return head + "".join(f"  {line}\n" for line in lines) + "}\n"


def changed(before: Module, after: Module) -> str:
    """The first input at which two programs disagree, in words, or nothing."""
    for turn in range(8):
        args = [HARD, np.roll(HARD, turn)][: len(before.main.body.args)]
        pairs = zip(evaluate(before, *args), evaluate(after, *args), strict=True)
        for a, b in pairs:
            (bad,) = np.nonzero(different(a, b))
            if len(bad):
                at = ", ".join(str(float(arg[bad[0]])) for arg in args)
                return f"at {at}: {a[bad[0]]} before, {b[bad[0]]} after"
    return ""


# -- the pattern -----------------------------------------------------------------------

TINY = """func.func @main(%x: tensor<8xf32>, %y: tensor<8xf32>) -> tensor<8xf32> {
  %0 = stablehlo.abs %x : tensor<8xf32>
  %1 = stablehlo.multiply %0, %0 : tensor<8xf32>
  return %1 : tensor<8xf32>
}
"""
MIXED = TINY.replace("%1 = stablehlo.multiply %0, %0", "%1 = stablehlo.multiply %0, %x")
TWO = TINY.replace("%1 =", "%2 = stablehlo.abs %y : tensor<8xf32>\n  %1 =").replace(
    "%0, %0", "%0, %2"
)


@exercise("It fired wherever it should in 200 generated programs, and no bit changed.")
def check_pattern(square: Any) -> None:
    """`square(op, rw)` makes v·v of |v|·|v|, and leaves every other product alone."""
    need(callable(square), f"expected a function, came {type(square).__name__}")
    for text in (TINY, MIXED, TWO, *map(generated, range(200))):
        _kept(square, text)


def _kept(square: Callable[..., Made], text: str) -> None:
    before = parse(text)
    after = _rewritten(square, before)
    said = changed(before, after)
    need(not said, f"the meaning changed {said}, in\n{_main(before)}",
         "both operands must be the absolute value of one and the same v")  # fmt: skip
    left = list(_squares(after))
    need(not left, f"it does not fire: |v|·|v| still stands in\n{_main(after)}",
         "`op` is the multiply: return a new multiply of v and v, from inside the abs")  # fmt: skip


def _rewritten(square: Callable[..., Made], module: Module) -> Module:
    after = module.clone()
    try:
        rewrite(after, [Pattern("square", "stablehlo.multiply", "", square)])
        verify(after)
    except MinidlError as error:
        raise NotYet(f"the driver refuses it: {error.message}", hint=error.hint) from error
    except Exception as error:
        raise NotYet(
            f"`square` raised {type(error).__name__}: {error}",
            hint="an argument of the function has no op: its `.op` is None",
        ) from error
    return after


def _squares(module: Module) -> Iterator[Operation]:
    for op in module.walk():
        same = op.name == "stablehlo.multiply" and op.operands[0] is op.operands[1]
        if same and made_by(op.operands[0], "abs"):
            yield op


def _main(module: Module) -> str:
    return str(module).split("\n", 1)[1].rsplit("}\n", 1)[0].rstrip()


# -- the key ---------------------------------------------------------------------------


def merge(module: Module, key: Callable[[Operation], Hashable]) -> int:
    """CSE in one block with any key: operations of equal keys become the first; how many went."""
    known: dict[Hashable, Operation] = {}
    gone = 0
    for op in module.main.body:
        first = known.setdefault(key(op), op) if op.results else op
        if first is not op:
            op.replace(first.results)
            gone += 1
    return gone


KINDS = {  # two operations that look alike: (first line, second line, may they be one?)
    "equal": ("multiply %x, %y : f", "multiply %x, %y : f", True),
    "other operands": ("multiply %x, %x : f", "multiply %x, %y : f", False),
    "other operation": ("multiply %x, %y : f", "add %x, %y : f", False),
    "other constant": ("constant dense<0.0> : f", "constant dense<-0.0> : f", False),
    "other comparison": ("compare LT, %x, %y : (f, f) -> b", "compare GE, %x, %y : (f, f) -> b", False),  # noqa: E501
    "other type": ("convert %x : (f) -> h", "convert %x : (f) -> d", False),
}  # fmt: skip
_TYPES = {"f": "tensor<8xf32>", "b": "tensor<8xi1>", "h": "tensor<8xf16>", "d": "tensor<8xf64>"}


def pair(kind: str) -> Module:
    """A program of two operations that may be one, or only look it."""
    lines, made = [], []
    for name, written in zip(("%a", "%b"), KINDS[kind][:2], strict=True):
        op, _, types = written.partition(" : ")
        full = "".join(_TYPES.get(c, c) for c in types)
        lines.append(f"  {name} = stablehlo.{op} : {full}\n")
        made.append(full.split(" -> ")[-1])
    outs = ", ".join(made)
    head = f"func.func @main(%x: {_TYPES['f']}, %y: {_TYPES['f']}) -> ({outs}) {{\n"
    return parse(head + "".join(lines) + f"  return %a, %b : {outs}\n}}\n")


@exercise("Equal operations became one in 200 generated programs, others stayed, no bit changed.")
def check_key(key: Any) -> None:
    """`key(op)` is equal for two operations exactly when they may be one."""
    need(callable(key), f"expected a function, came {type(key).__name__}")
    for kind, (first, second, same) in KINDS.items():
        gone = _merged(pair(kind), key)
        one, two = (written.partition(" : ")[0] for written in (first, second))
        need(gone or not same, f"`{one}` twice: they are equal, and your keys differ",
             "use what equal operations share: no id, no place, no name of a result")  # fmt: skip
        need(same or not gone, f"`{one}` and `{two}` became one ({kind})",
             "what else must agree? operands, attributes, types of the results")  # fmt: skip
    for seed in range(200):
        before = parse(generated(seed))
        after = before.clone()
        _merged(after, key)
        said = changed(before, after)
        need(not said, f"the meaning changed {said}, in\n{_main(before)}")


def _merged(module: Module, key: Callable[[Operation], Hashable]) -> int:
    try:
        return merge(module, key)
    except Exception as error:
        raise NotYet(
            f"`key` raised {type(error).__name__}: {error}",
            hint="a dictionary takes tuples, not lists or dictionaries: wrap them in tuple(…)",
        ) from error
