"""Row forms of all rules: equal to the dense rule where every row is touched, lazily decayed where not."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hyp_manifolds import Hyperboloid, Poincare, Product
from hyp_optim import RULES, ManifoldSpec, riemannian_adam, sparse_riemannian_adam, sparse_riemannian_sgd

pytestmark = pytest.mark.one_precision  # test_laws.py judges the steps in both

LR, ROWS = 0.1, 6
BALL = Poincare()
SPACES = {"ball": BALL, "product": Product.from_signature("P2 E1")}
MIXED = ("adam", "nesterov")  # a number for each factor, and a tangent of all


@functools.cache
def table_of(manifold, seed=0):
    dim = manifold.dim if isinstance(manifold, Product) else 3
    keys = jax.random.split(jax.random.key(seed), ROWS)
    return jax.vmap(lambda k: manifold.random_point(k, dim, 1.0, std=0.5))(keys)


@functools.cache
def programs(rule, manifold):
    dense, sparse = RULES[rule].fused(LR, manifolds=ManifoldSpec(manifold)), RULES[rule].sparse(manifold, LR)
    return dense, jax.jit(dense.update), sparse, jax.jit(sparse.update)


def close(a, b):
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("rule", "space"), [*((rule, "ball") for rule in RULES), *((r, "product") for r in MIXED)])
def test_every_row_touched_is_the_dense_rule(rule, space):
    """In any order, and with the gradient of each row split over three occurrences."""
    manifold = SPACES[space]
    dense, update, sparse, row_update = programs(rule, manifold)
    x = table = table_of(manifold)
    state, rows = dense.init(x), sparse.init(table)
    order = jnp.array([3, 0, 5, 1, 4, 2])
    ids, shares = jnp.concatenate([order, order, order]), jnp.repeat(jnp.array([0.5, 1.0, -0.5]), ROWS)
    for i in range(4):
        g = jax.random.normal(jax.random.key(i), x.shape)
        updates, state = update(g, state, x)
        x = x + updates
        table, rows = row_update(shares[:, None] * g[ids], ids, rows, table)
        close(table, x)
    assert int(rows.count) == int(state.count) == 4


@pytest.mark.parametrize("rule", ["momentum", "nesterov", "adam", "amsgrad", "adagrad"])
def test_moments_of_a_row_that_rests_decay_as_with_zero_gradients(rule):
    """Row 2 rests for two steps: its next step is that of the dense rule from the same point, had it not moved."""
    dense, update, sparse, row_update = programs(rule, BALL)
    table = table_of(BALL)
    rows, state = sparse.init(table), dense.init(table)
    g = jax.random.normal(jax.random.key(3), (5, *table.shape))
    here = table
    for i in range(4):
        ids = jnp.array([0, 1, 2]) if i in (0, 3) else jnp.array([0, 1, 4])
        before = table
        table, rows = row_update(g[i][ids], ids, rows, table)
        if i in (1, 2):
            np.testing.assert_array_equal(table[2], before[2])
        dense_g = jnp.where(jnp.isin(jnp.arange(ROWS), ids)[:, None], g[i], 0)
        # The dense rule with zero gradients, but the row put back where it was: its moments are at that point.
        updates, moved = update(dense_g, state, here)
        rests = 2 not in np.asarray(ids)
        point = here.at[2].add(0 if rests else updates[2])
        if rests:
            moved = _with_tangent_back(moved, here + updates, here)
        here, state = point, moved
    close(table[2], here[2])


def _with_tangent_back(state, moved, here):
    back = lambda v: v.at[2].set(BALL.ptransp(v[2], moved[2], here[2], 1.0))  # noqa: E731
    changed = {k: back(getattr(state, k)) for k in ("momentum", "m1") if getattr(state, k, None) is not None}
    return state._replace(**changed)


def test_a_broken_gradient_breaks_no_other_row():
    for rule in ("momentum", "adam", "adagrad"):
        _, _, sparse, row_update = programs(rule, BALL)
        table, ids, g = table_of(BALL), jnp.array([1, 3, 3]), jnp.ones((3, 3))
        clean, _ = row_update(g, ids, sparse.init(table), table)
        broken, state = row_update(g.at[0, 0].set(jnp.nan), ids, sparse.init(table), table)
        others = np.array([0, 2, 3, 4, 5])
        np.testing.assert_array_equal(broken[others], clean[others])
        assert all(np.all(np.isfinite(leaf[others])) for leaf in jax.tree.leaves(state) if np.ndim(leaf))


def test_schedules_momentum_and_low_precision():
    table = table_of(BALL).astype(jnp.bfloat16)
    tx = sparse_riemannian_adam(BALL, optax.linear_schedule(0.1, 0.0, 1))
    ids, g = jnp.array([1]), jnp.ones((1, 3), jnp.bfloat16)
    first, state = jax.jit(tx.update)(g, ids, tx.init(table), table)
    second, state = jax.jit(tx.update)(g, ids, state, first)
    assert first.dtype == jnp.bfloat16 and state.m1.dtype == jnp.float32
    assert np.any(first != table)
    np.testing.assert_array_equal(first, second)  # the second rate is 0
    plain, moving = sparse_riemannian_sgd(BALL, LR), sparse_riemannian_sgd(BALL, LR, 0.9)
    assert plain.init(table).momentum is None and plain.init(table).touched is None
    assert moving.init(table).momentum.shape == (ROWS, 1, 3)


@pytest.mark.parametrize("make", [sparse_riemannian_adam, functools.partial(sparse_riemannian_sgd, momentum=0.9)])
def test_a_donated_step_copies_no_table(make):
    """What XLA says: memory of the order of the batch, and every column is the result's."""
    tx, n = make(Hyperboloid(), LR), 100_000
    table = jnp.zeros((n, 8))
    ids, g = jnp.arange(64), jnp.ones((64, 8))
    step = jax.jit(tx.update, donate_argnums=(2, 3))
    memory = step.lower(g, ids, jax.eval_shape(tx.init, table), table).compile().memory_analysis()
    assert memory.temp_size_in_bytes < 0.05 * table.nbytes
    assert memory.alias_size_in_bytes >= 2 * table.nbytes


