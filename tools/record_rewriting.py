"""Record what MLIR's own passes leave of the programs that our passes simplify.

    python tools/record_rewriting.py        writes book/data/rewriting_mlir.json

The MLIR is the one inside jaxlib.  StableHLO's own simplifier
(`stablehlo-aggressive-simplification`) is not in there; its ops' few canonicalisers are.
The counts are facts of the versions, and a test makes them again; the times are of the
machine that wrote the file.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import minidl
from minidl import ir, random
from minidl import numpy as mnp
from minidl.ir.mlir import types as T
from minidl.ir.mlir.attributes import Dense
from minidl.ir.mlir.module import Module, finish, function
from minidl.ir.rewriting import PassManager, canonicalize, count_ops, cse, dce, inline
from minidl.xla.passes import optimize
from tools import bench
from tools.record_mlir import mlir

DATA = Path(__file__).resolve().parents[1] / "book" / "data"
OURS: dict[str, Callable[[Module], Module]] = {
    "canonicalize": PassManager([inline, canonicalize, dce]).run,
    "canonicalize, cse": PassManager([inline, canonicalize, cse, canonicalize, dce]).run,
    "pipeline": optimize,
}
THEIRS = {
    "canonicalize": "inline,canonicalize,symbol-dce",
    "canonicalize, cse": "inline,canonicalize,cse,canonicalize,symbol-dce",
}
# What real numbers allow and floats do not; ours keeps each.
TEMPTING = {
    "x + 0": "%c = stablehlo.constant dense<0.0> : tensor<f32>\n"
    "%0 = stablehlo.add %x, %c : tensor<f32>",
    "x * 0": "%c = stablehlo.constant dense<0.0> : tensor<f32>\n"
    "%0 = stablehlo.multiply %x, %c : tensor<f32>",
    "x - x": "%0 = stablehlo.subtract %x, %x : tensor<f32>",
    "x / x": "%0 = stablehlo.divide %x, %x : tensor<f32>",
    "x / 3": "%c = stablehlo.constant dense<3.0> : tensor<f32>\n"
    "%0 = stablehlo.divide %x, %c : tensor<f32>",
}


def attention(q: Any, k: Any, v: Any) -> Any:
    scores = q @ mnp.swapaxes(k, -1, -2) * (1 / np.float32(4.0))
    e = mnp.exp(scores - mnp.max(scores, axis=-1, keepdims=True))
    return (e / mnp.sum(e, axis=-1, keepdims=True)) @ v


def programs() -> dict[str, Module]:
    """A dozen programs as `minidl.trace` writes them."""
    rng = np.random.default_rng(0)

    def normal(*shape: int) -> Any:
        return rng.normal(size=shape).astype(np.float32)

    x, row = normal(8, 16), normal(16)
    params = [(normal(16, 32), normal(32)), (normal(32, 10), normal(10))]
    labels = np.arange(8, dtype=np.int32)
    norm, soft = bench.layernorm(mnp), bench.softmax(mnp)
    grad = minidl.value_and_grad
    zeros = [(np.zeros_like(w), np.zeros_like(b)) for w, b in params]
    one = np.float32(1)
    step, adam = bench.sgd(mnp, grad), bench.adam(mnp, grad)
    rows: dict[str, tuple[Callable[..., Any], list[Any]]] = {
        "elementwise chain": (bench.chain(mnp), [x, x]),
        "gelu": (bench.gelu(mnp), [x]),
        "gelu, gradient": (minidl.grad(lambda a: mnp.sum(bench.gelu(mnp)(a))), [x]),
        "softmax": (soft, [x]),
        "softmax, gradient": (minidl.grad(lambda a: mnp.sum(soft(a) * a)), [x]),
        "layernorm": (norm, [x, row, row]),
        "layernorm, gradient": (minidl.grad(lambda a, s, t: mnp.sum(norm(a, s, t))), [x, row, row]),
        "attention": (attention, [normal(2, 4, 16), normal(2, 4, 16), normal(2, 4, 16)]),
        "MLP loss": (bench.loss(mnp), [params, x, labels]),
        "MLP training step": (step, [params, x, labels]),
        "MLP step with Adam": (
            adam,
            [params, zeros, zeros, (one, one), x, labels],
        ),
        "random bits": (lambda key: random.split(key, 4), [random.key(7)]),
    }
    return {name: minidl.trace(f, *args) for name, (f, args) in rows.items()}


def theirs(mlir_ir: Any, text: str, passes: str) -> str:
    """The text after MLIR's passes."""
    from jaxlib.mlir.passmanager import PassManager as Passes

    module = mlir_ir.Module.parse(text)
    Passes.parse(f"builtin.module({passes})").run(module.operation)
    return str(module)


