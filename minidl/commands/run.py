"""`run`: evaluate a file's function on arrays, and print or save what it returns.

Chapter: ir/stablehlo.
Sources: none.
Real: `stablehlo-translate --interpret`, `iree-run-module`.

    evaluate   the reference meaning, op by op (`ir.evaluate`)
    native     compiled by `xla.compile` for this machine
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from minidl import ir
from minidl.commands.arrays import arrays_from, fitted, names_file, sized
from minidl.commands.given import EXPECTED, Given
from minidl.commands.progress import counting
from minidl.commands.saving import keep_apart, places, save
from minidl.core import step
from minidl.core.errors import MinidlError, UnsupportedError
from minidl.ir.mlir.location import place
from minidl.ir.mlir.types import ShapedType, Type

LARGEST = 2**60  # elements, of 8 bytes at most


def run(given: Given, options: Namespace) -> None:
    """Evaluate, then print the results, or save them where the options say."""
    if options.budget is not None and options.budget < 1:
        raise MinidlError(f"--budget is {options.budget}, expected 1 op or more")
    module = given.module()
    entry = entry_of(module, options.entry)
    function = module.defined(entry)
    targets = places(options.output, options.save, len(function["function_type"].outputs))
    keep_apart(targets, [given.name, *filter(names_file, options.input)])
    named = arrays_from(options.input)
    types = sized([v.type for v in function.body.args], named)
    arrays = fitted(entry, types, named)
    with counting(f"{options.engine} {Path(given.name).name}", "op"), tracing(options.trace):
        module = refined(module, entry, types)
        results = ENGINES[options.engine](module, entry, arrays, options.budget)
    saved = save(results, options.output, options.save)
    for i, array in enumerate(results):
        print(f"result {i}: {kind(array)}")
        if not saved:
            print(array)
    for path in saved:
        print(f"saved {path}")


def entry_of(module: ir.Module, wanted: str | None) -> str:
    """The function to run: the one named, @main, or the only public one."""
    functions = module.functions
    if not functions:
        raise MinidlError("no function stands in the file, expected @main", hint=EXPECTED)
    public = [n for n, f in functions.items() if f.get("sym_visibility") != "private"]
    if wanted is None and "main" not in functions and len(public) == 1:
        return public[0]
    name = wanted or "main"
    if name not in functions:
        has = ", ".join(f"@{n}" for n in functions)
        raise MinidlError(f"the module has no function @{name}", hint=f"it has {has}")
    return name


def refined(module: ir.Module, entry: str, types: Sequence[Type]) -> ir.Module:
    """The module with every size that the types decide; itself when all sizes are known."""
    if all(v.type.is_static for op in module.walk() for v in _tensors(op)):
        return module
    from minidl.ir.rewriting import refine

    out = refine(types, entry)(entered(module, entry))
    ir.verify(out)
    return out


def _tensors(op: ir.Operation) -> Iterator[Any]:
    """What an op makes, and what its blocks are given, where it has a shape."""
    arguments = (v for region in op.regions for block in region.blocks for v in block.args)
    return (v for v in (*op.results, *arguments) if isinstance(v.type, ShapedType))


def _evaluate(
    module: ir.Module, entry: str, arrays: Sequence[Any], budget: int | None
) -> Sequence[Any]:
    if budget is None:
        return ir.evaluate(module, *arrays, entry=entry)
    return ir.evaluate(module, *arrays, entry=entry, budget=budget)


def _native(
    module: ir.Module, entry: str, arrays: Sequence[Any], budget: int | None
) -> Sequence[Any]:
    from minidl import xla

    _addressable(module)
    return tuple(xla.compile(with_main(module, entry))(*arrays))


def _addressable(module: ir.Module) -> None:
    """No array may be larger than an address can say."""
    for op in module.walk():
        for value in _tensors(op):
            if value.type.is_static and value.type.size >= LARGEST:
                raise UnsupportedError(
                    f"{op.name} makes {value.type}: {value.type.size:,} elements, and an "
                    "address has 64 bits",
                    op=op.name,
                )


ENGINES: dict[str, Callable[..., Sequence[Any]]] = {"evaluate": _evaluate, "native": _native}


def entered(module: ir.Module, entry: str) -> ir.Module:
    """The module, in which others may call `entry`: what nobody can call, passes remove."""
    if module.defined(entry).get("sym_visibility") != "private":
        return module
    out = module.clone()
    out.function(entry).attributes["sym_visibility"] = "public"
    return out


def with_main(module: ir.Module, entry: str) -> ir.Module:
    """The module with `entry` as its @main, which is what is compiled."""
    module = entered(module, entry)
    if entry == "main":
        return module
    out = module.clone()
    if "main" in out.functions:
        raise MinidlError(
            f"@{entry} cannot be compiled as @main: the module has another @main",
            hint="--engine evaluate runs any function",
        )
    for op in out.walk():
        for name, value in op.attributes.items():
            if value == ir.Symbol(entry):
                op.attributes[name] = ir.Symbol("main")
    out.function(entry).attributes["sym_name"] = "main"
    return out


@contextmanager
def tracing(wanted: bool) -> Iterator[None]:
    """Print each op as it computes: its line, its name, its values in short."""
    if not wanted:
        yield
        return

    def heard(title: str, where: Any, state: Callable[[], Any] | None) -> None:
        if isinstance(where, ir.Operation) and where.results and state is not None:
            span = place(where.location)
            values = "; ".join(map(short, state()))
            print(f"{span.line if span else '?':>5}  {where.name:32} {values}")

    with step.listen(heard):
        yield


def kind(array: Any) -> str:
    """Its dtype and shape, as `float32[4, 16]`."""
    return f"{array.dtype}{list(array.shape)}"


def short(value: Any) -> str:
    """An array on one line, its middle left out as NumPy does."""
    array = np.asarray(value)
    text = np.array2string(array.ravel(), threshold=6, edgeitems=2, precision=4)
    return f"{kind(array)} {' '.join(text.split())}" if array.ndim else f"{kind(array)} {array}"
