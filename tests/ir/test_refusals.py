"""Bad text and bad modules: one error, with place and hint; never a crash, never a hang."""

from __future__ import annotations

import contextlib
import random
import time

import pytest

from minidl import ir
from minidl.core.errors import CallError, MinidlError, ParseError, VerifyError
from minidl.ir.mlir.core import Operation
from minidl.ir.text.lexer import Tokens
from minidl.xla.compiler import compile_module
from tests.ir import jaxlib_mlir as mlir
from tests.ir import samples
from tests.xla import programs

HEAD = "func.func @main(%x: tensor<2x3xf32>, %i: tensor<i32>) -> tensor<2x3xf32> {\n"
TAIL = "\nreturn %x : tensor<2x3xf32>\n}"


def read(text: str) -> str:
    """What becomes of a text: `accepted`, or the kind of refusal; anything else escapes."""
    try:
        module = ir.parse(text)
        ir.verify(module)
    except ParseError as error:
        assert error.line is not None and error.column is not None, error
        return "ParseError"
    except VerifyError:
        return "VerifyError"
    assert str(ir.parse(module.text(generic=True))) == str(module)
    return "accepted"


@pytest.mark.parametrize("name", samples.SMALL)
def test_a_text_cut_after_any_token_is_refused(name):
    text = samples.SMALL[name]
    tokens = Tokens(text, "<text>")
    last = len(tokens.words) - 1
    while tokens.words[last - 1] == "}" and name != "generic":
        last -= 1  # what follows may be left out without the last brace being missed
    cuts = [text[: tokens.starts[i]] for i in range(1, last)]
    kinds = [read(cut) for cut in cuts]
    assert kinds.count("accepted") <= 1, "a text without its end was accepted"


def mutated(text: str, rng: random.Random) -> str:
    """One to three small accidents: a token lost, doubled, moved, or a strange one."""
    strange = ["-1", "99999999999999999999", "0", "1e400", "tensor<9999999x9999999xf32>", '"', "["]
    strange += ["tensor<?xf32>", "dense<>", "!a.b", "{", "}", "loc(", "0x", "-", "%0", "@f", "é"]
    for _ in range(rng.choice((1, 1, 2, 3))):
        try:
            tokens = Tokens(text, "<text>")
        except ParseError:
            return text
        i, j = (rng.randrange(max(1, len(tokens.words) - 1)) for _ in range(2))
        start, end = tokens.starts[i], tokens.starts[i] + len(tokens.words[i])
        new = rng.choice(("", tokens.words[j], f"{tokens.words[j]} {tokens.words[i]}"))
        text = text[:start] + rng.choice((new, new, rng.choice(strange))) + text[end:]
    return text


def corpus() -> list[str]:
    drawn = [programs.seeded(seed) for seed in range(20)]
    return [
        *samples.SMALL.values(),
        *map(str, drawn),
        *(m.text(generic=True, locations=True) for m in drawn),
    ]


def check_mutations(seeds: range) -> None:
    texts = corpus()
    for seed in seeds:
        rng = random.Random(seed)
        begin = time.process_time()
        read(mutated(rng.choice(texts), rng))
        assert time.process_time() - begin < 2, f"seed {seed} took too long"


def test_300_mutations_are_read_or_refused():
    check_mutations(range(300))


@pytest.mark.fuzz
def test_30_000_mutations_are_read_or_refused():
    check_mutations(range(1000, 31_000))


def test_what_we_accept_after_a_mutation_mlir_accepts():
    """The other reader agrees on mutated texts, dialect-prefix rules aside."""
    mlir.context()
    texts, agreed = corpus(), 0
    for seed in range(1500):
        rng = random.Random(seed)
        text = mutated(rng.choice(texts), rng)
        if read(text) != "accepted":
            continue
        said = mlir.refusal(text)
        assert said is None or "dialect" in said, f"seed {seed}: {said}\n{text}"
        agreed += said is None
    assert agreed > 10


def test_an_accepted_mutation_evaluates_or_is_refused_by_name():
    texts = corpus()
    for seed in range(1500):
        rng = random.Random(seed)
        text = mutated(rng.choice(texts), rng)
        if read(text) != "accepted":
            continue
        module = ir.parse(text)
        with contextlib.suppress(MinidlError):
            ir.evaluate(module, *programs.inputs(module))


