"""Norms, distances and asinh of float64 numbers whose squares leave float64's range."""

import math

import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest
from hyp_manifolds import Euclidean, Hyperboloid, Poincare
from hyp_manifolds._numerics import asinh

pytestmark = pytest.mark.one_precision  # float64 in both modes
EPS = 2.0**-52
DIM = 5


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


def vectors(exponents: np.ndarray) -> np.ndarray:
    """Rows of these sizes, some with numbers of very different ones."""
    rng = np.random.default_rng(0)
    rows = rng.uniform(0.5, 1.0, (len(exponents), DIM)) * 10.0 ** exponents[:, None]
    rows[::3, 0] *= 1e-9
    return rows


def lengths(rows: np.ndarray) -> np.ndarray:
    with mp.workdps(40):
        return np.array([float(mp.sqrt(sum(mp.mpf(float(t)) ** 2 for t in row))) for row in rows])


def test_norms_and_their_gradients_at_every_size() -> None:
    rows = vectors(np.linspace(-297, 307, 409))
    value, slope = jax.jit(jax.vmap(jax.value_and_grad(lambda x: Euclidean().dist_0(x, 1.0))))(rows)
    want = lengths(rows)
    np.testing.assert_allclose(value, want, rtol=3 * EPS)
    np.testing.assert_allclose(slope, rows / want[:, None], rtol=4 * EPS)


@pytest.mark.parametrize("manifold", [Poincare(), Hyperboloid()], ids=lambda m: type(m).__name__)
def test_points_closer_than_squares_can_tell(manifold) -> None:
    """Around the origin, where every space is flat: twice the length in the ball."""
    rows = vectors(np.linspace(-297, -20, 143))
    at = np.concatenate([np.ones((len(rows), 1)), rows], 1) if isinstance(manifold, Hyperboloid) else rows
    far = at * 3 if isinstance(manifold, Poincare) else np.concatenate([at[:, :1], 3 * rows], 1)
    value, slope = jax.jit(jax.vmap(jax.value_and_grad(manifold.dist), (0, 0, None)))(at, far, 1.0)
    want, scale = lengths(2 * rows), 2 if isinstance(manifold, Poincare) else 1
    np.testing.assert_allclose(value, scale * want, rtol=4 * EPS)
    np.testing.assert_allclose(slope[:, -DIM:], -scale * 2 * rows / want[:, None], rtol=8 * EPS)


def test_asinh_of_every_size_and_sign() -> None:
    sizes = 10.0 ** np.concatenate([np.linspace(-307, 308, 1231), np.linspace(-2, 2, 2001)])
    t = np.concatenate([sizes, -sizes])
    value, slope = jax.jit(jax.vmap(jax.value_and_grad(asinh)))(t)
    with mp.workdps(40):
        want = np.array([float(mp.asinh(mp.mpf(float(s)))) for s in t])
        steep = np.array([float(1 / mp.sqrt(1 + mp.mpf(float(s)) ** 2)) for s in t])
    np.testing.assert_allclose(value, want, rtol=3 * EPS)
    near = np.abs(t) < 1e150  # beyond, where the square overflows, the slope may be 0
    np.testing.assert_allclose(np.asarray(slope)[near], steep[near], rtol=3 * EPS)
    assert np.all(np.asarray(slope)[~near] <= 1e-149)
    ends = asinh(jnp.array([0.0, -0.0, jnp.inf, -jnp.inf, jnp.nan]))
    np.testing.assert_array_equal(ends, [0.0, -0.0, math.inf, -math.inf, math.nan])
