"""@main of a compiled program, and functions of its kind: buffers, views, calls in order.

Chapter: xla/backend.
Sources: MLIR, "'memref' Dialect" (view, reinterpret_cast).
Real: XLA's CPU backend runs a sequence of thunks from C++; here the sequence is
generated code too, so that a step is one native call.

    main(arguments…, outputs…, temporaries)         in loops
    main(ptr table, ptr pool)                       in LLVM IR: the table holds all three

A body of a loop or a branch is a function of the same kind, called with memory of its caller;
it takes a block of temporaries only if it needs one, and in LLVM IR the pool besides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from minidl.core.errors import UnsupportedError
from minidl.core.native import parallel_text
from minidl.ir.llvm.text import LLVM, FunctionText, ModuleText, type_text
from minidl.ir.lowering.generics import memory
from minidl.ir.lowering.kernels import Kernel, scratch_bytes
from minidl.ir.lowering.nest import Chunk, Scope, chunks, typed
from minidl.ir.lowering.to_loops import FusionLowering
from minidl.ir.mlir.attributes import Dense, Symbol, Typed
from minidl.ir.mlir.core import Operation, Value
from minidl.ir.mlir.location import place
from minidl.ir.mlir.module import Module, finish, function
from minidl.ir.mlir.types import MemRefType, Type, i8, index
from minidl.xla.buffers import Assignment, assign, writes
from minidl.xla.control import CONTROL_ROWS, callees, room

SEQUENCE = "minidl.sequence"  # on a function of @main's kind, and on calls of it


def sequences(fused: Module) -> list[Operation]:
    """@main and the functions of its kind that it calls, callees first."""
    functions = fused.functions
    out: list[Operation] = []
    stack: list[tuple[str, bool]] = [("main", False)]
    open_: list[str] = []
    while stack:
        name, ready = stack.pop()
        if ready:
            out.append(functions[open_.pop()])
        elif name in open_:
            raise UnsupportedError(
                f"@{name} calls itself, which is not compiled",
                op="func.call",
                hint="stage: loops; write a while",
            )
        elif functions[name] not in out:
            open_.append(name)
            stack.append((name, True))
            inner = [n for op in functions[name].body for n in callees(op)]
            stack += [(n, False) for n in inner if "minidl.fusion" not in functions[n].attributes]
    return out


def refuse_control(source: Operation) -> None:
    """On a GPU the fusions are kernels; what runs between them is the host's."""
    for op in source.body:
        if op.name in CONTROL_ROWS:
            raise UnsupportedError(
                f"{op.name} is not lowered for a GPU: its host runs loops and choices of kernels",
                op=op.name,
                span=place(op.location),
                hint="stage: loops; compile for the CPU, or compile the body alone",
            )


class Program:
    """The functions of @main's kind, one after the other, over memrefs.

    fusions  by name, as they were lowered
    temps    bytes of temporaries of each function of @main's kind, by name
    """

    def __init__(self, into: Module, fusions: Mapping[str, FusionLowering | Kernel]) -> None:
        self.into, self.fusions = into, fusions
        self.temps: dict[str, int] = {}
        self.globals = 0

    def needs(self, op: Operation) -> int:
        """Bytes that an op of a sequence has to itself while it runs."""
        return room(op).size + max((self._needs(name) for name in callees(op)), default=0)

    def _needs(self, name: str) -> int:
        callee = self.fusions.get(name)
        if isinstance(callee, Kernel):
            return sum(scratch_bytes(callee.spare_types))
        return self.temps.get(name, 0)

    def add(self, source: Operation) -> Assignment:
        """The function `source` of the fused module as loops."""
        places = assign(source, self.needs)
        self.temps[source["sym_name"]] = places.memory.temp_bytes
        _Sequence(self, source, places).run()
        return places