def counts(mlir_ir: Any) -> dict[str, dict[str, Any]]:
    """For each program the ops traced, and what each list of passes leaves."""
    out: dict[str, dict[str, Any]] = {}
    for name, module in programs().items():
        text = str(module)
        out[name] = {
            "traced": count_ops(module),
            "ours": {k: count_ops(change(module)) for k, change in OURS.items()},
            "mlir": {k: count_ops(ir.parse(theirs(mlir_ir, text, p))) for k, p in THEIRS.items()},
        }
    return out


def tempting(mlir_ir: Any) -> dict[str, dict[str, Any]]:
    """How many ops are left of each identity that a float does not obey."""
    out = {}
    for name, body in TEMPTING.items():
        head = "func.func @main(%x: tensor<f32>) -> tensor<f32>"
        text = f"{head} {{\n{body}\nreturn %0 : tensor<f32>\n}}"
        rows = {k: count_ops(ir.parse(theirs(mlir_ir, text, p))) for k, p in THEIRS.items()}
        module = ir.parse(text)
        out[name] = {
            "written": count_ops(module),
            "ours": count_ops(optimize(module)),
            "mlir": rows,
        }
    return out


def chain(n: int) -> Module:
    """A module of n ops, a third of which go: products with 1, dead values, equal ops."""
    module, type_ = Module(), T.tensor((4,), T.f32)
    _, b = function(module, "main", [type_, type_])
    x, y = b.block.args
    one = b.value("stablehlo.constant", value=Dense.splat(1.0, type_))
    last = x
    for i in range((n - 2) * 2 // 11):
        last = b.value("stablehlo.multiply", last, one)
        last = b.value("stablehlo.add", last, y)
        b.value("stablehlo.exponential", last)
        same = [b.value("stablehlo.multiply", last, x) for _ in range(2)]
        last = b.value("stablehlo.subtract", *same) if i % 2 else same[0]
    finish(b, [last])
    return module


def times(mlir_ir: Any) -> dict[str, Any]:
    """Microseconds an op, for modules of 1,000, 10,000 and 100,000 ops."""
    from jaxlib.mlir.passmanager import PassManager as Passes

    out: dict[str, Any] = {}
    for n in (1_000, 10_000, 100_000):
        module = chain(n)
        size = count_ops(module)
        row = {
            name: _seconds(lambda p=change, m=module: p(m)) / size * 1e6
            for name, change in (("canonicalize", canonicalize), ("cse", cse), ("dce", dce))
        }
        text = str(module)
        for name in ("canonicalize", "cse"):
            parsed = mlir_ir.Module.parse(text)
            manager = Passes.parse(f"builtin.module({name})")
            took = _seconds(lambda m=manager, p=parsed: m.run(p.operation), 1)
            row[f"mlir {name}"] = took / size * 1e6
        out[str(size)] = {k: round(v, 2) for k, v in row.items()}
    return out


def _seconds(call: Callable[[], Any], rounds: int = 3) -> float:
    best = float("inf")
    for _ in range(rounds):
        begin = time.process_time()
        call()
        best = min(best, time.process_time() - begin)
    return best


def record() -> dict[str, Any]:
    """All that two runs on two machines agree on."""
    import jaxlib

    with mlir() as mlir_ir:
        return {
            "jaxlib": jaxlib.__version__,
            "passes": THEIRS,
            "ops": counts(mlir_ir),
            "tempting": tempting(mlir_ir),
        }


def main() -> None:
    made = record()
    with mlir() as mlir_ir:
        made["microseconds an op"] = times(mlir_ir)
    path = DATA / "rewriting_mlir.json"
    path.write_text(json.dumps(made, indent=1) + "\n")
    print(f"wrote {path.relative_to(DATA.parents[1])}")


if __name__ == "__main__":
    main()
