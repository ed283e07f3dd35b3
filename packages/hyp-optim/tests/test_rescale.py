"""A curvature that moves: points and moments go with it, nothing is compiled again, nothing leaves its manifold."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hyp_manifolds import HalfSpace, Hyperboloid, Poincare, Product, Sphere, Stereographic
from hyp_optim import (
    ManifoldSpec,
    add_decay_to_origin,
    project_periodically,
    rescale,
    retract,
    riemannian_adam,
    riemannian_ema,
    riemannian_gradient,
    riemannian_sgd,
    scale_by_riemannian_momentum,
    sparse_riemannian_adam,
)

pytestmark = pytest.mark.one_precision  # test_laws.py judges the steps in both

OLD, NEW = 0.5, 2.0
EPS = float(jnp.finfo(jnp.zeros(())).eps)


def points(m, c, dim=3, rows=4, seed=0):
    keys = jax.random.split(jax.random.key(seed), rows)
    return jax.vmap(lambda k: m.random_point(k, dim, c, std=0.3))(keys)


def trained(tx, x, c, steps=2):
    state = tx.init(x)
    for i in range(steps):
        updates, state = tx.update(jnp.cos(x + i), state, x, c=c)
        x = optax.apply_updates(x, updates)
    return x, state


@pytest.mark.parametrize("m", [Poincare(), Hyperboloid(), HalfSpace(), Sphere()], ids=lambda m: type(m).__name__)
def test_is_an_isometry_of_the_unit_metric(m):
    tx = riemannian_adam(0.01, manifolds=ManifoldSpec(m, None))
    x, state = jax.jit(lambda x: trained(tx, x, OLD))(points(m, OLD))
    y, moved = rescale(x, state, OLD, NEW)
    s = np.sqrt(OLD / NEW)
    dist, norm = jax.vmap(m.dist, (0, 0, None)), jax.vmap(m.tangent_norm, (0, 0, None))
    np.testing.assert_allclose(dist(y[:2], y[2:], NEW), s * dist(x[:2], x[2:], OLD), rtol=1e-5)
    np.testing.assert_allclose(norm(moved.m1, y, NEW), s * norm(state.m1, x, OLD), rtol=1e-5)
    np.testing.assert_allclose(moved.m2, s**2 * state.m2, rtol=1e-6)
    assert np.all(jax.vmap(lambda p: m.is_in_manifold(p, NEW))(y))
    angle = lambda v, p, q, c: m.tangent_inner(v, m.logmap(q, p, c), p, c) / m.dist(p, q, c)  # noqa: E731
    np.testing.assert_allclose(
        jax.vmap(angle, (0, 0, 0, None))(moved.m1, y, y[::-1], NEW),
        s * jax.vmap(angle, (0, 0, 0, None))(state.m1, x, x[::-1], OLD),
        rtol=1e-4,
        atol=1e-6,
    )
    back, state_back = rescale(y, moved, NEW, OLD)
    np.testing.assert_allclose(back, x, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(state_back.m1, state.m1, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("new", [2.0, -1.0, 0.0])
def test_signed_curvature_keeps_the_logarithm_at_the_origin(new):
    m = Stereographic()
    tx = riemannian_sgd(0.01, momentum=0.9, manifolds=ManifoldSpec(m, None))
    x, state = trained(tx, points(m, OLD), OLD)
    y, moved = rescale(x, state, OLD, new)
    log = jax.vmap(m.logmap_0, (0, None))
    np.testing.assert_allclose(log(y, new), log(x, OLD), rtol=1e-5, atol=1e-6)
    norm = jax.vmap(m.tangent_norm, (0, 0, None))
    np.testing.assert_allclose(norm(moved.momentum, y, new), norm(state.momentum, x, OLD), rtol=1e-5)


def test_every_kind_of_state_moves():
    m = Product.from_signature("P2 H2 E1")
    spec, dim = ManifoldSpec(m, None), m.dim
    old, new = jnp.array([0.5, 2.0, 0.0]), jnp.array([2.0, 0.5, 0.0])
    chain = optax.chain(
        riemannian_gradient(manifolds=spec), scale_by_riemannian_momentum(0.9, manifolds=spec),
        optax.scale_by_learning_rate(0.01), retract(manifolds=spec),
    )  # fmt: skip
    x, state = trained(chain, points(m, old, dim), old)
    ema = riemannian_ema(0.5, manifolds=spec)
    y, (moved, average) = rescale(x, (state, ema.init(x)), old, new)
    half, twice = 0.5, 2.0
    np.testing.assert_allclose(y[:, :2], half * x[:, :2], rtol=1e-6)
    np.testing.assert_allclose(y[:, 3:5], twice * x[:, 3:5], rtol=1e-6)
    np.testing.assert_allclose(y[:, 5:], x[:, 5:], rtol=1e-6)
    np.testing.assert_allclose(average.average, y, rtol=1e-6)
    np.testing.assert_allclose(moved[1].moments.momentum[:, :2], half * state[1].moments.momentum[:, :2], rtol=1e-6)
    np.testing.assert_allclose(moved[1].points[:, :2], half * state[1].points[:, :2], rtol=1e-6)

    ball = Poincare()
    sparse = sparse_riemannian_adam(ball, 0.01, c=None)
    table = points(ball, OLD)
    table, rows = sparse.update(jnp.ones((2, 3)), jnp.array([0, 2]), sparse.init(table), table, OLD)
    smaller, rows_moved = rescale(table, rows, OLD, NEW)
    np.testing.assert_allclose(smaller, half * table, rtol=1e-6)
    np.testing.assert_allclose(rows_moved.m1, half * rows.m1, rtol=1e-6)
    np.testing.assert_allclose(rows_moved.m2, half**2 * rows.m2, rtol=1e-6)


def test_an_empty_table_passes_through_every_link_and_moves_nowhere():
    spec, empty = ManifoldSpec(Poincare(), None), jnp.zeros((0, 3))
    chain = optax.chain(
        riemannian_gradient(manifolds=spec), scale_by_riemannian_momentum(0.9, manifolds=spec),
        add_decay_to_origin(0.1, manifolds=spec), optax.scale_by_learning_rate(0.01), retract(manifolds=spec),
        project_periodically(1, manifolds=spec),
    )  # fmt: skip
    ema = riemannian_ema(0.5, manifolds=spec)
    x, state = trained(chain, empty, OLD)
    average, _ = ema.update(x, ema.init(x), c=OLD)
    assert x.shape == average.shape == (0, 3)
    y, moved = rescale(x, state, OLD, NEW)
    assert y.shape == (0, 3)
    assert jax.tree.map(jnp.shape, moved) == jax.tree.map(jnp.shape, state)


def test_what_a_low_precision_stores_is_inside_at_the_new_curvature():
    m = Poincare()
    near = jnp.array([[0.999, 0.0], [0.7, 0.7]], jnp.bfloat16)
    far, none = rescale(near, None, 1.0, 4.1, manifolds=ManifoldSpec(m, None))
    assert (far.dtype, none) == (jnp.bfloat16, None)
    assert np.all(4.1 * np.sum(np.asarray(far, np.float64) ** 2, axis=-1) < 1)
    np.testing.assert_allclose(np.asarray(far, np.float32), np.asarray(near, np.float32) / np.sqrt(4.1), rtol=0.02)


def test_signed_curvature_leaves_second_moments_alone():
    x = jnp.array([[0.1, 0.2, 0.3], [0.0, -0.4, 0.2]])
    state = riemannian_adam(0.01, manifolds=ManifoldSpec(Stereographic(), None)).init(x)
    state = state._replace(m2=jnp.ones_like(state.m2))
    np.testing.assert_array_equal(rescale(x, state, OLD, -1.0)[1].m2, state.m2)


def test_only_moving_leaves_move_and_masked_states_are_found():
    params = {"moving": points(Poincare(), OLD), "fixed": points(Poincare(), 1.0), "flat": jnp.ones(2)}
    specs = {"moving": ManifoldSpec(Poincare(), None), "fixed": Poincare(), "flat": None}
    tx = optax.partition(
        {"curved": riemannian_adam(0.1, manifolds=specs), "flat": optax.adam(0.1)},
        {"moving": "curved", "fixed": "curved", "flat": "flat"},
    )
    new, _ = rescale(params, tx.init(params), OLD, NEW)
    np.testing.assert_allclose(new["moving"], 0.5 * params["moving"], rtol=1e-6)
    for same in ("fixed", "flat"):
        np.testing.assert_array_equal(new[same], params[same])
    with pytest.raises(ValueError, match=r"holds none of this package's states.*manifolds="):
        rescale(params, optax.adam(0.1).init(params), OLD, NEW)
    by_hand, none = rescale(params, None, OLD, NEW, manifolds=specs)
    assert none is None
    np.testing.assert_array_equal(by_hand["moving"], new["moving"])


def curvature_at(i, steps):
    """0.1 -> 10 -> 0.1, on a logarithmic scale."""
    return 0.1 * 100 ** (1 - jnp.abs(2 * i / steps - 1))


@pytest.mark.parametrize("m", [Poincare(), Hyperboloid()], ids=lambda m: type(m).__name__)
def test_a_thousand_steps_with_a_moving_curvature(m):
    """One compilation, and every point on its manifold after each step; so for a restored state and a second model."""
    steps = 1000
    tx = riemannian_adam(0.05, manifolds=ManifoldSpec(m, None))
    target = m.random_point(jax.random.key(9), 3, 0.1, std=3.0)
    traces = []

    @jax.jit
    def step(x, state, c_old, c):
        traces.append(c)
        x, state = rescale(x, state, c_old, c)
        goal = m.proj(target * jnp.sqrt(0.1 / c), c)
        # Most points are pulled to the target; in the ball the first one outwards for ever, to the last float inside.
        pull = jnp.array([-3.0 if m == Poincare() else 1.0, 1.0, 1.0, 1.0])
        loss = lambda x: jnp.sum(pull * jax.vmap(lambda p: m.dist(p, goal, c))(x))  # noqa: E731
        updates, state = tx.update(jax.grad(loss)(x), state, x, c=c)
        x = optax.apply_updates(x, updates)
        on = jax.vmap(lambda p: m.is_in_manifold(p, c, None))(x)
        error = jnp.max(jnp.abs(x - jax.vmap(lambda p: m.proj(p, c))(x)) / (1 + jnp.abs(x)))
        return x, state, jnp.all(on), error

    def run(x, state, first, last):
        for i in range(first, last):
            x, state, on, error = step(x, state, curvature_at(max(i - 1, 0), steps), curvature_at(i, steps))
            assert on and error <= 4 * EPS, i
        return x, state

    x = points(m, 0.1)
    half, state = run(x, tx.init(x), 0, steps // 2)
    restored = jax.tree.map(lambda a: jnp.asarray(np.asarray(a)), state)
    end, _ = run(half, state, steps // 2, steps)
    again, _ = run(jnp.copy(half), restored, steps // 2, steps)
    np.testing.assert_array_equal(end, again)
    other, _ = run(points(m, 0.1, seed=5), tx.init(x), 0, 3)
    alone = riemannian_adam(0.05, manifolds=ManifoldSpec(m, None))
    np.testing.assert_array_equal(jax.tree.structure(tx.init(x)), jax.tree.structure(alone.init(x)))
    assert np.all(np.isfinite(other)) and np.all(np.isfinite(end))
    assert len(traces) == 1
