"""Riemannian SGD on the rows of a table that a batch has touched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from hyp_manifolds import Manifold
from jax.core import Tracer
from jax.experimental import checkify
from jaxtyping import Array, Float, Int

from hyp_optim import _checks
from hyp_optim._lift import lift, widen
from hyp_optim.sgd import point_rule
from hyp_optim.spec import ManifoldSpec

_OWNER = "sparse_riemannian_sgd"


class SparseRSGDState(NamedTuple):
    """State of `sparse_riemannian_sgd`.

    Attributes:
        count: number of steps taken; what a schedule is evaluated at.
    """

    count: Int[Array, ""]  # pyright: ignore[reportIncompatibleMethodOverride]


class SparseTransformation(NamedTuple):
    """A pair of pure functions that moves the touched rows of a table.

    Attributes:
        init: `init(table) -> state`.
        update: `update(row_grads, ids, state, table, c=None) -> (table, state)`.
    """

    init: Callable[[Float[Array, "rows coords"]], SparseRSGDState]
    update: Callable[..., tuple[Float[Array, "rows coords"], SparseRSGDState]]


def sparse_riemannian_sgd(
    manifold: Manifold,
    learning_rate: optax.ScalarOrSchedule,
    *,
    c: float | None = 1.0,
    use_expmap: bool = True,
) -> SparseTransformation:
    """Riemannian SGD for an embedding table, at a cost that depends on the batch and not on the table's length.

    For each row x of the table that `ids` names: x' = expmap(-lr * egrad2rgrad(g, x, c), x, c), where g is the sum
    of the gradients of all its occurrences. All other rows keep their bits. Differentiate the loss with respect to
    the rows, not the table, and donate the table, or JAX copies it at every step:

        rows = table[ids]
        row_grads = jax.grad(loss)(rows)
        table, state = jax.jit(tx.update, donate_argnums=3)(row_grads, ids, state, table)

    This is not an optax transformation: additive updates of a whole table would cost its length. A row is
    written as the new point itself, rounded once, whatever its dtype.

    Args:
        manifold: the manifold of every row.
        learning_rate: a number, or a schedule; the first step reads `schedule(0)`.
        c: the curvature magnitude of the stored points, a Python number. `None`: it moves and is passed at each step,
            `update(row_grads, ids, state, table, c=c)`.
        use_expmap: move by the exponential map; if False by the manifold's retraction.

    Returns:
        The pair `init(table) -> state` and `update(row_grads, ids, state, table) -> (table, state)`. `ids` is an
        integer array of any shape, `row_grads` has that shape and the coordinates of a row behind it. Ids run from 0
        to rows - 1: others raise where `ids` is concrete; inside `jit` their gradients are dropped, which
        `jax.experimental.checkify.debug_check` reports.

    Raises:
        TypeError, ValueError: for wrong dtypes and shapes, ids out of range, or `c` missing or passed where it is
            fixed.

    Source: Nickel and Kiela 2017, "Poincare Embeddings", NeurIPS, section 3 (optimization).
    """
    spec = ManifoldSpec(manifold, c)

    def init(table: Float[Array, "rows coords"]) -> SparseRSGDState:
        _checks.check_table(table, _OWNER)
        return SparseRSGDState(jnp.zeros([], jnp.int32))

    def update(
        row_grads: Float[Array, "*batch coords"],
        ids: Int[Array, "*batch"],
        state: SparseRSGDState,
        table: Float[Array, "rows coords"],
        c: Any = None,
    ) -> tuple[Float[Array, "rows coords"], SparseRSGDState]:
        _checks.check_table(table, _OWNER)
        _checks.check_rows(row_grads, ids, table, _OWNER)
        if c is not None and spec.c is not None:
            raise ValueError(
                f"{_OWNER}: update was called with c=, but the curvature is fixed at {spec.c}. Build the rule "
                "with c=None."
            )
        curvature = spec.curvature(c, _OWNER)
        lr = learning_rate(state.count) if callable(learning_rate) else learning_rate
        moved = SparseRSGDState(jnp.asarray(optax.safe_increment(state.count)))
        if jnp.size(ids) == 0:
            return table, moved

        rows, grads = _sum_duplicates(row_grads, _in_range(ids, len(table)), len(table))
        # The padding gathers the last row, a valid point, and is dropped by the scatter.
        x = widen(table.at[rows].get(mode="clip"))
        rule = point_rule(manifold, curvature, jnp.asarray(lr, x.dtype), None, use_expmap)
        new, _ = lift(rule, x)(grads.astype(x.dtype), x, None)
        table = table.at[rows].set(new.astype(table.dtype), mode="drop", indices_are_sorted=True)
        return table, moved

    return SparseTransformation(init, update)


def _in_range(ids: Any, length: int) -> Int[Array, "*batch"]:
    """Returns `ids` with those out of range replaced by `length`; raises where they are concrete."""
    if not isinstance(ids, Tracer):
        concrete = np.asarray(ids)
        outside = concrete[(concrete < 0) | (concrete >= length)]
        if outside.size:
            raise ValueError(
                f"{_OWNER}: ids must lie in [0, {length}), the rows of the table, got {outside.flat[0]} "
                f"({outside.size} of {concrete.size} ids are outside)."
            )
    # The comparison with the length must not wrap around in a narrow dtype such as uint8.
    ids = jnp.asarray(ids)
    ids = ids.astype(jnp.promote_types(ids.dtype, jnp.int32))
    valid = (ids >= 0) & (ids < length)
    checkify.debug_check(jnp.all(valid), _OWNER + ": ids out of range; their gradients are dropped")
    return jnp.where(valid, ids, length)


def _sum_duplicates(
    row_grads: Float[Array, "*batch coords"], ids: Int[Array, "*batch"], length: int
) -> tuple[Int[Array, "K"], Float[Array, "K coords"]]:
    """Returns the distinct ids in ascending order and the summed gradient of each.

    There are as many slots as ids, so that shapes are static: slots without an id hold `length`.
    """
    grads = widen(row_grads).reshape(ids.size, row_grads.shape[-1])
    rows, slots = jnp.unique(ids, return_inverse=True, size=ids.size, fill_value=length)
    return rows, jax.ops.segment_sum(grads, slots.reshape(-1), num_segments=ids.size)
