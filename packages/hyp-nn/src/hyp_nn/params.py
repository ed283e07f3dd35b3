"""`ManifoldParam`: a parameter that knows the manifold its points lie on."""

from __future__ import annotations

from typing import Any

from flax import nnx
from hyp_manifolds import Manifold
from jaxtyping import Array, Float

from hyp_nn import _checks


class ManifoldParam(nnx.Param):  # pyright: ignore[reportMissingTypeArgument]
    """An `nnx.Param` that holds points of a manifold, stored at unit curvature, coordinates on the last axis.

    Layers scale their results to the curvature of the call. The stored points do not depend on it, so a
    learnable curvature never pushes them off the manifold, and an optimizer needs to know the manifold only. The
    rules of `hyp_optim` read it at `init`: `nnx.Optimizer(model, riemannian_sgd(0.1), wrt=nnx.Param)` takes
    Riemannian steps here and Euclidean ones elsewhere.

    Args:
        value: points, shape (..., coords), a floating array. Like `nnx.Param`, also the result of a wrapped
            initializer.
        manifold: the manifold, for example `Poincare()`.
        **metadata: passed on to `nnx.Param`.

    Raises:
        TypeError: `manifold` is not a manifold, or `value` is not a floating array.
        ValueError: `value` is a scalar.

    Example:
        >>> import jax.numpy as jnp
        >>> from hyp_manifolds import Poincare
        >>> from hyp_nn import ManifoldParam
        >>> bias = ManifoldParam(jnp.zeros((4, 2)), manifold=Poincare())
        >>> print(bias.shape, bias.manifold)
        (4, 2) Poincare(dtype=None)
    """

    def __init__(self, value: Float[Array, "*batch coords"] | Any, *, manifold: Manifold, **metadata: Any) -> None:
        _checks.check_manifold(manifold, "ManifoldParam")
        _checks.check_points(value.raw_value if isinstance(value, nnx.VariableMetadata) else value, "ManifoldParam")
        super().__init__(value, manifold=manifold, **metadata)

    # NNX serves metadata through __getattr__, which a runtime protocol does not see from Python 3.12 on:
    # only a member defined in the class makes isinstance(param, OnManifold) true there.
    @property
    def manifold(self) -> Manifold:
        """The manifold the stored points lie on, at unit curvature."""
        return self.get_metadata("manifold")
