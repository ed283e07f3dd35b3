"""The rule inside optax's wrappers and JAX's transformations takes the same step as alone."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hyp_manifolds import Poincare
from hyp_optim import ManifoldSpec, riemannian_sgd

pytestmark = pytest.mark.one_precision  # test_laws.py judges the steps in both

LR = 0.05
SPECS = {"emb": Poincare(), "enc": {"b": None, "w": None}}


@pytest.fixture
def params(draw):
    return {"emb": draw(Poincare(), (4,))[0], "enc": {"b": jnp.ones(3), "w": jnp.ones((3, 2))}}


@pytest.fixture
def grads(draw):
    return {"emb": draw(Poincare(), (4,))[1], "enc": {"b": jnp.ones(3), "w": jnp.ones((3, 2))}}


def run(tx, params, grads, steps=1):
    state = tx.init(params)
    update = jax.jit(tx.update)
    for _ in range(steps):
        updates, state = update(grads, state, params)
        params = optax.apply_updates(params, updates)
    return params, state


def assert_same(actual, expected):
    # Compiled and eager code may round differently.
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), actual, expected)


def test_last_link_of_a_chain(params, grads):
    expected, _ = run(riemannian_sgd(LR, manifolds=SPECS), params, jax.tree.map(lambda g: 0.5 * g, grads))
    actual, _ = run(optax.chain(optax.scale(0.5), riemannian_sgd(LR, manifolds=SPECS)), params, grads)
    assert_same(actual, expected)


@pytest.mark.parametrize("given", ["full tree", "own group"])
def test_partition(params, grads, given):
    tx = optax.partition(
        {
            "curved": riemannian_sgd(LR, 0.9, manifolds=SPECS if given == "full tree" else Poincare()),
            "flat": optax.sgd(LR, 0.9),
        },
        {"emb": "curved", "enc": "flat"},
    )
    expected, _ = run(riemannian_sgd(LR, 0.9, manifolds=SPECS), params, grads, steps=3)
    actual, _ = run(tx, params, grads, steps=3)
    assert_same(actual, expected)


def test_masked(params, grads):
    tx = optax.chain(
        optax.masked(riemannian_sgd(LR, manifolds=SPECS), {"emb": True, "enc": False}),
        optax.masked(optax.set_to_zero(), {"emb": False, "enc": True}),
    )
    actual, _ = run(tx, params, grads)
    expected, _ = run(riemannian_sgd(LR, manifolds=SPECS), params, grads)
    assert_same(actual["emb"], expected["emb"])
    assert_same(actual["enc"], params["enc"])


def test_multi_steps_takes_the_step_of_the_mean_gradient(params, grads):
    tx = optax.MultiSteps(riemannian_sgd(LR, 0.9, manifolds=SPECS), every_k_schedule=2)
    state = tx.init(params)
    new = params
    update = jax.jit(tx.update)
    for factor in (0.5, 1.5, 1.0, 1.0):
        updates, state = update(jax.tree.map(lambda g, f=factor: f * g, grads), state, new)
        new = optax.apply_updates(new, updates)
    expected, _ = run(riemannian_sgd(LR, 0.9, manifolds=SPECS), params, grads, steps=2)
    assert_same(new, expected)


def test_inject_hyperparams(params, grads):
    tx = optax.inject_hyperparams(riemannian_sgd)(learning_rate=1.0, manifolds=SPECS)
    state = tx.init(params)
    state.hyperparams["learning_rate"] = jnp.asarray(LR)
    updates, _ = jax.jit(tx.update)(grads, state, params)
    expected, _ = run(riemannian_sgd(LR, manifolds=SPECS), params, grads)
    assert_same(optax.apply_updates(params, updates), expected)


def test_inject_hyperparams_with_a_function_of_params(params, grads):
    # optax takes every callable argument for a schedule unless it is named static.
    factory = optax.inject_hyperparams(riemannian_sgd, static_args=("manifolds",))
    tx = factory(optax.constant_schedule(LR), 0.9, manifolds=lambda params: SPECS)
    actual, _ = run(tx, params, grads, steps=3)
    expected, _ = run(riemannian_sgd(LR, 0.9, manifolds=SPECS), params, grads, steps=3)
    assert_same(actual, expected)


def test_jit_and_scan(params, grads):
    tx = riemannian_sgd(optax.linear_schedule(LR, 0.0, 5), 0.9, manifolds=SPECS)
    expected, state = run(tx, params, grads, steps=4)
    traces = []

    @jax.jit
    def scanned(params, state):
        traces.append(1)

        def body(carry, _):
            params, state = carry
            updates, state = tx.update(grads, state, params)
            return (optax.apply_updates(params, updates), state), None

        return jax.lax.scan(body, (params, state), length=2)[0]

    first = scanned(params, tx.init(params))
    second, second_state = scanned(*first)
    assert_same(second, expected)
    assert_same(second_state.momentum, state.momentum)
    assert int(second_state.count) == 4
    assert len(traces) == 1


def test_vmap_over_models(params, grads):
    tx = riemannian_sgd(LR, 0.9, manifolds=SPECS)
    stacked, stacked_grads = (jax.tree.map(lambda a: jnp.stack([a, a]), t) for t in (params, grads))
    states = jax.vmap(tx.init)(stacked)
    updates, _ = jax.jit(jax.vmap(tx.update))(stacked_grads, states, stacked)
    expected, _ = run(tx, params, grads)
    assert_same(jax.tree.map(lambda p, u: p + u[1], params, updates), expected)


def test_extra_args_of_other_links_are_ignored(params, grads):
    tx = optax.chain(optax.clip(1e3), riemannian_sgd(LR, manifolds=SPECS))
    updates, _ = jax.jit(tx.update)(grads, tx.init(params), params, value=jnp.ones(()))
    expected, _ = run(riemannian_sgd(LR, manifolds=SPECS), params, grads)
    assert_same(optax.apply_updates(params, updates), expected)


def test_moving_curvature_reaches_the_rule_through_a_chain(params, grads):
    moving = {"emb": ManifoldSpec(Poincare(), None), "enc": None}
    tx = optax.chain(optax.clip(1e3), riemannian_sgd(LR, manifolds=moving))
    updates, _ = jax.jit(tx.update)(grads, tx.init(params), params, c=0.5)
    fixed = {"emb": ManifoldSpec(Poincare(), 0.5), "enc": None}
    expected, _ = run(riemannian_sgd(LR, manifolds=fixed), params, grads)
    assert_same(optax.apply_updates(params, updates), expected)
