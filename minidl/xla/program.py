"""@main of a compiled program: buffers, views, and one call for each fusion.

Chapter: xla/backend.
Sources: MLIR, "'memref' Dialect" (view, reinterpret_cast).
Real: XLA's CPU backend runs a sequence of thunks from C++; here the sequence is
generated code too, so that a step is one native call.

    main(arguments…, outputs…, temporaries)         in loops
    main(ptr table, ptr pool)                       in LLVM IR: the table holds all three
"""

from __future__ import annotations

import numpy as np

from minidl.core.native import parallel_text
from minidl.ir.llvm.text import LLVM, FunctionText, ModuleText, type_text
from minidl.ir.lowering.generics import memory
from minidl.ir.lowering.nest import Chunk, Scope, chunks, typed
from minidl.ir.lowering.to_loops import FusionLowering
from minidl.ir.mlir.attributes import Dense, Symbol, Typed
from minidl.ir.mlir.core import Operation, Value
from minidl.ir.mlir.module import Module, finish, function
from minidl.ir.mlir.types import MemRefType, i8, index
from minidl.xla.buffers import Assignment


def main_to_loops(
    source: Operation, into: Module, fusions: dict[str, FusionLowering], places: Assignment
) -> Operation:
    """The fused @main over memrefs: the arguments, the outputs, then one temp block."""
    outputs = source.body.terminator.operands
    arguments = [memory(v.type) for v in (*source.body.args, *outputs)]
    temps = MemRefType((places.memory.temp_bytes,), i8)
    main, builder = function(
        into, "main", [*arguments, temps], location=source.location, before=into.body.first
    )
    scope = Scope(builder)
    made = _Main(source, main, scope, places)
    for op in source.body:
        if op is source.body.last:
            break
        builder.location = op.location
        if op.name == "func.call":
            made.call(op, fusions[op["callee"].name])
        elif op.name == "stablehlo.constant":
            made.constant(op)
        else:  # a reshape, or a barrier: the same bytes
            made.view(op)
    made.copies()
    finish(builder, [])
    for op in made.globals:
        into.body.insert(op, main)
    return main


class _Main:
    def __init__(self, source: Operation, main: Operation, scope: Scope, places: Assignment):
        self.source, self.main, self.scope, self.places = source, main, scope, places
        n = len(source.body.args)
        self.memrefs: dict[Value, Value] = dict(
            zip(source.body.args, main.body.args[:n], strict=True)
        )
        self.globals: list[Operation] = []
        self.taken: dict[Value, Value] = {}
        for value, memref in zip(
            source.body.terminator.operands, main.body.args[n:-1], strict=True
        ):
            root = places.root[value]
            called = root.op is not None and root.op.name == "func.call"
            if called and root not in self.taken and root.type is value.type:
                self.taken[root] = memref

    def place(self, value: Value) -> Value:
        """The memref a call writes `value` to: an output, or a view of the temp block."""
        if value not in self.memrefs:
            out = self.taken.get(value) or self._reshaped_output(value)
            self.memrefs[value] = out or self._temp(value)
        return self.memrefs[value]

    def _reshaped_output(self, value: Value) -> Value | None:
        """The output that is a reshape of `value`, seen in the shape of `value`."""
        outputs = self.source.body.terminator.operands
        n = len(self.source.body.args)
        for i, output in enumerate(outputs):
            if output is not value and self.places.root[output] is value:
                self.taken[value] = self.main.body.args[n + i]
                return self._as(self.main.body.args[n + i], memory(value.type))
        return None

    def _temp(self, value: Value) -> Value:
        b = self.scope.b
        offset = self.scope.index(self.places.offset[value])
        block = self.main.body.args[-1]
        return b.create("memref.view", [block, offset], None, [memory(value.type)]).result

    def _as(self, memref: Value, type_: MemRefType) -> Value:
        if memref.type is type_:
            return memref
        return self.scope.op("memref.reinterpret_cast", [memref], type_)

    def view(self, op: Operation) -> None:
        for source, made in zip(op.operands, op.results, strict=True):
            self.memrefs[made] = self._as(self.memrefs[source], memory(made.type))

    def constant(self, op: Operation) -> None:
        """A constant array is data of the program."""
        type_, name = memory(op.result.type), f"constant_{len(self.globals)}"
        data = op["value"].array
        stored = Dense(data.view(np.int8) if data.dtype == bool else data)
        self.globals.append(
            Operation(
                "memref.global",
                attributes={"sym_name": name, "type": type_, "initial_value": stored},
                location=op.location,
            )
        )
        self.memrefs[op.result] = self.scope.op(
            "memref.get_global", [], type_, {"name": Symbol(name)}
        )

    def call(self, op: Operation, fusion: FusionLowering) -> None:
        operands = [self.memrefs[v] for v in op.operands]
        operands += [self.place(v) for v in op.results]
        attributes: dict[str, object] = {"callee": op["callee"]}
        if fusion.split:
            operands += [self.scope.index(0), self.scope.index(fusion.rounds)]
            attributes["minidl.parallel"] = Typed(fusion.rounds, index)
        self.scope.b.create("func.call", operands, attributes, [])

    def copies(self) -> None:
        """Outputs that are arguments, or that are returned twice."""
        n = len(self.source.body.args)
        for i, value in enumerate(self.source.body.terminator.operands):
            target = self.main.body.args[n + i]
            root = self.places.root[value]
            if self.taken.get(root) is not target:
                source = self._as(self.memrefs[value], memory(value.type))
                self._copy(source, target)

    def _copy(self, source: Value, target: Value) -> None:
        """A loop over the elements: targets without a C library have no memcpy."""
        type_ = target.type
        assert isinstance(type_, MemRefType)
        flat = MemRefType((type_.size,), type_.element)
        x, y = self._as(source, flat), self._as(target, flat)

        def body(scope: Scope, i: Value, pieces: tuple[Chunk, ...]) -> None:
            for offset, width in pieces:
                at = scope.add(i, offset)
                made = typed(type_.element, width)
                word = "memref" if width == 1 else "vector"
                value = scope.b.create(f"{word}.load", [x, at], None, [made]).result
                scope.b.create(f"{word}.store", [value, y, at])

        self.scope.tiles(type_.size, 8, lambda size: chunks(size, 8), body)


