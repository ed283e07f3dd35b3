"""Protocols by which the packages recognise each other's objects."""

from typing import Protocol, runtime_checkable

from hyp_manifolds._manifold import Manifold


@runtime_checkable
class OnManifold(Protocol):
    """A parameter that knows which manifold its points live on (at unit curvature).

    Satisfied by `hyp_nn.ManifoldParam`; any class with a `manifold` property satisfies it. Optimizers of hyp-optim read
    it when they are initialised.
    """

    @property
    def manifold(self) -> Manifold:
        """The manifold of every point in the parameter."""
        ...
