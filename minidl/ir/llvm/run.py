"""A function of LLVM IR over arrays, executed line by line: everything counted, no read astray.

Chapter: ir/llvm.
Sources: LLVM language reference (undefined behaviour is refused here, not executed).
Real: `lli -force-interpreter`; it does no vectors and does not count.

    run(text, *arrays)    the arrays are the pointer arguments, changed in place
    Run.trips             how often each block was entered
    Run.executed          instructions in all (of IR, not of a machine)
    Run.read_bytes, Run.written_bytes

A pointer is an array's number and a place in bytes; integers are Python's, cut to their
bits; a float is a NumPy scalar, a vector a NumPy array.  An order that the text leaves
open (`reassoc`) is executed from left to right, which is one of the orders it allows.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minidl.core.errors import MinidlError, UnsupportedError
from minidl.ir.llvm.blocks import Block, blocks

BUDGET = 2_000_000  # instructions after which a run is given up
DTYPES = {"float": np.float32, "double": np.float64, "i64": np.int64, "i32": np.int32,
          "i16": np.int16, "i8": np.int8, "i1": np.bool_}  # fmt: skip
FLAGS = {"nsw", "nuw", "inbounds", "exact", "disjoint", "samesign", "nneg", "reassoc", "tail"}
BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b,
    "and": lambda a, b: a & b, "or": lambda a, b: a | b, "xor": lambda a, b: a ^ b,
    "shl": lambda a, b: a << b, "ashr": lambda a, b: a >> b,
    "fadd": lambda a, b: a + b, "fsub": lambda a, b: a - b,
    "fmul": lambda a, b: a * b, "fdiv": lambda a, b: a / b,
}  # fmt: skip
COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "eq": lambda a, b: a == b, "ne": lambda a, b: a != b, "slt": lambda a, b: a < b,
    "sle": lambda a, b: a <= b, "sgt": lambda a, b: a > b, "sge": lambda a, b: a >= b,
}  # fmt: skip
UNSIGNED = {"ult": "slt", "ule": "sle", "ugt": "sgt", "uge": "sge"}
_TYPE = r"(<\d+ x \w+>|[\w]+)"
_VALUE = r"(%[\w.]+|<[^<>]*>|splat \([^()]*\)|[-\w.+]+)"
Names = dict[str, Any]
Do = Callable[[Names], Any]


@dataclass
class Run:
    """What was executed, and the arrays as they are afterwards."""

    arrays: tuple[np.ndarray, ...]
    table: dict[str, Block]
    trips: Counter[str] = field(default_factory=Counter)
    read_bytes: int = 0
    written_bytes: int = 0

    @property
    def executed(self) -> int:
        return sum(n * len(self.table[label].body) for label, n in self.trips.items())

    def memory(self, pointer: tuple[int, int], dtype: Any, count: int) -> np.ndarray:
        """The elements at a pointer; a place outside the array is refused."""
        array, at = pointer
        data, size = self.arrays[array].reshape(-1).view(np.uint8), np.dtype(dtype).itemsize
        if not 0 <= at <= data.size - size * count:
            raise MinidlError(
                f"byte {at} of argument {array} is outside its {data.size} bytes",
                hint="an address is the base plus (row · columns + column) elements",
            )
        return data[at : at + size * count].view(dtype)


def run(text: str, *arrays: np.ndarray) -> Run:
    """Execute the one function of `text`; raises MinidlError for what it may not do."""
    head = next((line for line in text.split("\n") if line.startswith("define")), "")
    names: list[str] = re.findall(r"ptr\b[^,%]*%([\w.]+)", head)
    if len(names) != len(arrays):
        raise MinidlError(f"the function takes {len(names)} pointers, came {len(arrays)} arrays")
    state = Run(arrays, blocks(text))
    bodies = {label: _compile(block, state) for label, block in state.table.items()}
    env: Names = {name: (i, 0) for i, name in enumerate(names)}
    here, before, left = next(iter(bodies)), "", BUDGET
    while here:
        state.trips[here] += 1
        left -= len(state.table[here].body)
        if left < 0:
            raise MinidlError(
                f"more than {BUDGET:,} instructions were executed",
                hint="does the branch ever leave the loop?",
            )
        phis, rest, leave = bodies[here]
        env.update([(name, take(env)) for name, ways in phis for take in (_way(ways, before),)])
        for name, do in rest:
            made = do(env)
            if name:
                env[name] = made
        here, before = leave(env), here
    return state


def _way(ways: dict[str, Do], before: str) -> Do:
    if before not in ways:
        raise MinidlError(f"a phi says nothing of the way from block `{before}`")
    return ways[before]


Compiled = tuple[list[tuple[str, dict[str, Do]]], list[tuple[str, Do]], Do]


def _compile(block: Block, state: Run) -> Compiled:
    """A block as its phis, its other lines, and the choice of the next label ("": return)."""
    phis, rest = [], list[tuple[str, Do]]()
    for _, line in block.body[:-1]:
        code = re.sub(r", (?:align \d+|!\S+ !\d+).*", "", line)
        made, _, code = code.rpartition(" = ")
        if code.startswith("phi"):
            type_ = code.split(" ")[1] if "<" not in code else re.findall(_TYPE, code)[1]
            pairs = re.findall(r"\[ ?([^\[\],]+(?:\)|)), %([\w.]+) ?\]", code)
            phis.append((made[1:], {way: _value(v, type_) for v, way in pairs}))
        else:
            rest.append((made[1:], _line(code, state)))
    return phis, rest, _leave(block.body[-1][1])


def _leave(code: str) -> Do:
    if code.split()[0] not in ("br", "ret"):
        raise UnsupportedError(f"the run does not know {code.split()[0]!r}", op=code.split()[0])
    to = re.findall(r"label %([\w.]+)", code)
    condition = re.match(r"br i1 %([\w.]+)", code)
    if condition:
        name = condition[1]
        return lambda env: to[0 if env[name] else 1]
    return lambda env: to[0] if to else ""


def _line(code: str, state: Run) -> Do:
    words = code.split(" ")
    while words[0] in FLAGS:
        words.pop(0)
    word, *rest = words
    while rest and rest[0] in FLAGS:
        rest.pop(0)
    rows: dict[str, Callable[[str, Run], Do]] = {
        "icmp": _icmp, "getelementptr": _address, "load": _load, "store": _store,
        "call": _call, "select": _select, "shufflevector": _shuffle,
        "extractelement": _extract, "insertelement": _insert,
    }  # fmt: skip
    if word in BINARY:
        return _binary(BINARY[word], " ".join(rest))
    if word not in rows:
        raise UnsupportedError(f"the run does not know {word!r}", op=word)
    return rows[word](" ".join(rest), state)


def _match(pattern: str, text: str) -> tuple[str, ...]:
    found = re.match(pattern.replace("T", _TYPE).replace("V", _VALUE), text)
    if not found:
        raise UnsupportedError(f"the run cannot read {text!r}")
    return found.groups()


def _kind(type_: str) -> tuple[Any, int]:
    """dtype and number of lanes (0: no vector)."""
    found = re.match(r"<(\d+) x (\w+)>", type_)
    name, lanes = (found[2], int(found[1])) if found else (type_, 0)
    if name not in DTYPES:
        raise UnsupportedError(f"the run does not know the type {type_!r}")
    return DTYPES[name], lanes


def _value(word: str, type_: str) -> Do:
    """A name, or a constant of a type."""
    word = word.strip()
    if word.startswith("%"):
        return lambda env, name=word[1:]: env[name]  # type: ignore[misc]
    dtype, lanes = _kind(type_)
    found = [w.split()[-1] for w in re.sub(r"splat \(|[<>()]", "", word).split(",")]
    made = np.array([_number(w, dtype) for w in found], dtype)
    made = np.full(lanes, made[0], dtype) if lanes and made.size == 1 else made
    constant = made if lanes else _plain(made[0], dtype)
    return lambda env: constant


def _number(word: str, dtype: Any) -> Any:
    if word in ("true", "false", "zeroinitializer", "poison", "undef"):
        return word == "true"
    if word.startswith("0x"):
        return np.uint64(int(word, 16)).view(np.float64)
    return float(word) if np.issubdtype(dtype, np.floating) else int(word)


def _plain(x: Any, dtype: Any) -> Any:
    """Integers of one lane as Python's, cut to their bits."""
    if dtype is np.bool_:
        return bool(x)
    if not np.issubdtype(dtype, np.integer):
        return x
    bits = 8 * np.dtype(dtype).itemsize
    return (int(x) + (1 << bits - 1)) % (1 << bits) - (1 << bits - 1)


