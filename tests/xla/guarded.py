"""Run a compiled program between guards: whatever it writes outside its arrays is seen."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.core import native

EDGE, MARK = 256, 0xA5


class Guarded:
    """`nbytes` of memory with marked bytes on both sides."""

    def __init__(self, nbytes: int) -> None:
        raw = np.full(nbytes + 2 * EDGE + 64, MARK, np.uint8)
        start = EDGE + -(raw.ctypes.data + EDGE) % 64
        self.before, self.after = raw[:start], raw[start + nbytes :]
        self.bytes = raw[start : start + nbytes]

    @property
    def intact(self) -> bool:
        return bool((self.before == MARK).all() and (self.after == MARK).all())


def run_guarded(exe: Any, args: list[np.ndarray]) -> list[np.ndarray]:
    """The results; raises AssertionError when a byte outside was written, or an argument."""
    main = exe.modules["stablehlo"].main
    given = [Guarded(a.nbytes) for a in args]
    for guard, a in zip(given, args, strict=True):
        guard.bytes[:] = np.frombuffer(np.ascontiguousarray(a).tobytes(), np.uint8)
    types = [v.type for v in main.body.terminator.operands]
    made = [Guarded(t.size * t.element.numpy.itemsize) for t in types]
    temps = Guarded(exe.memory.temp_bytes)
    table = native.pointers([g.bytes for g in (*given, *made, temps)])
    native.load(exe.artefact).function("main")(table, native.pool())
    for i, guard in enumerate((*given, *made, temps)):
        assert guard.intact, f"array {i} of {len(args)} in, {len(made)} out: written outside"
    for guard, a in zip(given, args, strict=True):
        assert guard.bytes.tobytes() == np.ascontiguousarray(a).tobytes(), "an argument changed"
    return [g.bytes.view(t.element.numpy).reshape(t.dims) for g, t in zip(made, types, strict=True)]
