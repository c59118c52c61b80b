"""Automatic differentiation the JAX way: StableHLO in, StableHLO out.

Chapter: autodiff/jax.

    jvp        a rule for each op pushes tangents forward      (jvp_rules)
    linearize  the ops that touch tangents are the linear part
    transpose  a rule for each linear op pulls cotangents back (transpose_rules)
    vmap       a rule for each op adds a batch dimension       (batch_rules)
Everything else (vjp, grad, jacobians) is made of these.
"""

from minidl.autodiff.api import (
    checkpoint,
    grad,
    jvp,
    linear_transpose,
    linearize,
    value_and_grad,
    vjp,
)
from minidl.autodiff.batch import vmap
from minidl.autodiff.jacobians import hessian, jacfwd, jacrev

__all__ = [
    "checkpoint",
    "grad",
    "hessian",
    "jacfwd",
    "jacrev",
    "jvp",
    "linear_transpose",
    "linearize",
    "value_and_grad",
    "vjp",
    "vmap",
]
