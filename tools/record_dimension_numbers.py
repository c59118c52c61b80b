"""Record JAX's dimension numbers: the text of six calls, their results, and the edge cases.

    python -m tools.record_dimension_numbers     writes book/data/dimension_numbers_jax.json

Chapter `ir/dimension_numbers` reads the file, so the page needs no JAX; a test makes it again
and compares.  Numbers are whole and small, so every order of summing gives the same bits.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

DATA = Path(__file__).resolve().parents[1] / "book" / "data"
TABLE = (10 * np.arange(5)[:, None] + np.arange(3)).astype(np.int32)
IDS = np.array([3, 1, 3], np.int32)
COLS = np.array([2, 0, 1], np.int32)
UPDATES = (100 * (1 + np.arange(9))).reshape(3, 3).astype(np.int32)
IMAGE = (np.arange(64) % 7).reshape(1, 8, 8, 1).astype(np.float32)
KERNEL = (np.arange(36) % 5).reshape(3, 3, 1, 4).astype(np.float32)
STARTS = (3, 4, -1)


def calls() -> dict[str, tuple[Callable[..., Any], tuple[Any, ...]]]:
    """The Python of each program, as the page prints it, with its arrays."""
    from jax import lax

    def convolution(x: Any, w: Any) -> Any:
        layout = ("NHWC", "HWIO", "NHWC")
        return lax.conv_general_dilated(x, w, (2, 2), [(1, 1)] * 2, None, (2, 2), layout)

    return {
        "t[ids]": (lambda t, ids: t[ids], (TABLE, IDS)),
        "t[:, ids]": (lambda t, ids: t[:, ids], (TABLE, IDS % 3)),
        "t[ids, cols]": (lambda t, ids, cols: t[ids, cols], (TABLE, IDS, COLS)),
        "t.at[ids].add(u)": (lambda t, ids, u: t.at[ids].add(u), (TABLE, IDS, UPDATES)),
        "t.at[ids].set(u)": (lambda t, ids, u: t.at[ids].set(u), (TABLE, IDS, UPDATES)),
        "lax.conv_general_dilated(x, w, …)": (convolution, (IMAGE, KERNEL)),
    }


def program(function: Callable[..., Any], arrays: tuple[Any, ...]) -> dict[str, Any]:
    """JAX's text, without the module's own attributes, and its result on the arrays."""
    import jax

    text = jax.jit(function).lower(*arrays).as_text()
    plain = re.sub(r"^module @\S+ attributes \{[^}]*\}", "module", text)
    result = np.asarray(jax.jit(function)(*arrays))
    return {"text": plain, "arrays": [a.tolist() for a in arrays], "result": result.tolist()}


def backward() -> str:
    """The window of the convolution that sends a gradient back through that of stride 2."""
    import jax

    function, (x, w) = calls()["lax.conv_general_dilated(x, w, …)"]
    y, back = jax.vjp(lambda x: function(x, w), x)
    text = jax.jit(back).lower(np.ones(y.shape, y.dtype)).as_text()
    found = re.search(r"window = \{(.*?)\}", text)
    assert found
    return found[1]


def edges() -> dict[str, Any]:
    """What an index outside five numbers does in JAX."""
    import jax.numpy as jnp

    a = jnp.arange(5.0)
    found = {str(i): a[jnp.array([i])].tolist() for i in (7, -1, -7)}
    added = a.at[jnp.array([7])].add(10).tolist()
    filled = str(float(jnp.take(a, jnp.array([7]))[0]))
    return {"a[i]": found, "a.at[7].add(10)": added, "jnp.take(a, 7)": filled}


def halves() -> dict[str, Any]:
    """An update of two elements added to five from each of STARTS: by XLA, by StableHLO."""
    from jaxlib.mlir.dialects import stablehlo

    from minidl.exercises import dimension_numbers as lab
    from minidl.ir.dimension_numbers import ScatterDims
    from tools.record_mlir import mlir

    zeros, update = np.zeros(5, np.int32), np.array([10, 20], np.int32)
    dims = ScatterDims((0,), scatter_dims_to_operand_dims=(0,))
    start = np.array([0], np.int32)
    text = str(lab.scatter(dims, zeros, start, update))
    found: dict[str, Any] = {"text": text, "xla": {}, "stablehlo": {}}
    for s in STARTS:
        found["xla"][str(s)] = _by_xla(zeros, np.array([s], np.int32), update)
        with mlir() as ir:
            made = stablehlo.eval_module(ir.Module.parse(_filled(text, s)), [])
            found["stablehlo"][str(s)] = np.array(made[0]).tolist()
    return found


def _by_xla(zeros: Any, start: Any, update: Any) -> list[int]:
    from jax import lax

    dims = lax.ScatterDimensionNumbers((0,), (), (0,))
    return np.asarray(lax.scatter_add(zeros, start, update, dims, mode="drop")).tolist()


def _filled(text: str, start: int) -> str:
    """The program with its three arguments as constants."""
    given = ["dense<0> : tensor<5xi32>", f"dense<{start}> : tensor<1xi32>"]
    given.append("dense<[10, 20]> : tensor<2xi32>")
    lines = [f"    %arg{i} = stablehlo.constant {v}" for i, v in enumerate(given)]
    return re.sub(r"@main\(.*?\) ->(.*?)\{", "@main() ->\\1{\n" + "\n".join(lines), text, count=1)


def record() -> dict[str, Any]:
    import jax

    return {
        "jax": jax.__version__,
        "programs": {name: program(*given) for name, given in calls().items()},
        "backward": backward(),
        "edges": edges(),
        "halves": halves(),
    }


def main() -> None:
    path = DATA / "dimension_numbers_jax.json"
    path.write_text(json.dumps(record(), indent=1) + "\n")
    print(f"wrote {path.relative_to(DATA.parents[1])}")


if __name__ == "__main__":
    main()
