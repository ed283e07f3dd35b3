"""The links of a chain: gradients become tangent vectors, rules work on those, and one link moves the points."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array

from hyp_optim._fused import initial_slots, slot_columns, slot_trees
from hyp_optim._lift import widen
from hyp_optim._rule import Rule, Slots, When, adagrad_rule, adam_rule, sgd_rule
from hyp_optim._space import Curved, Flat, empty
from hyp_optim._tree import UNSET, LeafManifolds, ManifoldTree, OpenLeaf, Unset, find_manifolds, open_leaves
from hyp_optim.adagrad import RAdagradState
from hyp_optim.adam import RAdamState
from hyp_optim.sgd import RSGDState


class LinkState(NamedTuple):
    """State of a link that remembers nothing but where the leaves live.

    Attributes:
        manifolds: static: a pytree node without leaves.
    """

    manifolds: LeafManifolds


class ScaleByRuleState(NamedTuple):
    """State of a rule as a link.

    Attributes:
        moments: the state of the rule; its tangent vectors are at `points`.
        points: the parameters at the last step.
    """

    moments: Any
    points: Any


def stateless(
    owner: str,
    manifolds: ManifoldTree | Unset,
    change: Callable[[OpenLeaf, Array, Array], Array],
    use_expmap: bool = True,
) -> optax.GradientTransformationExtraArgs:
    """Returns the link that applies `change(leaf, its update, its points)`, both wide, to every leaf."""

    def init(params: Any) -> Any:
        return LinkState(find_manifolds(params, manifolds, owner))

    def update(updates: Any, state: Any, params: Any = None, *, c: Any = None, **extra_args: Any) -> tuple[Any, Any]:
        del extra_args
        leaves, close = open_leaves(state.manifolds, updates, params, c, owner, use_expmap)
        return close([change(leaf, *wide(leaf)) for leaf in leaves]), state

    return optax.GradientTransformationExtraArgs(init, update)


def wide(leaf: OpenLeaf) -> tuple[Array, Array]:
    """Returns the update and the points of a leaf in the dtype that rules compute in."""
    x = widen(leaf.x)
    return jnp.asarray(leaf.update).astype(x.dtype), x


def riemannian_gradient(*, manifolds: ManifoldTree | Unset = UNSET) -> optax.GradientTransformationExtraArgs:
    """The first link: Euclidean gradients become Riemannian ones, tangent vectors at the points.

        tx = optax.chain(
            riemannian_gradient(manifolds=specs),
            clip_by_riemannian_norm(1.0, manifolds=specs),
            scale_by_riemannian_adam(manifolds=specs),
            optax.scale_by_learning_rate(schedule),
            retract(manifolds=specs),
        )

    Between this link and `retract` all updates are tangent vectors (bfloat16 and float16 ones in float32). What scales
    them by one number, as optax's schedules do, may stand between; what acts on single coordinates
    (`optax.scale_by_adam`, `optax.clip`) may not. Euclidean leaves pass unchanged.

    Args:
        manifolds: where each leaf lives, as for `riemannian_sgd`; the same for every link.

    Returns:
        An optax transformation; `update` needs `params`, and `c=` where a `ManifoldSpec` has `c=None`.

    Raises:
        ValueError, TypeError: as `riemannian_sgd`.
    """

    def change(leaf: OpenLeaf, grad: Array, x: Array) -> Array:
        return grad if empty(x) else leaf.space.lift(leaf.space.gradient, x)(grad, x).astype(x.dtype)

    return stateless("riemannian_gradient", manifolds, change)


def retract(
    use_expmap: bool = True, *, manifolds: ManifoldTree | Unset = UNSET
) -> optax.GradientTransformationExtraArgs:
    """The last link: each point x with the update u moves to exp_x(u); the result is the additive update.

    Args:
        use_expmap: move by the exponential map; if False by the manifold's retraction, right to first order.
        manifolds: where each leaf lives, as for `riemannian_sgd`.

    Returns:
        An optax transformation whose updates are new point minus old point; nothing may come after it that scales.
        Where their sum with the point would round across a boundary, they lead to its projection.

    Raises:
        ValueError, TypeError: as `riemannian_sgd`.

    Source: Absil, Mahony and Sepulchre 2008, "Optimization Algorithms on Matrix Manifolds", Section 4.1.
    """

    def change(leaf: OpenLeaf, tangent: Array, x: Array) -> Array:
        if isinstance(leaf.space, Flat) or empty(x):
            return tangent
        return leaf.space.delta(leaf.space.lift(leaf.space.move, x)(tangent, x), x, leaf.x.dtype)

    return stateless("retract", manifolds, change, use_expmap)


def scale_by_riemannian_momentum(
    momentum: Any = 0.9,
    *,
    nesterov: bool = False,
    dampening: Any = 0.0,
    manifolds: ManifoldTree | Unset = UNSET,
) -> optax.GradientTransformationExtraArgs:
    """The momentum of `riemannian_sgd` as a link: tangent vectors in, directions out (not negated).

    Hazard: where a point goes is decided by the links that follow, and by what the user does with the updates. So the
    link keeps the points of its last step, and transports its tangent vectors to the current ones when it is next
    called. The fused rules transport at once and need no copy of the points.

    Args:
        momentum: decay of the momentum.
        nesterov: look ahead along the momentum.
        dampening: share of each gradient that does not enter the momentum.
        manifolds: where each leaf lives, as for `riemannian_sgd`.

    Returns:
        An optax transformation.

    Raises:
        ValueError, TypeError: as `riemannian_sgd`.
    """
    rule = sgd_rule(momentum, dampening, nesterov)
    return _scale_by("scale_by_riemannian_momentum", RSGDState, rule, manifolds)


def scale_by_riemannian_adam(
    beta1: Any = 0.9,
    beta2: Any = 0.999,
    eps: Any = 1e-8,
    *,
    amsgrad: bool = False,
    manifolds: ManifoldTree | Unset = UNSET,
) -> optax.GradientTransformationExtraArgs:
    """The rule of `riemannian_adam` as a link: tangent vectors in, directions out; see `scale_by_riemannian_momentum`.

    Args:
        beta1: decay of the mean gradient.
        beta2: decay of the mean squared norm.
        eps: added to the root, in the unit of a gradient's norm.
        amsgrad: divide by the largest unbiased second moment so far.
        manifolds: where each leaf lives, as for `riemannian_sgd`.

    Returns:
        An optax transformation.

    Raises:
        ValueError, TypeError: as `riemannian_sgd`.
    """
    return _scale_by("scale_by_riemannian_adam", RAdamState, adam_rule(beta1, beta2, eps, amsgrad), manifolds)


def scale_by_riemannian_adagrad(
    initial_accumulator_value: Any = 0.1, eps: Any = 1e-7, *, manifolds: ManifoldTree | Unset = UNSET
) -> optax.GradientTransformationExtraArgs:
    """The rule of `riemannian_adagrad` as a link: tangent vectors in, directions out.

    Args:
        initial_accumulator_value: the sum before the first step, at least 0.
        eps: added to the sum, in the unit of a squared norm.
        manifolds: where each leaf lives, as for `riemannian_sgd`.

    Returns:
        An optax transformation.

    Raises:
        ValueError, TypeError: as `riemannian_sgd`.
    """
    rule = adagrad_rule(initial_accumulator_value, eps)
    return _scale_by("scale_by_riemannian_adagrad", RAdagradState, rule, manifolds)


def _scale_by(
    owner: str, state_type: Callable[..., Any], rule: Rule, manifolds: ManifoldTree | Unset
) -> optax.GradientTransformationExtraArgs:
    transported = any(slot.tangent for slot in rule.slots)

    def init(params: Any) -> Any:
        found = find_manifolds(params, manifolds, owner)
        moments = state_type(count=jnp.zeros([], jnp.int32), manifolds=found, **initial_slots(rule, found, params))
        # A copy: a step that donates parameters and state must not meet the same buffer twice.
        return ScaleByRuleState(moments, jax.tree.map(jnp.copy, params) if transported else None)

    def update(updates: Any, state: Any, params: Any = None, *, c: Any = None, **extra_args: Any) -> tuple[Any, Any]:
        del extra_args
        leaves, close = open_leaves(state.moments.manifolds, updates, params, c, owner)
        columns = slot_columns(rule, state.moments)
        before = jax.tree.leaves(state.points) if transported else [leaf.x for leaf in leaves]
        count = jnp.asarray(optax.safe_increment(state.moments.count))

        directions, moved = [], []
        for i, leaf in enumerate(leaves):
            slots = {name: column[i] for name, column in columns.items()}
            direction, slots = _direction(rule, leaf, before[i], slots, When(count))
            directions.append(direction)
            moved.append(slots)
        moments = state.moments._replace(count=count, **slot_trees(rule, state.moments, moved))
        points = jax.tree.unflatten(
            jax.tree.structure(state.points), [leaf.x for leaf in leaves] if transported else []
        )
        return close(directions), ScaleByRuleState(moments, points)

    return optax.GradientTransformationExtraArgs(init, update)


def _direction(rule: Rule, leaf: OpenLeaf, before: Array, slots: Slots, when: When) -> tuple[Array, Slots]:
    """Transports the slots of one leaf from its points `before` to the current ones, and applies the rule."""
    update, x = wide(leaf)
    if empty(x) and isinstance(leaf.space, Curved):
        return update, slots

    def point(r: Array, x: Array, before: Array, slots: Slots) -> tuple[Array, Slots]:
        here = {s.name: leaf.space.carry(slots[s.name], before, x) for s in rule.slots if s.tangent}
        direction, there = rule.direction(r, slots | here, x, leaf.space, when)
        return direction.vector(leaf.space), there

    return leaf.space.lift(point, x)(update, x, widen(before), slots)
