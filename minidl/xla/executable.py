"""Executable: a compiled program, its stages as text, its memory, its one native call.

Chapter: xla/backend.
Sources: XLA, `Executable`, `CpuExecutable`.
Real: `jax.stages.Compiled`; its text ends at optimised HLO.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from minidl.core import native
from minidl.core.errors import MinidlError, UnsupportedError
from minidl.ir.lowering.provenance import Provenance
from minidl.ir.mlir.core import Operation
from minidl.ir.mlir.module import Module
from minidl.ir.mlir.types import TensorType
from minidl.xla.buffers import Memory
from minidl.xla.listing import Line, asm_lines, explain, llvm_lines, module_lines


@dataclass(frozen=True)
class Stage:
    """One text of the program on its way down; `lines` know the ops they came from."""

    name: str
    text: str
    lines: tuple[Line, ...] = field(repr=False)

    def __str__(self) -> str:
        return self.text


class Stages(dict[str, Stage]):
    """The stages by name, in order."""

    def __missing__(self, name: str) -> Stage:
        raise MinidlError(f"no stage {name!r}", hint=f"the stages are {', '.join(self)}")

    def __getattr__(self, name: str) -> Stage:
        return self[name]


@dataclass(eq=False)
class Executable:
    """A program compiled for one target.

    exe(*arrays)     a tuple of arrays (a compiled function: its own nesting)
    exe.stages       stablehlo optimized fused linalg loops llvm asm (or ptx, wasm)
    exe.memory       buffers, temp_bytes, peak_bytes
    exe.provenance   which op each line came from, and why some have none (complete
                     once `stages` has been read: what LLVM merged is seen in the assembly)
    exe.object       the object file that is both listed and run
    """

    target: native.Target
    modules: dict[str, Module]
    llvm: str
    memory: Memory
    provenance: Provenance
    last: str
    nest: Callable[[Sequence[Any]], Any] = tuple
    flatten: Callable[..., Sequence[Any]] | None = None

    @cached_property
    def artefact(self) -> native.Artefact:
        return native.assemble(self.llvm, self.target)

    @property
    def object(self) -> bytes:
        return self.artefact.object

    @cached_property
    def stages(self) -> Stages:
        """All texts; the assembly is made from the object's own module."""
        out = Stages()
        for name, module in self.modules.items():
            lines = module_lines(module)
            out[name] = Stage(name, "\n".join(line.text for line in lines) + "\n", lines)
        if self.llvm:
            lines = llvm_lines(self.llvm, self.provenance)
            out["llvm"] = Stage("llvm", self.llvm, lines)
            word = "ptx" if self.target.is_ptx else "wasm" if self.target.is_wasm else "asm"
            if self.last != "llvm":
                text = self.artefact.asm
                code = asm_lines(text, self.provenance)
                explain(lines, code, self.provenance)
                out[word] = Stage(word, text, code)
        return out

    @cached_property
    def _call(self) -> native.Caller:
        if self.target.is_ptx or self.target.is_wasm or self.last != "asm":
            raise UnsupportedError(
                f"a program compiled for {self.target.name} up to {self.last!r} does not run here",
                hint='compile with target="cpu"; the emulator of PTX is another part',
            )
        function = native.load(self.artefact).function("main")
        main = self.modules["stablehlo"].main
        inputs = [_spec(v.type) for v in main.body.args]
        outputs = [_spec(v.type) for v in main.body.terminator.operands]
        return native.Caller(function, inputs, outputs, self.memory.temp_bytes)

    def __call__(self, *args: Any) -> Any:
        """Run: one native call, no Python inside."""
        arrays = self.flatten(*args) if self.flatten else args
        return self.nest(self._call(arrays, native.pool()))

    def run_flat(self, arrays: Sequence[Any]) -> Sequence[Any]:
        """The outputs as a list, for callers that do their own nesting."""
        return self._call(arrays, native.pool())


def _spec(type_: Any) -> tuple[tuple[int, ...], Any]:
    assert isinstance(type_, TensorType)
    return type_.dims, type_.element.numpy


__all__ = ["Executable", "Line", "Operation", "Stage", "Stages"]
