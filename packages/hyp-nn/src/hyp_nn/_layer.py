"""What every layer does at its door: checks, one compute dtype, one canonical c."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from hyp_manifolds import Hyperboloid, Manifold

from hyp_nn import _checks
from hyp_nn._rows import rows

_SHEET = Hyperboloid()

INPUT_SPACES = ("manifold", "tangent")


class Inputs(NamedTuple):
    """Points in the compute dtype, c in it, and the dtype to return to."""

    x: jax.Array
    c: jax.Array
    dtype: Any


def enter(owner: str, manifold: Manifold, x: Any, coords: int, c: Any) -> Inputs:
    """Checks points and curvature; bfloat16 and float16 are raised to float32 for the geometry."""
    x = _checks.points(owner, manifold, x, coords)
    compute = jnp.promote_types(x.dtype, jnp.float32)
    return Inputs(x.astype(compute), _checks.curvature(owner, c, compute, manifold.curvature_domain), x.dtype)


def enter_lorentz(owner: str, x: Any, coords: int, c: Any) -> Inputs:
    """As `enter`, for layers of the hyperboloid that take no manifold."""
    return enter(owner, _SHEET, x, coords, c)


def read(param: nnx.Variable[Any], dtype: Any) -> jax.Array:
    """A parameter's value in the compute dtype."""
    return param[...].astype(dtype)


def to_manifold(manifold: Manifold, x: jax.Array, c: jax.Array, input_space: str) -> jax.Array:
    """Points from a layer's input: itself, or exp_0 of tangents at the origin."""
    return rows(lambda v: manifold.expmap_0(v, c), x) if input_space == "tangent" else x
