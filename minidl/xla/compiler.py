"""compile: StableHLO in, an executable out; the pipeline is a list with named stops.

Chapter: xla/backend.
Sources: XLA, `CpuCompiler`; the stages are those of DESIGN.
Real: `xla::cpu::CpuCompiler::RunBackend`; JAX calls it through PJRT.

    stablehlo   as traced
    optimized   simplified: same bits, fewer ops
    fused       each loop nest a function, @main calls them
    linalg      every element by an indexing map
    loops       memory, loops, vectors
    llvm        LLVM IR
    asm         x86 or arm assembly; `ptx` and `wasm` for those targets
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from minidl.core import native, step
from minidl.core.errors import CallError, UnsupportedError
from minidl.ir.chlo.decompose import decompose
from minidl.ir.llvm.emit import ModuleText, function_text, global_text
from minidl.ir.lowering import schedule
from minidl.ir.lowering.kernels import Kernel, is_kernel, kernel_to_linalg, kernel_to_loops
from minidl.ir.lowering.provenance import Provenance, mark
from minidl.ir.lowering.to_linalg import fusion_to_linalg
from minidl.ir.lowering.to_loops import FusionLowering, fusion_to_loops
from minidl.ir.mlir.location import place
from minidl.ir.mlir.module import Module
from minidl.ir.mlir.types import index
from minidl.ir.mlir.verify import verify
from minidl.ir.values.carried import refuse_carried
from minidl.xla.buffers import Memory, assign
from minidl.xla.calls import sequence_to_linalg
from minidl.xla.executable import Executable
from minidl.xla.frontend.trace import argument_paths, aval_of, concrete, trace_flat
from minidl.xla.frontend.trees import flatten, unflatten
from minidl.xla.fusion import fuse
from minidl.xla.in_place import mark as mark_in_place
from minidl.xla.passes import optimize
from minidl.xla.program import Program, piece_text, program_text, refuse_control, sequences

STAGES = ("stablehlo", "optimized", "fused", "linalg", "loops", "llvm", "asm")
TARGETS = {"cpu": "host", "ptx": "sm_90", "wasm": "wasm32"}


def compile_module(
    module: Module, target: str = "cpu", stop: str = "asm", check: bool = False
) -> Executable:
    """Compile a StableHLO module.

    target  "cpu", "ptx", "wasm", or a machine's name such as "x86-64-v3"
    stop    the last stage to make
    check   verify after every stage (always before the first and before LLVM IR)
    Errors: UnsupportedError names the op and the stage that has no rule for it.
    """
    machine = native.target(TARGETS.get(target, target))
    if stop not in STAGES:
        raise UnsupportedError(f"no stage {stop!r}", hint=f"the stages are {', '.join(STAGES)}")
    verify(module)
    refuse_carried(module, module.defined("main"), "compiled", "stage: stablehlo; it takes")
    source = module.clone()
    table = mark(source)
    made = {"stablehlo": source}
    pipeline = _Pipeline(machine, table, made, check)
    for name in STAGES[1 : STAGES.index(stop) + 1]:
        pipeline.run(name)
    memory = pipeline.memory or Memory((), 0, 0, 0)
    return Executable(machine, made, pipeline.llvm, memory, table, stop)


class _Pipeline:
    """One stage after the other; each method makes one."""

    def __init__(
        self, target: native.Target, table: Provenance, made: dict[str, Module], check: bool
    ) -> None:
        self.target, self.table, self.made, self.check = target, table, made, check
        gpu = target.is_ptx
        self.schedule = schedule.GPU if gpu else schedule.for_vector_bits(target.vector_bits)
        self.memory: Memory | None = None
        self.llvm = ""

    def run(self, name: str) -> None:
        stage: Callable[[], Module | None] = getattr(self, f"_{name}")
        module = stage()
        if module is None:
            return
        self.made[name] = module
        if self.check or name == "loops" or step.listening():
            verify(module)
        if step.listening():
            step.emit(f"stage {name}", module, lambda: str(module))

    def _optimized(self) -> Module:
        return optimize(decompose(self.made["stablehlo"]), self.table.reasons)

    def _fused(self) -> Module:
        _no_declarations(self.made["optimized"])
        return mark_in_place(fuse(self.made["optimized"]))

    def _linalg(self) -> Module:
        fused = self.made["fused"]
        out = Module(fused.get("sym_name"))
        for op in fused.body:
            if is_kernel(op):
                kernel_to_linalg(op, out)
            elif "minidl.fusion" in op.attributes:
                fusion_to_linalg(op, out, alone=self.target.is_ptx)
        for op in sequences(fused):
            sequence_to_linalg(op, out)
        return out

    def _loops(self) -> Module:
        fused = self.made["fused"]
        out = Module(fused.get("sym_name"))
        fusions: dict[str, FusionLowering | Kernel] = {}
        for op in self.made["linalg"].body:
            if "minidl.fusion" not in op.attributes:
                continue
            lower = kernel_to_loops if is_kernel(op) else fusion_to_loops
            fusions[op["sym_name"]] = lower(op, out, self.schedule)
        program = Program(out, fusions)
        for source in sequences(fused):
            if self.target.is_ptx:
                refuse_control(source)
                self.memory = assign(source).memory
            else:
                self.memory = program.add(source).memory
        return out

    def _llvm(self) -> None:
        text = ModuleText(self.target, self.table)
        if not self.target.is_ptx:
            program_text(text, self.made["loops"])
        for op in self.made["loops"].body:
            if op.name == "memref.global":
                global_text(text, op)
            elif "minidl.fusion" in op.attributes:
                function_text(text, op)
                if not self.target.is_ptx and op.body.args[-1].type is index:
                    piece_text(text, op)
        self.llvm = text.text()

    def _asm(self) -> None:
        """Made on demand from the object (`Executable.artefact`)."""


def _no_declarations(module: Module) -> None:
    for name, function in module.functions.items():
        if not function.region.blocks:
            raise UnsupportedError(
                f"@{name} is declared here and defined elsewhere, which no stage compiles",
                op="func.func",
                span=place(function.location),
                hint="stage: fused; put the function's body into the module",
            )


def compile(
    module_or_function: Any, *example: Any, target: str = "cpu", stop: str = "asm"
) -> Executable:
    """An executable from a module, or from a function and example arguments.

    A compiled module takes and returns a flat tuple; a compiled function keeps its
    own nesting of tuples, lists and dicts.
    """
    if isinstance(module_or_function, Module):
        return compile_module(module_or_function, target, stop)
    leaves, tree = flatten((example, {}))
    where = argument_paths(module_or_function, example, {})
    avals = [aval_of(x, path) for x, path in zip(leaves, where, strict=True)]
    hidden: list[Any] = []
    module, out_tree = trace_flat(module_or_function, tree, avals, hidden)
    exe = compile_module(module, target, stop)
    exe.flatten = lambda *args: [*map(concrete, _leaves(args, tree)), *hidden]
    exe.nest = lambda outs: unflatten(out_tree, outs)
    return exe


def _leaves(args: Sequence[Any], tree: Any) -> list[Any]:
    leaves, got = flatten((args, {}))
    if got != tree:
        raise CallError(
            "the arguments are nested otherwise than the examples this was compiled for",
            hint="compile again with arguments of the new nesting",
        )
    return leaves
