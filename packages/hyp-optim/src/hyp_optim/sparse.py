"""Riemannian SGD, Adam and Adagrad on the rows of a table that a batch has touched."""

from __future__ import annotations

from typing import Any, NamedTuple

import optax
from hyp_manifolds import Manifold
from jaxtyping import Array, Float, Int

from hyp_optim._rule import adagrad_rule, adam_rule, sgd_rule
from hyp_optim._sparse import SparseTransformation, sparse
from hyp_optim._tree import LeafManifolds


class SparseRSGDState(NamedTuple):
    """State of `sparse_riemannian_sgd`.

    Attributes:
        count: number of steps taken; what a schedule is evaluated at.
        manifolds: the manifold of the rows. Static: a pytree node without leaves.
        momentum: tangent vectors at the rows, shape (rows, 1, coords); None without momentum.
        touched: the step that has last touched each row, 0 for none; None without momentum.
    """

    count: Int[Array, ""]  # pyright: ignore[reportIncompatibleMethodOverride]
    manifolds: LeafManifolds
    momentum: Any = None
    touched: Any = None


class SparseRAdamState(NamedTuple):
    """State of `sparse_riemannian_adam`.

    Attributes:
        count: number of steps taken; what a schedule is evaluated at.
        manifolds: the manifold of the rows. Static: a pytree node without leaves.
        m1: mean gradients when a row was last touched, tangent vectors, shape (rows, 1, coords).
        m2: mean squared norms when a row was last touched, shape (rows,), on a product (rows, factors).
        touched: the step that has last touched each row, 0 for none.
        m2_max: the largest unbiased m2 of the steps that touched the row, with `amsgrad`, else None.
    """

    count: Int[Array, ""]  # pyright: ignore[reportIncompatibleMethodOverride]
    manifolds: LeafManifolds
    m1: Any
    m2: Any
    touched: Any
    m2_max: Any = None


class SparseRAdagradState(NamedTuple):
    """State of `sparse_riemannian_adagrad`.

    Attributes:
        count: number of steps taken; what a schedule is evaluated at.
        manifolds: the manifold of the rows. Static: a pytree node without leaves.
        sum_of_squares: sums of the squared norms of each row's gradients, shape (rows,), on a product (rows, factors).
    """

    count: Int[Array, ""]  # pyright: ignore[reportIncompatibleMethodOverride]
    manifolds: LeafManifolds
    sum_of_squares: Any


