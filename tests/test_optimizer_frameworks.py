"""The rules in Linen and Equinox trees, in the guide's training step, on eight devices, and in an ensemble."""

import os
import subprocess
import sys
import textwrap

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen, nnx
from hyp_manifolds import Poincare
from hyp_nn import HypEmbedding
from hyp_optim import riemannian_adam

BALL = Poincare()
LR = 0.05


def by_hand(x, g):
    """The first step of Adam: of length lr, along the negative Riemannian gradient."""
    r = BALL.egrad2rgrad(g, x, 1.0)
    return BALL.expmap(-LR * r / (BALL.tangent_norm(r, x, 1.0) + 1e-8), x, 1.0)


@pytest.mark.one_precision
def test_linen():
    class Model(linen.Module):
        @linen.compact
        def __call__(self, ids):
            table = self.param("table", linen.initializers.normal(0.2), (4, 3))
            return linen.Dense(1)(table[ids])

    model, ids = Model(), jnp.arange(4)
    params = model.init(jax.random.key(0), ids)
    tx = riemannian_adam(LR, manifolds={"params": {"table": BALL, "Dense_0": None}})
    grads = jax.grad(lambda p: jnp.sum(model.apply(p, ids) ** 2))(params)
    updates, _ = jax.jit(tx.update)(grads, tx.init(params), params)
    new = optax.apply_updates(params, updates)["params"]
    old, slope = params["params"], grads["params"]
    np.testing.assert_allclose(new["table"], jax.vmap(by_hand)(old["table"], slope["table"]), rtol=1e-5, atol=1e-6)
    kernel = old["Dense_0"]["kernel"] - LR * jnp.sign(slope["Dense_0"]["kernel"])
    np.testing.assert_allclose(new["Dense_0"]["kernel"], kernel, rtol=1e-4)


@pytest.mark.one_precision
def test_equinox():
    class Model(eqx.Module):
        table: jax.Array
        linear: eqx.nn.Linear
        name: str = eqx.field(static=True, default="model")

    model = Model(jnp.full((4, 3), 0.2), eqx.nn.Linear(3, 1, key=jax.random.key(0)))
    params, rest = eqx.partition(model, eqx.is_inexact_array)
    tx = riemannian_adam(LR, manifolds={"table": BALL, "linear": None})
    loss = lambda p: jnp.sum(jax.vmap(eqx.combine(p, rest).linear)(p.table) ** 2)  # noqa: E731
    grads = jax.grad(loss)(params)
    updates, _ = jax.jit(tx.update)(grads, tx.init(params), params)
    new = eqx.apply_updates(params, updates)
    np.testing.assert_allclose(new.table, jax.vmap(by_hand)(params.table, grads.table), rtol=1e-5, atol=1e-6)


class Classifier(nnx.Module):
    """A model with the calls of the guide: `model(x, c)`."""

    def __init__(self, rngs):
        self.prototypes = HypEmbedding(BALL, 3, 2, rngs=rngs, init_std=0.1)

    def __call__(self, x, c):
        prototypes = self.prototypes(jnp.arange(3), c)
        return jax.vmap(lambda p: jax.vmap(BALL.sqdist, (None, 0, None))(p, prototypes, c))(x)


def training(decorate):
    model = Classifier(nnx.Rngs(0))
    optimizer = nnx.Optimizer(model, riemannian_adam(0.1), wrt=nnx.Param)

    @decorate
    def train_step(model, optimizer, x_batch, y_batch, c):
        def loss_fn(model):
            preds = model(x_batch, c)
            return jnp.mean((preds - y_batch) ** 2)

        loss, grads = nnx.value_and_grad(loss_fn)(model)
        optimizer.update(model, grads)
        return loss

    goals = jnp.array([[0.5, 0.1], [-0.3, 0.4], [0.0, -0.6]])
    x = 0.5 * jax.random.normal(jax.random.key(1), (16, 2))
    x = jax.vmap(BALL.proj, in_axes=(0, None))(x, 1.0)
    y = jax.vmap(lambda p: jax.vmap(BALL.sqdist, (None, 0, None))(p, goals, 1.0))(x)
    return [float(train_step(model, optimizer, x, y, c=1.0)) for _ in range(60)], model, goals