def _binary(do: Callable[[Any, Any], Any], text: str) -> Do:
    type_, a, b = _match("T V, V", text)
    x, y, (dtype, lanes) = _value(a, type_), _value(b, type_), _kind(type_)
    if lanes or not np.issubdtype(dtype, np.integer):
        return lambda env: do(x(env), y(env))
    return lambda env: _plain(do(x(env), y(env)), dtype)


def _icmp(text: str, state: Run) -> Do:
    word, type_, a, b = _match(r"(?:samesign )?(\w+) T V, V", text)
    x, y, mask = _value(a, type_), _value(b, type_), (1 << 64) - 1
    if word in UNSIGNED:
        less = COMPARE[UNSIGNED[word]]
        return lambda env: less(x(env) & mask, y(env) & mask)
    less = COMPARE[word]
    return lambda env: less(x(env), y(env))


def _address(text: str, state: Run) -> Do:
    element, _, base, type_, index = _match(r"T, (ptr(?: addrspace\(1\))?) V, T V", text)
    p, i, size = _value(base, "ptr"), _value(index, type_), np.dtype(_kind(element)[0]).itemsize
    return lambda env: (p(env)[0], p(env)[1] + size * i(env))


def _load(text: str, state: Run) -> Do:
    type_, _, base = _match(r"T, (ptr(?: addrspace\(1\))?) V", text)
    p, (dtype, lanes) = _value(base, "ptr"), _kind(type_)

    def load(env: Names) -> Any:
        found = state.memory(p(env), dtype, lanes or 1)
        state.read_bytes += found.nbytes
        return found.copy() if lanes else _plain(found[0], dtype)

    return load


