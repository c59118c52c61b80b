"""Rule tables: ops are rows, interpretations are columns.

Chapter: ir/mlir.
Sources: the tables of JAX's autodidax; tinygrad's `pm_gradient`.
Real JAX: `ad.primitive_jvps`, `mlir.register_lowering`, one dict a meaning.

A table is one meaning (value, jvp, transpose, batch, lower …) keyed by op
name.  Adding a transformation adds a table and never edits an old one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from minidl.core.errors import UnsupportedError

R = TypeVar("R")


class RuleTable(Generic[R]):
    """A mapping from op name to rule; a missing cell raises a teaching error."""

    def __init__(self, name: str, stage: str) -> None:
        self.name, self.stage = name, stage
        self.rows: dict[str, R] = {}

    def rule(self, *ops: str) -> Callable[[R], R]:
        """Decorator: the function is the row of each op named."""

        def put(row: R) -> R:
            for op in ops:
                self[op] = row
            return row

        return put

    def __setitem__(self, op: str, row: R) -> None:
        if op in self.rows:
            raise ValueError(f"table {self.name!r} has two rows for {op}")
        self.rows[op] = row

    def __getitem__(self, op: str) -> R:
        row = self.rows.get(op)
        if row is None:
            raise UnsupportedError(
                f"{op} has no {self.name} rule, so {self.stage} cannot handle it",
                op=op,
                hint=f"table {self.name!r} has {len(self.rows)} rows: {self._near(op)}",
            )
        return row

    def _near(self, op: str) -> str:
        """The rows of the op's own dialect, cut to a line."""
        dialect = op.split(".")[0]
        names = sorted(n for n in self.rows if n.startswith(dialect)) or sorted(self.rows)
        return ", ".join(names[:12]) + (" …" if len(names) > 12 else "")

    def __contains__(self, op: str) -> bool:
        return op in self.rows

    def __iter__(self) -> Iterator[str]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)
