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
from minidl.commands.arrays import arrays_from, fitted
from minidl.commands.given import Given
from minidl.commands.progress import counting
from minidl.core import step
from minidl.core.errors import MinidlError
from minidl.ir.mlir.location import place


def run(given: Given, options: Namespace) -> None:
    """Evaluate, then print the results, or save them where the options say."""
    module = given.module()
    entry = entry_of(module, options.entry)
    types = [v.type for v in module.defined(entry).body.args]
    arrays = fitted(entry, types, arrays_from(options.input))
    with counting(f"{options.engine} {Path(given.name).name}", "op"), tracing(options.trace):
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
    public = [n for n, f in module.functions.items() if f.get("sym_visibility") != "private"]
    if wanted is None and "main" not in public and len(public) == 1:
        return public[0]
    return str(module.function(wanted or "main")["sym_name"])


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

    return tuple(xla.compile(with_main(module, entry))(*arrays))


ENGINES: dict[str, Callable[..., Sequence[Any]]] = {"evaluate": _evaluate, "native": _native}


def with_main(module: ir.Module, entry: str) -> ir.Module:
    """The module with `entry` as its @main, which is what is compiled."""
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


def save(results: Sequence[Any], output: str | None, folder: str | None) -> list[str]:
    """`out0 …` and their `dtypes` in one archive, or one file each; the paths written."""
    paths: list[Path] = []
    try:
        if output:
            named = {f"out{i}": a for i, a in enumerate(results)}
            with open(output, "wb") as file:
                np.savez(file, **named, dtypes=np.array([str(a.dtype) for a in results]))
            paths.append(Path(output))
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            paths += [Path(folder) / f"out{i}.npy" for i in range(len(results))]
            for path, array in zip(paths[-len(results) :], results, strict=True):
                np.save(path, array)
    except OSError as error:
        raise MinidlError(f"{error.filename} cannot be written: {error.strerror}") from error
    return [str(p) for p in paths]