def test_a_name_known_outside_an_isolated_operation_is_said_to_be_outside():
    text = """func.func @main(%x: tensor<f32>) -> tensor<f32> {
      builtin.module {
        func.func @inner() -> tensor<f32> {
          return %x : tensor<f32> } }
      return %x : tensor<f32> }"""
    with pytest.raises(ParseError, match="%x is made outside the isolated operation") as caught:
        ir.parse(text)
    assert (caught.value.span.line, caught.value.span.column) == (4, 18)
    with pytest.raises(ParseError, match="%y is used before it is defined"):
        ir.parse(text.replace("return %x : tensor<f32> } }", "return %y : tensor<f32> } }"))


# -- message and position -----------------------------------------------------------------

PARSE = [
    ("%0 = stablehlo.add %x, %y : tensor<2x3xf32>", 2, 24, "%y is used before it is defined"),
    ("%0 = stablehlo.frob %x : tensor<2x3xf32>", 2, 6, "'stablehlo.frob' is not an operation"),
    ("%0 = stablehlo.add %x, %x tensor<2x3xf32>", 2, 27, "expected ':'"),
    ("%0 = stablehlo.negate %x : tensor<2x3xf31>", 2, 28, "'f31' is not an element type"),
    ("%0 = stablehlo.negate %x : tensor<2x4xf32>", 2, 6, "is written tensor<2x4xf32>"),
    (
        "%0 = stablehlo.compare XX, %x, %x : (tensor<2x3xf32>, tensor<2x3xf32>) "
        "-> tensor<2x3xi1>", 2, 24, "EQ, NE, GE, GT, LE, LT",
    ),
    ("%x = stablehlo.negate %x : tensor<2x3xf32>", 2, 1, "%x is defined twice"),
    ("%0 = stablehlo.constant dense<[1.0]> : tensor<2xf32>", 2, 31, "shape (1,)"),
    ("%0 = stablehlo.constant dense<1> : tensor<2xf32>", 2, 31, "has a point"),
    ("%0 = stablehlo.constant dense<300> : tensor<ui8>", 2, 31, "300 does not fit ui8"),
    ("%0 = stablehlo.constant dense<1.0e99> : tensor<f32>", 2, 31, "too large for f32"),
    ("%0 = stablehlo.constant dense<0.0> : tensor<9999999x9999999xf32>", 2, 38, "is too large"),
    ("%0 = stablehlo.constant dense<0.0> : tensor<?xf32>", 2, 38, "needs a static tensor type"),
    ("%0 = stablehlo.constant dense_resource<w> : tensor<2xf32>", 2, 25, "with whole constants"),
    ("$", 2, 1, "no token begins with '$'"),
    ("{-# dialect_resources: {} #-}", 2, 3, "no token begins with '#'"),
    ("%0:3 = call @f(%x) : (tensor<2x3xf32>) -> tensor<2x3xf32>", 2, 1, "3 are named"),
    ("%0 = call @f() : (tensor<2x3xf32>) -> tensor<2x3xf32>", 2, 6, "0 operands but 1 types"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "row", "column", "says"), PARSE, ids=[p[0][:45] for p in PARSE])
def test_a_parse_error_points_at_the_place(line, row, column, says):
    with pytest.raises(ParseError) as caught:
        ir.parse(HEAD + line + TAIL)
    error = caught.value
    assert (error.line, error.column) == (row, column)
    assert says in error.message
    assert "^" in str(error), "no caret"


VERIFY = [
    (
        "%0 = stablehlo.transpose %x, dims = [0, 0] : (tensor<2x3xf32>) -> tensor<2x2xf32>",
        "not a permutation",
    ),
    (
        "%0 = stablehlo.reshape %x : (tensor<2x3xf32>) -> tensor<7xf32>",
        "6 elements become 7",
    ),
    (
        "%0 = stablehlo.broadcast_in_dim %x, dims = [0, 1] : (tensor<2x3xf32>) -> tensor<2x4xf32>",
        "operand dimension 1 has size 3",
    ),
    (
        "%0 = stablehlo.dot_general %x, %x, contracting_dims = [1] x [0] "
        ": (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>",
        "dimension 1 of tensor<2x3xf32> has size 3",
    ),
    (
        "%0 = stablehlo.concatenate %x, %x, dim = 0 "
        ": (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<3x3xf32>",
        "makes tensor<4x3xf32>",
    ),
    (
        "%0 = stablehlo.slice %x [0:3, 0:3] : (tensor<2x3xf32>) -> tensor<3x3xf32>",
        "does not fit dimension 0",
    ),
    ("%0 = stablehlo.exponential %i : tensor<i32>", "not defined on i32"),
    ("%0 = call @g(%x) : (tensor<2x3xf32>) -> tensor<2x3xf32>", "which is not here"),
]


