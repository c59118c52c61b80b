"""Products of matrices: matmul, dot, tensordot, einsum; all are one dot_general.

Chapter: xla/frontend.
Sources: NumPy, "Linear algebra"; StableHLO, "dot_general".
Real JAX: `jax.numpy.matmul`, `jax.numpy.einsum` (which plans paths; here two operands).
"""

from __future__ import annotations

from typing import Any

from minidl.core.errors import ShapeError
from minidl.ir.mlir.attributes import DotDims
from minidl.numpy import promotion
from minidl.numpy.promotion import shape_of
from minidl.xla.frontend import lax
from minidl.xla.frontend.spans import here

Array = Any


def _pair(name: str, x: Any, y: Any) -> tuple[Array, Array]:
    typing = promotion.wanted(name, (x, y))
    return promotion.to_typing(x, typing), promotion.to_typing(y, typing)


def _mismatch(name: str, x: Array, y: Array, what: str) -> ShapeError:
    return here(
        ShapeError,
        f"minidl.numpy.{name} of {list(shape_of(x))} and {list(shape_of(y))}: {what}",
        op="stablehlo.dot_general",
        hint="the last axis of the left must match the first (of the matrix) of the right",
    )


def matmul(x: Any, y: Any) -> Array:
    """Matrix product over the last two axes; leading axes are broadcast."""
    x, y = _pair("matmul", x, y)
    rx, ry = len(shape_of(x)), len(shape_of(y))
    if not rx or not ry:
        raise _mismatch("matmul", x, y, "a scalar is no matrix")
    kx, ky = shape_of(x)[-1], shape_of(y)[max(ry - 2, 0)]
    if kx != ky:
        raise _mismatch("matmul", x, y, f"inner sizes {kx} and {ky} differ")
    if rx <= 2 and ry <= 2:
        return lax.dot_general(x, y, DotDims((), (), (rx - 1,), (max(ry - 2, 0),)))
    if ry <= 2:
        return lax.dot_general(x, y, DotDims((), (), (rx - 1,), (max(ry - 2, 0),)))
    return _batched(x, y)


def _batched(x: Array, y: Array) -> Array:
    """Both have leading axes, or the right has: they become batching dimensions."""
    vector = len(shape_of(x)) == 1
    if vector:
        x = lax.reshape(x, (1, *shape_of(x)))
    lead = promotion.joint_shape("matmul", [shape_of(x)[:-2], shape_of(y)[:-2]])
    n = len(lead)
    x = promotion.broadcast(x, lead + shape_of(x)[-2:])
    y = promotion.broadcast(y, lead + shape_of(y)[-2:])
    batch = tuple(range(n))
    out = lax.dot_general(x, y, DotDims(batch, batch, (n + 1,), (n,)))
    return lax.reshape(out, lead + shape_of(out)[-1:]) if vector else out


def dot(x: Any, y: Any) -> Array:
    """Inner product of the last axis of x and the last but one of y; scalars multiply."""
    x, y = _pair("dot", x, y)
    rx, ry = len(shape_of(x)), len(shape_of(y))
    if not rx or not ry:
        from minidl.numpy.elementwise import multiply

        return multiply(x, y)
    if shape_of(x)[-1] != shape_of(y)[max(ry - 2, 0)]:
        raise _mismatch("dot", x, y, "inner sizes differ")
    return lax.dot_general(x, y, DotDims((), (), (rx - 1,), (max(ry - 2, 0),)))


def tensordot(x: Any, y: Any, axes: Any = 2) -> Array:
    """Sum over pairs of axes: a count, or two lists."""
    x, y = _pair("tensordot", x, y)
    rx = len(shape_of(x))
    if isinstance(axes, int):
        axes = range(rx - axes, rx), range(axes)
    left, right = (tuple(a) if not isinstance(a, int) else (a,) for a in axes)
    return lax.dot_general(x, y, DotDims((), (), left, right))


def outer(x: Any, y: Any) -> Array:
    """Every product of an element of x and one of y."""
    from minidl.numpy.shaping import ravel

    return tensordot(ravel(x), ravel(y), 0)


def einsum(spec: str, x: Any, y: Any) -> Array:
    """Two operands in Einstein's notation, such as "bqd,bkd->bqk"; no repeated letters."""
    inputs, arrow, out = spec.replace(" ", "").partition("->")
    left, comma, right = inputs.partition(",")
    x, y = _pair("einsum", x, y)
    fits = len(left) == len(shape_of(x)) and len(right) == len(shape_of(y))
    plain = all(len(set(s)) == len(s) for s in (left, right, out))
    if not (arrow and comma and fits and plain and set(out) <= set(left) | set(right)):
        raise here(
            ShapeError,
            f"minidl.numpy.einsum cannot read {spec!r} for shapes "
            f"{list(shape_of(x))} and {list(shape_of(y))}",
            hint='two operands, a letter for each axis, and "->": "bqd,bkd->bqk"',
        )
    x, left = _summed(x, left, set(right) | set(out))
    y, right = _summed(y, right, set(left) | set(out))
    batch = [c for c in left if c in right and c in out]
    inner = [c for c in left if c in right and c not in out]
    dims = DotDims(
        tuple(map(left.index, batch)),
        tuple(map(right.index, batch)),
        tuple(map(left.index, inner)),
        tuple(map(right.index, inner)),
    )
    made = [*batch, *(c for c in left if c not in right), *(c for c in right if c not in left)]
    return lax.transpose(lax.dot_general(x, y, dims), [made.index(c) for c in out])


def _summed(x: Array, letters: str, kept: set[str]) -> tuple[Array, str]:
    """Axes that occur in one operand alone and not in the result are summed first."""
    gone = [i for i, c in enumerate(letters) if c not in kept]
    if not gone:
        return x, letters
    return lax.reduce("add", x, gone), "".join(c for c in letters if c in kept)
