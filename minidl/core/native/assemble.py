"""LLVM IR text in, one object file out; the listing comes from the same module.

Chapter: ir/llvm.
Sources: LLVM 22 language reference; llvmlite 0.50 documentation.
Real XLA: `xla::cpu::CompilerFunctor` optimises the module and emits an object,
which its `JitCompiler` then links, as `native.load` does here.

opt  0 = inline helpers, drop what is unused; 1 = also stack slots to registers and
     tidy branches; 2, 3 = LLVM's own -O2, -O3 without its vectorisers.
Ten kernels of explicit vectors, 20 bodies: the passes take 1.5 ms at 1 and 20 ms
at 2, the code generator 17 and 24 ms, and the code runs equally fast (559 µs a
million elements): what LLVM could find, the lowering has already written.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from minidl.core.errors import VerifyError
from minidl.core.native.objects import undefined_symbols
from minidl.core.native.target import Target, binding, machine
from minidl.core.span import Span

_lock = threading.Lock()


@dataclass(frozen=True)
class Artefact:
    """One compiled module: what runs and what is shown.

    object     the object file (empty for PTX, whose artefact is `asm`)
    undefined  symbols the object wants from elsewhere; must be empty to run
    defined    functions that can be called by name
    bitcode    the module after the passes, from which the texts are printed
    """

    target: Target
    object: bytes
    undefined: tuple[str, ...]
    defined: frozenset[str]
    bitcode: bytes = field(repr=False)

    @cached_property
    def asm(self) -> str:
        """Assembly (or PTX) of the optimised module, `.loc` lines kept."""
        with _lock:
            return str(machine(self.target).emit_assembly(self._module()))

    @cached_property
    def optimized(self) -> str:
        """LLVM IR after the passes."""
        with _lock:
            return str(self._module())

    def _module(self) -> Any:
        llvm = binding()
        return llvm.parse_bitcode(self.bitcode, llvm.create_context())


def assemble(llvm_text: str, target: Target, opt: int = 1) -> Artefact:
    """Compile `llvm_text` for `target`; text that is not LLVM IR raises `VerifyError`."""
    with _lock:
        module = _parse(llvm_text, target)
        _optimise(module, target, opt)
        bitcode = module.as_bitcode()
        defined = frozenset(_public(module))
        data = b"" if target.is_ptx else machine(target).emit_object(module)
    undefined = undefined_symbols(data) if data else ()
    return Artefact(target, data, undefined, defined, bitcode)


def _public(module: Any) -> Iterator[str]:
    """Names of the functions with a body that other objects can see."""
    for function in module.functions:
        if not function.is_declaration and function.linkage.name == "external":
            yield function.name


def _parse(text: str, target: Target) -> Any:
    """The verified module, laid out for `target`."""
    llvm = binding()
    try:
        module = llvm.parse_assembly(text, llvm.create_context())
        module.triple = target.triple
        module.data_layout = str(machine(target).target_data)
        module.verify()
    except RuntimeError as e:
        raise _verify_error(str(e), text) from e
    return module


def _verify_error(message: str, text: str) -> VerifyError:
    """LLVM's complaint with its place, as one of ours."""
    found = re.search(r"<string>:(\d+):(\d+): error: (.*)", message)
    hint = "this text was made by a lowering: the fault is in the stage before"
    if not found:
        return VerifyError(f"LLVM IR does not verify: {message.strip()}", hint=hint)
    line, column = int(found[1]), int(found[2])
    span = Span("<llvm>", line, column, line, column + 1)
    return VerifyError(f"LLVM IR does not parse: {found[3]}", span=span, text=text, hint=hint)


def _optimise(module: Any, target: Target, opt: int) -> None:
    """Run the passes in place."""
    llvm = binding()
    tuning = llvm.create_pipeline_tuning_options(speed_level=opt)
    tuning.loop_vectorization = tuning.slp_vectorization = False  # vectors are written by us
    builder = llvm.create_pass_builder(machine(target), tuning)
    if opt >= 2:
        builder.getModulePassManager().run(module, builder)
        return
    passes = llvm.create_new_module_pass_manager()
    passes.add_always_inliner_pass()
    passes.add_global_dead_code_eliminate_pass()
    if opt == 1:
        passes.add_sroa_pass()
        passes.add_simplify_cfg_pass()
    passes.run(module, builder)
