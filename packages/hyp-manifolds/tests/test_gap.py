"""The boundary of the ball: results nearer than rounding are pulled back, by no more; huge tangents end at it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hyp_manifolds import Poincare
from hyp_manifolds._numerics import shrink_inside, strictly_inside
from hyp_manifolds._numerics.scope import Scope, enter


@pytest.mark.one_precision
def test_results_are_pulled_back_to_where_rounding_cannot_cross() -> None:
    eps, slack = float(jnp.finfo(np.float32).eps), 0.51
    gaps = np.concatenate([[0.0], eps * np.linspace(1e-3, 8, 400)])
    with enter(Scope(np.dtype(np.float32), np.dtype(np.float32))):
        factor = np.asarray(jax.jit(jax.vmap(shrink_inside))(jnp.asarray(gaps)))
    distance = 1 - factor.astype(np.longdouble) * np.sqrt(1 - gaps.astype(np.longdouble))  # from the boundary
    near = gaps < 2 * slack * eps * (1 - 1e-3)
    np.testing.assert_allclose(distance[near], slack * eps, rtol=0, atol=0.02 * eps + 3e-16)
    np.testing.assert_array_equal(factor[gaps > 2 * slack * eps * (1 + 1e-3)], 1.0)


@pytest.mark.one_precision
@pytest.mark.parametrize("c", [1.0, 0.25])
def test_float64_results_are_put_inside_by_what_was_computed(c: float) -> None:
    """Within 2 eps of the boundary and beyond it, 2 eps inside; elsewhere as they are."""
    eps, radius = float(jnp.finfo(np.float64).eps), 1 / np.sqrt(c)
    lengths = radius * (1 - eps * np.arange(-3, 8))  # exact, as radius is a power of two
    points = np.stack([-lengths, np.zeros_like(lengths)], axis=1)
    with enter(Scope(np.dtype(np.float64), np.dtype(np.float64))):
        put = np.asarray(jax.jit(jax.vmap(strictly_inside, (0, None)))(jnp.asarray(points), jnp.asarray(c)))
    inside = np.where(lengths > radius * (1 - 2 * eps), radius * (1 - 2 * eps), lengths)
    np.testing.assert_allclose(-put[:, 0], inside, rtol=0, atol=0.51 * eps * radius)
    np.testing.assert_array_equal(put[lengths < radius * (1 - 2.5 * eps)], points[lengths < radius * (1 - 2.5 * eps)])


@pytest.mark.one_precision
@pytest.mark.parametrize("length", [1e5, 1e99, 1e101, 1e200, 1e308])
def test_float64_tangents_whose_squares_overflow(length) -> None:
    ball, way = Poincare(), np.array([0.6, 0.0, -0.8])
    with jax.enable_x64(True):
        x, v = jnp.array([0.3, -0.2, 0.1]), jnp.asarray(way * length)
        for y, end in (
            (ball.expmap_0(v, 1.0), way),
            (ball.expmap(v, x, 1.0), ball.expmap(jnp.asarray(50 * way), x, 1.0)),  # the same point of the boundary
        ):
            assert float(jnp.linalg.norm(y)) < 1
            np.testing.assert_allclose(y, end, rtol=1e-15, atol=1e-15)
        gradient = jax.grad(lambda v, x: jnp.sum(ball.expmap(v, x, 1.0)), (0, 1))(v, x)
        assert all(np.all(np.isfinite(g)) for g in gradient)
