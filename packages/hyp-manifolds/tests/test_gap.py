"""The one correction of ball operations: a result closer to the boundary than rounding is pulled back, by no more."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hyp_manifolds._numerics import shrink_inside
from hyp_manifolds._numerics.scope import Scope, enter


@pytest.mark.one_precision
@pytest.mark.parametrize(("dtype", "slack"), [(np.float32, 0.51), (np.float64, 2.75)])
def test_results_are_pulled_back_to_where_rounding_cannot_cross(dtype, slack) -> None:
    eps = float(jnp.finfo(dtype).eps)
    gaps = np.concatenate([[0.0], eps * np.linspace(1e-3, 8, 400)])
    with enter(Scope(np.dtype(dtype), np.dtype(dtype))):
        factor = np.asarray(jax.jit(jax.vmap(shrink_inside))(jnp.asarray(gaps)))
    distance = 1 - factor.astype(np.longdouble) * np.sqrt(1 - gaps.astype(np.longdouble))  # from the boundary
    near = gaps < 2 * slack * eps * (1 - 1e-3)
    np.testing.assert_allclose(distance[near], slack * eps, rtol=0, atol=0.02 * eps + 3e-16)
    np.testing.assert_array_equal(factor[gaps > 2 * slack * eps * (1 + 1e-3)], 1.0)
