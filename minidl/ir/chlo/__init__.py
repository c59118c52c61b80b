"""CHLO: ops above StableHLO, each with a formula in it.

Chapter: ir/stablehlo.
Sources: StableHLO, "'chlo' Dialect"; client HLO, named after XLA's client library.
"""

from minidl.ir.chlo import elementary, ops, scan, special, structure  # noqa: F401  (add rows)