def sparse_riemannian_sgd(
    manifold: Manifold,
    learning_rate: optax.ScalarOrSchedule,
    momentum: float | Float[Array, ""] = 0.0,
    *,
    nesterov: bool = False,
    dampening: float | Float[Array, ""] = 0.0,
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
        momentum: decay of the momentum, 0 for none. A row that was not touched stands still, and its momentum decays as
            if its gradients had been 0. Donate the state too.
        nesterov: look ahead along the momentum.
        dampening: share of each gradient that does not enter the momentum.
        c: the curvature magnitude of the stored points, a Python number. `None`: it moves and is passed at each step,
            `update(row_grads, ids, state, table, c=c)`.
        use_expmap: move by the exponential map; if False by the manifold's retraction.

    Returns:
        The pair `init(table) -> state` and `update(row_grads, ids, state, table) -> (table, state)`. `ids` is an
        integer array of any shape, `row_grads` has that shape and the coordinates of a row behind it. Ids run from 0
        to rows - 1: others raise where `ids` is concrete; inside `jit` their gradients are dropped, which
        `hyp_manifolds.checkify` reports.

    Raises:
        TypeError, ValueError: for wrong dtypes and shapes, ids out of range, or `c` missing or passed where it is
            fixed.

    Source: Nickel and Kiela 2017, "Poincare Embeddings", NeurIPS, section 3 (optimization).

    Example:
        >>> import jax.numpy as jnp
        >>> from hyp_manifolds import Poincare
        >>> from hyp_optim import sparse_riemannian_sgd
        >>> rule, table = sparse_riemannian_sgd(Poincare(), 0.1), jnp.zeros((100, 2))
        >>> table, state = rule.update(jnp.ones((2, 2)), jnp.array([3, 14]), rule.init(table), table)
        >>> print(jnp.flatnonzero(table.any(axis=1)))
        [ 3 14]
    """
    return sparse(
        "sparse_riemannian_sgd", SparseRSGDState, sgd_rule(momentum, dampening, nesterov), manifold, learning_rate,
        c=c, use_expmap=use_expmap,
    )  # fmt: skip


def sparse_riemannian_adam(
    manifold: Manifold,
    learning_rate: optax.ScalarOrSchedule,
    beta1: float | Float[Array, ""] = 0.9,
    beta2: float | Float[Array, ""] = 0.999,
    eps: float | Float[Array, ""] = 1e-8,
    *,
    amsgrad: bool = False,
    c: float | None = 1.0,
    use_expmap: bool = True,
) -> SparseTransformation:
    """Riemannian Adam for an embedding table, at a cost that depends on the batch and not on the table's length.

    The touched rows take the step of `riemannian_adam` with the sum of the gradients of their occurrences. A row that
    was not touched **stands still and its moments decay as if its gradients had been 0**: the decay is caught up with
    when the row is next touched, m1 <- beta1^n m1 and m2 <- beta2^n m2 after n steps, so its moments and their bias
    corrections are those of the dense rule with zero gradients. The dense rule would meanwhile also move the row along
    m1. Where every row is touched in every step, both rules are equal. Donate the state and the table:

        table, state = jax.jit(tx.update, donate_argnums=(2, 3))(row_grads, ids, state, table)

    Args:
        manifold: the manifold of every row.
        learning_rate: a number, or a schedule; the first step reads `schedule(0)`.
        beta1: decay of the mean gradient.
        beta2: decay of the mean squared norm.
        eps: added to the root, in the unit of a gradient's norm.
        amsgrad: divide by the largest unbiased second moment of the steps that touched the row.
        c: as for `sparse_riemannian_sgd`.
        use_expmap: move by the exponential map; if False by the manifold's retraction.

    Returns:
        As `sparse_riemannian_sgd`.

    Raises:
        TypeError, ValueError: as `sparse_riemannian_sgd`.

    Source: Becigneul and Ganea 2019, "Riemannian Adaptive Optimization Methods", ICLR, Figure 1.
    """
    return sparse(
        "sparse_riemannian_adam", SparseRAdamState, adam_rule(beta1, beta2, eps, amsgrad), manifold, learning_rate,
        c=c, use_expmap=use_expmap,
    )  # fmt: skip


def sparse_riemannian_adagrad(
    manifold: Manifold,
    learning_rate: optax.ScalarOrSchedule,
    initial_accumulator_value: float | Float[Array, ""] = 0.1,
    eps: float | Float[Array, ""] = 1e-7,
    *,
    c: float | None = 1.0,
    use_expmap: bool = True,
) -> SparseTransformation:
    """Riemannian Adagrad for an embedding table: exactly `riemannian_adagrad`, at the cost of the touched rows.

    A row without a gradient neither moves nor changes its sum, in the dense rule as here.

    Args:
        manifold: the manifold of every row.
        learning_rate: a number, or a schedule; the first step reads `schedule(0)`.
        initial_accumulator_value: the sum of every row before the first step, at least 0.
        eps: added to the sum, in the unit of a squared norm.
        c: as for `sparse_riemannian_sgd`.
        use_expmap: move by the exponential map; if False by the manifold's retraction.

    Returns:
        As `sparse_riemannian_sgd`. Donate the state and the table.

    Raises:
        TypeError, ValueError: as `sparse_riemannian_sgd`.

    Source: Becigneul and Ganea 2019, "Riemannian Adaptive Optimization Methods", ICLR, Section 4.
    """
    return sparse(
        "sparse_riemannian_adagrad", SparseRAdagradState, adagrad_rule(initial_accumulator_value, eps), manifold,
        learning_rate, c=c, use_expmap=use_expmap,
    )  # fmt: skip
