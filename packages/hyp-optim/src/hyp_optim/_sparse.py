"""A rule on the rows of a table that a batch has touched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from hyp_manifolds import Manifold, debug_check
from jax import lax
from jax.core import Tracer
from jaxtyping import Array, Float, Int

from hyp_optim import _checks
from hyp_optim._fused import initial_slots, one_step
from hyp_optim._lift import widen
from hyp_optim._rule import Rule, When
from hyp_optim._space import Curved
from hyp_optim._tree import LeafManifolds
from hyp_optim.spec import ManifoldSpec


class SparseTransformation(NamedTuple):
    """A pair of pure functions that moves the touched rows of a table.

    Attributes:
        init: `init(table) -> state`.
        update: `update(row_grads, ids, state, table, c=None) -> (table, state)`.
    """

    init: Callable[[Float[Array, "rows coords"]], Any]
    update: Callable[..., tuple[Float[Array, "rows coords"], Any]]


def sparse(
    owner: str,
    state_type: Callable[..., Any],
    rule: Rule,
    manifold: Manifold,
    learning_rate: optax.ScalarOrSchedule,
    *,
    c: Any,
    use_expmap: bool,
) -> SparseTransformation:
    """Returns the row form of a rule.

    Args:
        owner: its public name, for messages.
        state_type: a named tuple with the fields `count`, `manifolds`, one for every slot that the rule may have, and
            `touched` where slots decay.
        rule: the rule.
        manifold: the manifold of every row.
        learning_rate: a number, or a schedule.
        c: as for `ManifoldSpec`.
        use_expmap: move by the exponential map; if False by the manifold's retraction.
    """
    spec = ManifoldSpec(manifold, c)
    found = LeafManifolds(("",), (spec,))

    def init(table: Float[Array, "rows coords"]) -> Any:
        _checks.check_table(table, owner)
        slots = initial_slots(rule, found, table)
        # Hazard: JAX hands the buffers of donated arguments to results of the same shape in the order of both, and the
        # table is the last argument and the first result: it would trade places with a moment of its shape, at the
        # cost of copying both. Cure: tangents have a shape of their own.
        slots |= {slot.name: slots[slot.name][:, None] for slot in rule.slots if slot.tangent}
        touched = {"touched": jnp.zeros(len(table), jnp.int32)} if rule.decays else {}
        return state_type(count=jnp.zeros([], jnp.int32), manifolds=found, **touched, **slots)

    def update(
        row_grads: Float[Array, "*batch coords"],
        ids: Int[Array, "*batch"],
        state: Any,
        table: Float[Array, "rows coords"],
        c: Any = None,
    ) -> tuple[Float[Array, "rows coords"], Any]:
        _checks.check_table(table, owner)
        _checks.check_rows(row_grads, ids, table, owner)
        if c is not None and spec.c is not None:
            raise ValueError(
                f"{owner}: update was called with c=, but the curvature is fixed at {spec.c}. Build the rule "
                "with c=None."
            )
        space = Curved(manifold, spec.curvature(c, owner), use_expmap)
        lr = learning_rate(state.count) if callable(learning_rate) else learning_rate
        count = jnp.asarray(optax.safe_increment(state.count))
        if jnp.size(ids) == 0:
            return table, state._replace(count=count)

        rows, grads = _sum_duplicates(row_grads, _in_range(ids, len(table), owner), len(table))
        # The padding gathers the last row, a valid point, and is dropped by the scatter.
        gather = lambda column: column.at[rows].get(mode="clip", indices_are_sorted=True)  # noqa: E731
        x = widen(gather(table))
        slots = {slot.name: gather(getattr(state, slot.name)) for slot in rule.slots}
        slots |= {slot.name: slots[slot.name][:, 0] for slot in rule.slots if slot.tangent}
        elapsed = count - gather(state.touched) if rule.decays else jnp.ones_like(rows)

        def step(grad: Array, x: Array, slots: Any, elapsed: Array) -> Any:
            return one_step(rule, space, jnp.asarray(lr, x.dtype), 0.0, When(count, elapsed))(grad, x, slots)

        new, slots = jax.vmap(step)(grads.astype(x.dtype), x, slots, elapsed)
        scatter = lambda column, value: column.at[rows].set(  # noqa: E731
            value, mode="drop", indices_are_sorted=True
        )
        slots |= {slot.name: slots[slot.name][:, None] for slot in rule.slots if slot.tangent}
        moved = {name: scatter(getattr(state, name), value) for name, value in slots.items()}
        if rule.decays:
            # Added and not set: what does not depend on the old steps would be written before they are read.
            moved["touched"] = state.touched.at[rows].add(elapsed, mode="drop", indices_are_sorted=True)
        return scatter(table, _landed(new, table.dtype, space)), state._replace(count=count, **moved)

    return SparseTransformation(init, update)


def _landed(new: Array, dtype: Any, space: Curved) -> Array:
    """The rows as they are stored: rounded once, and projected where the rounding crosses a boundary."""
    rounded = new.astype(dtype)
    return rounded if rounded.dtype == new.dtype else jax.vmap(lambda p: space.manifold.proj(p, space.c))(rounded)


def _in_range(ids: Any, length: int, owner: str) -> Int[Array, "*batch"]:
    """Returns `ids` with those out of range replaced by `length`; raises where they are concrete."""
    if not isinstance(ids, Tracer):
        concrete = np.asarray(ids)
        outside = concrete[(concrete < 0) | (concrete >= length)]
        if outside.size:
            raise ValueError(
                f"{owner}: ids must lie in [0, {length}), the rows of the table, got {outside.flat[0]} "
                f"({outside.size} of {concrete.size} ids are outside)."
            )
    # The comparison with the length must not wrap around in a narrow dtype such as uint8.
    ids = jnp.asarray(ids)
    ids = ids.astype(jnp.promote_types(ids.dtype, jnp.int32))
    valid = (ids >= 0) & (ids < length)
    debug_check(jnp.all(valid), owner + ": ids out of range; their gradients are dropped")
    return jnp.where(valid, ids, length)


def _sum_duplicates(
    row_grads: Float[Array, "*batch coords"], ids: Int[Array, "*batch"], length: int
) -> tuple[Int[Array, "K"], Float[Array, "K coords"]]:
    """Returns the distinct ids in ascending order and the summed gradient of each.

    There are as many slots as ids, so that shapes are static: slots without an id hold `length`.
    """
    count = ids.size
    grads, flat = widen(row_grads).reshape(count, row_grads.shape[-1]), ids.reshape(-1)
    # Hazard: sorting pairs (id, position) takes four times as long as sorting numbers, and is most of a step. Cure: one
    # number that holds both.
    with jax.enable_x64(True):
        keys = lax.sort(lax.convert_element_type(flat, np.int64) * count + np.arange(count))
        sorted_ids = lax.convert_element_type(keys // count, flat.dtype)
        order = lax.convert_element_type(keys % count, np.int32)
    first = jnp.concatenate([jnp.ones(1, bool), sorted_ids[1:] != sorted_ids[:-1]])
    slots = jnp.cumsum(first.astype(jnp.int32)) - 1
    rows = jnp.full(count, length, flat.dtype).at[slots].set(sorted_ids, indices_are_sorted=True)
    return rows, jax.ops.segment_sum(grads[order], slots, num_segments=count, indices_are_sorted=True)