@pytest.mark.one_precision
def test_the_guides_training_step_learns_under_nnx_jit():
    losses, model, goals = training(nnx.jit)
    assert losses[-1] < 0.02 * losses[0], losses
    np.testing.assert_allclose(model.prototypes(jnp.arange(3), 1.0), goals, atol=0.15)


@pytest.mark.one_precision
def test_the_guides_training_step_does_not_learn_under_jax_jit():
    """The guide's `@jax.jit` traces a copy of the model: what the step changes there is lost without an error."""
    losses, _, _ = training(jax.jit)
    assert len(set(losses)) == 1


EIGHT = """
    import jax, jax.numpy as jnp, numpy as np, optax
    from hyp_manifolds import Hyperboloid, Poincare
    from hyp_optim import riemannian_adam, sparse_riemannian_adam

    mesh = jax.make_mesh((8,), ("rows",), axis_types=(jax.sharding.AxisType.Auto,))
    rows = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("rows"))
    for manifold in (Poincare(), Hyperboloid()):
        x = jax.vmap(lambda k: manifold.random_point(k, 3, 1.0))(jax.random.split(jax.random.key(0), 32))
        g = jax.random.normal(jax.random.key(1), x.shape)
        tx = riemannian_adam(0.1, manifolds=manifold)

        def step(x, state, g):
            updates, state = tx.update(g, state, x)
            return optax.apply_updates(x, updates), state

        expected, _ = jax.jit(step)(x, tx.init(x), g)
        sharded = jax.device_put(x, rows)
        state = jax.jit(tx.init)(sharded)
        state = jax.tree.map(lambda a: jax.device_put(a, rows) if a.ndim else a, state)
        program = jax.jit(step, donate_argnums=(0, 1)).lower(sharded, state, jax.device_put(g, rows)).compile()
        moved, state = program(sharded, state, jax.device_put(g, rows))
        assert moved.sharding.is_equivalent_to(rows, 2) and state.m2.sharding.is_equivalent_to(rows, 1)
        text = program.as_text()
        assert "all-gather" not in text and "all-to-all" not in text, "a step of rows needs no other rows"
        np.testing.assert_allclose(moved, expected, rtol=1e-5, atol=1e-6)

    sparse, ids = sparse_riemannian_adam(Poincare(), 0.1), jnp.array([3, 30, 3, 17])
    table = 0.1 * jax.random.normal(jax.random.key(2), (32, 3))
    alone, _ = jax.jit(sparse.update)(jnp.ones((4, 3)), ids, sparse.init(table), table)
    state = jax.tree.map(lambda a: jax.device_put(a, rows) if a.ndim else a, sparse.init(table))
    there, _ = jax.jit(sparse.update)(jnp.ones((4, 3)), ids, state, jax.device_put(table, rows))
    np.testing.assert_allclose(there, alone, rtol=1e-5, atol=1e-6)
    print("equal on", len(jax.devices()))
"""


@pytest.mark.one_precision
def test_rows_over_eight_devices(quick_flags):
    flags = f"{quick_flags} --xla_force_host_platform_device_count=8"
    environment = os.environ | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(EIGHT)], env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.stdout.strip() == "equal on 8", done.stderr[-3000:]


@pytest.mark.one_precision
def test_an_ensemble_of_optimizers_with_learning_rates_of_their_own():
    x, g = jnp.full((5, 3), 0.1), jnp.ones((5, 3))

    def train(rate):
        tx = riemannian_adam(rate, manifolds=BALL)
        updates, state = tx.update(g, tx.init(x), x)
        updates, _ = tx.update(g, state, x + updates)
        return x + updates

    rates = jnp.array([0.01, 0.1, 0.3])
    together = jax.jit(jax.vmap(train))(rates)
    for i, rate in enumerate(rates):
        np.testing.assert_allclose(together[i], jax.jit(train)(rate), rtol=1e-5, atol=1e-6)