class _Sequence:
    def __init__(self, program: Program, source: Operation, places: Assignment):
        self.program, self.source, self.places = program, source, places
        size, name = places.memory.temp_bytes, source["sym_name"]
        outputs, inputs = source.body.terminator.operands, source.body.args
        types: list[Type] = [memory(v.type) for v in (*inputs, *outputs)]
        is_main, n = name == "main", len(inputs)
        if size or is_main:
            types.append(MemRefType((size,), i8))
        into = program.into
        made, builder = function(
            into, name, types, visibility="public" if is_main else "private",
            location=source.location, before=into.body.first if is_main else None,
        )  # fmt: skip
        if not is_main:
            made.attributes[SEQUENCE] = True
        self.main, self.scope = made, Scope(builder)
        self.memrefs: dict[Value, Value] = dict(zip(inputs, made.body.args[:n], strict=True))
        self.outputs = made.body.args[n : n + len(outputs)]
        self.globals: list[Operation] = []
        self.taken: dict[Value, Value] = {}
        for value, memref in zip(outputs, self.outputs, strict=True):
            root = places.root[value]
            if writes(root) and root not in self.taken and root.type is value.type:
                self.taken[root] = memref

    def run(self) -> None:
        for op in self.source.body:
            if op is self.source.body.last:
                break
            self.scope.b.location = op.location
            if op.name == "func.call":
                results = [self.place(v) for v in op.results]
                self.call(self.scope, op, self.memrefs, results, self.places.scratch.get(op, 0))
            elif op.name == "stablehlo.constant":
                self.constant(op)
            elif op.name in CONTROL_ROWS:
                CONTROL_ROWS[op.name](self, op)
            else:  # a reshape, or a barrier: the same bytes
                self.view(op)
        self.copies()
        finish(self.scope.b, [])
        for op in self.globals:
            self.program.into.body.insert(op, self.main)

    def place(self, value: Value) -> Value:
        """The memref a call writes `value` to: an output, or a view of the temp block."""
        if value not in self.memrefs:
            out = self.taken.get(value) or self._reshaped_output(value)
            self.memrefs[value] = out or self._temp(value)
        return self.memrefs[value]

    def _reshaped_output(self, value: Value) -> Value | None:
        """The output that is a reshape of `value`, seen in the shape of `value`."""
        for output, memref in zip(self.source.body.terminator.operands, self.outputs, strict=True):
            if output is not value and self.places.root[output] is value:
                self.taken[value] = memref
                return self._as(memref, memory(value.type))
        return None

    def _temp(self, value: Value) -> Value:
        return self.room(self.places.offset[value], memory(value.type))

    def room(self, offset: int, type_: MemRefType) -> Value:
        """A part of the block of temporaries."""
        block, at = self.main.body.args[-1], self.scope.index(offset)
        return self.scope.b.create("memref.view", [block, at], None, [type_]).result

    def _as(self, memref: Value, type_: MemRefType) -> Value:
        if memref.type is type_:
            return memref
        return self.scope.op("memref.reinterpret_cast", [memref], type_)

    def view(self, op: Operation) -> None:
        for source, made in zip(op.operands, op.results, strict=True):
            self.memrefs[made] = self._as(self.memrefs[source], memory(made.type))

    def constant(self, op: Operation) -> None:
        """A constant array is data of the program."""
        type_, name = memory(op.result.type), f"constant_{self.program.globals}"
        self.program.globals += 1
        data = op["value"].array
        sign_less = data.dtype.kind in "bu"  # below StableHLO the op knows the sign
        stored = Dense(data.view(f"i{data.itemsize}") if sign_less else data)
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

    def call(
        self, scope: Scope, op: Operation, given: Mapping[Value, Value], results: Sequence[Value],
        scratch: int,
    ) -> None:  # fmt: skip
        """Call a fusion, or a function of this kind with its temporaries at `scratch`."""
        name = op["callee"].name
        operands = [*(given[v] for v in op.operands), *results]
        attributes: dict[str, object] = {"callee": op["callee"]}
        fusion, temps = self.program.fusions.get(name), self.program.temps.get(name, 0)
        if fusion is None:
            attributes[SEQUENCE] = True
            operands += [self.room(scratch, MemRefType((temps,), i8))] if temps else []
        elif isinstance(fusion, Kernel):
            for size, type_ in zip(
                scratch_bytes(fusion.spare_types), fusion.spare_types, strict=True
            ):
                operands.append(self.room(scratch, type_))
                scratch += size
        elif fusion.split:
            operands += [scope.index(0), scope.index(fusion.rounds)]
            attributes["minidl.parallel"] = Typed(fusion.rounds, index)
        scope.b.create("func.call", operands, attributes, [])

    def copies(self) -> None:
        """Outputs that are arguments, or that are returned twice."""
        values = self.source.body.terminator.operands
        for value, target in zip(values, self.outputs, strict=True):
            if self.taken.get(self.places.root[value]) is not target:
                self.copy(self._as(self.memrefs[value], memory(value.type)), target)

    def copy(self, source: Value, target: Value) -> None:
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
        if SEQUENCE in op.attributes:
            args = f"{args}, ptr %pool" if args else "ptr %pool"
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


def sequence_text(module: ModuleText, op: Operation) -> None:
    """A function of @main's kind: pointers as arguments, the pool last."""
    f = FunctionText(module, op["sym_name"])
    for i, value in enumerate(op.body.args):
        f.names[value] = f"%a{i}"
    f.block(op.body)
    args = ", ".join([*(f"ptr %a{i}" for i in range(len(op.body.args))), "ptr %pool"])
    head = f"define internal void @{op['sym_name']}({args}) nounwind !dbg {f.scope} {{"
    end = f"  ret void{f.debug(op.body.terminator.location)}"
    module.functions.append("\n".join([head, "entry:", *f.lines, end, "}"]))


def program_text(module: ModuleText, loops: Module) -> None:
    """@main, the functions of its kind, and what shares the work of a call among threads."""
    for op in loops.functions.values():
        if op["sym_name"] == "main":
            main_text(module, op)
        elif SEQUENCE in op.attributes:
            sequence_text(module, op)
    if any("minidl.parallel" in op.attributes for op in loops.walk()):
        module.functions.append(parallel_text(module.target))
