"""Regression and classification heads that exist on every model: scores of points, Euclidean numbers."""

from __future__ import annotations

import abc
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from flax import nnx
from hyp_manifolds import Manifold, Stereographic, hyperplane_dist
from jaxtyping import Array, Float

from hyp_nn import _checks, initialisers
from hyp_nn._layer import INPUT_SPACES, enter, read, to_manifold
from hyp_nn._numerics import safe_sqrt
from hyp_nn._rows import rows
from hyp_nn._scale import rescale
from hyp_nn._scores import BusemannScores, PlaneScores
from hyp_nn._sheet import HYPERBOLIC, frame_factor, tangent_coords
from hyp_nn.params import ManifoldParam


class _Head(nnx.Module):
    """What heads share: the sizes, the checks and the way in."""

    models: ClassVar[tuple[type[Manifold], ...] | None] = None

    def _set_up(self, manifold: Manifold, in_dim: int, out_dim: int, input_space: str) -> None:
        owner = type(self).__name__
        _checks.check_model(manifold, owner, self.models)
        _checks.check_choice(owner, "input_space", input_space, INPUT_SPACES)
        self.manifold = manifold
        self.in_dim = _checks.size(owner, "in_dim", in_dim)
        self.out_dim = _checks.size(owner, "out_dim", out_dim)
        self.input_space = input_space

    def __call__(self, x: Float[Array, "*batch in_coords"], c: Any = 1.0) -> Float[Array, "*batch out_dim"]:
        """Scores.

        Args:
            x: points, shape (..., ambient_dim(in_dim)), or tangents at the origin.
            c: curvature magnitude, scalar in the manifold's domain, static or traced.

        Returns:
            Scores, shape (..., out_dim), in the dtype of x.

        Raises:
            TypeError, ValueError: x of another size or dtype, concrete c outside the domain.
        """
        x, c, dtype = enter(type(self).__name__, self.manifold, x, self.manifold.ambient_dim(self.in_dim), c)
        return self._scores(to_manifold(self.manifold, x, c, self.input_space), c).astype(dtype)

    @abc.abstractmethod
    def _scores(self, x: jax.Array, c: jax.Array) -> jax.Array:
        """Scores of points."""


