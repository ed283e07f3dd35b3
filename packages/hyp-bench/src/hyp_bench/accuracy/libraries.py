"""The libraries that can be measured: one adapter each, with our names and argument order."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from typing import Any

from hyp_bench.accuracy import peers
from hyp_bench.accuracy.library import Arrays, Derivatives, Jax, Library, Torch


class Ours(Jax):
    """hyp-manifolds."""

    vows = True

    def __init__(self) -> None:
        super().__init__("hyp-manifolds", importlib.metadata.version("hyp-manifolds"), {})

    def has(self, model: str, operation: str) -> bool:
        """Every operation that the oracle knows."""
        return True

    def function(self, model: str, operation: str) -> Callable[..., Any]:
        """The function of one point."""
        from hyp_manifolds import MODELS
        from hyp_manifolds.testing import resolve

        return resolve(MODELS[model], operation)


LIBRARIES: dict[str, Callable[[], Library]] = {
    "hyp-manifolds": Ours,
    "geoopt": peers.geoopt,
    "hypll": peers.hypll,
    "hyperbolix": peers.hyperbolix,
}

__all__ = ["LIBRARIES", "Arrays", "Derivatives", "Jax", "Library", "Ours", "Torch"]
