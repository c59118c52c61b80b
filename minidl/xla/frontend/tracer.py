"""Tracer: what a traced function sees instead of an array.

Chapter: xla/frontend.
Sources: JAX documentation, "Tracing"; NumPy, "Interoperability with NumPy".
Real JAX: `core.Tracer` holds its trace too; here an IR value is enough, because its
block tells which trace made it.

It has a shape, a dtype and arithmetic.  It has no value: Python that needs one
(`if`, `float`, `len`, NumPy's own functions) gets an error that says what to write.
"""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np

from minidl.core.errors import TraceError
from minidl.ir.mlir.core import Value
from minidl.ir.mlir.types import ScalarType, TensorType
from minidl.xla.frontend.spans import here


def _mnp() -> Any:
    """The operators' meaning; imported late because it is built on this class."""
    from minidl import numpy

    return numpy


# NumPy's operators on (array, tracer): the name of ours.
_OPERATORS = (
    *("add", "subtract", "multiply", "divide", "floor_divide", "remainder", "power", "matmul"),
    *("equal", "not_equal", "less", "less_equal", "greater", "greater_equal"),
    *("bitwise_and", "bitwise_or", "bitwise_xor", "left_shift", "right_shift"),
)


# What other arrays have and a traced one has not: what to write instead.
_INSTEAD = {
    "item": "a value is known only outside: call float() or .item() on the result",
    "tolist": "a value is known only outside: call .tolist() on the result",
    "at": "build a new array: mnp.where(mask, value, x), or mnp.concatenate",
    "copy": "a traced value never changes: use it as it is",
    "mT": "use mnp.swapaxes(x, -1, -2)",
}


class Missing(TraceError, AttributeError):
    """An attribute that traced arrays do not have."""


