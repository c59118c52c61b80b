"""Record what JAX and XLA make of the programs of chapter `ir/stablehlo`.

    python tools/record_stablehlo.py        writes book/data/stablehlo_jax.json

dialect    the operations that jaxlib's StableHLO knows; which are in the specification
sums       one reduction of n ones from an init of 1, and of 0, as XLA computes it
window     how XLA cuts the 64; hlo: a product in XLA's own text
rows       what MLIR's verifier says to a softmax that is wrong
kinds      the StableHLO operations in the text of usual programs
programs   six texts and what XLA computed on the inputs of `filled`

The page reads the file, so it needs no JAX; a test makes it again and compares.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from minidl.exercises.stablehlo import ROWS, filled
from tools.record_mlir import mlir, said

DATA = Path(__file__).resolve().parents[1] / "book" / "data"
SUMS = (32, 64, 1000)


def dialect() -> dict[str, list[str]]:
    """The operations of jaxlib's StableHLO; outside: those not in the specification.

    The bindings carry the dialect's documentation, which says so of each.
    """
    import jaxlib.mlir.dialects._stablehlo_ops_gen as generated

    out: dict[str, list[str]] = {"inside": [], "outside": []}
    for part in re.split(r"^class ", inspect.getsource(generated), flags=re.M):
        found = re.search(r'OPERATION_NAME = "stablehlo\.([^"]*)"', part)
        if found is not None and re.match(r"\w+Op\(", part):
            said = " ".join(part[: found.start()].split())
            excluded = "included in the StableHLO specification" in said
            out["outside" if excluded else "inside"].append(found[1])
    return {k: sorted(v) for k, v in out.items()}


def sums() -> dict[str, list[float]]:
    """n → the sum of n ones from init 1, and from init 0."""
    import jax

    def total(x: Any, init: Any) -> Any:
        return jax.lax.reduce(x, init, jax.lax.add, (0,))

    one = np.float32(1)
    return {
        str(n): [float(jax.jit(total)(np.ones(n, np.float32), i)) for i in (one, one * 0)]
        for n in SUMS
    }


def window() -> str:
    """XLA's own words for the first of its two reductions of 64 numbers."""
    import jax

    low = jax.jit(lambda x, i: jax.lax.reduce(x, i, jax.lax.add, (0,)))
    text = low.lower(np.ones(64, np.float32), np.float32(1)).compile().as_text()
    found = re.search(r"reduce-window\(.*?window=\{[^}]*\}", text)
    assert found is not None
    return found[0].split("window=")[1]


def hlo() -> str:
    """The product of values and weights of `attention` in XLA's own text."""
    import jax

    function, args = usual()["attention"]
    text = jax.jit(function).lower(*args).as_text(dialect="hlo")
    line = [line for line in text.split("\n") if " dot(" in line][1]
    return re.sub(r", (metadata|operand_precision)=\{[^}]*\}", "", line.strip())


def rows() -> str:
    """What MLIR's verifier says to the program of "Find the mistake"."""
    with mlir() as ir:
        return said(lambda: ir.Module.parse(ROWS)) or "accepted"