def _store(text: str, state: Run) -> Do:
    type_, value, _, base = _match(r"T V, (ptr(?: addrspace\(1\))?) V", text)
    v, p, (dtype, lanes) = _value(value, type_), _value(base, "ptr"), _kind(type_)

    def store(env: Names) -> None:
        place = state.memory(p(env), dtype, lanes or 1)
        state.written_bytes += place.nbytes
        place[:] = v(env)

    return store


def _select(text: str, state: Run) -> Do:
    condition, type_, a, b = _match("i1 V, T V, (?:<\\d+ x \\w+>|\\w+) V", text)
    c, x, y = _value(condition, "i1"), _value(a, type_), _value(b, type_)
    return lambda env: x(env) if c(env) else y(env)


def _shuffle(text: str, state: Run) -> Do:
    type_, a, _, b, mask_type, mask = _match("T V, T V, T V", text)
    x, y, which = _value(a, type_), _value(b, type_), _value(mask, mask_type)
    return lambda env: np.concatenate([x(env), y(env)])[which(env)]


def _extract(text: str, state: Run) -> Do:
    type_, vector, place = _match("T V, i\\d+ V", text)
    x, at = _value(vector, type_), int(place)
    return lambda env: x(env)[at]


def _insert(text: str, state: Run) -> Do:
    type_, vector, _, value, place = _match("T V, T V, i\\d+ V", text)
    x, v, at = _value(vector, type_), _value(value, "float"), int(place)

    def insert(env: Names) -> np.ndarray:
        made: np.ndarray = np.array(x(env))
        made[at] = v(env)
        return made

    return insert


def _call(text: str, state: Run) -> Do:
    """A reduction of a vector, from left to right."""
    found = re.match(r".*@llvm\.vector\.reduce\.(f?add)\.\w+\((.*)\)$", text)
    if not found:
        raise UnsupportedError(f"the run knows no such call: {text}", op="call")
    *start, (type_, vector) = re.findall(f"{_TYPE} {_VALUE}", found[2])
    x, (dtype, _) = _value(vector, type_), _kind(type_)
    first = _value(start[0][1], start[0][0]) if start else (lambda env: dtype(0))

    def reduce(env: Names) -> Any:
        total = first(env)
        for lane in x(env):
            total = dtype(total + lane)
        return _plain(total, dtype)

    return reduce