class Tracer:
    """An IR value of a trace that is going on; `weak` if it came from a Python number."""

    __slots__ = ("value", "weak")

    def __init__(self, value: Value, weak: bool = False) -> None:
        self.value, self.weak = value, weak

    # what is known while tracing

    @property
    def type(self) -> TensorType:
        type_ = self.value.type
        assert isinstance(type_, TensorType)
        return type_

    @property
    def shape(self) -> tuple[int, ...]:
        return self.type.dims

    @property
    def element(self) -> ScalarType:
        return self.type.element

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.element.numpy

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return self.type.size

    def __repr__(self) -> str:
        weak = ", weak" if self.weak else ""
        return f"<traced {self.element}{list(self.shape)}{weak}>"

    # what is not

    def _no_value(self, python: str, hint: str) -> TraceError:
        made = self.value.op
        op = made.name if made else "an argument"
        return here(
            TraceError,
            f"{python} needs the value of a traced {self.element}{list(self.shape)} "
            f"(made by {op}); while tracing only its shape and dtype are known",
            op=op,
            hint=hint,
        )

    def __bool__(self) -> NoReturn:
        raise self._no_value("a truth test (`if`, `and`, `not` …)", "use mnp.where(c, a, b)")

    def __float__(self) -> NoReturn:
        raise self._no_value("float()", "use x.astype('float32'), or call float on the result")

    def __int__(self) -> NoReturn:
        raise self._no_value("int()", "use x.astype('int32'), or make it a static argument of jit")

    def __index__(self) -> NoReturn:
        raise self._no_value("an index or range()", "make the number a static argument of jit")

    def __complex__(self) -> NoReturn:
        raise self._no_value("complex()", "complex numbers are not supported")

    def __len__(self) -> NoReturn:
        raise self._no_value("len()", "use x.shape[0]")

    def __iter__(self) -> NoReturn:
        raise self._no_value("iterating", "index it: [x[i] for i in range(x.shape[0])]")

    def __hash__(self) -> int:
        raise self._no_value("hashing", "use the value as an operand, not as a key")

    def __format__(self, spec: str) -> str:
        if spec:
            raise self._no_value(f"formatting by {spec!r}", "format the result, outside")
        return repr(self)

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        hint = _INSTEAD.get(name) or "functions that are no methods are in minidl.numpy"
        raise here(Missing, f"a traced array has no attribute {name!r}", hint=hint)

    def __array__(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise self._no_value("NumPy", "use the function of minidl.numpy")

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> NoReturn:
        raise self._numpy(func.__name__)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        """`ndarray + tracer` arrives here; NumPy's other functions are refused."""
        if method != "__call__" or kwargs or ufunc.__name__ not in _OPERATORS:
            raise self._numpy(ufunc.__name__)
        return getattr(_mnp(), ufunc.__name__)(*inputs)

    def _numpy(self, name: str) -> TraceError:
        where = f"use minidl.numpy.{name}" if hasattr(_mnp(), name) else "use minidl.numpy"
        return self._no_value(f"numpy.{name}", where)

    # arithmetic

    def __add__(self, other: Any) -> Any:
        return _mnp().add(self, other)

    def __radd__(self, other: Any) -> Any:
        return _mnp().add(other, self)

    def __sub__(self, other: Any) -> Any:
        return _mnp().subtract(self, other)

    def __rsub__(self, other: Any) -> Any:
        return _mnp().subtract(other, self)

    def __mul__(self, other: Any) -> Any:
        return _mnp().multiply(self, other)

    def __rmul__(self, other: Any) -> Any:
        return _mnp().multiply(other, self)

    def __truediv__(self, other: Any) -> Any:
        return _mnp().divide(self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return _mnp().divide(other, self)

    def __floordiv__(self, other: Any) -> Any:
        return _mnp().floor_divide(self, other)

    def __rfloordiv__(self, other: Any) -> Any:
        return _mnp().floor_divide(other, self)

    def __mod__(self, other: Any) -> Any:
        return _mnp().remainder(self, other)

    def __rmod__(self, other: Any) -> Any:
        return _mnp().remainder(other, self)

    def __pow__(self, other: Any) -> Any:
        return _mnp().power(self, other)

    def __rpow__(self, other: Any) -> Any:
        return _mnp().power(other, self)

    def __matmul__(self, other: Any) -> Any:
        return _mnp().matmul(self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return _mnp().matmul(other, self)

    def __and__(self, other: Any) -> Any:
        return _mnp().bitwise_and(self, other)

    def __rand__(self, other: Any) -> Any:
        return _mnp().bitwise_and(other, self)

    def __or__(self, other: Any) -> Any:
        return _mnp().bitwise_or(self, other)

    def __ror__(self, other: Any) -> Any:
        return _mnp().bitwise_or(other, self)

    def __xor__(self, other: Any) -> Any:
        return _mnp().bitwise_xor(self, other)

    def __rxor__(self, other: Any) -> Any:
        return _mnp().bitwise_xor(other, self)

    def __lshift__(self, other: Any) -> Any:
        return _mnp().left_shift(self, other)

    def __rlshift__(self, other: Any) -> Any:
        return _mnp().left_shift(other, self)

    def __rshift__(self, other: Any) -> Any:
        return _mnp().right_shift(self, other)

    def __rrshift__(self, other: Any) -> Any:
        return _mnp().right_shift(other, self)

    def __divmod__(self, other: Any) -> Any:
        return _mnp().floor_divide(self, other), _mnp().remainder(self, other)

    def __round__(self) -> Any:
        return _mnp().round(self)

    def __neg__(self) -> Any:
        return _mnp().negative(self)

    def __pos__(self) -> Any:
        return self

    def __abs__(self) -> Any:
        return _mnp().abs(self)

    def __invert__(self) -> Any:
        return _mnp().invert(self)

    def __eq__(self, other: object) -> Any:
        return _mnp().equal(self, other)

    def __ne__(self, other: object) -> Any:
        return _mnp().not_equal(self, other)

    def __lt__(self, other: Any) -> Any:
        return _mnp().less(self, other)

    def __le__(self, other: Any) -> Any:
        return _mnp().less_equal(self, other)

    def __gt__(self, other: Any) -> Any:
        return _mnp().greater(self, other)

    def __ge__(self, other: Any) -> Any:
        return _mnp().greater_equal(self, other)

    # methods of arrays

    def __getitem__(self, index: Any) -> Any:
        return _mnp().take_index(self, index)

    def __setitem__(self, index: Any, value: Any) -> NoReturn:
        raise here(
            TraceError,
            "a traced array cannot be assigned to: a traced value never changes",
            hint="build a new one: mnp.where(mask, value, x), or mnp.concatenate",
        )

    @property
    def T(self) -> Any:
        return _mnp().transpose(self)

    def astype(self, dtype: Any) -> Any:
        return _mnp().astype(self, dtype)

    def reshape(self, *shape: Any) -> Any:
        return _mnp().reshape(self, shape[0] if len(shape) == 1 else shape)

    def ravel(self) -> Any:
        return _mnp().reshape(self, -1)

    def transpose(self, *axes: Any) -> Any:
        return _mnp().transpose(self, axes[0] if len(axes) == 1 else axes or None)

    def dot(self, other: Any) -> Any:
        return _mnp().dot(self, other)

    def sum(self, axis: Any = None, keepdims: bool = False) -> Any:
        return _mnp().sum(self, axis, keepdims)

    def mean(self, axis: Any = None, keepdims: bool = False) -> Any:
        return _mnp().mean(self, axis, keepdims)

    def max(self, axis: Any = None, keepdims: bool = False) -> Any:
        return _mnp().max(self, axis, keepdims)

    def min(self, axis: Any = None, keepdims: bool = False) -> Any:
        return _mnp().min(self, axis, keepdims)

    def prod(self, axis: Any = None, keepdims: bool = False) -> Any:
        return _mnp().prod(self, axis, keepdims)

    def argmax(self, axis: Any = None) -> Any:
        return _mnp().argmax(self, axis)

    def argmin(self, axis: Any = None) -> Any:
        return _mnp().argmin(self, axis)

    def var(self, axis: Any = None, keepdims: bool = False) -> Any:
        return _mnp().var(self, axis, keepdims)

    def std(self, axis: Any = None, keepdims: bool = False) -> Any:
        return _mnp().std(self, axis, keepdims)

    def any(self, axis: Any = None, keepdims: bool = False) -> Any:
        return _mnp().any(self, axis, keepdims)

    def all(self, axis: Any = None, keepdims: bool = False) -> Any:
        return _mnp().all(self, axis, keepdims)

    def squeeze(self, axis: Any = None) -> Any:
        return _mnp().squeeze(self, axis)

    def swapaxes(self, a: int, b: int) -> Any:
        return _mnp().swapaxes(self, a, b)

    def clip(self, low: Any = None, high: Any = None) -> Any:
        return _mnp().clip(self, low, high)

    def flatten(self) -> Any:
        return _mnp().reshape(self, -1)
