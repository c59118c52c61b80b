"""Record what JAX makes of the book's programs: texts and counts, with versions.

    python tools/record_jax.py        writes book/data/stack_jax.json

The pages read the file, so they need no JAX; a test makes it again and compares.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

DATA = Path(__file__).resolve().parents[1] / "book" / "data"


def stack_record() -> dict[str, Any]:
    """The line of chapter `stack` in JAX: StableHLO, optimised HLO, counts."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    from minidl import random

    def h(x: Any, w: Any, b: Any) -> Any:
        return jnp.maximum(x * w + b, 0)

    args = [jax.ShapeDtypeStruct((1024,), jnp.float32)] * 3
    lowered = jax.jit(h).lower(*args)
    stablehlo = lowered.as_text()
    optimized = lowered.compile().as_text()
    plain = re.sub(r", metadata=\{[^}]*\}", "", optimized)
    plain = plain[plain.index("%fused_computation") :].strip() + "\n"
    keys = random.split(random.key(0), 3)  # the inputs of the chapter
    x, w, b = (np.asarray(random.normal(key, (1024,))) for key in keys)
    ours = np.maximum(x * w + b, 0)
    return {
        "differs_from_numpy": int((np.asarray(jax.jit(h)(x, w, b)) != ours).sum()),
        "jax": jax.__version__,
        "platform": "cpu",
        "stablehlo": stablehlo,
        "optimized": plain,
        "ops": re.findall(r"stablehlo\.(\w+)", stablehlo),
        "fusions": len(re.findall(r"= \S+ fusion\(", optimized)),
    }


def main() -> None:
    DATA.mkdir(exist_ok=True)
    path = DATA / "stack_jax.json"
    path.write_text(json.dumps(stack_record(), indent=1) + "\n")
    print(f"wrote {path.relative_to(DATA.parents[1])}")


if __name__ == "__main__":
    main()
