"""Ratios against JAX's XLA on the CPU, side by side in one run (`make bench`).

Both sides are jitted and warmed up, get the same arrays in place, and are synchronised;
rounds of the two alternate, and a round is long enough for the clock.  The table keeps
what is unflattering.  `--write` records it in book/data/bench.json.

    run       median over rounds of the time of one call, µs
    compile   trace + lower + compile of a fresh function, ms (median of several)
    temp      bytes of temporaries that the compiler reports
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
RECORD = ROOT / "book" / "data" / "bench.json"
ROUND_S = 0.02


# -- programs, written once over the namespace `np` (minidl.numpy or jax.numpy) --------------


def chain(np: Any) -> Callable[..., Any]:
    return lambda x, y: (x * y + 1.0) * x - y / (x * x + 2.0)


def gelu(np: Any) -> Callable[..., Any]:
    return lambda x: 0.5 * x * (1.0 + np.tanh(0.7978845608 * (x + 0.044715 * x * x * x)))


def softmax(np: Any) -> Callable[..., Any]:
    def f(x: Any) -> Any:
        e = np.exp(x - np.max(x, axis=-1, keepdims=True))
        return e / np.sum(e, axis=-1, keepdims=True)

    return f


def layernorm(np: Any) -> Callable[..., Any]:
    def f(x: Any, scale: Any, shift: Any) -> Any:
        centred = x - np.mean(x, axis=-1, keepdims=True)
        variance = np.mean(centred * centred, axis=-1, keepdims=True)
        return centred / np.sqrt(variance + 1e-5) * scale + shift

    return f


def matmul(np: Any) -> Callable[..., Any]:
    return lambda x, y: x @ y


def convolution(np: Any) -> Callable[..., Any]:
    """3 × 3, channels last, images as large as they were; minidl.numpy has no name for it."""
    if np.__name__.startswith("jax"):
        from jax import lax

        layout = ("NHWC", "HWIO", "NHWC")
        return lambda x, w: lax.conv_general_dilated(x, w, (1, 1), "SAME", dimension_numbers=layout)
    from minidl.ir.dimension_numbers import ConvDims
    from minidl.xla.frontend.bind import bind

    dims = ConvDims(0, 3, (1, 2), 2, 3, (0, 1), 0, 3, (1, 2))
    more = {"batch_group_count": 1, "feature_group_count": 1, "padding": ((1, 1), (1, 1))}
    return lambda x, w: bind("stablehlo.convolution", x, w, dimension_numbers=dims, **more)


def convnet(np: Any) -> Callable[..., Any]:
    """Two convolutions and a dense layer, on the digits."""
    conv = convolution(np)

    def f(x: Any, w1: Any, w2: Any, dense: Any) -> Any:
        x = np.maximum(conv(x, w1), 0)[:, ::2, ::2]
        x = np.maximum(conv(x, w2), 0)[:, ::2, ::2]
        return np.reshape(x, (x.shape[0], -1)) @ dense

    return f


def loss(np: Any) -> Callable[..., Any]:
    """Cross entropy of the digits MLP 64–128–10."""

    def f(params: Any, x: Any, y: Any) -> Any:
        (w1, b1), (w2, b2) = params
        logits = np.maximum(x @ w1 + b1, 0) @ w2 + b2
        shifted = logits - np.max(logits, axis=1, keepdims=True)
        log_p = shifted - np.log(np.sum(np.exp(shifted), axis=1, keepdims=True))
        return -np.mean(np.sum(np.where(y[:, None] == np.arange(10), log_p, 0.0), axis=1))

    return f


def sgd(np: Any, value_and_grad: Any) -> Callable[..., Any]:
    gradient = value_and_grad(loss(np))

    def step(params: Any, x: Any, y: Any) -> Any:
        value, grads = gradient(params, x, y)
        return value, [[p - 0.1 * g for p, g in zip(*row)] for row in zip(params, grads)]

    return step


def adam(np: Any, value_and_grad: Any) -> Callable[..., Any]:
    gradient = value_and_grad(loss(np))

    def step(params: Any, m: Any, v: Any, t: Any, x: Any, y: Any) -> Any:
        value, grads = gradient(params, x, y)
        b1t, b2t = t[0] * 0.9, t[1] * 0.999

        def leaf(p: Any, m: Any, v: Any, g: Any) -> Any:
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
            return p - 1e-3 * (m / (1 - b1t)) / (np.sqrt(v / (1 - b2t)) + 1e-8), m, v

        made = [[leaf(*z) for z in zip(*row)] for row in zip(params, m, v, grads)]
        return value, made, (b1t, b2t)

    return step


def cases() -> list[tuple[str, Callable[..., Any], list[Any]]]:
    """(name, program of (np, value_and_grad), arguments)."""
    rng = np.random.default_rng(0)

    def normal(*shape: int) -> Any:
        return rng.normal(size=shape).astype(np.float32)

    big, square = normal(1 << 20), normal(1024, 1024)
    params = [[normal(64, 128) * 0.2, normal(128)], [normal(128, 10) * 0.1, normal(10)]]
    zeros = [[0 * p for p in row] for row in params]
    x, y = rng.uniform(size=(64, 64)).astype(np.float32), rng.integers(0, 10, 64, np.int32)
    ones = (np.float32(1) * np.ones((), np.float32), np.ones((), np.float32))
    return [
        ("elementwise chain, 1M", lambda np, _: chain(np), [big, big + 3]),
        ("gelu (tanh), 1M", lambda np, _: gelu(np), [big]),
        ("softmax, 1024 × 1024", lambda np, _: softmax(np), [square]),
        (
            "layernorm, 1024 × 1024",
            lambda np, _: layernorm(np),
            [square, normal(1024), normal(1024)],
        ),
        ("matmul, 512", lambda np, _: matmul(np), [normal(512, 512), normal(512, 512)]),
        (
            "convolution, 56 × 56, 32 to 64",
            lambda np, _: convolution(np),
            [normal(4, 56, 56, 32), normal(3, 3, 32, 64)],
        ),
        (
            "convnet, 64 digits",
            lambda np, _: convnet(np),
            [normal(64, 8, 8, 1), normal(3, 3, 1, 8), normal(3, 3, 8, 16), normal(64, 10)],
        ),
        ("MLP step, SGD", sgd, [params, x, y]),
        ("MLP step, Adam", adam, [params, zeros, zeros, ones, x, y]),
    ]


# -- measuring ------------------------------------------------------------------------------


def per_call(call: Callable[[], Any], count: int) -> float:
    start = time.perf_counter()
    for _ in range(count):
        call()
    return (time.perf_counter() - start) / count


def alternate(calls: list[Callable[[], Any]], rounds: int) -> list[float]:
    """Median seconds of each, measured in turn so that both meet the same disturbances."""
    counts = []
    for call in calls:
        per_call(call, 3)
        counts.append(max(1, int(ROUND_S / per_call(call, 3))))
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds):
        for i, call in enumerate(calls):
            times[i].append(per_call(call, counts[i]))
    return [statistics.median(t) for t in times]


def compile_times(makers: list[Callable[[], Any]], rounds: int) -> list[float]:
    """Median seconds of making each program anew."""
    times: list[list[float]] = [[] for _ in makers]
    for _ in range(rounds):
        for i, make in enumerate(makers):
            times[i].append(per_call(make, 1))
    return [statistics.median(t) for t in times]


def measure(name: str, program: Any, args: list[Any], rounds: int) -> dict[str, Any]:
    import jax

    import minidl
    from minidl import numpy as mnp
    from minidl import xla

    here = jax.device_put(args)
    fresh = [
        lambda: program(mnp, minidl.value_and_grad),
        lambda: program(jax.numpy, jax.value_and_grad),
    ]

    def ours_made() -> Any:
        minidl.jit(fresh[0]())(*args)

    def theirs_made() -> Any:
        jax.clear_caches()
        jax.block_until_ready(jax.jit(fresh[1]())(*here))

    ours_made(), theirs_made()
    ours_compile, theirs_compile = compile_times([ours_made, theirs_made], max(3, rounds // 3))
    ours, theirs = minidl.jit(fresh[0]()), jax.jit(fresh[1]())
    agree(ours(*args), theirs(*here))
    calls = [lambda: ours(*args), lambda: jax.block_until_ready(theirs(*here))]
    run = alternate(calls, rounds)
    memory = theirs.lower(*here).compile().memory_analysis()
    return {
        "name": name,
        "run_us": [round(t * 1e6, 1) for t in run],
        "run_ratio": round(run[1] / run[0], 2),
        "compile_ms": [round(t * 1e3, 1) for t in (ours_compile, theirs_compile)],
        "compile_ratio": round(ours_compile / theirs_compile, 2),
        "temp_bytes": [
            xla.compile(fresh[0](), *args).memory.temp_bytes,
            getattr(memory, "temp_size_in_bytes", None),
        ],
    }


def agree(ours: Any, theirs: Any) -> None:
    """A benchmark of two different answers would mean nothing."""
    import jax

    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-3, atol=2e-3)


# -- the table ------------------------------------------------------------------------------


def machine() -> dict[str, Any]:
    import jax
    import llvmlite

    from minidl.core import native

    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        cpu = names[0].partition(":")[2].strip() if names else cpu
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "cpu": cpu,
        "cores": cores,
        "threads": native.threads(),
        "vector_bits": native.target("host").vector_bits,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "jax": jax.__version__,
        "llvmlite": llvmlite.__version__,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--only", help="cases whose name contains this")
    parser.add_argument("--write", action="store_true", help=f"record in {RECORD.name}")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    about = machine()
    print(", ".join(f"{k} {v}" for k, v in about.items()))
    print(f"{'':32}{'minidl µs':>10}{'JAX µs':>10}{'faster ×':>9}{'compile ms':>15}{'× time':>8}"
          f"{'temp bytes':>22}")  # fmt: skip
    rows = []
    for name, program, args in cases():
        if options.only and options.only not in name:
            continue
        row = measure(name, program, args, options.rounds)
        rows.append(row)
        a, b = row["run_us"]
        both = " / ".join(f"{t:.0f}" for t in row["compile_ms"])
        temps = " / ".join(map(str, row["temp_bytes"]))
        print(f"{name:32}{a:10.1f}{b:10.1f}{row['run_ratio']:9.2f}{both:>15}"
              f"{row['compile_ratio']:8.2f}{temps:>22}", flush=True)  # fmt: skip
    for key in ("run_ratio", "compile_ratio"):
        print(f"geometric mean of {key}: {statistics.geometric_mean(r[key] for r in rows):.2f}")
    if options.write:
        RECORD.parent.mkdir(parents=True, exist_ok=True)
        record = {"machine": about, "rows": rows}
        RECORD.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
