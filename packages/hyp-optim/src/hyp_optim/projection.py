"""Periodic re-projection of the points."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import lax
from jaxtyping import Array, Int

from hyp_optim import _checks
from hyp_optim._space import Curved, empty
from hyp_optim._tree import UNSET, LeafManifolds, ManifoldTree, OpenLeaf, Unset, find_manifolds, open_leaves
from hyp_optim.links import wide

_OWNER = "project_periodically"


class ProjectState(NamedTuple):
    """State of `project_periodically`.

    Attributes:
        count: number of steps taken.
        manifolds: where each leaf lives. Static: a pytree node without leaves.
    """

    count: Int[Array, ""]  # pyright: ignore[reportIncompatibleMethodOverride]
    manifolds: LeafManifolds


def project_periodically(
    every: int, *, manifolds: ManifoldTree | Unset = UNSET
) -> optax.GradientTransformationExtraArgs:
    """After a rule: in every `every`-th step the updates lead to the projection of the points, `proj(x + update)`.

        tx = optax.chain(riemannian_adam(1e-3, manifolds=specs), project_periodically(100, manifolds=specs))

    The rules of this package need none of it: they end on the manifold in every step. It repairs what others
    do: coordinates that were edited, averaged, quantised or loaded from elsewhere, and links of other libraries. It is
    the one link that may stand behind a rule.

    Args:
        every: the period in steps, a Python int >= 1.
        manifolds: where each leaf lives, as for `riemannian_sgd`.

    Returns:
        An optax transformation of additive updates; `update` needs `params`.

    Raises:
        ValueError: `every` is below 1 or no int; and as `riemannian_sgd`.
        TypeError: as `riemannian_sgd`.
    """
    _checks.check_steps(every, _OWNER, least=1)

    def init(params: Any) -> Any:
        return ProjectState(jnp.zeros([], jnp.int32), find_manifolds(params, manifolds, _OWNER))

    def update(updates: Any, state: Any, params: Any = None, *, c: Any = None, **extra_args: Any) -> tuple[Any, Any]:
        del extra_args
        leaves, close = open_leaves(state.manifolds, updates, params, c, _OWNER)
        count = jnp.asarray(optax.safe_increment(state.count))
        wides = [wide(leaf)[0] for leaf in leaves]
        projected = lax.cond(
            count % every == 0,
            lambda given: [_projected(leaf, u) for leaf, u in zip(leaves, given, strict=True)],
            lambda given: given,
            wides,
        )
        return close(projected), ProjectState(count, state.manifolds)

    return optax.GradientTransformationExtraArgs(init, update)


def _projected(leaf: OpenLeaf, update: Array) -> Array:
    space, (_, x) = leaf.space, wide(leaf)
    if not isinstance(space, Curved) or empty(x):
        return update
    landed = (x + update).astype(leaf.x.dtype)
    on: jax.Array = space.lift(lambda p: space.manifold.proj(p, space.c), landed)(landed)
    return jnp.where(jnp.all(on == landed, axis=-1, keepdims=True), update, on.astype(x.dtype) - x)
