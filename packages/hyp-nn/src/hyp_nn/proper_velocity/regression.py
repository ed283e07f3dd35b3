"""The head of the proper-velocity model."""

from __future__ import annotations

from typing import ClassVar

from hyp_manifolds import Manifold, ProperVelocity

from hyp_nn.regression import HypRegressionPP


class HypRegressionPV(HypRegressionPP):
    """`HypRegressionPP` of the proper-velocity model. Source: Chen et al. 2026, Theorem 5.2, Eq. 19."""

    models: ClassVar[tuple[type[Manifold], ...] | None] = (ProperVelocity,)


__all__ = ["HypRegressionPV"]
