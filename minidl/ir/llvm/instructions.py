"""The instructions that a text of LLVM IR becomes, each with its block and its line of IR.

Chapter: ir/llvm.
Sources: DWARF 5, 6.2 (the line table; `.loc` is an assembler's way to write it); LLVM,
"Source Level Debugging".
Real: Compiler Explorer joins source and assembly by the same `.loc`.

`listed` gives every instruction of the IR its own line number as debug location, and reads
the numbers back from the assembly: line 0 means that no line in particular asked for it.
A machine's block is named after the block of IR that it came from, in a comment.

    levels   "-O0"   no passes, and a code generator in a hurry
             "plain" no passes, the code generator's best
             "-O3"   LLVM's passes at level 3, its vectorisers among them
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from minidl.core.errors import ParseError
from minidl.core.native.target import Target, binding, machine, target

LEVELS = ("-O0", "plain", "-O3")
_HEAD = """
!llvm.dbg.cu = !{{!0}}
!llvm.module.flags = !{{!2}}
!0 = distinct !DICompileUnit(language: DW_LANG_C, file: !1, emissionKind: DebugDirectivesOnly)
!1 = !DIFile(filename: "ir", directory: "")
!2 = !{{i32 2, !"Debug Info Version", i32 3}}
!3 = !DISubroutineType(types: !{{null}})
!4 = distinct !DISubprogram(name: "{name}", scope: !1, file: !1, line: 1, type: !3,
  spFlags: DISPFlagDefinition, unit: !0)
"""
_BLOCK = re.compile(r"^(?:[.$\w]+:|(?:#|//) %bb\.\d+:)\s+(?:#|//) %([\w.]+)")
_LOC = re.compile(r"^\s*\.loc\s+\d+\s+(\d+)")


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction: its text, the block of IR it came from, the line of IR (0: none)."""

    text: str
    block: str
    line: int


@dataclass(frozen=True, slots=True)
class Listing:
    """What LLVM made of a function: its IR after the passes, and the instructions."""

    ir: str
    instructions: tuple[Instruction, ...]

    def block(self, label: str) -> list[Instruction]:
        """The instructions of one block, in order."""
        return [i for i in self.instructions if i.block == label]

    def executed(self, trips: Mapping[str, int]) -> int:
        """How many are executed when the blocks of IR are entered so often."""
        return sum(trips.get(i.block, 0) for i in self.instructions)


def listed(text: str, cpu: str = "x86-64-v3", level: str = "plain") -> Listing:
    """One function of LLVM IR, compiled for a machine at one of `LEVELS`."""
    llvm, to = binding(), target(cpu)
    _parsed(llvm, text, to)  # LLVM ends the process at a broken text that has debug locations
    module = _parsed(llvm, numbered(text), to)
    if level == "-O3":
        tuning = llvm.create_pipeline_tuning_options(speed_level=3)
        tuning.loop_vectorization = tuning.slp_vectorization = True
        build = llvm.create_pass_builder(machine(to, 3), tuning)
        build.getModulePassManager().run(module, build)
    writer = machine(to, 0 if level == "-O0" else 3)
    writer.set_asm_verbosity(True)
    return Listing(_body(str(module)), _read(str(writer.emit_assembly(module))))


def numbered(text: str) -> str:
    """The text with a debug location on every instruction: the number of its own line."""
    lines, notes = text.rstrip("\n").split("\n"), list[str]()
    for n, line in enumerate(lines):
        if line.startswith("define"):
            lines[n] = line.removesuffix("{") + "!dbg !4 {"
        elif line.startswith("  "):
            notes.append(f"!{len(notes) + 5} = !DILocation(line: {n + 1}, scope: !4)")
            lines[n] = f"{line}, !dbg !{len(notes) + 4}"
    found = re.search(r"define .*@([\w.]+)\(", text)
    if not found:
        raise ParseError("there is no `define … @name(…)` in this text")
    return "\n".join([*lines, _HEAD.format(name=found[1]), *notes]) + "\n"


def _parsed(llvm: Any, text: str, to: Target) -> Any:
    """The verified module; LLVM's complaint as a ParseError."""
    try:
        module = llvm.parse_assembly(text, llvm.create_context())
        module.triple, module.data_layout = to.triple, str(machine(to).target_data)
        module.verify()
    except RuntimeError as error:
        said = str(error).strip().removeprefix("LLVM IR parsing error\n")
        place = re.match(r"<string>:(\d+):(\d+): error: (.*)", said)
        if place:
            said = f"line {place[1]}: {place[3]}"
        raise ParseError("LLVM refuses it: " + _plain(said.split("\n")[0]).strip()) from error
    return module


def _plain(line: str) -> str:
    return re.sub(r",? !dbg !\d+", "", line)


def _body(text: str) -> str:
    """The functions alone: no header, no attributes, no debug notes, no comments."""
    out = []
    for line in text.split("\n"):
        if line.startswith(("  ", "}")) or re.match(r"[\w.]+:", line):
            out.append(_plain(line).partition(" ;")[0].rstrip())
        elif line.startswith("define"):
            out.append(re.sub(r"\)[^()]*\{$", ") {", _plain(line)))
    return "\n".join(line.split(", !llvm.loop")[0] for line in out)


def _read(text: str) -> tuple[Instruction, ...]:
    """The instructions of assembly or PTX, without directives and comments."""
    out, block, number = list[Instruction](), "", 0
    for line in text.split("\n"):
        if found := _LOC.match(line):
            number = int(found[1])
        elif found := _BLOCK.match(line):
            block = found[1]
        elif line.startswith("\t") and re.match(r"\t[@a-z]", line):
            code = re.split(r"\s+(?:# |//|## )", line.strip())[0]
            out.append(Instruction(re.sub(r"\s+", " ", code), block, number))
    return tuple(out)
