"""Bad text: a valid module or one error with line, column and caret; nothing else, and soon."""

from __future__ import annotations

import random
import time
from functools import lru_cache

import pytest

from minidl import ir
from minidl.core.errors import ParseError, VerifyError
from minidl.ir.text.lexer import Tokens
from tests.ir import samples
from tests.ir.mlir.test_dialects import CF, GPU, LLVM, NESTED

MODULES, MUTATIONS, TOKENS = 50, 5_000, 330
LIMIT_S = 5.0  # of processor time, for one text


@lru_cache(maxsize=1)
def corpus() -> list[str]:
    """Fifty real modules: short ones of the open data, JAX, our dialects."""
    found: dict[str, str] = {}
    for row in samples.open_data():
        family = "+".join(sorted(set(row["ops"])))
        if len(Tokens(row["text"], "").words) <= TOKENS:
            found.setdefault(family, row["text"])
    texts = [p.read_text() for p in samples.jax_programs()]
    short = [t for t in texts if len(Tokens(t, "").words) <= 4 * TOKENS][:3]
    rng = random.Random(0)
    chosen = rng.sample(sorted(found.values()), MODULES - 4 - len(short))
    return [*short, CF, GPU, LLVM, NESTED, *chosen]


def read(text: str) -> bool:
    """Whether it is a valid module; anything but a well made refusal escapes."""
    begin = time.process_time()
    try:
        module = ir.parse(text)
        ir.verify(module)
        assert str(ir.parse(str(module))) == str(module)
        return True
    except (ParseError, VerifyError) as error:
        assert error.line and error.column, error
        assert "^" in str(error), error
        return False
    finally:
        spent = time.process_time() - begin
        assert spent < LIMIT_S, f"{spent:.1f} s for {text[:200]}"


def mutate(text: str, rng: random.Random) -> str:
    """Tokens replaced, deleted, doubled or swapped, up to three times."""
    tokens = Tokens(text, "")
    ends = [s + len(w) for s, w in zip(tokens.starts, tokens.words, strict=True)]
    parts = [text[a:b] for a, b in zip([0, *ends[:-2]], ends[:-1], strict=True)]
    for _ in range(rng.choice((1, 1, 2, 3))):
        i, j = rng.randrange(len(parts)), rng.randrange(len(parts))
        kind = rng.choice(("replace", "delete", "duplicate", "swap"))
        if kind == "replace":
            parts[i] = rng.choice((parts[j], f" {rng.choice(STRANGE)} "))
        elif kind == "delete":
            parts[i] = " "
        elif kind == "duplicate":
            parts[i] += parts[i]
        else:
            parts[i], parts[j] = parts[j], parts[i]
    return "".join(parts)


STRANGE = [
    "-1", "99999999999999999999", "0", "1e400", "0x", "i99999999", "tensor<9999999x9999999xf32>",
    "tensor<?xf32>", "tensor<2xcomplex<f32>>", "dense<>", "!a.b<c>", "#a.b<[>", "{", "}", "(",
    "loc(", "loc(unknown)", "%0#7", "^bb0", "^bb9:", "@f", "->", "memref<2xf32>", "vector<4xi1>",
    "stablehlo.while", "func.func", '"', '"stablehlo.add"', "tuple<>", "-", "true", "unit", "index",
]  # fmt: skip


def test_the_corpus_is_fifty_real_modules():
    assert len(corpus()) == MODULES
    assert all(read(text) for text in corpus())
    assert len({op for text in corpus() for op in ops(text)}) > 60


def ops(text: str) -> set[str]:
    return {op.name for op in ir.parse(text).walk()}


def test_a_text_cut_at_any_token_is_read_or_refused():
    accepted = cuts = 0
    for text in corpus():
        starts = Tokens(text, "").starts
        cuts += len(starts)
        accepted += sum(read(text[:start]) for start in starts)
    assert cuts > 8_000
    assert accepted < 6 * MODULES  # nothing, whole functions without a module, the whole


def test_5_000_mutations_are_read_or_refused():
    texts, accepted = corpus(), 0
    for seed in range(MUTATIONS):
        rng = random.Random(seed)
        text = mutate(rng.choice(texts), rng)
        try:
            accepted += read(text)
        except Exception as error:
            raise AssertionError(f"seed {seed}: {error!r}\n{text}") from error
    assert 0.01 < accepted / MUTATIONS < 0.5


