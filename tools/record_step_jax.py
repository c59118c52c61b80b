"""Record what JAX makes of the training step of chapter `step`: texts and counts.

    python tools/record_step_jax.py        writes book/data/step_jax.json

The page reads the file, so it needs no JAX; a test makes it again and compares.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

DATA = Path(__file__).resolve().parents[1] / "book" / "data"
ENTRY = re.compile(r"^  (?:ROOT )?%([\w.-]+) = .*? (fusion|dot|custom-call)\((.*?)\)", re.M)


def program() -> tuple[Any, list[Any]]:
    """The chapter's `step` with JAX's names, and the shapes of its arguments."""
    import jax
    import jax.numpy as jnp

    def loss(params: Any, x: Any, y: Any) -> Any:
        W1, b1, W2, b2 = params
        h = jnp.maximum(x @ W1 + b1, 0)
        z = h @ W2 + b2
        logp = jax.nn.log_softmax(z)
        hit = jax.nn.one_hot(y, 10)
        return -jnp.mean(jnp.sum(logp * hit, axis=1))

    def step(params: Any, x: Any, y: Any) -> Any:
        value, grads = jax.value_and_grad(loss)(params, x, y)
        new = [p - 0.5 * g for p, g in zip(params, grads, strict=True)]
        return new, value

    shapes = [(64, 128), (128,), (128, 10), (10,)]
    params = [jax.ShapeDtypeStruct(s, jnp.float32) for s in shapes]
    x = jax.ShapeDtypeStruct((64, 64), jnp.float32)
    return step, [params, x, jax.ShapeDtypeStruct((64,), jnp.int32)]


def step_record() -> dict[str, Any]:
    """Counts of the two texts, XLA's kernels, its memory, its own estimate of the cost."""
    import jax
    import jaxlib

    step, args = program()
    lowered = jax.jit(step).lower(*args)
    stablehlo = lowered.as_text()
    compiled = lowered.compile()
    optimized = re.sub(r", metadata=\{[^}]*\}", "", compiled.as_text())
    entry = optimized[optimized.index("ENTRY") :]
    held, cost = compiled.memory_analysis(), compiled.cost_analysis()
    return {
        "jax": jax.__version__,
        "jaxlib": jaxlib.__version__,
        "platform": "cpu",
        "ops": re.findall(r"%\S+ = stablehlo\.(\w+)", stablehlo),
        "hlo_ops": len(re.findall(r"^ +(?:ROOT )?%\S+ = ", optimized, re.M)),
        "kernels": [list(found) for found in ENTRY.findall(entry)],
        "temp_bytes": held.temp_size_in_bytes,
        "argument_bytes": held.argument_size_in_bytes,
        "output_bytes": held.output_size_in_bytes,
        "flops": int(cost["flops"]),
        "transcendental": int(cost["transcendentals"]),
        "bytes_accessed": int(cost["bytes accessed"]),
        "stablehlo": stablehlo,
    }


def main() -> None:
    DATA.mkdir(exist_ok=True)
    path = DATA / "step_jax.json"
    path.write_text(json.dumps(step_record(), indent=1) + "\n")
    print(f"wrote {path.relative_to(DATA.parents[1])}")


if __name__ == "__main__":
    main()
