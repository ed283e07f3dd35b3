"""The linear layer of the proper-velocity model."""

from __future__ import annotations

from typing import Any, ClassVar

from flax import nnx
from hyp_manifolds import Manifold, ProperVelocity

from hyp_nn import initialisers
from hyp_nn.linear import HypLinearPP


class HypLinearPV(HypLinearPP):
    """`HypLinearPP` of the proper-velocity model: y_k = sinh(sqrt(c) v_k(x))/sqrt(c).

    Args:
        manifold: `ProperVelocity()`.
        in_dim: dimension of the points that come in.
        out_dim: dimension of the points that go out.
        rngs: source of the kernel (stream `params`).
        kernel_init_std: standard deviation of normal kernel entries; None preserves radii.
        **kwargs: as `HypLinearPP`.

    Source: Chen et al., Proper Velocity Neural Networks, 2026, Theorem 5.3, Eq. 22 and 23.
    """

    models: ClassVar[tuple[type[Manifold], ...]] = (ProperVelocity,)

    def __init__(
        self,
        manifold: ProperVelocity,
        in_dim: int,
        out_dim: int,
        *,
        rngs: nnx.Rngs,
        kernel_init_std: float | None = None,
        **kwargs: Any,
    ) -> None:
        if kernel_init_std is not None:
            kwargs["kernel_init"] = initialisers.normal(kernel_init_std)
        super().__init__(manifold, in_dim, out_dim, rngs=rngs, **kwargs)


__all__ = ["HypLinearPV"]
