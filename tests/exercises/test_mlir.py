"""The checks of chapter `ir/mlir`: each likely mistake gets its own message."""

from __future__ import annotations

import pytest

from minidl import ir
from minidl.exercises.mlir import BRANCH, allowed, check_row, check_visible, every_value
from minidl.ir.stablehlo.elementwise import same
from minidl.ir.text.kinds import I64


def visible(op, arguments=True, outside=True, stop=True, below=False):
    found = []
    while op.parent is not None:
        ops = list(op.parent)
        found += [v for o in (ops if below else ops[: ops.index(op)]) for v in o.results]
        found += op.parent.args if arguments else []
        op = op.parent_op
        if not outside or (stop and op.name == "func.func"):
            break
    return found


def all_above(op):
    """Everything written above in the text, regions or not."""
    root = op
    while root.parent_op is not None:
        root = root.parent_op
    ops = list(root.walk())
    return [v for o in ops[: ops.index(op)] for v in o.results] + visible(op)


def all_above_but_around(op):
    around = [op]
    while around[-1].parent_op is not None:
        around.append(around[-1].parent_op)
    return [v for v in all_above(op) if v.op not in around]


def function_s(op):
    """All values of the functions above and around."""
    return visible(op) + [v for v in every_value(root_of(op)) if v.op is None]


def root_of(op):
    while op.parent_op is not None:
        op = op.parent_op
    return op


@pytest.mark.parametrize(
    ("answer", "message", "hint"),
    [
        (lambda op: ..., "returns nothing", "replace"),
        (lambda op: 3, "a list of values was expected, came 3", ""),
        (lambda op: visible(op, arguments=False), "may use %x, too", "arguments of a block"),
        (lambda op: visible(op, outside=False), "may use %a, too", "go on outside"),
        (lambda op: visible(op, below=True), "may not use %a", "follow `.prev`"),
        (all_above, "may not use %b", "not over"),
        (all_above_but_around, "may not use %c", "not seen outside"),
        (function_s, "may not use %z", "isolated"),
    ],
)
def test_each_wrong_list_hears_its_mistake(answer, message, hint):
    said = check_visible(answer)
    assert not said and message in said.message and hint in said.hint


def test_the_three_rules_pass():
    assert check_visible(visible)


def test_asking_the_verifier_leaves_the_program_as_it_was():
    module = ir.parse(BRANCH)
    before = str(module), [len(v.uses) for v in every_value(module)]
    for op in module.walk():
        if op.operands:
            allowed(op, module)
    assert before == (str(module), [len(v.uses) for v in every_value(module)])


def spec(name="toy.blend", operands=("x", "y"), attributes=None, **rest):
    rest.setdefault("form", "%x , %y by $by {} :same")
    rest.setdefault("infer", same("toy.blend", "any"))
    return ir.OpSpec(name, operands, {"by": I64} if attributes is None else attributes, **rest)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (None, "returns nothing"),
        ("toy.blend", "an OpSpec was expected, came str"),
        (spec("toy.mix"), "is called 'toy.mix'"),
        (spec(attributes={}), "this does not fit the form"),
        (spec(form="%x , %y {} :same", attributes={}), "expected ':', found 'by'"),
        (spec(operands=("x", "y", "z")), "takes 3 operands"),
        (spec(infer=lambda t, a, r: [t[0]], form="%x , %y by $by {} :fn"), "expected"),
    ],
)
def test_each_wrong_row_hears_its_mistake(row, message):
    said = check_row(lambda: row)
    assert not said and message in said.message


def test_a_row_that_says_it_all_passes_and_is_taken_out_again():
    assert check_row(spec)
    assert "toy.blend" not in ir.SPECS
