"""The seed's linear layers of the Poincaré ball."""

from __future__ import annotations

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from flax import nnx
from hyp_manifolds import Manifold, Poincare
from jaxtyping import Array, Float

from hyp_nn import _checks
from hyp_nn._layer import enter, read, to_manifold
from hyp_nn._sheet import from_sheet
from hyp_nn.linear import HypLinear, HypLinearBusemann, HypLinearPP


class HypLinearPoincare(HypLinear):
    """`HypLinear` of the ball. Source: Ganea et al. 2018, Sec. 3.2."""

    models: ClassVar[tuple[type[Manifold], ...] | None] = (Poincare,)


class HypLinearPoincareBusemann(HypLinearBusemann):
    """`HypLinearBusemann` of the ball. Source: Chen et al. 2026, Theorem 4.1."""

    models: ClassVar[tuple[type[Manifold], ...]] = (Poincare,)


class HypLinearPoincarePP(HypLinearPP):
    """`HypLinearPP` of the ball, HNN++: w = sinh(sqrt(c) v)/sqrt(c), y = w/(1 + sqrt(1 + c|w|^2)).

    Args:
        manifold: `Poincare()`.
        in_dim: dimension of the points that come in.
        out_dim: dimension of the points that go out.
        rngs: source of the kernel (stream `params`).
        input_space: "manifold" or "tangent".
        clamping_factor: None is the paper's formula. A number limits the argument of asinh smoothly to
            +-clamping_factor log(2/eps), which keeps scores below about 3.5|z| (float32), wherever the point is.
        smoothing_factor: sharpness of that limit.
        **kwargs: as `HypLinearPP`.

    Source: Shimizu, Mukuta and Harada, Hyperbolic Neural Networks++, 2021, Sec. 3.2.
    """

    models: ClassVar[tuple[type[Manifold], ...]] = (Poincare,)

    def __init__(
        self,
        manifold: Poincare,
        in_dim: int,
        out_dim: int,
        *,
        rngs: nnx.Rngs,
        input_space: str = "manifold",
        clamping_factor: float | None = None,
        smoothing_factor: float = 50.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(manifold, in_dim, out_dim, rngs=rngs, input_space=input_space, **kwargs)
        self.clamping_factor = clamping_factor
        self.smoothing_factor = smoothing_factor

    def __call__(self, x: Float[Array, "*batch in_dim"], c: Any = 1.0) -> Float[Array, "*batch out_dim"]:
        """Points of dimension out_dim; arguments, result and errors as `HypLinear`."""
        if self.clamping_factor is None:
            return super().__call__(x, c)
        x, c, dtype = enter(type(self).__name__, self.manifold, x, self.in_dim, c)
        x = to_manifold(self.manifold, x, c, self.input_space)
        v = clamped_scores(self, x, c)
        w = jnp.sinh(jnp.clip(jnp.sqrt(c) * v, -self.v_max, self.v_max)) / jnp.sqrt(c)
        return from_sheet(self.manifold, w, c).astype(dtype)


def clamped_scores(layer: Any, x: jax.Array, c: jax.Array) -> jax.Array:
    """Scores of HNN++ with the seed's smooth limit; `layer` has a kernel, a bias and the two factors."""
    _checks.check_positive(type(layer).__name__, "clamping_factor", layer.clamping_factor)
    z, r = read(layer.kernel, x.dtype).T, read(layer.bias, x.dtype)[:, None]
    points = x.reshape(-1, x.shape[-1])
    out = layer.manifold.compute_mlr_pp(points, z, r, c, layer.clamping_factor, layer.smoothing_factor)
    return out.reshape(*x.shape[:-1], -1)


__all__ = ["HypLinearPoincare", "HypLinearPoincareBusemann", "HypLinearPoincarePP"]
