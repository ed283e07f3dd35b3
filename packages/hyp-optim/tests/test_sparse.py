"""Row updates: exact on the touched rows, nothing anywhere else, at a cost that does not see the table."""

import functools
import time

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hyp_manifolds import Poincare, checkify
from hyp_optim import ManifoldSpec, riemannian_sgd, sparse_riemannian_sgd

LR = 0.05


@functools.cache
def jitted(manifold, c=1.0, use_expmap=True):
    """The dense and the sparse rule and their compiled updates, once for each setting."""
    dense = riemannian_sgd(LR, use_expmap=use_expmap, manifolds=ManifoldSpec(manifold, c))
    sparse = sparse_riemannian_sgd(manifold, LR, c=c, use_expmap=use_expmap)
    return dense, jax.jit(dense.update), sparse, jax.jit(sparse.update)


def dense_step(manifold, table, row_grads, ids, *settings):
    """The step of `riemannian_sgd` with the gradient of the whole table."""
    grads = jnp.zeros_like(table).at[ids].add(row_grads)
    tx, update, _, _ = jitted(manifold, *settings)
    updates, _ = update(grads, tx.init(table), table)
    return table + updates


@pytest.mark.parametrize(("c", "use_expmap"), [(0.4, True), (1.0, False)], ids=["expmap", "retraction"])
@pytest.mark.parametrize("ids", [[3, 5], [[7, 0], [3, 5], [3, 7]], 4, []], ids=["flat", "duplicates", "scalar", "none"])
def test_equals_the_dense_step_and_touches_nothing_else(manifold, draw, close, c, use_expmap, ids):
    table, _ = draw(manifold, (10,), c)
    ids = jnp.asarray(ids, jnp.int32)
    row_grads = jax.random.normal(jax.random.key(1), (*ids.shape, table.shape[-1]), table.dtype)
    _, _, tx, update = jitted(manifold, c, use_expmap)
    new, state = update(row_grads, ids, tx.init(table), table)
    touched = np.unique(np.asarray(ids))
    untouched = np.setdiff1d(np.arange(10), touched)
    np.testing.assert_array_equal(new[untouched], table[untouched])
    close(new[touched], dense_step(manifold, table, row_grads, ids, c, use_expmap)[touched])
    assert int(state.count) == 1
    assert new.dtype == table.dtype


def test_eager_is_jitted(curved, draw, close):
    table, row_grads = draw(curved, (5,))
    tx = sparse_riemannian_sgd(curved, LR)
    args = row_grads, jnp.array([1, 2, 1, 0, 4]), tx.init(table), table
    close(tx.update(*args)[0], jax.jit(tx.update)(*args)[0])


def test_descends_the_loss_of_the_rows(curved, draw, close):
    table, _ = draw(curved, (6,))
    ids = jnp.array([[0, 1], [0, 2], [0, 0]])

    def loss(rows):
        return jnp.sum(jax.vmap(lambda r: curved.dist(r[0], r[1], 1.0))(rows))

    tx = sparse_riemannian_sgd(curved, LR)
    new, _ = jax.jit(tx.update)(jax.grad(loss)(table[ids]), ids, tx.init(table), table)
    whole = jax.grad(lambda t: loss(t[ids]))(table)
    close(new[:3], dense_step(curved, table, whole, jnp.arange(6))[:3])
    assert float(loss(new[ids])) < float(loss(table[ids]))


def test_schedule_and_scan(draw, close):
    table, _ = draw(Poincare(), (6,))
    ids, row_grads = jnp.array([1, 4]), jnp.ones((2, 3), table.dtype)
    tx = sparse_riemannian_sgd(Poincare(), optax.piecewise_constant_schedule(0.1, {1: 0.5}))

    def body(carry, _):
        table, state = carry
        return tx.update(row_grads, ids, state, table), None

    (scanned, state), _ = jax.lax.scan(body, (table, tx.init(table)), length=2)
    by_hand = table
    for lr in (0.1, 0.05):
        rule = sparse_riemannian_sgd(Poincare(), lr)
        by_hand, _ = jax.jit(rule.update)(row_grads, ids, rule.init(table), by_hand)
    close(scanned, by_hand)
    assert int(state.count) == 2