class HypRegression(_Head):
    """Hyperbolic multinomial regression, |a_k| d(x, H_k) with H_k the hyperplane through p_k with normal a_k.

    |a_k| is the Riemannian length and d the signed distance; in the ball this is
    lambda_p |a|/sqrt(c) asinh(2 sqrt(c) <-p (+) x, a>/((1 - c|-p (+) x|^2)|a|)).

    Args:
        manifold: any model of constant curvature.
        in_dim: dimension of the points.
        out_dim: number of scores.
        rngs: source of the normals (stream `params`).
        input_space: "manifold" or "tangent" (tangents at the origin).
        kernel_init: initialiser of the normals.
        param_dtype: floating dtype of the parameters.

    Attributes:
        kernel: normals a' in the tangent space of the origin, shape (in_dim, out_dim); a_k is a'_k transported to p_k.
        bias: p, a `ManifoldParam` of shape (out_dim, ambient_dim(in_dim)) at unit curvature, origins at first; on
            models whose c may change its sign tangents at the origin, shape (out_dim, in_dim).

    Source: Ganea, Becigneul and Hofmann, Hyperbolic Neural Networks, 2018, Eq. 25 and Sec. 3.1.

    Example:
        >>> import jax.numpy as jnp
        >>> from flax import nnx
        >>> from hyp_manifolds import Poincare
        >>> from hyp_nn import HypRegression
        >>> head = HypRegression(Poincare(), 4, 3, rngs=nnx.Rngs(0))
        >>> print(head(jnp.full((8, 4), 0.1), 1.0).shape)  # scores of three classes
        (8, 3)
    """

    def __init__(
        self,
        manifold: Manifold,
        in_dim: int,
        out_dim: int,
        *,
        rngs: nnx.Rngs,
        input_space: str = "manifold",
        kernel_init: initialisers.Initialiser | None = None,
        param_dtype: Any = jnp.float32,
    ) -> None:
        self._set_up(manifold, in_dim, out_dim, input_space)
        init = kernel_init or initialisers.normal(in_dim**-0.5)
        self.kernel = nnx.Param(init(rngs.params(), (in_dim, out_dim), param_dtype))
        if manifold.curvature_domain == "signed":
            self.bias = nnx.Param(jnp.zeros((out_dim, in_dim), param_dtype))
        else:
            origins = jnp.tile(manifold.create_origin(1.0, in_dim).astype(param_dtype), (out_dim, 1))
            self.bias = ManifoldParam(origins, manifold=manifold)

    def _scores(self, x: jax.Array, c: jax.Array) -> jax.Array:
        p, v, length = self._planes(x.dtype, c)
        return length * hyperplane_dist(self.manifold, x, p, v, c)

    def _planes(self, dtype: Any, c: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Points p of the hyperplanes, normals there, and the lengths of the normals."""
        a, bias = read(self.kernel, dtype).T, read(self.bias, dtype)
        if self.manifold.curvature_domain == "signed":
            p = rows(lambda u: self.manifold.expmap_0(u, c), bias)
        else:
            p = rescale(self.manifold, bias, c)
        at_origin = tangent_coords(self.manifold, a)
        v = rows(lambda u, q: self.manifold.ptransp_0(u, q, c), at_origin, p)
        # Transport keeps lengths: those of a' at the origin.
        return p, v, _unit_length(self.manifold) * safe_sqrt(jnp.sum(a * a, -1))


class HypRegressionPP(_Head):
    """Hyperbolic multinomial regression |z_k| d(x, H_k), H_k at distance r_k from the origin along z_k.

    Args:
        manifold: a hyperbolic model.
        in_dim: dimension of the points.
        out_dim: number of scores.
        rngs: source of the normals (stream `params`).
        input_space: "manifold" or "tangent" (tangents at the origin).
        kernel_init: initialiser of the normals.
        param_dtype: floating dtype of the parameters.

    Attributes:
        kernel: z, shape (in_dim, out_dim), columns are tangents at the origin.
        bias: r, shape (out_dim,).

    Source: Shimizu, Mukuta and Harada, Hyperbolic Neural Networks++, 2021, Sec. 3.1 (ball); Bdeir, Schwethelm and
    Landwehr 2024, Theorem 2 (hyperboloid); Chen et al., Proper Velocity Neural Networks, 2026, Eq. 19.
    """

    models: ClassVar[tuple[type[Manifold], ...] | None] = HYPERBOLIC

    def __init__(
        self,
        manifold: Manifold,
        in_dim: int,
        out_dim: int,
        *,
        rngs: nnx.Rngs,
        input_space: str = "manifold",
        kernel_init: initialisers.Initialiser | None = None,
        param_dtype: Any = jnp.float32,
    ) -> None:
        self._set_up(manifold, in_dim, out_dim, input_space)
        init = kernel_init or initialisers.normal(in_dim**-0.5)
        self.kernel = nnx.Param(init(rngs.params(), (in_dim, out_dim), param_dtype))
        self.bias = nnx.Param(jnp.zeros(out_dim, param_dtype))

    def _scores(self, x: jax.Array, c: jax.Array) -> jax.Array:
        kernel, bias = read(self.kernel, x.dtype), read(self.bias, x.dtype)
        return PlaneScores.of_points(self.manifold, x, kernel, bias, c, None).value(c)


class HypRegressionBusemann(_Head):
    """Busemann multinomial regression -alpha_k B_k(x) + b_k, alpha_k = exp(log_scale_k), on hyperbolic models.

    Args:
        manifold: a hyperbolic model.
        in_dim: dimension of the points.
        out_dim: number of scores.
        rngs: source of the directions (stream `params`).
        input_space: "manifold" or "tangent" (tangents at the origin).
        param_dtype: floating dtype of the parameters.

    Attributes:
        scores: holds kernel (in_dim, out_dim), log_scale (out_dim,) and bias (out_dim,).

    Source: Chen, Schölkopf and Sebe, Hyperbolic Busemann Neural Networks, 2026, Sec. 3.
    """

    models: ClassVar[tuple[type[Manifold], ...] | None] = HYPERBOLIC

    def __init__(
        self,
        manifold: Manifold,
        in_dim: int,
        out_dim: int,
        *,
        rngs: nnx.Rngs,
        input_space: str = "manifold",
        param_dtype: Any = jnp.float32,
    ) -> None:
        self._set_up(manifold, in_dim, out_dim, input_space)
        self.scores = BusemannScores(manifold, in_dim, out_dim, rngs=rngs, param_dtype=param_dtype, deep=False)

    def _scores(self, x: jax.Array, c: jax.Array) -> jax.Array:
        return self.scores(x, c)


def _unit_length(manifold: Manifold) -> float:
    """Riemannian length of a unit coordinate vector at the origin."""
    return 2.0 if isinstance(manifold, Stereographic) else frame_factor(manifold)


__all__ = ["HypRegression", "HypRegressionBusemann", "HypRegressionPP"]