@pytest.mark.fuzz
def test_a_text_cut_at_any_character_is_read_or_refused():
    for text in corpus():
        for end in range(len(text)):
            read(text[:end])


@pytest.mark.fuzz
def test_any_character_may_be_replaced():
    rng = random.Random(0)
    for text in corpus():
        for i in range(len(text)):
            read(text[:i] + rng.choice(LETTERS) + text[i + 1 :])


LETTERS = "%^#@!<>(){}[]:=,.-+*/\"'\\ \n\t0123456789aexfi_?é\x00~$&;|"

# -- texts that are large or deep ----------------------------------------------------------

DEEP = 10_000
HEAD = "func.func @main() {\n %0 = stablehlo.constant "
HUGE = {
    "a splat of 10¹¹": f"{HEAD}dense<1.0> : tensor<99999999999xf32>\n return\n}}",
    "a size of 20 digits": f"{HEAD}dense<1.0> : tensor<99999999999999999999xf32>\n return\n}}",
    "an odd width": "func.func @main(%x: i99999999) { return }",
    "an odd width in a tensor": "func.func @main(%x: tensor<4xi99999999>) { return }",
    "brackets in a constant": f"{HEAD}dense<{'[' * DEEP}> : tensor<f32>\n return\n}}",
    "attributes": f"module attributes {{a = {'[' * DEEP}}} {{}}",
    "dictionaries": f"module attributes {{a = {'{a = ' * DEEP}}} {{}}",
    "function types": f"func.func private @f({'(' * DEEP})",
    "tuples": f"func.func private @f({'tuple<' * DEEP})",
    "tensors": f"func.func private @f({'tensor<' * DEEP})",
    "opaque types": f"func.func private @f({'!a.b<' * DEEP})",
    "opaque attributes": f"module attributes {{a = #a.b{'<' * DEEP}}} {{}}",
    "regions": '"builtin.module"() ({' * DEEP,
    "modules": "module {" * DEEP,
    "locations": f"func.func private @f() loc({'fused[' * DEEP})",
    "names of locations": "\n".join(f"#l{i} = loc(#l{i + 1})" for i in range(DEEP)),
    "an alias of itself": "#a = [#a]\nmodule attributes {b = #a} {}",
    "two aliases of each other": "#a = #b\n#b = #a\nmodule {}",
    "a long integer": f"module attributes {{a = {'9' * 100_000} : i64}} {{}}",
    "a long hexadecimal": f"module attributes {{a = 0x{'F' * 100_000} : i64}} {{}}",
    "a long float": f"{HEAD}dense<1.{'0' * 100_000}e999999> : tensor<f32>\n return\n}}",
    "a column past 2³²": 'func.func private @f() loc("a":1:99999999999)',
    "minus signs": f"module attributes {{a = {'-' * DEEP}1}} {{}}",
    "an open string": f'module attributes {{a = "{"x" * 100_000}',
    "ten megabytes of hexadecimal": f'{HEAD}dense<"0x{"00" * 5_000_000}"> : tensor<3xf32>\n}}',
    "ten megabytes of numbers": f"{HEAD}dense<[{'1.0, ' * 2_000_000}1.0]> : tensor<3xf32>\n}}",
    "a thousand results": "%0:99999999999 = func.call @f() : () -> ()",
    "resources": "module attributes {a = dense_resource<x> : tensor<2xf32>} {}",
}


@pytest.mark.parametrize("name", HUGE)
def test_large_and_deep_texts_are_refused_soon(name):
    begin = time.process_time()
    with pytest.raises((ParseError, VerifyError)) as caught:
        ir.verify(ir.parse(HUGE[name]))
    assert caught.value.line and "^" in str(caught.value)
    assert len(str(caught.value)) < 2_000
    assert time.process_time() - begin < 2 * LIMIT_S


def test_a_large_splat_costs_nothing():
    module = ir.parse(f"{HEAD}dense<1.0> : tensor<8192x8192xf32>\n return\n}}")
    assert "dense<1.000000e+00> : tensor<8192x8192xf32>" in str(module)
