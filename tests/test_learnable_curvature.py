"""hyp-nn's learnable curvature under hyp-optim's rules: one compilation, right points, after clone and restore too."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx
from hyp_manifolds import Hyperboloid, Poincare
from hyp_nn import Curvature, HypEmbedding
from hyp_optim import riemannian_adam

STEPS = 1000


class Model(nnx.Module):
    def __init__(self, manifold, c=0.1, seed=0):
        self.points = HypEmbedding(manifold, 4, 3, rngs=nnx.Rngs(seed), init_std=0.5)
        self.curvature = Curvature(c, parametrization="log")

    def __call__(self, ids):
        c = self.curvature()
        manifold = self.points.manifold
        return jax.vmap(lambda p: manifold.dist_0(p, 1.0))(self.points.rows(ids)) / jnp.sqrt(c)


def loss(model, goal):
    """Distances of one half, and a curvature that follows `goal`."""
    return jnp.sum((model(jnp.arange(4)) - 0.5) ** 2) + jnp.sum((jnp.log(model.curvature()) - goal) ** 2)


def goal_at(i):
    """log c from 0.1 to 10 and back."""
    return jnp.log(0.1) + jnp.log(100.0) * (1 - jnp.abs(2 * i / STEPS - 1))


@pytest.mark.one_precision
@pytest.mark.parametrize("manifold", [Poincare(), Hyperboloid()], ids=lambda m: type(m).__name__)
def test_a_thousand_steps_of_a_model_whose_curvature_moves(manifold):
    traces = []

    @nnx.jit
    def step(model, optimizer, i):
        traces.append(1)
        optimizer.update(model, nnx.grad(loss)(model, goal_at(i)))
        table = model.points.embedding[...]
        on = jax.vmap(manifold.is_in_manifold, (0, None))(table, 1.0)
        return model.curvature(), jnp.all(on)

    model = Model(manifold)
    optimizer = nnx.Optimizer(model, riemannian_adam(0.05), wrt=nnx.Param)
    curvatures = []
    for i in range(STEPS):
        c, on = step(model, optimizer, jnp.asarray(i))
        curvatures.append(float(c))
        assert on, i
    assert max(curvatures) > 7 and curvatures[0] < 0.2 and curvatures[-1] < 0.2
    assert len(traces) == 1
    np.testing.assert_allclose(model(jnp.arange(4)), 0.5, atol=0.05)


@pytest.mark.one_precision
def test_clones_and_two_models_of_one_transformation_follow_their_own_curvature():
    tx = riemannian_adam(0.05)

    @nnx.jit
    def step(model, optimizer, goal):
        optimizer.update(model, nnx.grad(loss)(model, goal))

    def run(model, optimizer, goal, steps=40):
        for _ in range(steps):
            step(model, optimizer, goal)
        return np.asarray(model.points.embedding[...]), float(model.curvature())

    def make(seed):
        model = Model(Poincare(), c=1.0, seed=seed)
        return model, nnx.Optimizer(model, tx, wrt=nnx.Param)

    one, other = make(0), make(1)
    for _ in range(3):
        step(*one, jnp.log(4.0))
        step(*other, jnp.log(0.25))
    copy = nnx.clone(one)
    moved, c = run(*one, jnp.log(4.0))
    moved_copy, c_copy = run(*copy, jnp.log(4.0))
    np.testing.assert_array_equal(moved, moved_copy)
    assert c == c_copy > 2
    _, c_other = run(*other, jnp.log(0.25))
    assert c_other < 0.5

    fresh = make(1)
    for _ in range(3):
        step(*fresh, jnp.log(0.25))
    alone, _ = run(*fresh, jnp.log(0.25))
    np.testing.assert_array_equal(other[0].points.embedding[...], alone)


def test_the_raw_curvature_takes_the_euclidean_step():
    model = Model(Poincare(), c=1.0)
    tx = riemannian_adam(0.05)
    optimizer = nnx.Optimizer(model, tx, wrt=nnx.Param)
    before, grads = model.curvature.raw[...], nnx.grad(loss)(model, 1.0)
    optimizer.update(model, grads)
    slope = grads["curvature"]["raw"][...]
    expected = optax.adam(0.05)
    update, _ = expected.update(slope, expected.init(before), before)
    np.testing.assert_allclose(model.curvature.raw[...], before + update, rtol=1e-5)
