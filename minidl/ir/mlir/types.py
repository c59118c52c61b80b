"""Types: frozen, interned, so that equal types are one object.

Chapter: ir/mlir.
Sources: MLIR language reference, "Builtin Dialect: Types"; StableHLO 1.x specification, "Types".
Real: MLIR's `TypeStorage` uniqued in an `MLIRContext`; here a type lives for the process.

    element  one of the 13 StableHLO element types, or `index`; others are carried
    shape    a tuple of sizes; None is MLIR's `?` (parsed, refused by every engine)

Carried means: complex, 8-bit floats, 2- and 4-bit integers, quantized types and dynamic
shapes parse, print and verify; what would run them refuses them by name (`runs`).
"""

from __future__ import annotations

import math
from typing import Any, ClassVar, TypeVar

import ml_dtypes
import numpy as np

from minidl.core.errors import MinidlError, UnsupportedError

T = TypeVar("T", bound="Type")


class Type:
    """Base of all types.  Subclasses name their fields in `__slots__`."""

    __slots__ = ("_text",)
    _text: str
    _interned: ClassVar[dict[tuple[Any, ...], Any]] = {}

    def __new__(cls: type[T], *fields: Any) -> T:
        key = (cls, *fields)
        made = Type._interned.get(key)
        if made is None:
            made = object.__new__(cls)
            for name, value in zip(cls.__slots__, fields, strict=True):
                object.__setattr__(made, name, value)
            object.__setattr__(made, "_text", made._spell())
            made = Type._interned.setdefault(key, made)
        return made

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen")

    def __str__(self) -> str:
        return self._text

    __repr__ = __str__

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, name) for name in self.__slots__)

    def _spell(self) -> str:
        raise NotImplementedError(type(self).__name__)


class ScalarType(Type):
    """An element type by its MLIR name: f32, bf16, i1, i32, ui8, index …"""

    __slots__ = ("name",)
    name: str

    def _spell(self) -> str:
        return self.name

    @property
    def numpy(self) -> np.dtype[Any]:
        """The NumPy dtype that holds one element (ml_dtypes for bf16)."""
        found = _NUMPY.get(self.name) or _CARRIED.get(self.name)
        if found is None:
            raise UnsupportedError(f"{self} has no NumPy dtype: it is carried, nothing runs it")
        return found

    @property
    def is_float(self) -> bool:
        return self.name in FLOATS

    @property
    def is_unsigned(self) -> bool:
        return self.name.startswith("ui") or self.name == "i1"

    @property
    def is_integer(self) -> bool:
        return self.name in _INTEGERS

    @property
    def is_small_float(self) -> bool:
        """One of the floats of 8 bits and fewer, which are carried."""
        return self.name in _CARRIED and self.name.startswith("f")

    @property
    def is_complex(self) -> bool:
        return self.name.startswith("complex<")

    @property
    def bits(self) -> int:
        if self.name in ("i1", "i2", "i4", "ui2", "ui4"):
            return int(self.name[-1])
        if self.is_small_float:
            return int(self.name[1])
        return self.numpy.itemsize * 8

    @property
    def bytes(self) -> int:
        return self.numpy.itemsize


FLOATS = ("f16", "bf16", "f32", "f64")
SIGNED = ("i8", "i16", "i32", "i64")
UNSIGNED = ("ui8", "ui16", "ui32", "ui64")
_NUMPY: dict[str, np.dtype[Any]] = {
    "f16": np.dtype(np.float16),
    "bf16": np.dtype(ml_dtypes.bfloat16),
    "f32": np.dtype(np.float32),
    "f64": np.dtype(np.float64),
    "i1": np.dtype(np.bool_),
    "index": np.dtype(np.int64),
    **{name: np.dtype(f"int{name[1:]}") for name in SIGNED},
    **{name: np.dtype(f"uint{name[2:]}") for name in UNSIGNED},
}
_INTEGERS = frozenset(["index", "i1", "i2", "i4", "ui2", "ui4", *SIGNED, *UNSIGNED])
_CARRIED: dict[str, np.dtype[Any]] = {
    "complex<f32>": np.dtype(np.complex64),
    "complex<f64>": np.dtype(np.complex128),
    **{f"{u}i{n}": np.dtype(f"{u}int{n}") for u in ("", "u") for n in (2, 4)},
    **{
        f"f8{name}": np.dtype(f"float8_{name.lower()}")
        for name in ("E3M4", "E4M3", "E4M3B11FNUZ", "E4M3FN", "E4M3FNUZ", "E5M2", "E5M2FNUZ")
    },
    **{
        name: np.dtype(f"float{name[1]}_{name[2:].lower()}")
        for name in ("f8E8M0FNU", "f6E2M3FN", "f6E3M2FN", "f4E2M1FN")
    },
}
CARRIED = tuple(_CARRIED)
_BY_NUMPY = {dtype: name for name, dtype in _NUMPY.items() if name != "index"}
ELEMENTS = ("i1", *SIGNED, *UNSIGNED, *FLOATS)

