"""BATCH: how each op runs on a batch at once; the batch is dimension 0.

Chapter: autodiff/jax.
Sources: JAX documentation, "Automatic vectorization".
Real JAX: `batching.primitive_batchers`; there the batch may sit at any dimension.

A row is `row(op, n, xs, batched) -> result` (batched too):

    n        the size of the batch
    xs       the operands; where `batched`, with the batch in front
A row is called only when some operand is batched.
"""

from collections.abc import Callable
from typing import Any

from minidl.core.rules import RuleTable

BATCH: RuleTable[Callable[..., Any]] = RuleTable("batch", "vmap")

from minidl.autodiff.batch_rules import rows  # noqa: E402, F401  (rows)
