"""TRANSPOSE: how each linear op pulls a cotangent back; only linear ops need a row.

Chapter: autodiff/jax.
Sources: Radul et al., "You only linearize once: tangents transpose to gradients", POPL 2023.
Real JAX: `ad.primitive_transposes`.

A row is `row(op, ct, *xs) -> cotangents, one for each operand`:

    ct    the cotangent of the result (a tuple for several results)
    xs    the operands: a tracer where the value is known, None where the op is linear in it
The law that tests every row: ⟨A t, c⟩ = ⟨t, Aᵀ c⟩.
"""

from collections.abc import Callable
from typing import Any

from minidl.core.rules import RuleTable

TRANSPOSE: RuleTable[Callable[..., Any]] = RuleTable("transpose", "reverse mode")

from minidl.autodiff.transpose_rules import rows  # noqa: E402, F401  (rows)
