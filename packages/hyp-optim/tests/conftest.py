"""Points and tolerances shared by the tests of this package."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hyp_manifolds import Euclidean, Hyperboloid, Poincare

MANIFOLDS = [Poincare(), Hyperboloid(), Euclidean()]


@functools.cache
def _random_points(manifold, dim, c):
    return jax.jit(jax.vmap(lambda key: manifold.random_point(key, dim, c, std=0.7)))


@pytest.fixture(params=MANIFOLDS, ids=lambda m: type(m).__name__)
def manifold(request):
    return request.param


@pytest.fixture(params=[Poincare(), Hyperboloid()], ids=lambda m: type(m).__name__)
def curved(request):
    return request.param


@pytest.fixture
def draw():
    """`draw(manifold, batch_shape, c, dim=3, seed=0)` -> points and Euclidean gradients of that batch shape."""

    def points_and_grads(manifold, batch, c=1.0, dim=3, seed=0):
        key_x, key_g = jax.random.split(jax.random.key(seed))
        keys = jax.random.split(key_x, int(np.prod(batch)))
        x = _random_points(manifold, dim, c)(keys)
        x = x.reshape(*batch, x.shape[-1])
        return x, jax.random.normal(key_g, x.shape, x.dtype)

    return points_and_grads


@pytest.fixture
def close():
    """`close(actual, expected)`: equal to a few roundings of the default float."""
    tol = 64 * float(jnp.finfo(jnp.zeros(()).dtype).eps)

    def check(actual, expected):
        np.testing.assert_allclose(np.asarray(actual), np.asarray(expected), rtol=tol, atol=tol, equal_nan=False)

    return check
