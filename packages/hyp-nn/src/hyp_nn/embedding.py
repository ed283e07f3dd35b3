"""`HypEmbedding`: a table of points."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from hyp_manifolds import Manifold, Product
from jax.core import Tracer
from jaxtyping import Array, Float, Int

from hyp_nn import _checks
from hyp_nn._scale import rescale
from hyp_nn.params import ManifoldParam

_OWNER = "HypEmbedding"


class HypEmbedding(nnx.Module):
    """A table of points on a manifold, looked up by integer ids.

    The table is stored at unit curvature. `layer(ids, c)` scales its rows to curvature c. Far from the
    origin that rescaling rounds away distances between close points (at radius 8, hundreds of
    roundings for points 0.1 apart): a loss that needs distances only is more accurate at unit curvature,
    `manifold.dist(p, q, 1.0) / sqrt(c)` with p, q from `layer.rows(ids)`.

    Args:
        manifold: the manifold of the points, for example `Poincare()`.
        num_embeddings: number of rows.
        dim: dimension of the manifold; a row has `manifold.ambient_dim(dim)` coordinates.
        rngs: source of the initial points (stream `params`).
        init_std: scale of the initial geodesic distances from the origin, at unit curvature.
        param_dtype: floating dtype of the table.

    Attributes:
        embedding: the table, a `ManifoldParam` of shape (num_embeddings, ambient_dim).

    Raises:
        TypeError, ValueError: wrong manifold, sizes below 1, negative `init_std`.

    Example:
        >>> import jax.numpy as jnp
        >>> from flax import nnx
        >>> from hyp_manifolds import Poincare
        >>> from hyp_nn import HypEmbedding
        >>> words = HypEmbedding(Poincare(), num_embeddings=100, dim=2, rngs=nnx.Rngs(0))
        >>> print(words(jnp.array([[3, 14], [15, 92]]), c=0.5).shape)
        (2, 2, 2)
    """

    def __init__(
        self,
        manifold: Manifold,
        num_embeddings: int,
        dim: int,
        *,
        rngs: nnx.Rngs,
        init_std: float = 1e-3,
        param_dtype: Any = jnp.float32,
    ) -> None:
        _checks.check_manifold(manifold, _OWNER)
        if num_embeddings < 1 or dim < 1:
            raise ValueError(f"{_OWNER}: num_embeddings and dim must be at least 1, got {num_embeddings} and {dim}.")
        if init_std < 0:
            raise ValueError(f"{_OWNER}: init_std must not be negative, got {init_std}.")
        self.manifold = manifold
        self.num_embeddings = num_embeddings
        self.dim = dim

        def draw(key: Array) -> Float[Array, " coords"]:
            return manifold.random_point(key, dim, 1.0, std=init_std, dtype=param_dtype)

        keys = jax.random.split(rngs.params(), num_embeddings)
        self.embedding = ManifoldParam(jax.vmap(draw)(keys), manifold=manifold)

    def __call__(self, ids: Int[Array, "*batch"], c: Any = 1.0) -> Float[Array, "*batch coords"]:
        """Returns the points with these ids on the manifold of curvature magnitude c.

        Args:
            ids: integers of any shape, from 0 to num_embeddings - 1.
            c: curvature magnitude, scalar > 0, static or traced. On a `Product` also one value per factor, shape
                (curvatures,); flat factors ignore theirs.

        Returns:
            Points, shape (*batch, ambient_dim). Ids out of range raise where they are concrete; inside `jit`
            their points are NaN.

        Raises:
            TypeError, ValueError: ids are not integers or out of range, c is neither a scalar nor one value per factor,
            or a concrete c lies outside the manifold's domain.
        """
        if not (isinstance(self.manifold, Product) and np.shape(c) == (self.manifold.curvatures,)):
            _checks.check_curvature(c, _OWNER)
        return rescale(self.manifold, self.rows(ids), c)

    def rows(self, ids: Int[Array, "*batch"]) -> Float[Array, "*batch coords"]:
        """Returns the stored points with these ids, at unit curvature; ids as in `__call__`."""
        _checks.check_ids(ids, _OWNER)
        ids = _in_range(ids, self.num_embeddings)
        return self.embedding[...].at[ids].get(mode="fill", fill_value=jnp.nan)

    def check(self, platform: str | None = None) -> None:
        """Raises unless the table is sound: concrete, on devices of `platform`, finite, every row on the manifold.

        Meant for the moments before and after training; it transfers one boolean a row.

        Args:
            platform: where the table must lie, for example "gpu"; JAX's default backend if None.

        Raises:
            TypeError: called inside a JAX transformation.
            ValueError: the table is elsewhere, not finite, or rows lie off the manifold (the first one is named).
        """
        table = self.embedding[...]
        _checks.check_on_device(table, f"{_OWNER}.check", jax.default_backend() if platform is None else platform)
        unit: Any = 1.0
        on_manifold = np.asarray(jax.vmap(lambda x: self.manifold.is_in_manifold(x, unit))(table))
        if not on_manifold.all():
            row = int(np.argmin(on_manifold))
            raise ValueError(
                f"{_OWNER}.check: {np.sum(~on_manifold)} of {self.num_embeddings} rows lie off {self.manifold!r}, "
                f"first row {row}: {table[row]}."
            )


def _in_range(ids: Any, length: int) -> Int[Array, "*batch"]:
    """Returns `ids` with those out of range replaced by `length`; raises where they are concrete."""
    if not isinstance(ids, Tracer):
        concrete = np.asarray(ids)
        outside = concrete[(concrete < 0) | (concrete >= length)]
        if outside.size:
            raise ValueError(
                f"{_OWNER}: ids must lie in [0, {length}), the rows of the table, got {outside.flat[0]} "
                f"({outside.size} of {concrete.size} ids are outside)."
            )
    # The comparison with the length must not wrap around in a narrow dtype such as uint8.
    ids = jnp.asarray(ids)
    ids = ids.astype(jnp.promote_types(ids.dtype, jnp.int32))
    return jnp.where((ids >= 0) & (ids < length), ids, length)