def test_moving_curvature(curved, draw, close):
    table, _ = draw(curved, (4,), 0.5)
    ids, row_grads = jnp.array([1]), jnp.ones((1, table.shape[-1]), table.dtype)
    moving, fixed = (sparse_riemannian_sgd(curved, LR, c=c) for c in (None, 0.5))
    expected, _ = fixed.update(row_grads, ids, fixed.init(table), table)
    actual, _ = jax.jit(moving.update)(row_grads, ids, moving.init(table), table, 0.5)
    close(actual, expected)
    with pytest.raises(ValueError, match="c=None"):
        moving.update(row_grads, ids, moving.init(table), table)
    with pytest.raises(ValueError, match=r"fixed at 0.5.*c=None"):
        fixed.update(row_grads, ids, fixed.init(table), table, c=1.0)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int64], ids=lambda d: np.dtype(d).name)
def test_narrow_and_wide_ids(draw, close, dtype):
    table, _ = draw(Poincare(), (300,))
    ids = np.array([7, 100, 7], dtype)
    row_grads = jnp.ones((3, 3), table.dtype)
    tx = sparse_riemannian_sgd(Poincare(), LR)
    new, _ = jax.jit(tx.update)(row_grads, ids, tx.init(table), table)
    touched = jnp.array([7, 100])
    close(new[touched], dense_step(Poincare(), table, row_grads, jnp.array([7, 100, 7]))[touched])


@pytest.mark.parametrize("bad", [-1, 10, 2**31 - 1])
def test_ids_out_of_range(draw, bad):
    table, _ = draw(Poincare(), (10,))
    ids, row_grads = jnp.array([3, bad]), jnp.ones((2, 3), table.dtype)
    tx = sparse_riemannian_sgd(Poincare(), LR)
    state = tx.init(table)
    with pytest.raises(ValueError, match=rf"ids must lie in \[0, 10\).*got {bad} \(1 of 2"):
        tx.update(row_grads, ids, state, table)
    traced, _ = jax.jit(tx.update)(row_grads, ids, state, table)
    alone, _ = jax.jit(tx.update)(row_grads[:1], ids[:1], state, table)
    np.testing.assert_array_equal(traced, alone)
    error, _ = jax.jit(checkify(tx.update))(row_grads, ids, state, table)
    assert "ids out of range" in (error.get() or "")


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16], ids=["bf16", "f16"])
def test_low_precision_rows_are_rounded_once(draw, dtype):
    table = draw(Poincare(), (5,))[0].astype(dtype)
    ids, row_grads = jnp.array([2, 2]), jnp.ones((2, 3), dtype)
    tx = sparse_riemannian_sgd(Poincare(), LR)
    new, _ = jax.jit(tx.update)(row_grads, ids, tx.init(table), table)
    wide, _ = jax.jit(tx.update)(row_grads.astype(jnp.float32), ids, tx.init(table), table.astype(jnp.float32))
    np.testing.assert_array_equal(new, wide.astype(dtype))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"table": jnp.ones(3)}, ValueError, r"table must have shape \(rows, coordinates\), got float\d+\[3\]"),
        ({"table": jnp.ones((4, 3), jnp.int32)}, TypeError, "table must be a floating array"),
        ({"ids": jnp.ones(2)}, TypeError, "ids must be an integer array"),
        ({"row_grads": jnp.ones((2, 3), jnp.int32)}, TypeError, "row_grads must be a floating array"),
        (
            {"row_grads": jnp.ones((3, 2))},
            ValueError,
            r"row_grads must hold the gradient of table\[ids\], of shape \(2, 3\)",
        ),
    ],
)
def test_wrong_arguments(change, error, message):
    tx = sparse_riemannian_sgd(Poincare(), LR)
    good = {"row_grads": jnp.ones((2, 3)), "ids": jnp.array([0, 1]), "table": jnp.zeros((4, 3))}
    state = tx.init(good["table"])
    with pytest.raises(error, match=message):
        tx.update(**(good | change), state=state)


def test_donated_table_costs_the_batch_not_the_length():
    """Seconds of a donated step on 10k and on 400k rows; a copy of the table would make it tens of times slower."""
    tx = sparse_riemannian_sgd(Poincare(), LR)
    step = jax.jit(tx.update, donate_argnums=3)
    ids = jax.random.randint(jax.random.key(0), (64, 4), 0, 10_000)
    row_grads = jnp.ones((64, 4, 16))
    tables = {n: jnp.full((n, 16), 1e-3) for n in (10_000, 400_000)}
    best = dict.fromkeys(tables, np.inf)
    for _ in range(30):
        for n, table in tables.items():
            state = tx.init(table)
            start = time.perf_counter()
            new, _ = jax.block_until_ready(step(row_grads, ids, state, table))
            best[n] = min(best[n], time.perf_counter() - start)
            assert table.is_deleted()
            tables[n] = new
    assert best[400_000] < 4 * best[10_000], best
