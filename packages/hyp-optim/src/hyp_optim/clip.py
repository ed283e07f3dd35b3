"""Clipping of tangent vectors by their Riemannian norm."""

from __future__ import annotations

from typing import Any, Literal

import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from hyp_optim._space import Curved, Flat, empty
from hyp_optim._tree import UNSET, ManifoldTree, OpenLeaf, Unset, find_manifolds, open_leaves
from hyp_optim.links import LinkState, wide

_OWNER = "clip_by_riemannian_norm"


def clip_by_riemannian_norm(
    max_norm: float | Float[Array, ""],
    *,
    per: Literal["point", "tree"] = "point",
    manifolds: ManifoldTree | Unset = UNSET,
) -> optax.GradientTransformationExtraArgs:
    """Shortens tangent vectors that are longer than `max_norm` in the metric: u <- u min(1, max_norm / |u|_x).

    A link between `riemannian_gradient` and `retract`. Before a rule it bounds gradients, after the learning rate the
    geodesic length of the steps. `optax.clip_by_global_norm` measures coordinates: near the boundary of a ball a short
    vector in coordinates is a long one.

    Args:
        max_norm: the longest norm that passes, in the unit of distance.
        per: "point" clips every point alone, and a Euclidean leaf as a whole; "tree" multiplies everything by one
            factor, from the root of the sum of all squared norms. Vectors with NaN or infinities do not enter that sum,
            so that one broken row does not silence all others; they stay what they are.
        manifolds: where each leaf lives, as for `riemannian_sgd`.

    Returns:
        An optax transformation of tangent vectors; `update` needs `params`.

    Raises:
        ValueError: `per` is neither "point" nor "tree"; and as `riemannian_sgd`.
        TypeError: as `riemannian_sgd`.

    Source: Pascanu, Mikolov and Bengio 2013, "On the Difficulty of Training Recurrent Neural Networks", Section 3.2.
    """
    if per not in ("point", "tree"):
        raise ValueError(f"{_OWNER}: per must be 'point' or 'tree', got {per!r}.")

    def init(params: Any) -> Any:
        return LinkState(find_manifolds(params, manifolds, _OWNER))

    def update(updates: Any, state: Any, params: Any = None, *, c: Any = None, **extra_args: Any) -> tuple[Any, Any]:
        del extra_args
        leaves, close = open_leaves(state.manifolds, updates, params, c, _OWNER)
        norms = [_norms(leaf) for leaf in leaves]
        if per == "tree":
            finite = [jnp.where(jnp.isfinite(n), n, 0) for n in norms]
            norms = [jnp.sqrt(sum(jnp.sum(n * n) for n in finite))] * len(leaves)
        return close([_shortened(leaf, n, max_norm) for leaf, n in zip(leaves, norms, strict=True)]), state

    return optax.GradientTransformationExtraArgs(init, update)


def _norms(leaf: OpenLeaf) -> Array:
    """The norms of a leaf's tangent vectors, one for each point; one in all of a Euclidean leaf."""
    update, x = wide(leaf)
    if isinstance(leaf.space, Curved):
        return jnp.zeros(x.shape[:-1], x.dtype) if empty(x) else leaf.space.lift(leaf.space.norm, x)(update, x)
    return leaf.space.norm(update, x)


def _shortened(leaf: OpenLeaf, norm: Array, max_norm: Any) -> Array:
    update, _ = wide(leaf)
    long = norm > max_norm  # false for NaN, which passes
    factor = jnp.where(long, jnp.asarray(max_norm, update.dtype) / jnp.where(long, norm, 1), 1).astype(update.dtype)
    return update * (factor if isinstance(leaf.space, Flat) or factor.ndim == 0 else factor[..., None])
