"""Points of a product in hyp-nn's parameters and hyp-optim's rules: each factor takes the step it would take alone."""

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from hyp_manifolds import Product
from hyp_nn import HypEmbedding
from hyp_optim import ManifoldSpec, riemannian_sgd

SPACE = Product.from_signature("P2 H3 E4")
LR = 0.05
TARGETS = jax.vmap(lambda key: SPACE.random_point(key, 9, 1.0, dtype=jnp.float32))(
    jax.random.split(jax.random.key(7), 4)
)


def loss(table):
    return jnp.sum(jnp.arange(1.0, 5.0) * jax.vmap(SPACE.sqdist, (0, 0, None))(table, TARGETS, 1.0))


def by_hand(table, grad, c):
    """The exponential-map step of every factor's own manifold, row by row."""
    steps = []
    for (manifold, _), k, x, g in zip(SPACE.factors, c, SPACE.split(table), SPACE.split(grad), strict=True):
        step = jax.vmap(lambda x, g, m=manifold, k=k: m.expmap(-LR * m.egrad2rgrad(g, x, k), x, k))
        steps.append(step(x, g))
    return jnp.concatenate(steps, -1)


class Model(nnx.Module):
    def __init__(self):
        self.points = HypEmbedding(SPACE, 4, SPACE.dim, rngs=nnx.Rngs(0), init_std=0.5)
        self.scale = nnx.Param(jnp.ones(()))


def test_an_embedding_in_a_product_learns_by_riemannian_steps() -> None:
    model = Model()
    optimizer = nnx.Optimizer(model, riemannian_sgd(LR), wrt=nnx.Param)
    assert model.points.embedding.manifold == SPACE and model.points.rows(jnp.arange(2)).shape == (2, 10)

    @nnx.jit
    def step(model, optimizer):
        value, grads = nnx.value_and_grad(lambda m: m.scale[...] ** 2 * loss(m.points(jnp.arange(4), 1.0)))(model)
        optimizer.update(model, grads)
        return value

    before = model.points.embedding[...]
    first = step(model, optimizer)
    expected = by_hand(before, jax.grad(loss)(before), (1.0, 1.0, 1.0))
    np.testing.assert_allclose(model.points.embedding[...], expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(model.scale[...], 1 - LR * 2 * first, rtol=1e-5)
    model.points.check()


def test_curvatures_that_move_are_passed_with_every_step() -> None:
    c = jnp.array([0.5, 2.0, 0.0])
    table = jax.vmap(lambda key: SPACE.random_point(key, 9, c))(jax.random.split(jax.random.key(3), 4))
    grad = 0.1 * jnp.cos(table)
    tx = riemannian_sgd(LR, momentum=0.9, manifolds=ManifoldSpec(SPACE, c=None))
    update = jax.jit(lambda table, state, c: tx.update(grad, state, table, c=c))
    delta, _ = update(table, tx.init(table), c)
    np.testing.assert_allclose(table + delta, by_hand(table, grad, c), rtol=1e-5, atol=1e-5)
