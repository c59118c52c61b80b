"""Use lists and the chain of a block: a law after every change, drawn at random."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from minidl import ir
from minidl.ir.mlir.core import Operation
from minidl.ir.mlir.types import f32, tensor

TYPE = tensor((), f32)


def program(size):
    module = ir.Module()
    func, builder = ir.function(module, "main", [TYPE, TYPE])
    values = list(func.body.args)
    rng = random.Random(size)
    for _ in range(size):
        values.append(builder.value("stablehlo.add", *rng.choices(values, k=2)))
    ir.finish(builder, [values[-1]])
    return module


def uses_of(module):
    """(operation, operand number) of every use, by the values' own lists."""
    made = [v for op in module.walk() for v in op.results]
    made += [v for op in module.walk() for r in op.regions for b in r.blocks for v in b.args]
    return {(op, i): v for v in made for op, i in v.uses}


def operands_of(module):
    return {(op, i): v for op in module.walk() for i, v in enumerate(op.operands)}


def chain(block):
    return list(block), list(reversed(list(reversed(block))))


def replace(module, rng):
    ops = list(module.main.body)[:-1]
    i = rng.randrange(1, len(ops))
    ops[i].result.replace_all_uses_with(ops[rng.randrange(i)].result)


def change_operand(module, rng):
    ops = list(module.main.body)
    i = rng.randrange(1, len(ops))
    ops[i].set_operand(rng.randrange(len(ops[i].operands)), ops[rng.randrange(i)].result)


def erase_unused(module, rng):
    idle = [op for op in module.main.body if op.results and not op.result.uses]
    if len(list(module.main.body)) > 4 and idle:
        rng.choice(idle).erase()


def insert(module, rng):
    ops = list(module.main.body)
    place = rng.choice(ops)
    args = module.main.body.args
    module.main.body.insert(Operation("stablehlo.add", args, [TYPE]), place)


@pytest.mark.parametrize("seed", range(20))
def test_every_operand_is_one_use_after_any_change(seed):
    rng, module = random.Random(seed), program(12)
    for _ in range(40):
        rng.choice((replace, change_operand, erase_unused, insert))(module, rng)
        assert uses_of(module) == operands_of(module)
        ahead, back = chain(module.main.body)
        assert ahead == back and all(a.next is b and b.prev is a for a, b in pairwise(ahead))
    ir.verify(module)


def test_replacing_a_value_touches_its_uses_and_nothing_else():
    module = program(30)
    ops = list(module.main.body)
    old, new = ops[3].result, ops[2].result
    before = operands_of(module)
    old.replace_all_uses_with(new)
    after = operands_of(module)
    changed = {key for key in before if before[key] is not after[key]}
    assert changed == {key for key, v in before.items() if v is old}
    assert all(after[key] is new for key in changed) and not old.uses


def test_erasing_tells_the_operands():
    module = program(5)
    *_, last, back = module.main.body
    back.set_operand(0, module.main.body.args[0])
    others = {v: [use for use in v.uses if use[0] is not last] for v in last.operands}
    assert any(len(v.uses) > len(rest) for v, rest in others.items())
    last.erase()
    assert all(list(v.uses) == rest for v, rest in others.items())
    assert last not in list(module.main.body)
