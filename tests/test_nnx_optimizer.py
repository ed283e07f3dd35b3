"""hyp-nn's parameters in hyp-optim's rules: a plain nnx.Optimizer takes the exact Riemannian step."""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx
from hyp_manifolds import Euclidean, Hyperboloid, Poincare
from hyp_nn import HypEmbedding, ManifoldParam
from hyp_optim import ManifoldSpec, riemannian_sgd

LR = 0.05
IDS = jnp.arange(4)


class Model(nnx.Module):
    """Points on a manifold, a Euclidean layer and a second table on another manifold."""

    def __init__(self, manifold, seed=0):
        rngs = nnx.Rngs(seed)
        self.points = HypEmbedding(manifold, 4, 3, rngs=rngs, init_std=0.7)
        self.ball = ManifoldParam(0.3 * jnp.ones((2, 2)), manifold=Poincare())
        self.linear = nnx.Linear(3, 2, rngs=rngs)


def loss(model):
    weights = jnp.arange(1.0, 5.0)[:, None]
    rows = model.points.rows(IDS)[:, -3:]
    return jnp.sum(weights * jnp.sin(rows)) + jnp.sum(model.linear(rows) ** 2) + jnp.sum(model.ball[...] ** 2)


@nnx.jit
def train_step(model, optimizer):
    optimizer.update(model, nnx.grad(loss)(model))


def by_hand(manifold, table, grad):
    step = jax.jit(lambda x, g: manifold.expmap(-LR * manifold.egrad2rgrad(g, x, 1.0), x, 1.0))
    return jnp.stack([step(x, g) for x, g in zip(table, grad, strict=True)])


def close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5, equal_nan=False)


@pytest.fixture(params=[Poincare(), Hyperboloid()], ids=lambda m: type(m).__name__)
def manifold(request):
    return request.param


WRAPPED = {
    "alone": riemannian_sgd(LR),
    "chain": optax.chain(optax.clip_by_global_norm(1e6), riemannian_sgd(LR)),
    "multi_steps": optax.MultiSteps(riemannian_sgd(LR), every_k_schedule=1),
    "chain in multi_steps": optax.MultiSteps(optax.chain(optax.identity(), riemannian_sgd(LR)), every_k_schedule=1),
    "inject_hyperparams": optax.inject_hyperparams(riemannian_sgd)(LR),
    "given": riemannian_sgd(
        LR,
        manifolds=lambda params: {
            "points": params["points"]["embedding"].manifold,
            "ball": ManifoldSpec(Poincare()),
            "linear": None,
        },
    ),
}


@pytest.mark.parametrize("tx", WRAPPED.values(), ids=WRAPPED.keys())
def test_step_is_the_exact_exponential_map_step(manifold, tx):
    model = Model(manifold)
    optimizer = nnx.Optimizer(model, tx, wrt=nnx.Param)
    for _ in range(2):
        before = nnx.clone(model)
        grads = nnx.grad(loss)(before)
        train_step(model, optimizer)

        table, grad = before.points.embedding[...], grads["points"]["embedding"][...]
        new = model.points.embedding[...]
        close(new, by_hand(manifold, table, grad))
        close(model.ball[...], by_hand(Poincare(), before.ball[...], grads["ball"][...]))
        close(model.linear.kernel[...], before.linear.kernel[...] - LR * grads["linear"]["kernel"][...])

        euclidean = table - LR * grad
        assert float(jnp.max(jnp.abs(new - euclidean))) > 1e-3
    assert model.points.embedding.manifold == manifold
    model.points.check()


def test_momentum_and_schedule_match_the_pure_path(manifold):
    tx = riemannian_sgd(optax.linear_schedule(LR, 0.01, 4), momentum=0.9)
    model = Model(manifold)
    optimizer = nnx.Optimizer(model, tx, wrt=nnx.Param)

    pure = nnx.to_pure_dict(nnx.state(model, nnx.Param))
    specs = {"points": manifold, "ball": Poincare(), "linear": None}
    pure_tx = riemannian_sgd(optax.linear_schedule(LR, 0.01, 4), momentum=0.9, manifolds=specs)
    state = pure_tx.init(pure)
    graphdef, template = nnx.split(model)

    @jax.jit
    def pure_step(params, state):
        def pure_loss(params):
            full = nnx.clone(template)
            nnx.replace_by_pure_dict(full, params)
            return loss(nnx.merge(graphdef, full))

        updates, state = pure_tx.update(jax.grad(pure_loss)(params), state, params)
        return optax.apply_updates(params, updates), state

    for _ in range(4):
        train_step(model, optimizer)
        pure, state = pure_step(pure, state)
    jax.tree.map(close, nnx.to_pure_dict(nnx.state(model, nnx.Param)), pure)