f16, bf16, f32, f64 = (ScalarType(name) for name in FLOATS)
i1, i8, i16, i32, i64 = (ScalarType(name) for name in ("i1", *SIGNED))
ui8, ui16, ui32, ui64 = (ScalarType(name) for name in UNSIGNED)
index = ScalarType("index")


def element_of(dtype: Any) -> ScalarType:
    """The element type of a NumPy dtype; refuses complex, object, strings."""
    name = _BY_NUMPY.get(np.dtype(dtype))
    if name is None:
        raise MinidlError(
            f"dtype {np.dtype(dtype)} has no element type here",
            hint=f"use one of {', '.join(str(d) for d in _BY_NUMPY)}",
        )
    return ScalarType(name)


class ShapedType(Type):
    """tensor, memref and vector: a shape of one element type."""

    __slots__ = ()
    shape: tuple[int | None, ...]
    element: ScalarType

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def is_static(self) -> bool:
        return None not in self.shape

    @property
    def size(self) -> int:
        """The number of elements; every dimension must be static."""
        return math.prod(self.shape)  # type: ignore[arg-type]

    @property
    def bytes(self) -> int:
        return self.size * self.element.bytes

    @property
    def dims(self) -> tuple[int, ...]:
        """The shape, known to be static."""
        return self.shape  # type: ignore[return-value]

    def _spell_shape(self) -> str:
        return "".join("?x" if n is None else f"{n}x" for n in self.shape) + str(self.element)


class TensorType(ShapedType):
    """`tensor<64x128xf32>`: an immutable array value."""

    __slots__ = ("shape", "element")

    def _spell(self) -> str:
        return f"tensor<{self._spell_shape()}>"


class VectorType(ShapedType):
    """`vector<8xf32>`: a value that fits in registers."""

    __slots__ = ("shape", "element")

    def _spell(self) -> str:
        return f"vector<{self._spell_shape()}>"


class MemRefType(ShapedType):
    """`memref<64x128xf32>`: a typed view of memory, row-major without gaps."""

    __slots__ = ("shape", "element")

    def _spell(self) -> str:
        return f"memref<{self._spell_shape()}>"


class EncodedTensorType(TensorType):
    """`tensor<?xf32, #stablehlo.bounds<4>>`: a tensor with a note, which is carried."""

    __slots__ = ("shape", "element", "encoding")
    encoding: str

    def _spell(self) -> str:
        return f"tensor<{self._spell_shape()}, {self.encoding}>"


class EncodedMemRefType(MemRefType):
    """`memref<4xf32, strided<[2]>>`: a view with a layout or an address space."""

    __slots__ = ("shape", "element", "encoding")
    encoding: str

    def _spell(self) -> str:
        return f"memref<{self._spell_shape()}, {self.encoding}>"


class FunctionType(Type):
    """`(tensor<f32>) -> tensor<f32>`."""

    __slots__ = ("inputs", "outputs")
    inputs: tuple[Type, ...]
    outputs: tuple[Type, ...]

    def _spell(self) -> str:
        inputs = ", ".join(map(str, self.inputs))
        outputs = ", ".join(map(str, self.outputs))
        single = len(self.outputs) == 1 and not isinstance(self.outputs[0], FunctionType)
        return f"({inputs}) -> {outputs if single else f'({outputs})'}"


class TupleType(Type):
    """`tuple<tensor<f32>, tensor<i1>>`."""

    __slots__ = ("elements",)
    elements: tuple[Type, ...]

    def _spell(self) -> str:
        return f"tuple<{', '.join(map(str, self.elements))}>"


class OpaqueType(Type):
    """A type of a dialect we only carry, such as `!stablehlo.token`."""

    __slots__ = ("spelling",)
    spelling: str

    def _spell(self) -> str:
        return self.spelling


_RUNS = frozenset(["index", *ELEMENTS])


def runs(type_: Type) -> bool:
    """Whether values of that type can be computed here: static, of a listed element."""
    if isinstance(type_, ShapedType):
        return type_.is_static and type_.element.name in _RUNS
    if isinstance(type_, TupleType):
        return all(map(runs, type_.elements))
    return not isinstance(type_, ScalarType) or type_.name in _RUNS


def tensor(shape: Any, element: ScalarType) -> TensorType:
    """`TensorType` from any sequence of sizes."""
    return TensorType(tuple(shape), element)


def type_of(array: Any) -> TensorType:
    """The tensor type of a NumPy array."""
    return TensorType(tuple(array.shape), element_of(array.dtype))