def test_a_tree_in_two_dimensions():
    """A binary tree of depth 3 in the hyperbolic plane: distances within 10 % on average after 600 steps."""
    parent = [0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6]
    n = len(parent)
    hops = np.zeros((n, n))
    ancestors = [[i] for i in range(n)]
    for i in range(1, n):
        ancestors[i] += ancestors[parent[i]]
    for i in range(n):
        for j in range(n):
            shared = set(ancestors[i]) & set(ancestors[j])
            hops[i, j] = sum(a not in shared for a in ancestors[i] + ancestors[j])
    pairs = jnp.array([(i, j) for i in range(n) for j in range(i)])
    wanted = jnp.asarray(hops)[pairs[:, 0], pairs[:, 1]]

    def loss(x):
        got = jax.vmap(lambda p: BALL.dist(x[p[0]], x[p[1]], 1.0))(pairs)
        return jnp.mean(((got - wanted) / wanted) ** 2)

    # A planar layout to start from, so that no branches have to cross: leaves around a circle, parents between them.
    angle = np.zeros(n)
    angle[7:] = 2 * np.pi * np.arange(8) / 8
    for i in range(6, 0, -1):
        angle[i] = np.mean([angle[j] for j in range(n) if parent[j] == i and j])
    depth = np.array([len(a) - 1 for a in ancestors])
    x = jnp.asarray(0.1 * depth[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1), jnp.zeros(()).dtype)
    tx = riemannian_adam(optax.exponential_decay(0.1, 200, 0.4), manifolds=BALL)

    def body(carry, _):
        x, state = carry
        updates, state = tx.update(jax.grad(loss)(x), state, x)
        return (x + updates, state), None

    (x, _), _ = jax.jit(lambda x: jax.lax.scan(body, (x, tx.init(x)), length=600))(x)
    got = jax.vmap(lambda p: BALL.dist(x[p[0]], x[p[1]], 1.0))(pairs)
    assert float(jnp.mean(jnp.abs(got - wanted) / wanted)) < 0.1