def test_functional_loop_on_nnx_state(manifold):
    # Here update sees Params with their metadata, gradients included.
    model = Model(manifold)
    tx = riemannian_sgd(LR, momentum=0.9)
    params = nnx.state(model, nnx.Param)
    grads = nnx.grad(loss)(model)
    updates, _ = jax.jit(tx.update)(grads, tx.init(params), params)
    new = optax.apply_updates(params, updates)["points"]["embedding"]
    table, grad = model.points.embedding[...], grads["points"]["embedding"][...]
    close(new[...], by_hand(manifold, table, grad))
    assert new.manifold == manifold


def test_two_models_share_one_transformation():
    tx = optax.chain(optax.identity(), riemannian_sgd(LR, momentum=0.9))
    manifolds = (Poincare(), Hyperboloid(), Euclidean())

    def trained(models, tx_of):
        optimizers = [nnx.Optimizer(m, tx_of(), wrt=nnx.Param) for m in models]
        for _ in range(3):
            for model, optimizer in zip(models, optimizers, strict=True):
                train_step(model, optimizer)
        return [np.asarray(m.points.embedding[...]) for m in models]

    shared = trained([Model(m) for m in manifolds], lambda: tx)
    separate = [
        trained([Model(m)], lambda: optax.chain(optax.identity(), riemannian_sgd(LR, momentum=0.9)))[0]
        for m in manifolds
    ]
    for together, alone in zip(shared, separate, strict=True):
        np.testing.assert_array_equal(together, alone)


def test_a_clone_of_model_and_optimizer_steps_alike(manifold):
    model = Model(manifold)
    optimizer = nnx.Optimizer(model, riemannian_sgd(LR, momentum=0.9), wrt=nnx.Param)
    train_step(model, optimizer)
    twin, twin_optimizer = nnx.clone((model, optimizer))
    train_step(model, optimizer)
    train_step(twin, twin_optimizer)
    np.testing.assert_array_equal(model.points.embedding[...], twin.points.embedding[...])


@dataclasses.dataclass(frozen=True)
class Spy(Poincare):
    """The ball, noting which verbs are called."""

    calls: ClassVar[list] = []  # shared by all instances: a manifold has no mutable fields

    def egrad2rgrad(self, grad, x, c):
        self.calls.append(("egrad2rgrad", x.shape))
        return super().egrad2rgrad(grad, x, c)

    def expmap(self, v, x, c):
        self.calls.append(("expmap", x.shape))
        return super().expmap(v, x, c)


@pytest.mark.parametrize("tx", WRAPPED.values(), ids=WRAPPED.keys())
def test_the_manifold_is_asked(tx):
    model = Model(Spy())
    optimizer = nnx.Optimizer(model, tx, wrt=nnx.Param)
    Spy.calls.clear()
    train_step(model, optimizer)
    assert set(Spy.calls) == {("egrad2rgrad", (3,)), ("expmap", (3,))}


def test_a_step_is_traced_once(manifold):
    model = Model(manifold)
    optimizer = nnx.Optimizer(model, riemannian_sgd(LR, momentum=0.9), wrt=nnx.Param)
    traces = []

    @nnx.jit
    def step(model, optimizer):
        traces.append(1)
        optimizer.update(model, nnx.grad(loss)(model))

    for _ in range(3):
        step(model, optimizer)
    assert len(traces) == 1


def test_model_without_manifolds_is_refused():
    model = nnx.Linear(2, 2, rngs=nnx.Rngs(0))
    with pytest.raises(ValueError, match="no leaf of params carries a manifold"):
        nnx.Optimizer(model, riemannian_sgd(LR), wrt=nnx.Param)
    nnx.Optimizer(model, riemannian_sgd(LR, manifolds=None), wrt=nnx.Param)
