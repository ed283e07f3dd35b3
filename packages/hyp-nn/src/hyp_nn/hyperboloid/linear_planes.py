"""Linear layers by scores of hyperplanes and horospheres, with ambient counts."""

from __future__ import annotations

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from flax import nnx
from hyp_manifolds import Hyperboloid, Manifold

from hyp_nn import _checks, initialisers
from hyp_nn.linear import HypLinearBusemann, HypLinearPP, add_gyro_bias


class HypLinearHyperboloidPLFC(HypLinearPP):
    """`HypLinearPP` of the hyperboloid with ambient counts: spatial part sinh(sqrt(c) v_k)/sqrt(c) of plane scores v.

    Args:
        manifold: `Hyperboloid()`.
        in_dim: coordinates of the points that come in, time included.
        out_dim: coordinates of the points that go out, time included.
        rngs: source of the kernel (stream `params`).
        v_max: sqrt(c) v is limited to [-v_max, v_max].
        use_gyro_bias: whether to add a point, y (+) exp_0(gyro_bias).
        kernel_init_std: standard deviation of normal kernel entries; None preserves radii.
        **kwargs: as `HypLinearPP`.

    Attributes:
        kernel: shape (in_dim - 1, out_dim - 1). bias: shape (out_dim - 1,). gyro_bias: shape (out_dim - 1,) or None.

    Source: Shi et al., Intrinsic Lorentz Neural Network, 2026, Theorems 1 and 2.
    """

    models: ClassVar[tuple[type[Manifold], ...]] = (Hyperboloid,)

    def __init__(
        self,
        manifold: Hyperboloid,
        in_dim: int,
        out_dim: int,
        *,
        rngs: nnx.Rngs,
        v_max: float = 10.0,
        use_gyro_bias: bool = False,
        kernel_init_std: float | None = None,
        **kwargs: Any,
    ) -> None:
        owner = type(self).__name__
        _checks.size(owner, "in_dim", in_dim, 2)
        _checks.size(owner, "out_dim", out_dim, 2)
        if kernel_init_std is not None:
            kwargs["kernel_init"] = initialisers.normal(kernel_init_std)
        super().__init__(manifold, in_dim - 1, out_dim - 1, rngs=rngs, v_max=v_max, **kwargs)
        self.gyro_bias = nnx.Param(jnp.zeros_like(self.bias[...])) if use_gyro_bias else None

    def _output(self, scores: Any, c: jax.Array) -> jax.Array:
        return add_gyro_bias(self.manifold, super()._output(scores, c), self.gyro_bias, c)


class HypLinearHyperboloidBusemann(HypLinearBusemann):
    """`HypLinearBusemann` of the hyperboloid with ambient counts. Source: Chen et al. 2026, Theorem 4.2."""

    models: ClassVar[tuple[type[Manifold], ...]] = (Hyperboloid,)

    def __init__(self, manifold: Hyperboloid, in_dim: int, out_dim: int, *, rngs: nnx.Rngs, **kwargs: Any) -> None:
        owner = type(self).__name__
        _checks.size(owner, "in_dim", in_dim, 2)
        _checks.size(owner, "out_dim", out_dim, 2)
        super().__init__(manifold, in_dim - 1, out_dim - 1, rngs=rngs, **kwargs)


__all__ = ["HypLinearHyperboloidBusemann", "HypLinearHyperboloidPLFC"]
