"""Passes and pipelines: IR to IR, named, verified between when somebody looks.

Chapter: ir/rewriting.
Sources: MLIR, "Pass Infrastructure".
Real: `PassManager` nests by operation kind and runs functions in parallel.

A `Pass` holds a function that changes a module in place and says whether it did;
calling the pass works on a clone, so that nothing changes across the boundary.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from minidl.core import collector, step
from minidl.core.errors import MinidlError, VerifyError
from minidl.ir.mlir.location import origins
from minidl.ir.mlir.module import Module
from minidl.ir.mlir.verify import verify
from minidl.ir.rewriting.driver import Reasons
from minidl.ir.rewriting.watch import watch

ROUNDS = 8


class Runs(Protocol):
    """What a pipeline is made of: a name, and a change in place."""

    @property
    def name(self) -> str: ...

    def change(self, module: Module, reasons: Reasons) -> bool: ...


@dataclass(frozen=True, slots=True)
class Pass:
    """A named pass; `change(module, reasons)` works in place and tells if it did."""

    name: str
    why: str
    change: Callable[[Module, Reasons], bool]

    def __call__(self, module: Module, reasons: Reasons | None = None) -> Module:
        """The module after the pass; the one given stays as it was."""
        return PassManager([self]).run(module, reasons)


@dataclass(frozen=True, slots=True)
class Fixpoint:
    """Passes repeated until none changes anything (at most `ROUNDS` times)."""

    name: str
    passes: tuple[Runs, ...]

    def change(self, module: Module, reasons: Reasons) -> bool:
        changed = False
        for _ in range(ROUNDS):
            again = False
            for one in self.passes:  # each of them runs in each round
                again |= one.change(module, reasons)
            if not again:
                return changed
            changed = True
        return changed


class PassManager:
    """A list of passes with named stops.

    check   verify after each pass (done anyway while somebody records steps)
    """

    def __init__(self, passes: Sequence[Runs], check: bool = False) -> None:
        self.passes, self.check = list(passes), check

    @property
    def stops(self) -> list[str]:
        return [p.name for p in self.passes]

    def run(
        self, module: Module, reasons: Reasons | None = None, stop: str | None = None
    ) -> Module:
        """A new module after all passes, or after the one called `stop`.

        `reasons` receives, for each origin id that no op carries any more, why.
        """
        if stop is not None and stop not in self.stops:
            raise MinidlError(
                f"no pass is called {stop!r}", hint=f"the stops are {', '.join(self.stops)}"
            )
        noted = Reasons()
        with collector.paused():
            out = self._run(module.clone(), noted, stop)
        if reasons is not None:
            kept = present(out)
            reasons.update((i, why) for i, why in noted.items() if i not in kept)
        return out

    def _run(self, out: Module, noted: Reasons, stop: str | None) -> Module:
        for one in self.passes:
            watching = watch(out)
            before = count_ops(out) if watching else 0
            one.change(out, noted)
            if watching:
                title = f"{one.name}: {before} ops became {count_ops(out)}"
                watching.tell(out, title, one.name, rule=one.name)
            if self.check or step.listening():
                _verify_after(one, out)
            if one.name == stop:
                break
        return out


def _verify_after(one: Runs, module: Module) -> None:
    try:
        verify(module)
    except VerifyError as error:
        raise VerifyError(
            f"after the pass {one.name!r}: {error.message}", op=error.op, hint=error.hint
        ) from error


def count_ops(module: Module) -> int:
    """The operations in the functions, these not counted."""
    return sum(1 for op in module.walk() if op.name not in ("builtin.module", "func.func"))


def present(module: Module) -> set[int]:
    """The origin ids that some operation carries."""
    out: set[int] = set()
    for op in module.walk():
        out |= origins(op.location)
    return out
