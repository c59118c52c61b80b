"""A small function of LLVM IR, walked block by block, and made into other texts by LLVM.

Chapter: primers/compiler.
Sources: LLVM language reference; each walk is tested against the same function run natively.
Real: `lli -force-interpreter`; Compiler Explorer shows the texts side by side.

The walk knows eleven instructions, on `i32`; memory is a dictionary of slots.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from minidl.core.errors import MinidlError, ParseError, UnsupportedError
from minidl.core.native.target import binding, machine, target

BUDGET = 100_000  # instructions after which a walk is given up
MEMORY = ("alloca", "load", "store")
COMPARE: dict[str, Callable[[int, int], bool]] = {
    "sgt": int.__gt__, "sge": int.__ge__, "slt": int.__lt__, "sle": int.__le__,
    "eq": int.__eq__, "ne": int.__ne__,
}  # fmt: skip
COMPUTE: dict[str, Callable[[int, int], int]] = {
    "add": int.__add__, "sub": int.__sub__, "mul": int.__mul__,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Block:
    """A basic block: its label's line, and (line, text) of each instruction; lines from 1."""

    label: str
    line: int
    body: tuple[tuple[int, str], ...]

    @property
    def lines(self) -> list[int]:
        return [self.line, *(n for n, _ in self.body)]

    @property
    def next(self) -> list[str]:
        """The labels its last instruction may go to."""
        return re.findall(r"label %([\w.]+)", self.body[-1][1])


@dataclass(frozen=True, slots=True)
class Visit:
    """One pass through a block: what the names and slots hold at its end, what was counted."""

    block: Block
    came_from: str
    names: Mapping[str, int]
    slots: Mapping[str, int]
    executed: int  # instructions since the start
    memory: int  # of these, those that touch memory
    result: int | None = None


def blocks(text: str) -> dict[str, Block]:
    """The basic blocks of a function by label."""
    found: dict[str, Block] = {}
    label, start, body = "", 0, list[tuple[int, str]]()
    for n, line in enumerate(text.split("\n"), 1):
        code = line.partition(";")[0].strip()
        if code.endswith(":") or code == "}":
            if label:
                found[label] = Block(label, start, tuple(body))
            label, start, body = code.rstrip(":}"), n, []
        elif label and code:
            body.append((n, code))
    return found


def walk(text: str, *args: int) -> Iterator[Visit]:
    """Execute a function; one visit for each block that is run."""
    table = blocks(text)
    head = next(line for line in text.split("\n") if line.startswith("define"))
    names = dict(zip(re.findall(r"i32 (?:noundef )?%(\w+)", head), args, strict=True))
    slots: dict[str, int] = {}
    here, before, executed, memory = next(iter(table)), "", 0, 0
    while True:
        block = table[here]
        names, result = _run(block, before, names, slots)
        executed += len(block.body)
        if executed > BUDGET:
            raise MinidlError(
                f"more than {BUDGET:,} instructions were executed",
                hint="does the branch ever leave the loop?",
            )
        memory += sum(any(f"{word} " in text for word in MEMORY) for _, text in block.body)
        visit = Visit(block, before, dict(names), dict(slots), executed, memory, result)
        yield visit
        if result is not None:
            return
        before, here = here, _goes_to(block, names)


def _goes_to(block: Block, names: Mapping[str, int]) -> str:
    choice = re.search(r"br i1 (%[\w.]+)", block.body[-1][1])
    return block.next[0 if not choice or names[choice[1][1:]] else 1]


def _run(
    block: Block, before: str, names: Mapping[str, int], slots: dict[str, int]
) -> tuple[dict[str, int], int | None]:
    """The names after the block, and what it returns; phis all read what was before."""
    after, result = dict(names), None
    for _, text in block.body:
        made, _, code = text.rpartition(" = ")
        word, rest = code.split(" ", 1)
        if word == "phi":
            pairs = re.findall(r"\[ ([^,]+), %([\w.]+) \]", rest)
            value: Any = _value({label: v for v, label in pairs}[before], names)
        elif word == "ret":
            result = value = _value(rest.split()[-1], after)
        else:
            value = _step(word, rest, after, slots)
        if made:
            after[made[1:]] = value
    return after, result


def _value(word: str, names: Mapping[str, int]) -> int:
    return names[word[1:]] if word.startswith("%") else int(word)


def _step(word: str, rest: str, names: Mapping[str, int], slots: dict[str, int]) -> int:
    """One instruction that is neither phi nor ret."""
    if word in ("br", "alloca"):
        return 0
    places = re.findall(r"(?:ptr|i32|i1) ([%\w.-]+)", rest)
    if word == "store":
        slots[places[1][1:]] = _value(places[0], names)
        return 0
    if word == "load":
        return slots[places[0][1:]]
    if word == "select":
        return _value(places[1 if _value(places[0], names) else 2], names)
    *flags, first, second = rest.replace(",", "").split()
    a, b = _value(first, names), _value(second, names)
    if word == "icmp":
        return int(COMPARE[flags[0]](a, b))
    if word not in COMPUTE:
        raise UnsupportedError(f"the walk does not know {word!r}", op=word)
    return (COMPUTE[word](a, b) + 2**31) % 2**32 - 2**31


def check(text: str) -> None:
    """None, or a ParseError with what LLVM's parser or verifier says."""
    llvm = binding()
    try:
        llvm.parse_assembly(text).verify()
    except RuntimeError as error:
        said = str(error).strip().removeprefix("LLVM IR parsing error\n")
        raise ParseError("LLVM refuses it: " + said.split("\n")[0].strip()) from error


def single_assignment(text: str) -> str:
    """The text after LLVM has turned stack slots into values (its pass SROA)."""
    return _passed(text, "x86-64-v3", slots_only=True)


def optimized(text: str, cpu: str = "x86-64-v3") -> str:
    """The text after LLVM's -O3 for a machine."""
    return _passed(text, cpu)


def _passed(text: str, cpu: str, slots_only: bool = False) -> str:
    llvm = binding()
    module = llvm.parse_assembly(text)
    module.verify()
    tools = machine(target(cpu), 3)
    module.triple = target(cpu).triple
    build = llvm.create_pass_builder(tools, llvm.create_pipeline_tuning_options(speed_level=3))
    if slots_only:
        manager = llvm.create_new_function_pass_manager()
        manager.add_sroa_pass()
        manager.run(next(iter(module.functions)), build)
    else:
        build.getModulePassManager().run(module, build)
    return _body(str(module))


def _body(text: str) -> str:
    """The function alone: no header, no attributes, no notes."""
    start = text.index("define")
    lines = text[start : text.index("\n}", start) + 2].split("\n")
    lines[0] = re.sub(r"\) .*\{$", ") {", lines[0])
    return "\n".join(line.partition(" ;")[0].rstrip() for line in lines if line)


def assembly(text: str, cpu: str) -> list[str]:
    """The instructions and labels for a machine, after -O3; no directives."""
    llvm = binding()
    module = llvm.parse_assembly(optimized(text, cpu))
    module.triple = target(cpu).triple
    lines = str(machine(target(cpu), 3).emit_assembly(module)).split("\n")
    kept = [line.replace("\t", " ").strip() for line in lines if line.strip()]
    return [line for line in kept if not line.startswith((".", "//", "#"))]
