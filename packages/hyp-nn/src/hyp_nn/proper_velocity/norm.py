"""Normalisation in the proper-velocity model."""

from __future__ import annotations

from typing import ClassVar

from hyp_manifolds import Manifold, ProperVelocity

from hyp_nn.norm import GyroBatchNorm, GyroRMSNorm


class ProperVelocityGyroBatchNorm(GyroBatchNorm):
    """`GyroBatchNorm` of the proper-velocity model."""

    models: ClassVar[tuple[type[Manifold], ...]] = (ProperVelocity,)


class ProperVelocityGyroRMSNorm(GyroRMSNorm):
    """`GyroRMSNorm` of the proper-velocity model."""

    models: ClassVar[tuple[type[Manifold], ...]] = (ProperVelocity,)


__all__ = ["ProperVelocityGyroBatchNorm", "ProperVelocityGyroRMSNorm"]
