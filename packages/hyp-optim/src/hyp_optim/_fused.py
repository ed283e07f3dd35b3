"""A rule as one optax transformation: gradient, direction, step and transport of the moments in one pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array

from hyp_optim._lift import widen
from hyp_optim._rule import Rule, Slots, When, is_zero
from hyp_optim._space import Curved, Flat, Space, empty, factors_shape
from hyp_optim._tree import LeafManifolds, ManifoldTree, Unset, find_manifolds, open_leaves


def fused(
    owner: str,
    state_type: Callable[..., Any],
    rule: Rule,
    learning_rate: optax.ScalarOrSchedule,
    *,
    weight_decay: Any = 0.0,
    use_expmap: bool = True,
    manifolds: ManifoldTree | Unset,
) -> optax.GradientTransformationExtraArgs:
    """Returns the transformation of a rule.

    Args:
        owner: its public name, for messages.
        state_type: a named tuple with the fields `count`, `manifolds` and one for every slot that the rule may have.
        rule: the rule.
        learning_rate: a number, or a schedule; the first step reads `schedule(0)`.
        weight_decay: strength of the decoupled decay towards the origin.
        use_expmap: move by the exponential map; if False by the manifold's retraction.
        manifolds: as for every rule.
    """

    def init(params: Any) -> Any:
        found = find_manifolds(params, manifolds, owner)
        return state_type(count=jnp.zeros([], jnp.int32), manifolds=found, **initial_slots(rule, found, params))

    def update(updates: Any, state: Any, params: Any = None, *, c: Any = None, **extra_args: Any) -> tuple[Any, Any]:
        del extra_args
        leaves, close = open_leaves(state.manifolds, updates, params, c, owner, use_expmap)
        columns = slot_columns(rule, state)
        lr = learning_rate(state.count) if callable(learning_rate) else learning_rate
        count = jnp.asarray(optax.safe_increment(state.count))

        deltas, moved = [], []
        for i, leaf in enumerate(leaves):
            slots = {name: column[i] for name, column in columns.items()}
            x = widen(leaf.x)
            point_step = one_step(rule, leaf.space, jnp.asarray(lr, x.dtype), weight_decay, When(count))
            new, slots = leaf_step(point_step, leaf.space, jnp.asarray(leaf.update).astype(x.dtype), x, slots)
            deltas.append(new if isinstance(leaf.space, Flat) else leaf.space.delta(new, x, leaf.x.dtype))
            moved.append(slots)
        return close(deltas), state._replace(count=count, **slot_trees(rule, state, moved))

    return optax.GradientTransformationExtraArgs(init, update)


def one_step(
    rule: Rule, space: Space, learning_rate: Any, weight_decay: Any, when: When
) -> Callable[[Array, Array, Slots], tuple[Array, Slots]]:
    """Returns the step of one point, (gradient, point, slots) -> (new point, slots there).

    For Euclidean leaves the first result is the additive update, as optax computes it.
    """

    def step(grad: Array, x: Array, slots: Slots) -> tuple[Array, Slots]:
        direction, slots = rule.direction(space.gradient(grad, x), slots, x, space, when)
        if isinstance(space, Curved) and space.use_expmap and rule.along and is_zero(weight_decay):
            new, velocity = space.flow(-learning_rate * direction.scale(), direction.tangent, x)
            return new, slots | {rule.along: velocity}
        d = direction.vector(space)
        if not is_zero(weight_decay):
            d = d + jnp.asarray(weight_decay, x.dtype) * space.outward(x)
        tangent = -learning_rate * d
        if isinstance(space, Flat):
            return tangent, slots
        new = space.move(tangent, x)
        carried = {s.name: space.carry(slots[s.name], x, new) for s in rule.slots if s.tangent}
        return new, slots | carried

    return step


def leaf_step(
    point_step: Callable[..., tuple[Array, Slots]], space: Space, grad: Array, x: Array, slots: Slots
) -> tuple[Array, Slots]:
    """Applies the step of one point to a leaf of any leading axes."""
    if empty(x) and not isinstance(space, Flat):
        return x, slots
    return space.lift(point_step, x)(grad, x, slots)


def initial_slots(rule: Rule, found: LeafManifolds, params: Any) -> dict[str, Any]:
    """Returns, for every slot, a tree like `params`: tangents like the points, one number per factor and point else."""
    points, treedef = jax.tree.flatten(params)
    trees = {}
    for slot in rule.slots:
        shapes = [
            jnp.shape(x) if slot.tangent else factors_shape(spec, jnp.shape(x))
            for spec, x in zip(found.specs, points, strict=True)
        ]
        filled = [jnp.full(s, slot.initial, widen(x).dtype) for s, x in zip(shapes, points, strict=True)]
        trees[slot.name] = jax.tree.unflatten(treedef, filled)
    return trees


def slot_columns(rule: Rule, state: Any) -> dict[str, list[Array]]:
    """Returns the leaves of every slot's tree."""
    return {slot.name: jax.tree.leaves(getattr(state, slot.name)) for slot in rule.slots}


def slot_trees(rule: Rule, state: Any, moved: list[Slots]) -> dict[str, Any]:
    """Returns the trees of the slots of all leaves, in the structure that the state has them in."""
    return {
        slot.name: jax.tree.unflatten(
            jax.tree.structure(getattr(state, slot.name)), [slots[slot.name] for slots in moved]
        )
        for slot in rule.slots
    }
