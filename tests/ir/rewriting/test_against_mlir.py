"""MLIR's own passes on the same modules: what they leave, and which sizes they infer."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from minidl import ir
from minidl.core.errors import CallError
from minidl.ir.mlir import types as T
from minidl.ir.rewriting import count_ops, dce, refine
from tests.ir import jaxlib_mlir as mlir

RECORD = Path(__file__).resolve().parents[3] / "book" / "data" / "rewriting_mlir.json"


def test_the_recorded_counts_are_made_again():
    jaxlib = pytest.importorskip("jaxlib")
    from tools.record_rewriting import record

    kept = json.loads(RECORD.read_text(encoding="utf-8"))
    if kept["jaxlib"] != jaxlib.__version__:
        pytest.skip(f"recorded with jaxlib {kept['jaxlib']}, here is {jaxlib.__version__}")
    made = record()
    assert {k: kept[k] for k in made} == made


def test_ours_leaves_no_more_ops_than_mlir():
    """The same names of passes; MLIR's StableHLO ops bring few patterns of their own."""
    for name, row in json.loads(RECORD.read_text(encoding="utf-8"))["ops"].items():
        for passes, left in row["mlir"].items():
            assert row["ours"][passes] <= left <= row["traced"], (name, passes)


# -- refinement ----------------------------------------------------------------------------


def _programs():
    """JAX functions of an array of any number of rows."""
    jax = pytest.importorskip("jax")
    jnp = jax.numpy
    return {
        "matmul": lambda x: jnp.tanh(x) @ jnp.ones((4, 3), x.dtype) + x.shape[0],
        "softmax": lambda x: jax.nn.softmax(x, axis=-1),
        "concatenate": lambda x: jnp.concatenate([x, x[:, :2]], axis=1).reshape(-1),
        "sum": lambda x: jnp.sum(x, axis=0) + jnp.arange(x.shape[1]),
        "mean": lambda x: jnp.where(x > 0, x, jnp.broadcast_to(jnp.mean(x, axis=0), x.shape)),
        "loop": lambda x: jax.lax.fori_loop(0, 3, lambda i, c: c * 2 + x, jnp.zeros_like(x)),
        "pad": lambda x: jnp.pad(x, ((0, 2), (1, 1)))[1:, ::2],
        "sort": lambda x: (jnp.sort(x, axis=0), jnp.argmax(x, axis=1)),
        "rows": lambda x: x[jnp.arange(x.shape[0])[::-1]],
        "outer": lambda x: x[:, None, :] * x[None, :, :],
    }


NAMES = ["matmul", "softmax", "concatenate", "sum", "mean", "loop", "pad", "sort", "rows", "outer"]


def exported(name: str) -> tuple[str, object]:
    """The text with symbolic sizes, as JAX exports it, and the compiled function."""
    jax = pytest.importorskip("jax")
    from jax import export

    f = jax.jit(_programs()[name])
    shape = export.symbolic_shape("b, 4")
    made = export.export(f)(jax.ShapeDtypeStruct(shape, np.float32))
    return made.mlir_module(), f


def refined_by_mlir(text: str, type_: str) -> str:
    from jaxlib.mlir import ir as mlir_ir
    from jaxlib.mlir.passmanager import PassManager

    with mlir.context():
        module = mlir_ir.Module.parse(text)
        passes = f"stablehlo-refine-arguments{{types={type_}}},stablehlo-refine-shapes"
        PassManager.parse(f"builtin.module(inline,symbol-dce,{passes})").run(module.operation)
        return str(module)


@pytest.mark.parametrize("name", NAMES)
def test_refine_finds_the_sizes_that_mlir_finds(name):
    text, f = exported(name)
    x = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    made = dce(refine([T.type_of(x)])(ir.parse(text)))
    ir.verify(made)
    unknown = [
        v.type for op in made.walk() for v in op.results if not getattr(v.type, "is_static", True)
    ]
    assert not unknown
    theirs = ir.parse(refined_by_mlir(text, "tensor<5x4xf32>"))
    assert [v.type for v in made.main.body.terminator.operands] == [
        v.type for v in theirs.main.body.terminator.operands
    ]
    want = f(x) if isinstance(f(x), tuple) else (f(x),)
    for a, b in zip(ir.evaluate(made, x), want, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-6, atol=2e-6)


def test_a_size_the_program_does_not_take_is_refused_in_its_own_words():
    text, _ = exported("matmul")
    with pytest.raises(CallError, match=r"Expected value >= 1 for dimension variable 'b'"):
        refine([T.tensor((0, 4), T.f32)])(ir.parse(text))


@pytest.mark.parametrize(
    ("type_", "message"),
    [
        (T.tensor((5, 3), T.f32), "argument 0 of @main is tensor<?x4xf32>, got tensor<5x3xf32>"),
        (T.tensor((5, 4, 1), T.f32), "got tensor<5x4x1xf32>"),
        (T.tensor((5, 4), T.f64), "got tensor<5x4xf64>"),
        (T.tensor((None, 4), T.f32), "got tensor<?x4xf32>"),
    ],
    ids=["size", "rank", "element", "unknown"],
)
def test_types_that_do_not_fit_are_refused(type_, message):
    text = "func.func @main(%x: tensor<?x4xf32>) -> tensor<?x4xf32> { return %x : tensor<?x4xf32> }"
    with pytest.raises(CallError) as caught:
        refine([type_])(ir.parse(text))
    assert message in caught.value.message
    with pytest.raises(CallError, match="takes 1 arguments, got 0 types"):
        refine([])(ir.parse(text))


def test_a_module_with_unknown_sizes_is_simplified_where_sizes_do_not_matter():
    from minidl.ir.rewriting import canonicalize

    text = """
    func.func @main(%x: tensor<?xf32>) -> tensor<?xf32> {
      %c = stablehlo.constant dense<[1.0, 2.0]> : tensor<2xf32>
      %d = stablehlo.negate %c : tensor<2xf32>
      %0 = stablehlo.negate %x : tensor<?xf32>
      %1 = stablehlo.negate %0 : tensor<?xf32>
      return %1 : tensor<?xf32>
    }"""
    made = canonicalize(ir.parse(text))
    assert count_ops(made) == 3  # what is dead goes; patterns ask for sizes, so the rest stays