@pytest.mark.parametrize(("line", "says"), VERIFY, ids=[v[1] for v in VERIFY])
def test_verify_says_which_rule_is_broken(line, says):
    """MLIR refuses each of these texts too."""
    text = HEAD + line + TAIL
    with pytest.raises(VerifyError, match=says) as caught:
        ir.verify(ir.parse(text))
    assert caught.value.op and caught.value.op in text.replace(" call ", " func.call ")
    assert mlir.refusal(text) is not None


# -- modules that no text can write --------------------------------------------------------------


def sample() -> tuple[ir.Module, Operation]:
    module = ir.parse(HEAD + "%0 = stablehlo.negate %x : tensor<2x3xf32>" + TAIL)
    return module, module.main.body.first


def test_a_value_used_above_its_definition_is_found():
    module, negate = sample()
    block = module.main.body
    late = Operation("stablehlo.abs", [negate.result], [negate.result.type])
    block.insert(late, negate)
    with pytest.raises(VerifyError, match="is not defined before its use"):
        ir.verify(module)


def test_a_value_of_another_function_is_found():
    module, negate = sample()
    _, builder = ir.function(module, "other", [])
    builder.insert(Operation("stablehlo.abs", [negate.result], [negate.result.type]))
    ir.finish(builder, [])
    with pytest.raises(VerifyError, match="not defined before its use"):
        ir.verify(module)


def test_a_use_that_is_not_listed_is_found():
    module, negate = sample()
    negate.operands[0].uses.clear()
    with pytest.raises(VerifyError, match="does not list this use"):
        ir.verify(module)


def test_a_missing_attribute_and_an_op_after_the_end_are_found():
    module, negate = sample()
    block = module.main.body
    block.insert(
        Operation("stablehlo.transpose", [negate.result], [negate.result.type]), block.last
    )
    with pytest.raises(VerifyError, match="needs the attribute 'permutation'"):
        ir.verify(module)
    module, negate = sample()
    module.main.body.append(Operation("stablehlo.abs", [negate.result], [negate.result.type]))
    with pytest.raises(VerifyError, match="before the end of its block"):
        ir.verify(module)


def test_evaluate_refuses_arrays_it_was_not_written_for():
    import numpy as np

    module, _ = sample()
    x = np.zeros((2, 3), np.float32)
    for arrays, says in (
        ([x], "takes 2 arrays, got 1"),
        ([x.astype(np.float64), np.int32(0)], "got float64"),
        ([x.T, np.int32(0)], r"got float32\[3, 2\]"),
        ([x, "text"], "argument 1"),
    ):
        with pytest.raises(CallError, match=says):
            ir.evaluate(module, *arrays)


DECLARED = """
func.func public @main(%x: tensor<f32>) -> tensor<f32> {
  %0 = call @f(%x) : (tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}
func.func private @f(tensor<f32>) -> tensor<f32>"""


def test_a_function_without_a_body_is_refused_by_name():
    import numpy as np

    module = ir.parse(DECLARED)
    ir.verify(module)
    assert mlir.refusal(DECLARED) is None
    for run in (
        lambda: ir.evaluate(module, np.float32(1)),
        lambda: ir.evaluate(module, np.float32(1), entry="f"),
        lambda: compile_module(module),
    ):
        with pytest.raises(MinidlError, match="@f is declared here and defined elsewhere"):
            run()


def test_an_error_inside_applies_points_at_the_op_around():
    line = "%0 = stablehlo.reduce(%x init: %y) applies stablehlo.xor across dimensions = [0, 1] "
    line = "%y = stablehlo.constant dense<0.0> : tensor<f32>\n" + line
    text = HEAD + line + ": (tensor<2x3xf32>, tensor<f32>) -> tensor<f32>" + TAIL
    with pytest.raises(VerifyError, match="xor is not defined on f32") as caught:
        ir.verify(ir.parse(text))
    assert (caught.value.line, caught.value.column) == (3, 6)
    assert "applies stablehlo.xor" in str(caught.value) and "^" in str(caught.value)
    assert mlir.refusal(text) is not None