def usual() -> dict[str, tuple[Callable[..., Any], tuple[Any, ...]]]:
    """Programs that people train and run, at sizes of a few elements."""
    import jax
    import jax.numpy as jnp

    def layernorm(x: Any) -> Any:
        centred = x - x.mean(axis=1, keepdims=True)
        return centred * jax.lax.rsqrt((centred**2).mean(axis=1, keepdims=True) + 1e-5)

    def attention(q: Any, k: Any, v: Any) -> Any:
        weights = jax.nn.softmax(jnp.einsum("bqhd,bkhd->bhqk", q, k) / 2.0)
        return jnp.einsum("bhqk,bkhd->bqhd", weights, v)

    def mlp(w1: Any, w2: Any, x: Any) -> Any:
        return jax.nn.log_softmax(jnp.maximum(x @ w1, 0) @ w2)

    def sgd(w1: Any, w2: Any, x: Any) -> Any:
        loss = jax.grad(lambda a, b: -mlp(a, b, x)[:, 0].mean(), argnums=(0, 1))
        return [w - 0.5 * g for w, g in zip((w1, w2), loss(w1, w2), strict=True)]

    def adam(w: Any, g: Any, m: Any, v: Any, t: Any) -> Any:
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        return w - 0.01 * (m / (1 - 0.9**t)) / (jnp.sqrt(v / (1 - 0.999**t)) + 1e-8), m, v

    def block(x: Any, w: Any, u: Any) -> Any:
        heads = (layernorm(x) @ w).reshape(1, 4, 2, 4)
        x = x + attention(heads, heads, heads).reshape(4, 8)
        return x + jax.nn.gelu(layernorm(x) @ u, approximate=False) @ u.T

    def convnet(x: Any, w: Any) -> Any:
        h = jax.nn.relu(jax.lax.conv_general_dilated(x, w, (1, 1), "SAME"))
        dims = (1, 1, 2, 2)
        return jax.lax.reduce_window(h, -np.inf, jax.lax.max, dims, dims, "VALID")

    def newton(a: Any) -> Any:
        def far(s: Any) -> Any:
            return jnp.max(jnp.abs(s * s - a)) > 1e-3

        a = a * a + 1
        return jax.lax.while_loop(far, lambda s: 0.5 * (s + a / s), a)

    def pick(i: Any, x: Any) -> Any:
        return jax.lax.switch(i, [jnp.sin, jnp.tanh, lambda x: -x], x)

    def gradient(f: Any) -> Any:
        return jax.grad(lambda *args: (f(*args) ** 2).sum())

    four, wide = filled(4, 8), (filled(8, 8), filled(8, 16))
    heads, image = (filled(1, 3, 2, 4),) * 3, (filled(1, 1, 6, 6), filled(2, 1, 3, 3))
    return {
        "softmax": (lambda x: jax.nn.softmax(x), (four,)),
        "layernorm": (layernorm, (four,)),
        "gelu": (lambda x: jax.nn.gelu(x, approximate=False), (four,)),
        "attention": (attention, heads),
        "MLP": (mlp, (filled(8, 5), filled(5, 3), four)),
        "MLP, one step": (sgd, (filled(8, 5), filled(5, 3), four)),
        "Adam": (adam, (four, four / 2, four / 3, four**2, np.float32(3))),
        "transformer block": (block, (four, *wide)),
        "its gradient": (gradient(block), (four, *wide)),
        "convnet": (convnet, image),
        "the convnet's gradient": (gradient(convnet), image),
        "square roots by a loop": (newton, (filled(5),)),
        "one of three branches": (pick, (np.int32(1), filled(5))),
    }


KEPT = ("softmax", "layernorm", "gelu", "attention", "MLP", "square roots by a loop")


def kinds_of(text: str) -> list[str]:
    """The operations that a text writes, those of `applies` included."""
    named = re.findall(r"(?<![\w#<])((?:stablehlo|chlo)\.[a-z_0-9]+)", text)
    return sorted(set(named))


@cache
def ran() -> dict[str, tuple[str, tuple[Any, ...], list[Any]]]:
    """Each program's text, its arguments, and what XLA computed."""
    import jax

    out = {}
    for name, (function, args) in usual().items():
        lowered = jax.jit(function).lower(*args)
        out[name] = (lowered.as_text(), args, jax.tree.leaves(lowered.compile()(*args)))
    return out


def record() -> dict[str, Any]:
    import jax
    import jaxlib
    from jaxlib.mlir.dialects import stablehlo

    kinds, programs = {}, {}
    for name, (text, args, made) in ran().items():
        kinds[name] = kinds_of(text)
        if name in KEPT:
            bits = np.asarray(made[0]).astype("<f4").tobytes().hex()
            shapes = [list(np.shape(a)) for a in args]
            programs[name] = {"text": text, "inputs": shapes, "bits": bits}
    return {
        "jax": jax.__version__,
        "jaxlib": jaxlib.__version__,
        "stablehlo": stablehlo.get_current_version(),
        "platform": "cpu",
        "dialect": dialect(),
        "sums": sums(),
        "window": window(),
        "hlo": hlo(),
        "rows": rows(),
        "kinds": kinds,
        "programs": programs,
    }


def main() -> None:
    path = DATA / "stablehlo_jax.json"
    path.write_text(json.dumps(record(), indent=1) + "\n")
    print(f"wrote {path.relative_to(DATA.parents[1])}")


if __name__ == "__main__":
    main()
