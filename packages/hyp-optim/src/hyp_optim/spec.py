"""`ManifoldSpec`: where a parameter lives, manifold and curvature together."""

from __future__ import annotations

import dataclasses
import math
import numbers
from typing import Any

import jax
from hyp_manifolds import Manifold


@dataclasses.dataclass(frozen=True)
class ManifoldSpec:
    """The manifold of a parameter and the curvature magnitude `c` its points are stored at (sectional curvature -c).

    A spec holds no arrays: it is hashable, compared by value, and part of the static structure of an optimizer state.

    Args:
        manifold: a manifold of `hyp_manifolds`, for example `Poincare()`.
        c: the curvature magnitude as a Python number; 1.0 by default. `None` says that the curvature moves: it is
            then passed at every step, `update(grads, state, params, c=c)`, where it may be a traced array.

    Raises:
        TypeError: `manifold` is not a manifold, or `c` is an array.
        ValueError: `c` lies outside the manifold's domain.

    Example:
        >>> from hyp_manifolds import Poincare
        >>> from hyp_optim import ManifoldSpec
        >>> print(ManifoldSpec(Poincare(), c=0.5) == ManifoldSpec(Poincare(), c=0.5))
        True
    """

    manifold: Manifold
    c: float | None = 1.0

    def __post_init__(self) -> None:
        check_manifold(self.manifold, "ManifoldSpec: manifold")
        if self.c is not None:
            object.__setattr__(self, "c", _static_curvature(self.manifold, self.c))

    def curvature(self, c: Any, owner: str) -> Any:
        """Returns the curvature of this step: the stored one, or `c` where the curvature moves."""
        if self.c is not None:
            return self.c
        if c is None:
            raise ValueError(
                f"{owner}: its ManifoldSpec has c=None, a curvature that moves, so every step needs it: "
                "call update(..., c=c)."
            )
        return c


def check_manifold(manifold: Any, name: str) -> None:
    """Raises a TypeError unless `manifold` is an instance of a manifold class."""
    if isinstance(manifold, type) and issubclass(manifold, Manifold):
        raise TypeError(f"{name} is the class {manifold.__name__}; expected an instance, {manifold.__name__}().")
    if not isinstance(manifold, Manifold):
        raise TypeError(f"{name} must be a manifold of hyp_manifolds, for example Poincare(), got {manifold!r}.")


def _static_curvature(manifold: Manifold, c: Any) -> float:
    # An array in static data is compared and hashed at every call: it fails there, or compiles anew for each value.
    if isinstance(c, jax.Array) or not isinstance(c, numbers.Real) or isinstance(c, bool):
        raise TypeError(
            f"ManifoldSpec: c must be a Python number, got {type(c).__name__}. For a curvature that moves, use "
            "ManifoldSpec(manifold, c=None) and pass update(..., c=c)."
        )
    c = float(c)
    if not math.isfinite(c) or (manifold.curvature_domain == "positive" and c <= 0):
        expected = "positive and finite (sectional curvature is -c)" if math.isfinite(c) else "finite"
        raise ValueError(f"ManifoldSpec: c must be {expected}, got {c}.")
    return c
