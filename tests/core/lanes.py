"""Run a function of `core.mathfun` as compiled code over arrays."""

from __future__ import annotations

import numpy as np

from minidl.core import mathfun, native
from minidl.core.mathfun.text import spell

KIND = {"f32": np.float32, "f64": np.float64}
KIND |= {f"i{n}": np.dtype(f"i{n // 8}").type for n in (8, 16, 32, 64)}


def kernel(name: str, ty: str, width: int, fma: bool, n: int, entry: str = "k") -> str:
    """LLVM text: `entry(table, pool)` maps the function over n elements (n % width == 0)."""
    program = mathfun.program(name, ty)
    given = [spell(t, 1) for _, t in program.params]
    lanes = [spell(t, width) for _, t in program.params]
    out = len(given)
    text = [mathfun.define(name, ty, width, fma), f"define void @{entry}(ptr %t, ptr %pool) {{"]
    text += ["entry:"]
    for i in range(out + 1):
        text += [f"  %g{i} = getelementptr ptr, ptr %t, i64 {i}", f"  %p{i} = load ptr, ptr %g{i}"]
    text += ["  br label %loop", "loop:", "  %i = phi i64 [ 0, %entry ], [ %j, %loop ]"]
    for i, (one, many) in enumerate(zip(given, lanes)):
        text += [f"  %a{i} = getelementptr {one}, ptr %p{i}, i64 %i"]
        text += [f"  %v{i} = load {many}, ptr %a{i}, align 1"]
    args = ", ".join(f"{many} %v{i}" for i, many in enumerate(lanes))
    result, one = spell(program.type, width), spell(program.type, 1)
    text += [f"  %r = call {result} {mathfun.symbol(name, ty, width)}({args})"]
    text += [f"  %o = getelementptr {one}, ptr %p{out}, i64 %i"]
    text += [f"  store {result} %r, ptr %o, align 1", f"  %j = add i64 %i, {width}"]
    text += [f"  %c = icmp ult i64 %j, {n}", "  br i1 %c, label %loop, label %done"]
    return "\n".join([*text, "done:", "  ret void", "}", ""])


def width_of(target: native.Target, ty: str) -> int:
    """Lanes of the target's registers."""
    bits = {"f16": 16, "bf16": 16}.get(ty) or int(ty[1:])
    return max(1, target.vector_bits // max(bits, 32))


def run(name: str, ty: str, *inputs: np.ndarray, target: str = "host", width: int = 0):
    """The compiled function on `inputs`, for `target`, with its own register width."""
    at = native.target(target)
    width = width or width_of(at, ty)
    n = -(-len(inputs[0]) // width) * width
    padded = [np.concatenate([x, np.ones(n - len(x), x.dtype)]) for x in inputs]
    code = native.load(native.assemble(kernel(name, ty, width, at.has_fma, n), at))
    out = np.zeros(n, KIND[mathfun.program(name, ty).type])
    code.function("k")(native.pointers([*padded, out]))
    return out[: len(inputs[0])]
