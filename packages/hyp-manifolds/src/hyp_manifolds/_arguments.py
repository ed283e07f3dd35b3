"""Checks of the arguments of functions that take a manifold, beside those of the door."""

from typing import Any

import jax

from hyp_manifolds._hyperbolic import Hyperbolic
from hyp_manifolds._manifold import Manifold


def manifold(where: str, value: Any) -> Manifold:
    """`value`, if it is a manifold."""
    if not isinstance(value, Manifold):
        raise TypeError(f"{where}: `manifold` must be a Manifold, such as Poincare(), got {_kind(value)}.")
    return value


def hyperbolic(where: str, value: Any) -> Hyperbolic:
    """`value`, if it is a model of hyperbolic space."""
    if not isinstance(value, Hyperbolic):
        raise TypeError(
            f"{where}: `manifold` must be a model of hyperbolic space, such as Poincare() or Hyperboloid(), "
            f"got {_kind(value)}."
        )
    return value


def dimension(where: str, model: Manifold, x: jax.Array) -> int:
    """Dimension of the manifold that the array `x` is a point or a tangent of."""
    dim = model.intrinsic_dim(x.shape[-1])
    if dim < 1:
        raise ValueError(f"{where}: `x` has {x.shape[-1]} coordinates, expected at least {model.ambient_dim(1)}.")
    return dim


def _kind(value: Any) -> str:
    return f"the class {value.__name__}" if isinstance(value, type) else f"{value!r}"
