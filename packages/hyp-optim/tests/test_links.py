"""The links between gradient and step: clips, decay, schedules, re-projection, averages."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hyp_manifolds import Euclidean, Hyperboloid, Klein, Poincare, Product, Sphere
from hyp_optim import (
    add_decay_to_origin,
    burn_in_schedule,
    clip_by_riemannian_norm,
    project_periodically,
    retract,
    riemannian_adagrad,
    riemannian_adam,
    riemannian_ema,
    riemannian_gradient,
    riemannian_sgd,
    scale_by_riemannian_adam,
    warm_up_schedule,
)

pytestmark = pytest.mark.one_precision  # test_laws.py judges the steps in both

BALL = Poincare()
EPS = float(jnp.finfo(jnp.zeros(())).eps)


def apply(tx, x, u, **extra):
    return jax.jit(tx.update)(u, tx.init(x), x, **extra)[0]


def norms(m, v, x, c=1.0):
    return jax.vmap(m.tangent_norm, (0, 0, None))(v, x, c)


# Clipping -------------------------------------------------------------------------------------------------------------


def test_clip_measures_each_point_in_the_metric(curved, draw):
    x, g = draw(curved, (6,))
    u = apply(riemannian_gradient(manifolds=curved), x, g) * jnp.array([0.01, 0.1, 1, 10, 100, 0])[:, None]
    before = norms(curved, u, x)
    clipped = apply(clip_by_riemannian_norm(0.5, manifolds=curved), x, u)
    np.testing.assert_allclose(norms(curved, clipped, x), np.minimum(before, 0.5), rtol=1e-4, atol=1e-6)
    short = np.asarray(before) < 0.5
    assert 0 < short.sum() < 6
    np.testing.assert_array_equal(clipped[short], u[short])


def test_clip_of_the_tree_has_one_factor(draw):
    x, u = draw(BALL, (3,))
    params, updates = {"x": x, "w": jnp.ones(2)}, {"x": u, "w": jnp.array([3.0, 4.0])}
    tx = clip_by_riemannian_norm(1.0, per="tree", manifolds={"x": BALL, "w": None})
    total = np.sqrt(np.sum(norms(BALL, u, x) ** 2) + 25)
    clipped = apply(tx, params, updates)
    np.testing.assert_allclose(clipped["x"], u / total, rtol=1e-5)
    np.testing.assert_allclose(clipped["w"], updates["w"] / total, rtol=1e-5)
    with pytest.raises(ValueError, match="per must be 'point' or 'tree', got 'leaf'"):
        clip_by_riemannian_norm(1.0, per="leaf")


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("per", ["point", "tree"])
def test_clip_lets_a_broken_row_break_no_other(draw, bad, per):
    x, u = draw(BALL, (3,))
    tx = clip_by_riemannian_norm(0.5, per=per, manifolds=BALL)
    others = np.array([0, 2])
    alone = apply(tx, x[others], u[others])
    both = apply(tx, x, u.at[1].set(bad))
    np.testing.assert_allclose(both[others], alone, rtol=1e-6)
    assert not np.all(np.isfinite(both[1]))


# Decay ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [riemannian_sgd, riemannian_adam, riemannian_adagrad])
@pytest.mark.parametrize("m", [Poincare(), Hyperboloid(), Klein()], ids=lambda m: type(m).__name__)
def test_decay_shortens_the_distance_to_the_origin(m, make, draw):
    x, _ = draw(m, (4,))
    new = x + apply(make(0.1, weight_decay=0.5, manifolds=m), x, jnp.zeros_like(x))
    dist = jax.vmap(m.dist_0, (0, None))
    np.testing.assert_allclose(dist(new, 1.0), 0.95 * dist(x, 1.0), rtol=1e-4)


def test_decay_is_decoupled_and_that_of_optax_on_euclidean_leaves(draw):
    x, g = draw(BALL, (4,))
    params, grads = {"x": x, "w": jnp.arange(3.0)}, {"x": g, "w": jnp.ones(3)}
    specs = {"x": BALL, "w": None}
    fused = riemannian_adam(0.1, weight_decay=0.3, manifolds=specs)
    chain = optax.chain(
        riemannian_gradient(manifolds=specs), scale_by_riemannian_adam(manifolds=specs),
        add_decay_to_origin(0.3, manifolds=specs), optax.scale_by_learning_rate(0.1), retract(manifolds=specs),
    )  # fmt: skip
    state = fused.init(params)
    one, two = jax.jit(fused.update)(grads, state, params), apply(chain, params, grads)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), one[0], two)
    adamw = optax.adamw(0.1, weight_decay=0.3)
    expected, _ = adamw.update(grads["w"], adamw.init(params["w"]), params["w"])
    np.testing.assert_allclose(one[0]["w"], expected, rtol=1e-5)
    plain = riemannian_adam(0.1, manifolds=specs)
    _, undecayed = jax.jit(plain.update)(grads, state, params)
    np.testing.assert_allclose(one[1].m2["x"], undecayed.m2["x"], rtol=1e-6)


# Schedules ------------------------------------------------------------------------------------------------------------


def test_schedules():
    decay = optax.linear_schedule(1.0, 0.0, 10)
    burn, warm = burn_in_schedule(decay, 4, factor=0.1), warm_up_schedule(decay, 4, start=0.2)
    counts = jnp.arange(7)
    np.testing.assert_allclose(jax.vmap(burn)(counts), [0.1, 0.1, 0.1, 0.1, 1.0, 0.9, 0.8], rtol=1e-6)
    np.testing.assert_allclose(jax.vmap(warm)(counts), [0.2, 0.4, 0.6, 0.8, 1.0, 0.9, 0.8], rtol=1e-6)
    np.testing.assert_allclose([burn_in_schedule(0.5, 0)(0), warm_up_schedule(0.5, 0)(0)], 0.5)
    for make in (burn_in_schedule, warm_up_schedule):
        with pytest.raises(ValueError, match=f"{make.__name__}: the number of steps must be a Python int.*got -1"):
            make(0.1, -1)


@pytest.mark.parametrize("make", [riemannian_sgd, riemannian_adam, riemannian_adagrad])
def test_schedules_are_evaluated_at_the_step_count_of_optax(make, draw):
    x, g = draw(BALL, (2,))
    seen = jax.jit(make(lambda count: jnp.where(count == 0, 0.0, 0.1), manifolds=BALL).update)
    first, state = seen(g, make(0.1, manifolds=BALL).init(x), x)
    np.testing.assert_allclose(first, 0, atol=4 * EPS)
    assert np.all(np.max(np.abs(seen(g, state, x)[0]), axis=-1) > 1e-3)


# Wrappers of optax ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [riemannian_adam, riemannian_adagrad])
def test_wrappers_of_optax(make, draw):
    """The chain, partition, inject_hyperparams, MultiSteps and apply_if_finite take the step of the rule alone."""
    x, g = draw(BALL, (4,))
    params, grads, specs = {"x": x, "w": jnp.ones(2)}, {"x": g, "w": jnp.ones(2)}, {"x": BALL, "w": None}
    expected = apply(make(0.1, manifolds=specs), params, grads)
    wrapped = [
        optax.chain(optax.identity(), make(0.1, manifolds=specs)),
        optax.partition({"a": make(0.1, manifolds=specs), "b": make(0.1, manifolds=None)}, {"x": "a", "w": "b"}),
        optax.inject_hyperparams(make)(0.1, manifolds=specs),
        optax.MultiSteps(make(0.1, manifolds=specs), every_k_schedule=1),
        optax.apply_if_finite(make(0.1, manifolds=specs), max_consecutive_errors=3),
    ]
    for tx in wrapped:
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), apply(tx, params, grads), expected
        )
    skipped = apply(wrapped[-1], params, {"x": g.at[0, 0].set(np.nan), "w": grads["w"]})
    assert all(np.all(u == 0) for u in jax.tree.leaves(skipped))


# Re-projection --------------------------------------------------------------------------------------------------------


def test_project_periodically_repairs_every_nth_step():
    m = Hyperboloid()
    x = jnp.array([[1.1, 0.3, 0.0]])  # off the sheet: the time of its spatial part is 1.044
    tx = project_periodically(3, manifolds=m)
    state, repaired = tx.init(x), []
    for _ in range(6):
        updates, state = jax.jit(tx.update)(jnp.zeros_like(x), state, x)
        repaired.append(bool(jnp.any(updates != 0)))
        if repaired[-1]:
            np.testing.assert_allclose(x + updates, jax.vmap(m.proj, (0, None))(x, 1.0), rtol=1e-6)
    assert repaired == [False, False, True] * 2
    on = jax.vmap(m.proj, (0, None))(x, 1.0)
    behind = optax.chain(riemannian_sgd(0.1, manifolds=m), project_periodically(1, manifolds=m))
    g = jnp.ones_like(x)
    np.testing.assert_allclose(apply(behind, on, g), apply(riemannian_sgd(0.1, manifolds=m), on, g), atol=1e-6)
    with pytest.raises(ValueError, match="must be a Python int of at least 1, got 0"):
        project_periodically(0)


# Averages -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "m", [Poincare(), Sphere(), Product.from_signature("P2 H2 E2")], ids=lambda m: type(m).__name__
)
def test_averages_walk_along_geodesics(m):
    dim = m.dim if isinstance(m, Product) else 3
    x, y = (
        jax.vmap(lambda k: m.random_point(k, dim, 1.0, std=0.5))(jax.random.split(jax.random.key(i), 4)) for i in (0, 1)
    )
    ema = riemannian_ema(0.75, manifolds=m)
    state = ema.init(x)
    average, state = jax.jit(ema.update)(y, state)
    dist = jax.vmap(m.dist, (0, 0, None))
    np.testing.assert_allclose(dist(x, average, 1.0), 0.25 * dist(x, y, 1.0), rtol=1e-4)
    np.testing.assert_allclose(dist(average, y, 1.0), 0.75 * dist(x, y, 1.0), rtol=1e-4)
    for _ in range(60):
        average, state = jax.jit(ema.update)(y, state)
    np.testing.assert_allclose(average, y, rtol=1e-4, atol=1e-5)
    assert int(state.count) == 61


def test_averages_of_euclidean_leaves_low_precision_and_schedules():
    x = {"w": jnp.zeros(2), "p": jnp.full((2, 3), 0.5, jnp.bfloat16)}
    y = {"w": jnp.ones(2), "p": jnp.full((2, 3), 0.25, jnp.bfloat16)}
    ema = riemannian_ema(lambda count: jnp.where(count == 0, 0.0, 0.9), manifolds={"w": None, "p": BALL})
    average, state = ema.update(y, ema.init(x))
    assert average["p"].dtype == jnp.bfloat16 and state.average["p"].dtype == jnp.float32
    np.testing.assert_allclose(average["w"], 1.0)
    average, _ = ema.update(x, state)
    np.testing.assert_allclose(average["w"], 0.9, rtol=1e-6)


# The boundary ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16], ids=["f32", "bf16"])
def test_points_pushed_against_the_boundary_stay_inside(dtype):
    x = jnp.array([[0.9, 0.1], [-0.9, 0.3], [0.0, 0.999]], dtype)
    for m in (Poincare(), Klein()):
        tx, p = riemannian_sgd(1.0, manifolds=m), x
        step = jax.jit(lambda p, s, g, tx=tx: tx.update(g, s, p))
        state = tx.init(p)
        for i in range(12):
            # Outwards and then across: x + (new - x) rounds most where new is far from x.
            wide = p.astype(jnp.float32)
            gap = 1 - jnp.sum(wide**2, -1, keepdims=True)
            g = (-1) ** (i // 6) * -wide * 30 / jnp.maximum(gap, 1e-3) ** 2
            updates, state = step(p, state, g.astype(jnp.float32))
            p = optax.apply_updates(p, updates)
            assert p.dtype == dtype
            assert np.all(jax.vmap(m.is_in_manifold, (0, None))(p, 1.0)), (i, p)


def test_euclidean_manifold_has_one_moment_a_point():
    x, g = jnp.zeros((2, 3)), jnp.array([[1.0, 2, 2], [0, 0, 5]])
    updates, state = riemannian_adam(0.1, manifolds=Euclidean()).update(
        g, riemannian_adam(0.1, manifolds=Euclidean()).init(x), x
    )
    np.testing.assert_allclose(updates, -0.1 * g / jnp.array([[3.0], [5.0]]), rtol=1e-5)
    assert state.m2.shape == (2,)


def test_a_product_has_one_moment_a_factor():
    m = Product.from_signature("E2 (E1 E3)")
    x, g = jnp.zeros((1, 6)), jnp.array([[3.0, 4, 7, 1, 2, 2]])
    tx = riemannian_adam(0.1, manifolds=m)
    updates, state = tx.update(g, tx.init(x), x)
    assert state.m2.shape == (1, 3)
    np.testing.assert_allclose(updates, -0.1 * g / jnp.array([[5.0, 5, 7, 3, 3, 3]]), rtol=1e-5)
    fused = riemannian_adam(0.1, manifolds=m, use_expmap=False)
    np.testing.assert_allclose(fused.update(g, fused.init(x), x)[0], updates, rtol=1e-5)
