"""Points far out in tiles under hyp-optim and in hyp-nn's parameters: exact updates across tiles, as anywhere else."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx
from hyp_manifolds import TiledHalfSpace
from hyp_nn import HypEmbedding
from hyp_optim import ManifoldSpec, riemannian_sgd

pytestmark = pytest.mark.one_precision

SPACE = TiledHalfSpace.reaching(600.0)


def far_out(radius, angle):
    """The origin carried along in steps of 10."""
    start = SPACE.create_origin(1.0, 2)
    v = jnp.zeros_like(start).at[-2:].set(10 * jnp.array([jnp.sin(angle), -jnp.cos(angle)], start.dtype))

    def step(so_far, _):
        x, v = so_far
        y = SPACE.expmap(v, x, 1.0)
        return (y, SPACE.ptransp(v, x, y, 1.0)), None

    return jax.jit(lambda v: jax.lax.scan(step, (start, v), length=radius // 10)[0][0])(v)


def test_momentum_brings_neighbours_together_at_radius_500() -> None:
    target = far_out(500, 0.7)
    around = jnp.zeros((3, len(target))).at[:, -2:].set(jnp.array([[3.0, 1.0], [-2.0, 4.0], [0.5, -5.0]]))
    x = jax.vmap(SPACE.expmap, (0, None, None))(around.astype(target.dtype), target, 1.0)
    tx = riemannian_sgd(0.05, momentum=0.8, manifolds=ManifoldSpec(SPACE))

    @jax.jit
    def step(x, state):
        value, grads = jax.value_and_grad(lambda x: jnp.sum(jax.vmap(SPACE.sqdist, (0, None, None))(x, target, 1.0)))(x)
        updates, state = tx.update(grads, state, x)
        return optax.apply_updates(x, updates), state, value

    state, first = tx.init(x), x
    for _ in range(60):
        x, state, value = step(x, state)
    assert jnp.all(jax.vmap(SPACE.is_in_manifold, (0, None))(x, 1.0))
    assert np.any(np.asarray(x[:, :-2] != first[:, :-2]), axis=1).all()  # all of them changed tiles
    distances = jax.vmap(SPACE.dist, (0, None, None))(x, target, 1.0)
    assert value < 1e-3 and np.all(distances < 0.02)
    np.testing.assert_allclose(jax.vmap(SPACE.dist_0, (0, None))(x, 1.0), 500.0, atol=0.05)


def test_an_embedding_of_far_points_takes_the_exponential_step() -> None:
    model = HypEmbedding(SPACE, 4, 2, rngs=nnx.Rngs(0), init_std=2.0)
    targets = jnp.stack([far_out(r, 0.3 * r) for r in (10, 100, 300, 500)]).astype(jnp.float32)
    optimizer = nnx.Optimizer(model, riemannian_sgd(0.5), wrt=nnx.Param)

    def loss(model):
        return jnp.sum(jax.vmap(SPACE.dist, (0, 0, None))(model(jnp.arange(4), 1.0), targets, 1.0))

    before = model.embedding[...]
    value, grads = nnx.value_and_grad(loss)(model)
    optimizer.update(model, grads)
    np.testing.assert_allclose(value - loss(model), 4 * 0.5, rtol=1e-3)  # unit gradients: each row walks 0.5 of its way
    assert model.embedding[...].shape == before.shape == (4, SPACE.ambient_dim(2))
    model.check()
