"""Saved and restored, a run goes on as if nothing had happened, bit for bit: orbax, msgpack, pickle-free."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import orbax.checkpoint as ocp
import pytest
from flax import nnx, serialization
from hyp_manifolds import Hyperboloid, Poincare
from hyp_nn import HypEmbedding
from hyp_optim import (
    clip_by_riemannian_norm,
    retract,
    riemannian_adam,
    riemannian_ema,
    riemannian_gradient,
    riemannian_sgd,
    scale_by_riemannian_adam,
    sparse_riemannian_adam,
)

SPECS = {"ball": Poincare(), "hyp": Hyperboloid(), "flat": None}
OPTIMIZERS = {
    "adam": riemannian_adam(optax.linear_schedule(0.1, 0.01, 6), amsgrad=True, manifolds=SPECS),
    "chain in multi_steps": optax.MultiSteps(
        optax.chain(optax.clip_by_global_norm(1.0), riemannian_sgd(0.1, 0.9, manifolds=SPECS)), every_k_schedule=2
    ),
    "links": optax.chain(
        riemannian_gradient(manifolds=SPECS),
        clip_by_riemannian_norm(1.0, manifolds=SPECS),
        scale_by_riemannian_adam(manifolds=SPECS),
        optax.scale_by_learning_rate(0.1),
        retract(manifolds=SPECS),
    ),
}


def start():
    ball = jnp.full((2, 3), 0.2)
    hyp = jax.vmap(Hyperboloid().proj, (0, None))(jnp.ones((2, 4)), 1.0)
    return {"ball": ball, "hyp": hyp, "flat": jnp.ones(2)}


def train(tx, params, state, first, last):
    @jax.jit
    def step(params, state, i):
        updates, state = tx.update(jax.tree.map(lambda p: jnp.cos(3 * p + i), params), state, params)
        return optax.apply_updates(params, updates), state

    for i in range(first, last):
        params, state = step(params, state, i)
    return params, state


def by_msgpack(tree, template, tmp_path):
    return serialization.from_bytes(template, serialization.to_bytes(tree))


def by_orbax(tree, template, tmp_path):
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(tmp_path / "state", tree)
        checkpointer.wait_until_finished()
        return checkpointer.restore(tmp_path / "state", jax.tree.map(ocp.utils.to_shape_dtype_struct, template))


def assert_equal(actual, expected):
    assert jax.tree.structure(actual) == jax.tree.structure(expected)
    jax.tree.map(np.testing.assert_array_equal, actual, expected)


@pytest.mark.one_precision
@pytest.mark.parametrize("through", [by_msgpack, by_orbax])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_resumed_run_equals_an_uninterrupted_one(name, through, tmp_path):
    tx = OPTIMIZERS[name]
    straight, straight_state = train(tx, start(), tx.init(start()), 0, 6)
    half = train(tx, start(), tx.init(start()), 0, 3)
    params, state = through(half, (start(), tx.init(start())), tmp_path)
    assert_equal(state, half[1])
    assert_equal(train(tx, params, state, 3, 6), (straight, straight_state))


@pytest.mark.one_precision
@pytest.mark.parametrize("through", [by_msgpack, by_orbax])
def test_sparse_and_averaged_states(through, tmp_path):
    tx, ema = sparse_riemannian_adam(Poincare(), 0.1), riemannian_ema(0.9, manifolds=Poincare())
    table = start()["ball"]
    moved, state = tx.update(jnp.ones((1, 3)), jnp.array([1]), tx.init(table), table)
    saved = (moved, state, ema.update(moved, ema.init(table))[1])
    assert_equal(through(saved, (table, tx.init(table), ema.init(table)), tmp_path), saved)


@pytest.mark.one_precision
def test_another_manifold_is_noticed():
    params = start()
    data = serialization.to_bytes(OPTIMIZERS["adam"].init(params))
    other = riemannian_adam(0.1, amsgrad=True, manifolds=SPECS | {"ball": None})
    with pytest.raises(ValueError, match=r"LeafManifolds: saved for .*Poincare.*Restore into the state of the same"):
        serialization.from_bytes(other.init(params), data)


@pytest.mark.one_precision
def test_nnx_model_and_optimizer_through_orbax(tmp_path):
    def make():
        model = HypEmbedding(Poincare(), 4, 3, rngs=nnx.Rngs(0), init_std=0.5)
        return model, nnx.Optimizer(model, riemannian_adam(0.1), wrt=nnx.Param)

    @nnx.jit
    def step(model, optimizer):
        loss = lambda m: jnp.sum(jnp.sin(3 * m.rows(jnp.arange(4))))  # noqa: E731
        optimizer.update(model, nnx.grad(loss)(model))

    straight = make()
    for _ in range(4):
        step(*straight)
    half = make()
    for _ in range(2):
        step(*half)
    graph, template = nnx.split(make())
    state = by_orbax(nnx.split(half)[1], template, tmp_path)
    resumed = nnx.merge(graph, state)
    for _ in range(2):
        step(*resumed)
    assert resumed[0].embedding.manifold == Poincare()
    np.testing.assert_array_equal(resumed[0].embedding[...], straight[0].embedding[...])
