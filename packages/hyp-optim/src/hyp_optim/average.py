"""Exponential moving averages of points, along geodesics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int

from hyp_optim._lift import widen
from hyp_optim._space import Flat, empty
from hyp_optim._tree import UNSET, LeafManifolds, ManifoldTree, OpenLeaf, Unset, find_manifolds, open_leaves

_OWNER = "riemannian_ema"


class EmaState(NamedTuple):
    """State of `riemannian_ema`.

    Attributes:
        count: number of averaged sets of parameters, the first one not counted.
        manifolds: where each leaf lives. Static: a pytree node without leaves.
        average: the averaged parameters, a tree like them, at least float32.
    """

    count: Int[Array, ""]  # pyright: ignore[reportIncompatibleMethodOverride]
    manifolds: LeafManifolds
    average: Any


class EmaTransformation(NamedTuple):
    """A pair of pure functions that averages parameters.

    Attributes:
        init: `init(params) -> state`.
        update: `update(params, state, c=None) -> (average, state)`.
    """

    init: Callable[[Any], EmaState]
    update: Callable[..., tuple[Any, EmaState]]


def riemannian_ema(
    decay: float | Float[Array, ""] | optax.Schedule, *, manifolds: ManifoldTree | Unset = UNSET
) -> EmaTransformation:
    """Moving average of parameters: a point a of the average moves to the point at 1 - decay from a to x.

    a <- geodesic(1 - decay, a, x), on Euclidean leaves a + (1 - decay)(x - a). The average of points stays on their
    manifold, which a coordinate-wise one does not. It starts at the first parameters, so there is no bias to correct.

        ema = riemannian_ema(0.999, manifolds=specs)
        state = ema.init(params)
        average, state = ema.update(params, state)  # after each step

    Args:
        decay: weight of the old average, between 0 and 1; or a schedule of it, by the number of earlier updates.
        manifolds: where each leaf lives, as for `riemannian_sgd`.

    Returns:
        The pair `init` and `update`. The average is kept in float32 or wider and returned in the dtype of the
        parameters.

    Raises:
        ValueError, TypeError: as `riemannian_sgd`.
    """

    def init(params: Any) -> EmaState:
        found = find_manifolds(params, manifolds, _OWNER)
        # A copy: a step that donates the parameters must not take the average with them.
        return EmaState(jnp.zeros([], jnp.int32), found, jax.tree.map(lambda p: jnp.copy(widen(p)), params))

    def update(params: Any, state: EmaState, *, c: Any = None) -> tuple[Any, EmaState]:
        leaves, close = open_leaves(state.manifolds, params, params, c, _OWNER)
        old, treedef = jax.tree.flatten(state.average)
        keep = decay(state.count) if callable(decay) else decay
        new = [_between(leaf, a, 1 - jnp.asarray(keep, a.dtype)) for leaf, a in zip(leaves, old, strict=True)]
        count = jnp.asarray(optax.safe_increment(state.count))
        stored = [_stored(leaf, a) for leaf, a in zip(leaves, new, strict=True)]
        return close(stored), EmaState(count, state.manifolds, jax.tree.unflatten(treedef, new))

    return EmaTransformation(init, update)


def _between(leaf: OpenLeaf, average: Array, t: Array) -> Array:
    if empty(average) and not isinstance(leaf.space, Flat):
        return average
    point = leaf.space.lift(lambda a, x: leaf.space.between(t, a, x), average)
    return point(average, widen(leaf.x)).astype(average.dtype)


def _stored(leaf: OpenLeaf, average: Array) -> Array:
    rounded = average.astype(leaf.x.dtype)
    if isinstance(leaf.space, Flat) or empty(average) or rounded.dtype == average.dtype:
        return rounded
    space = leaf.space
    return space.lift(lambda p: space.manifold.proj(p, space.c), rounded)(rounded)