# -- LLVM: what only @main contains ------------------------------------------------------


@LLVM.rule("memref.view")
def _view(f: FunctionText, op: Operation) -> None:
    source, offset = op.operands
    shift = offset.op["value"].value if offset.op is not None else f[offset]
    f.define(op.result, f"getelementptr inbounds i8, ptr {f[source]}, i64 {shift}", op.location)


@LLVM.rule("func.call")
def _call(f: FunctionText, op: Operation) -> None:
    callee: Symbol = op["callee"]
    if "minidl.parallel" not in op.attributes:
        args = ", ".join(f"{type_text(v.type)} {f[v]}" for v in op.operands)
        f.emit(f"call void @{callee.name}({args})", op.location)
        return
    pointers = op.operands[:-2]
    frame = f.temporary(f"alloca [{len(pointers)} x ptr], align 8", op.location, "frame")
    for i, v in enumerate(pointers):
        slot = f.temporary(f"getelementptr inbounds ptr, ptr {frame}, i64 {i}", op.location, "p")
        f.emit(f"store ptr {f[v]}, ptr {slot}, align 8", op.location)
    rounds = op["minidl.parallel"].value
    f.emit(
        f"call void @minidl.parallel(ptr %pool, ptr @{callee.name}.piece, ptr {frame}, "
        f"i64 {rounds}, i64 1)",
        op.location,
    )


def piece_text(module: ModuleText, op: Operation) -> None:
    """`@f.piece(table, lo, hi)`: what a worker calls; it unpacks the pointers of @f."""
    name = op["sym_name"]
    count = len(op.body.args) - 2
    lines = [f"define internal void @{name}.piece(ptr %frame, i64 %lo, i64 %hi) nounwind {{"]
    for i in range(count):
        lines.append(f"  %p{i} = getelementptr inbounds ptr, ptr %frame, i64 {i}")
        lines.append(f"  %a{i} = load ptr, ptr %p{i}, align 8")
    args = ", ".join([*(f"ptr %a{i}" for i in range(count)), "i64 %lo", "i64 %hi"])
    lines += [f"  call void @{name}({args})", "  ret void", "}"]
    module.functions.append("\n".join(lines))


def main_text(module: ModuleText, op: Operation) -> None:
    """`@main(table, pool)`: pointers from the table, then the calls in order."""
    f = FunctionText(module, "main")
    for i, value in enumerate(op.body.args):
        if not value.uses:  # no temporaries, no slot for them in the table
            f.names[value] = "null"
            continue
        slot = f.temporary(f"getelementptr inbounds ptr, ptr %table, i64 {i}", op.location, "p")
        f.define(value, f"load ptr, ptr {slot}, align 8", op.location)
    f.block(op.body)
    head = f"define void @main(ptr %table, ptr %pool) nounwind !dbg {f.scope} {{"
    end = f"  ret void{f.debug(op.body.terminator.location)}"
    module.functions.append("\n".join([head, "entry:", *f.lines, end, "}"]))
    if any("minidl.parallel" in o.attributes for o in op.body):
        module.functions.append(parallel_text(module.target))
