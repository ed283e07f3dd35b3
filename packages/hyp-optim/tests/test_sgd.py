"""The step is the exact step of the manifold's own verbs, point by point, for any shape of parameter."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hyp_manifolds import Euclidean, Hyperboloid, Poincare
from hyp_optim import ManifoldSpec, riemannian_sgd

LR = 0.05


@functools.cache
def single_step(m, c, use_expmap):
    move = m.expmap if use_expmap else m.retraction
    return jax.jit(lambda x, g: move(-LR * m.egrad2rgrad(g, x, c), x, c))


def step_by_hand(m, x, g, c, use_expmap=True):
    """One step of every point, in a Python loop over single points."""
    rows = zip(x.reshape(-1, x.shape[-1]), g.reshape(-1, g.shape[-1]), strict=True)
    return jnp.stack([single_step(m, c, use_expmap)(xi, gi) for xi, gi in rows]).reshape(x.shape)


def one_step(tx, params, grads, **extra):
    updates, state = jax.jit(tx.update)(grads, tx.init(params), params, **extra)
    return optax.apply_updates(params, updates), state


@pytest.mark.parametrize(("c", "use_expmap"), [(1.0, True), (0.3, True), (1.0, False), (2.5, False)])
def test_step_is_the_manifold_step(manifold, draw, close, c, use_expmap):
    x, g = draw(manifold, (4,), c)
    tx = riemannian_sgd(LR, use_expmap=use_expmap, manifolds=ManifoldSpec(manifold, c))
    new, _ = one_step(tx, x, g)
    close(new, step_by_hand(manifold, x, g, c, use_expmap))


def test_step_differs_from_the_euclidean_step(curved, draw):
    x, g = draw(curved, (4,))
    new, _ = one_step(riemannian_sgd(LR, manifolds=curved), x, g)
    assert float(jnp.max(jnp.abs(new - (x - LR * g)))) > 1e-3


@pytest.mark.parametrize("batch", [(), (1,), (2, 3), (2, 1, 2), (0,)], ids=str)
def test_any_leading_axes(manifold, draw, close, batch):
    x, g = draw(manifold, batch)
    new, state = one_step(riemannian_sgd(LR, momentum=0.9, manifolds=manifold), x, g)
    assert new.shape == x.shape == state.momentum.shape
    if x.size:
        close(new, step_by_hand(manifold, x, g, 1.0))


def test_square_table_steps_along_rows(curved, draw, close):
    # A square (n, n) table hides a step taken along the wrong axis: no shape error gives it away.
    x, g = draw(curved, (curved.ambient_dim(3),))
    assert x.shape[0] == x.shape[1]
    new, _ = one_step(riemannian_sgd(LR, manifolds=curved), x, g)
    close(new, step_by_hand(curved, x, g, 1.0))


def test_leaves_step_by_their_own_manifold(draw, close):
    specs = {"ball": ManifoldSpec(Poincare(), 0.5), "hyp": Hyperboloid(), "bias": None, "flat": Euclidean()}
    drawn = {
        "ball": draw(Poincare(), (3,), 0.5),
        "hyp": draw(Hyperboloid(), (2, 2), seed=1),
        "bias": (jnp.arange(3.0), jnp.ones(3)),
        "flat": draw(Euclidean(), (2,)),
    }
    params, grads = ({k: pair[i] for k, pair in drawn.items()} for i in (0, 1))
    new, _ = one_step(riemannian_sgd(LR, manifolds=specs), params, grads)
    close(new["ball"], step_by_hand(Poincare(), *drawn["ball"], 0.5))
    close(new["hyp"], step_by_hand(Hyperboloid(), *drawn["hyp"], 1.0))
    for flat in ("bias", "flat"):
        close(new[flat], params[flat] - LR * grads[flat])


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("rate", [LR, optax.linear_schedule(0.1, 0.01, 3)], ids=["constant", "schedule"])
def test_euclidean_leaves_are_optax_sgd(momentum, rate):
    params = {"w": jnp.arange(6.0).reshape(2, 3), "b": jnp.float32(2.0)}
    ours, theirs = riemannian_sgd(rate, momentum, manifolds=None), optax.sgd(rate, momentum or None)
    state, their_state = ours.init(params), theirs.init(params)
    for i in range(4):
        grads = jax.tree.map(lambda p, i=i: jnp.cos(p + i), params)
        updates, state = ours.update(grads, state, params)
        expected, their_state = theirs.update(grads, their_state, params)
        jax.tree.map(np.testing.assert_array_equal, updates, expected)


def test_schedule_starts_at_zero_and_counts(curved, draw, close):
    x, g = draw(curved, (2,))
    tx = riemannian_sgd(lambda count: jnp.where(count == 0, 0.0, LR), manifolds=curved)
    update = jax.jit(tx.update)
    first, state = update(g, tx.init(x), x)
    close(first, jnp.zeros_like(x))
    second, state = update(g, state, x)
    close(x + second, step_by_hand(curved, x, g, 1.0))
    assert int(state.count) == 2


@pytest.mark.parametrize("c", [1.0, 0.4])
def test_momentum_is_accumulated_and_transported(curved, draw, close, c):
    x0, g0 = draw(curved, (3,), c)
    _, g1 = draw(curved, (3,), c, seed=1)
    tx = riemannian_sgd(LR, momentum=0.9, manifolds=ManifoldSpec(curved, c))
    x1, state1 = one_step(tx, x0, g0)
    updates, state2 = jax.jit(tx.update)(g1, state1, x1)
    x2 = x1 + updates
    for i in range(3):
        m0 = curved.egrad2rgrad(g0[i], x0[i], c)
        by_hand1 = curved.expmap(-LR * m0, x0[i], c)
        carried = curved.ptransp(m0, x0[i], by_hand1, c)
        close(state1.momentum[i], carried)
        m1 = 0.9 * carried + curved.egrad2rgrad(g1[i], by_hand1, c)
        close(x2[i], curved.expmap(-LR * m1, by_hand1, c))
        close(curved.tangent_norm(state1.momentum[i], x1[i], c), curved.tangent_norm(m0, x0[i], c))
        close(curved.tangent_norm(state2.momentum[i], x2[i], c), curved.tangent_norm(m1, by_hand1, c))


def test_no_buffer_without_momentum(draw):
    x, _ = draw(Poincare(), (2,))
    assert riemannian_sgd(LR, manifolds=Poincare()).init(x).momentum is None
    assert riemannian_sgd(LR, momentum=0, manifolds=Poincare()).init(x).momentum is None
    # An array may be traced, so its value cannot decide about a buffer.
    assert riemannian_sgd(LR, momentum=jnp.zeros(()), manifolds=Poincare()).init(x).momentum is not None


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16], ids=["bf16", "f16"])
def test_low_precision_leaves_keep_a_float32_delta(curved, draw, dtype):
    x, g = (a.astype(dtype) for a in draw(curved, (4,)))
    tx = riemannian_sgd(1e-4, momentum=0.9, manifolds=curved)
    update = jax.jit(tx.update)
    updates, state = update(g, tx.init(x), x)
    assert updates.dtype == state.momentum.dtype == jnp.float32
    assert optax.apply_updates(x, updates).dtype == dtype
    wide, wide_grad = x.astype(jnp.float32), g.astype(jnp.float32)
    expected, _ = update(wide_grad, tx.init(wide), wide)
    np.testing.assert_array_equal(updates, expected)
    assert float(jnp.max(jnp.abs(updates))) > 0


def test_float32_leaf_with_a_gradient_of_another_dtype(curved, draw):
    x, g = draw(curved, (4,))
    tx = riemannian_sgd(LR, manifolds=curved)
    updates, _ = tx.update(g.astype(jnp.bfloat16), tx.init(x), x)
    assert updates.dtype == x.dtype


def test_moving_curvature_is_passed_per_step(curved, draw, close):
    params = {"p": draw(curved, (3,), 2.0)[0], "b": jnp.ones(2)}
    grads = {"p": draw(curved, (3,), 2.0)[1], "b": jnp.ones(2)}
    tx = riemannian_sgd(LR, manifolds={"p": ManifoldSpec(curved, c=None), "b": None})
    traces = []

    @jax.jit
    def step(c):
        traces.append(c)
        return one_step(tx, params, grads, c=c)[0]

    for c in (2.0, 1.0, 0.5):
        x = jax.vmap(lambda p, c=c: curved.proj(p, c))(params["p"])
        new = step(c)["p"]
        fixed, _ = one_step(riemannian_sgd(LR, manifolds=ManifoldSpec(curved, c)), params["p"], grads["p"])
        close(new, fixed)
        assert new.shape == x.shape
    assert len(traces) == 1
    per_leaf, _ = one_step(tx, params, grads, c={"p": 0.5, "b": None})
    close(per_leaf["p"], step(0.5)["p"])


def test_descent_finds_the_frechet_mean(curved, draw):
    targets, _ = draw(curved, (8,))
    x = curved.create_origin(1.0, 3)
    tx = riemannian_sgd(0.4, momentum=0.3, manifolds=curved)

    def loss(x):
        return jnp.mean(jax.vmap(lambda t: curved.sqdist(x, t, 1.0))(targets)) / 2

    def body(carry, _):
        x, state = carry
        updates, state = tx.update(jax.grad(loss)(x), state, x)
        return (optax.apply_updates(x, updates), state), None

    (x, _), _ = jax.jit(lambda x: jax.lax.scan(body, (x, tx.init(x)), length=100))(x)
    gradient = curved.egrad2rgrad(jax.grad(loss)(x), x, 1.0)
    assert float(curved.tangent_norm(gradient, x, 1.0)) < 1e-4


def test_hyperboloid_points_are_their_spatial_part(draw, close):
    # Deltas leave the time coordinate off by rounding; it must not matter to any later step.
    m = Hyperboloid()
    x, g = draw(m, (4,))
    tx = riemannian_sgd(LR, manifolds=m)
    stale = x.at[:, 0].multiply(1 + 1e-3)
    new, _ = one_step(tx, x, g)
    from_stale, _ = one_step(tx, stale, g)
    close(from_stale[:, 1:], new[:, 1:])
