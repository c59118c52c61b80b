"""Seeded programs of one op with random dimension numbers, as text that no printer of ours wrote.

Sizes 0 and 1 are common, ranks go to 4, every element type is drawn; starts lie inside,
outside and far outside.  Each program also says how to draw its inputs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import ml_dtypes
import numpy as np

Rng = np.random.Generator
NUMPY: dict[str, Any] = {
    "i1": np.bool_, "i8": np.int8, "i16": np.int16, "i32": np.int32, "i64": np.int64,
    "ui8": np.uint8, "ui16": np.uint16, "ui32": np.uint32, "ui64": np.uint64,
    "f16": np.float16, "bf16": ml_dtypes.bfloat16, "f32": np.float32, "f64": np.float64,
}  # fmt: skip
INDEX = ("i32", "i64", "i8", "ui8", "ui32", "i16", "ui64")


def spell(shape: Any, element: str) -> str:
    return f"tensor<{''.join(f'{n}x' for n in shape)}{element}>"


@dataclass
class Case:
    """One op: its text with `%0 = …`, the types of %a0, %a1 … and of its results."""

    op: str
    args: list[tuple[tuple[int, ...], str]]
    results: list[tuple[tuple[int, ...], str]]
    starts: dict[int, int] = field(default_factory=dict)  # argument → sizes to draw around
    facts: dict[str, Any] = field(default_factory=dict)
    fixed: dict[int, Any] = field(default_factory=dict)  # argument → its value

    @property
    def text(self) -> str:
        args = ", ".join(f"%a{i}: {spell(*t)}" for i, t in enumerate(self.args))
        types = ", ".join(spell(*t) for t in self.results)
        n = len(self.results)
        names = ", ".join(f"%0#{i}" for i in range(n)) if n > 1 else "%0"
        head = f"%0{f':{n}' if n > 1 else ''}"
        ins = ", ".join(spell(*t) for t in self.args)
        line = f"{head} = {self.op} : ({ins}) -> ({types})"
        end = f"return {names} : {types}"
        return f"func.func @main({args}) -> ({types}) {{\n  {line}\n  {end}\n}}"

    def inputs(self, rng: Rng) -> list[Any]:
        drawn = [
            starts(rng, shape, element, self.starts[i])
            if i in self.starts
            else values(rng, shape, element)
            for i, (shape, element) in enumerate(self.args)
        ]
        for i, value in self.fixed.items():
            drawn[i] = np.full(self.args[i][0], value).astype(NUMPY[self.args[i][1]])
        return drawn


def values(rng: Rng, shape: tuple[int, ...], element: str) -> Any:
    """Small whole numbers and halves: sums and products of a few are exact in every type."""
    drawn = rng.integers(-3, 4, shape) if element[0] not in "u" else rng.integers(0, 5, shape)
    return np.asarray(drawn).astype(NUMPY[element])


def starts(rng: Rng, shape: tuple[int, ...], element: str, size: int) -> Any:
    """Mostly inside 0 … size, some negative, some huge.

    (Not beyond half the range of an unsigned type: the reference interpreter reads its
    numbers as signed ones there.  Against JAX they are drawn.)
    """
    low = 0 if element[0] == "u" else -3
    drawn = np.asarray(rng.integers(low, size + 3, shape)).astype(NUMPY[element])
    info = np.iinfo(NUMPY[element])
    wild = rng.random(shape) < 0.05
    ends = np.array([info.min, info.max // (2 if element[0] == "u" else 1)], NUMPY[element])
    return np.where(wild, rng.choice(ends), drawn)


def sizes(rng: Rng, rank: int, top: int = 4) -> tuple[int, ...]:
    zero = rng.random() < 0.25
    return tuple(int(n) for n in rng.integers(0 if zero else 1, top + 1, rank))


def subset(rng: Rng, items: Any, count: int) -> list[int]:
    return sorted(int(i) for i in rng.choice(list(items), count, replace=False)) if count else []


def some(rng: Rng, items: Any) -> list[int]:
    return subset(rng, items, int(rng.integers(0, len(list(items)) + 1)))


def attributes(struct: str, **fields: Any) -> str:
    parts = [f"{k} = {v}" for k, v in fields.items() if v or k == "index_vector_dim"]
    return f"#stablehlo.{struct}<{', '.join(parts)}>"


def ints(xs: Any) -> str:
    return f"array<i64: {', '.join(map(str, xs))}>" if len(xs) else "array<i64>"


# -- gather and scatter ------------------------------------------------------------------


def _plan(rng: Rng, last: bool = False) -> dict[str, Any]:
    """Dimension numbers that fit; `last`: the index vector lies along the last dimension."""
    rank = int(rng.integers(0, 5))
    operand = sizes(rng, rank)
    batching = subset(rng, range(rank), int(rng.integers(0, min(rank, 2) + 1)))
    free = [d for d in range(rank) if d not in batching]
    collapsed = some(rng, [d for d in free if operand[d]])  # of size 0: no element to read
    mapped = [int(d) for d in rng.permutation(some(rng, free))]
    batch = list(sizes(rng, int(rng.integers(0, 3)), 3))
    places = [int(d) for d in rng.permutation(len(batch) + len(batching))[: len(batching)]]
    full: list[int] = []
    rest = iter(batch)
    for d in range(len(batch) + len(batching)):
        full.append(operand[batching[places.index(d)]] if d in places else next(rest))
    at = len(full) if last else int(rng.integers(0, len(full) + 1))
    implicit = len(mapped) == 1 and not last and rng.random() < 0.4
    starts_shape = (*full,) if implicit else (*full[:at], len(mapped), *full[at:])
    vector = len(full) if implicit else at
    window = [
        min(n, 1) if d in collapsed + batching else int(rng.integers(min(n, 1), n + 1))
        for d, n in enumerate(operand)
    ]
    walked = [n for d, n in enumerate(window) if d not in collapsed + batching]
    offset = subset(rng, range(len(full) + len(walked)), len(walked))
    offsets, batches = iter(walked), iter(full)
    result = tuple(
        next(offsets) if d in offset else next(batches) for d in range(len(full) + len(walked))
    )
    return {
        "operand": operand, "starts": starts_shape, "result": result, "window": window,
        "offset": offset, "collapsed": collapsed, "batching": batching, "mapped": mapped,
        "start_batching": [p if implicit or p < at else p + 1 for p in places],
        "vector": vector,
    }  # fmt: skip


def gather(rng: Rng, last: bool = False) -> Case:
    p = _plan(rng, last)
    dims = attributes(
        "gather", offset_dims=p["offset"], collapsed_slice_dims=p["collapsed"],
        operand_batching_dims=p["batching"], start_indices_batching_dims=p["start_batching"],
        start_index_map=p["mapped"], index_vector_dim=p["vector"],
    )  # fmt: skip
    element, index = str(rng.choice(list(NUMPY))), str(rng.choice(INDEX))
    op = (
        f'"stablehlo.gather"(%a0, %a1) <{{dimension_numbers = {dims}, '
        f"slice_sizes = {ints(p['window'])}, indices_are_sorted = false}}>"
    )
    args = [(p["operand"], element), (p["starts"], index)]
    return Case(op, args, [(p["result"], element)], {1: max(p["operand"], default=0)}, p)


BODIES = {  # of one target; %x is the old value, %u the update
    "add": "%r = stablehlo.add %x, %u : T",
    "multiply": "%r = stablehlo.multiply %x, %u : T",
    "maximum": "%r = stablehlo.maximum %x, %u : T",
    "minimum": "%r = stablehlo.minimum %u, %x : T",
    "subtract": "%r = stablehlo.subtract %x, %u : T",
    "second": "%r = stablehlo.maximum %u, %u : T",
    "last": "",
    "mixed": "%m = stablehlo.multiply %x, %u : T\n %r = stablehlo.add %m, %x : T",
}


def body(kind: str, element: str) -> str:
    """A region of one target."""
    t = spell((), element)
    inside = BODIES[kind].replace(": T", f": {t}")
    value = "%u" if kind == "last" else "%r"
    return f"({{\n^bb0(%x: {t}, %u: {t}):\n {inside}\n stablehlo.return {value} : {t}\n}})"


def pair_body(first: str, second: str) -> str:
    """A region of two targets: a running maximum and where it came from."""
    a, b = spell((), first), spell((), second)
    return (
        f"({{\n^bb0(%x: {a}, %i: {b}, %u: {a}, %j: {b}):\n"
        f" %g = stablehlo.compare GE, %x, %u : ({a}, {a}) -> tensor<i1>\n"
        f" %v = stablehlo.select %g, %x, %u : tensor<i1>, {a}\n"
        f" %w = stablehlo.select %g, %i, %j : tensor<i1>, {b}\n"
        f" stablehlo.return %v, %w : {a}, {b}\n}})"
    )


def _kind(rng: Rng, element: str) -> str:
    kinds = [k for k in BODIES if element != "i1" or k != "subtract"]
    return str(rng.choice(kinds))


def scatter(rng: Rng, last: bool = False, kind: str | None = None) -> Case:
    p = _plan(rng, last)
    dims = attributes(
        "scatter", update_window_dims=p["offset"], inserted_window_dims=p["collapsed"],
        input_batching_dims=p["batching"], scatter_indices_batching_dims=p["start_batching"],
        scatter_dims_to_operand_dims=p["mapped"], index_vector_dim=p["vector"],
    )  # fmt: skip
    element, index = str(rng.choice(list(NUMPY))), str(rng.choice(INDEX))
    two = kind is None and rng.random() < 0.2
    kind = kind or _kind(rng, element)
    targets = [element, "i32"] if two else [element]
    region = pair_body(*targets) if two else body(kind, element)
    names = ", ".join(f"%a{i}" for i in range(2 * len(targets) + 1))
    op = f'"stablehlo.scatter"({names}) <{{scatter_dimension_numbers = {dims}}}> {region}'
    args = [
        *((p["operand"], e) for e in targets),
        (p["starts"], index),
        *((p["result"], e) for e in targets),
    ]
    around = {len(targets): max(p["operand"], default=0)}
    return Case(op, args, [(p["operand"], e) for e in targets], around, {**p, "kind": kind})


# -- dynamic slices ----------------------------------------------------------------------


def dynamic_slice(rng: Rng) -> Case:
    shape = sizes(rng, int(rng.integers(0, 4)))
    window = tuple(int(rng.integers(0, n + 1)) for n in shape)
    element, index = str(rng.choice(list(NUMPY))), str(rng.choice(INDEX))
    names = ", ".join(f"%a{i}" for i in range(len(shape) + 1))
    op = f'"stablehlo.dynamic_slice"({names}) <{{slice_sizes = {ints(window)}}}>'
    args = [(shape, element), *(((), index) for _ in shape)]
    around = {i + 1: n for i, n in enumerate(shape)}
    return Case(op, args, [(window, element)], around, {"window": window})


def dynamic_update_slice(rng: Rng) -> Case:
    shape = sizes(rng, int(rng.integers(0, 4)))
    window = tuple(int(rng.integers(0, n + 1)) for n in shape)
    element, index = str(rng.choice(list(NUMPY))), str(rng.choice(INDEX))
    names = ", ".join(f"%a{i}" for i in range(len(shape) + 2))
    args = [(shape, element), (window, element), *(((), index) for _ in shape)]
    around = {i + 2: n for i, n in enumerate(shape)}
    return Case(f'"stablehlo.dynamic_update_slice"({names})', args, [(shape, element)], around)


# -- windows -----------------------------------------------------------------------------


@dataclass
class Window:
    """A random window; `outputs` counts its places one by one, the slow way."""

    sizes: list[int]
    strides: list[int]
    padding: list[tuple[int, int]]
    base: list[int]
    window: list[int]

    def outputs(self, shape: Any) -> tuple[int, ...]:
        return tuple(map(self._places, range(len(self.sizes)), shape))

    def _places(self, d: int, n: int) -> int:
        low, high = self.padding[d]
        length = low + len(range(0, max(0, (n - 1) * self.base[d] + 1) if n else 0)) + high
        span = (self.sizes[d] - 1) * self.window[d] + 1 if self.sizes[d] else 0
        starts = range(0, max(0, length), self.strides[d])
        return sum(at + span <= length for at in starts)

    @property
    def pairs(self) -> str:
        rows = ", ".join(f"[{lo}, {hi}]" for lo, hi in self.padding)
        n = len(self.padding)
        return f"dense<{f'[{rows}]' if n else ''}> : tensor<{n}x2xi64>"


def window(rng: Rng, shape: Any, base: bool = True, dilate: bool = True) -> Window:
    """A window for a base of that shape; it mostly fits somewhere."""
    rank = len(shape)

    def some_ints(low: int, high: int) -> list[int]:
        return [int(n) for n in rng.integers(low, high, rank)]

    ones = [1] * rank
    padding = [(int(a), int(b)) for a, b in rng.integers(-1, 3, (rank, 2))]
    return Window(
        some_ints(1, 4),
        some_ints(1, 4),
        # more cut than there is makes the reference interpreter abort
        [
            (0, 0) if lo + n + hi < 0 else (lo, hi)
            for (lo, hi), n in zip(padding, shape, strict=True)
        ],
        some_ints(1, 4) if base and rng.random() < 0.4 else ones,
        some_ints(1, 4) if dilate and rng.random() < 0.4 else ones,
    )


def reduce_window(rng: Rng) -> Case:
    shape = sizes(rng, int(rng.integers(0, 4)), 5)
    element = str(rng.choice(list(NUMPY)))
    w = window(rng, shape)
    two = rng.random() < 0.2
    targets = [element, "i32"] if two else [element]
    kind = _kind(rng, element)
    region = pair_body(*targets) if two else body(kind, element)
    n = len(targets)
    names = ", ".join(f"%a{i}" for i in range(2 * n))
    op = (
        f'"stablehlo.reduce_window"({names}) <{{window_dimensions = {ints(w.sizes)}, '
        f"window_strides = {ints(w.strides)}, base_dilations = {ints(w.base)}, "
        f"window_dilations = {ints(w.window)}, padding = {w.pairs}}}> {region}"
    )
    args = [*((shape, e) for e in targets), *(((), e) for e in targets)]
    results = [(w.outputs(shape), e) for e in targets]
    return Case(op, args, results, {}, {"window": w, "kind": kind, "two": two})


def select_and_scatter(rng: Rng) -> Case:
    shape = sizes(rng, int(rng.integers(0, 4)), 5)
    element = str(rng.choice(list(NUMPY)))
    w = window(rng, shape, base=False, dilate=False)
    w.padding = [
        (min(lo, n - 1), min(hi, n - 1)) for (lo, hi), n in zip(w.padding, w.sizes, strict=True)
    ]
    how = str(rng.choice(["GE", "GT", "LE", "LT"]))
    t = spell((), element)
    select = (
        f"{{\n^bb0(%x: {t}, %u: {t}):\n %p = stablehlo.compare {how}, %x, %u : ({t}, {t}) -> "
        f"tensor<i1>\n stablehlo.return %p : tensor<i1>\n}}"
    )
    kind, identity = [("add", 0), ("multiply", 1), ("maximum", -3 if element[0] != "u" else 0)][
        int(rng.integers(3))
    ]  # how often and where the init value comes in is left open
    op = (
        f'"stablehlo.select_and_scatter"(%a0, %a1, %a2) <{{window_dimensions = {ints(w.sizes)}, '
        f"window_strides = {ints(w.strides)}, padding = {w.pairs}}}> "
        f"({select}, {body(kind, element)[1:-1]})"
    )
    args = [(shape, element), (w.outputs(shape), element), ((), element)]
    facts = {"window": w, "how": how, "kind": kind}
    return Case(op, args, [(shape, element)], {}, facts, {2: identity})


def convolution(rng: Rng) -> Case:
    space = int(rng.integers(0, 4))
    groups = int(rng.choice([1, 1, 2, 3]))
    features, batches = (groups, 1) if rng.random() < 0.5 else (1, groups)
    base, kernel = sizes(rng, space, 5), tuple(int(n) for n in rng.integers(1, 4, space))
    w = window(rng, base)
    w.sizes = list(kernel)
    depth, width = int(rng.integers(1, 4)), groups * int(rng.integers(1, 3))
    batch = batches * int(rng.integers(0 if rng.random() < 0.1 else 1, 3))
    reverse = [bool(b) for b in rng.integers(0, 2, space)]
    lhs = [batch, *base, depth * features]
    rhs = [*kernel, depth, width]
    out = [batch // batches, *w.outputs(base), width]
    orders = [[int(d) for d in rng.permutation(space + 2)] for _ in range(3)]
    numbers = [str(i) for i in range(space)]
    letters = [["b", *numbers, "f"], [*numbers, "i", "o"], ["b", *numbers, "f"]]
    texts = [", ".join(x[d] for d in order) for x, order in zip(letters, orders, strict=True)]
    shapes = [tuple(x[d] for d in order) for x, order in zip((lhs, rhs, out), orders, strict=True)]
    element = str(rng.choice(list(NUMPY)))
    flags = ", ".join("true" if b else "false" for b in reverse)
    op = (
        f'"stablehlo.convolution"(%a0, %a1) <{{dimension_numbers = '
        f"#stablehlo.conv<[{texts[0]}]x[{texts[1]}]->[{texts[2]}]>, "
        f"window_strides = {ints(w.strides)}, lhs_dilation = {ints(w.base)}, "
        f"rhs_dilation = {ints(w.window)}, padding = {w.pairs}, "
        f"window_reversal = array<i1{': ' if space else ''}{flags}>, "
        f"feature_group_count = {features} : i64, batch_group_count = {batches} : i64}}>"
    )
    args = [(shapes[0], element), (shapes[1], element)]
    facts = {"window": w, "reverse": reverse, "features": features, "batches": batches}
    facts |= {"letters": ["".join(t.split(", ")) for t in texts]}
    return Case(op, args, [(shapes[2], element)], {}, facts)


MAKERS = {
    "gather": gather,
    "scatter": scatter,
    "dynamic_slice": dynamic_slice,
    "dynamic_update_slice": dynamic_update_slice,
    "reduce_window": reduce_window,
    "select_and_scatter": select_and_scatter,
    "convolution": convolution,
}


def case(name: str, seed: int) -> tuple[Case, Rng]:
    rng = np.random.default_rng([seed, *name.encode()])
    return MAKERS[name](rng), rng
