"""The gyromidpoint in the stereographic chart of flat space and of the sphere."""

import jax
import jax.numpy as jnp

from hyp_manifolds._numerics import combine, dots, select, wide_matmul
from hyp_manifolds.means._centroid import joined


def midpoints(points: jax.Array, weights: jax.Array, c: jax.Array) -> jax.Array:
    """Gyromidpoints for every row of weights and c <= 0: what S/(T + sqrt(T^2 - c|S|^2)) is, for any sign of T.

    S = sum w lambda x and T = sum |w| (lambda - 1), lambda = 2/(1 - c|x|^2), are the coordinates, but for a factor, of
    a sum of unit vectors of the sphere that the chart projects; the formula projects the sum. At c = 0 it is
    sum w x/sum |w|.

    Args: points: shape (M, dim); weights: shape (N, M); c: scalar <= 0.
    Returns: points, shape (N, dim); NaN where S and T are 0.
    """
    factor = jax.vmap(lambda x: 2 / (1 - c * dots((x, x))[0]))(points)
    size = select(weights >= 0, weights, -weights)  # one-sided derivative at 0
    total = wide_matmul(weights, factor[:, None] * points)
    time = wide_matmul(size, joined(1, ((factor - 1)[:, None],)))[:, 0]

    def row(s: jax.Array, t: jax.Array) -> jax.Array:
        (ss,) = dots((s, s))
        square = t * t - c * ss
        n = select(square > 0, jnp.sqrt(select(square > 0, square, 1.0)), jnp.nan)
        ahead = t >= 0  # behind, t + n cancels: (n + t)(n - t) = -c|S|^2
        behind = (n - t) / select(ahead, 1.0, -c * ss)
        return combine((select(ahead, 1 / select(ahead, t + n, 1.0), behind), s))

    return jax.vmap(row)(total, time)
