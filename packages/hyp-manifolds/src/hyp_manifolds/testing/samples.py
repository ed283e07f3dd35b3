"""Random points and tangents on any manifold, made by the manifold's own operations."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from hyp_manifolds import Manifold

from ._calls import ROWS, forward

Array = NDArray[Any]

# Points on a sphere stay within this radius, in units of 1/sqrt(K): pairs are then far from the cut locus, at pi.
CAP = 1.0


@dataclass(frozen=True)
class Sample:
    """Rows of inputs for the laws, all of one dtype.

    Attributes:
        dim: dimension of the manifold.
        c: one curvature per row.
        x, y, z: points. u, v, w: tangents at x. o: tangents at the origin, with x = expmap_0(o).
        g: Gaussian numbers of the shape of a point. r: scalars in (-1.5, 1.5). t: scalars in (0, 1).
        origin: the origin at each row's curvature.
    """

    dim: int
    c: Array
    x: Array
    y: Array
    z: Array
    u: Array
    v: Array
    w: Array
    o: Array
    g: Array
    r: Array
    t: Array
    origin: Array

    @property
    def eps(self) -> float:
        """Unit of the tolerances."""
        return float(jnp.finfo(self.x.dtype).eps)

    @property
    def root(self) -> Array:
        """sqrt|c|, in float64."""
        return np.sqrt(np.abs(self.c.astype(np.float64)))

    def arguments(self, letters: str) -> list[Array]:
        """The arrays named by a signature's letters, c last."""
        return [*(getattr(self, k) for k in letters), self.c]

    def take(self, rows: slice) -> "Sample":
        """Some of the rows."""
        fields: dict[str, Any] = {k: v[rows] if isinstance(v, np.ndarray) else v for k, v in vars(self).items()}
        return Sample(**fields)


def default_dtype(manifold: Manifold) -> np.dtype[Any]:
    """The dtype a manifold computes in: its own, or JAX's default float."""
    own = getattr(manifold, "dtype", None)
    return np.dtype(own) if own is not None else np.dtype(jnp.zeros(()).dtype)


def default_curvatures(manifold: Manifold) -> tuple[float, ...]:
    """Values of c around 1, of both signs and 0 where the manifold takes them."""
    signed = getattr(manifold, "curvature_domain", "positive") == "signed"
    return (0.25, -0.25, 1.0, -1.0, 4.0, -4.0, 0.0) if signed else (0.25, 1.0, 4.0)


def _scaled(manifold: Manifold, tangent: Array, base: Array, c: Array, length: Array) -> Array:
    """Tangents of the given Riemannian length."""
    norms = forward(manifold, "tangent_norm", tangent, base, c).astype(np.float64)
    return (tangent.astype(np.float64) * (length / norms)[:, None]).astype(tangent.dtype)


def make_sample(
    manifold: Manifold,
    dim: int,
    curvatures: Sequence[float] | None = None,
    *,
    dtype: Any = None,
    seed: int = 0,
    radius: float = 2.0,
    fixed: bool = False,
    rows: int = ROWS,
) -> Sample:
    """Rows of points up to a distance of radius / sqrt|c| from the origin, and tangents up to that length.

    Where the sectional curvature is positive the radius is at most `CAP`.

    Args:
        manifold: the manifold.
        dim: its dimension.
        curvatures: values of c, in turn; `default_curvatures` if not given.
        dtype: dtype of all arrays; the manifold's own by default.
        seed: of NumPy's generator.
        radius: largest radius, in units of 1/sqrt|c|.
        fixed: x and y lie exactly at the radius instead of anywhere below it.
        rows: number of rows.
    """
    rng, kind = np.random.default_rng([seed, dim]), np.dtype(dtype or default_dtype(manifold))
    values = default_curvatures(manifold) if curvatures is None else curvatures
    c = np.resize(np.asarray(values, np.float64), rows).astype(kind)
    size = np.abs(c.astype(np.float64))
    unit = 1 / np.sqrt(np.where(size > 0, size, 1.0))
    curved = np.array([float(manifold.sectional_curvature(float(k))) > 0 for k in c])
    origin = np.asarray(jax.vmap(lambda k: manifold.create_origin(k, dim))(c)).astype(kind)

    def gaussian() -> Array:
        return rng.standard_normal(origin.shape).astype(kind)

    def tangent(base: Array, largest: float, smallest: float) -> Array:
        raw = forward(manifold, "tangent_proj", gaussian(), base, c).astype(kind)
        low, high = (np.where(curved, min(end, CAP), end) for end in (smallest, largest))
        return _scaled(manifold, raw, base, c, rng.uniform(low, high, rows) * unit)

    def point(largest: float, smallest: float) -> tuple[Array, Array]:
        at_origin = tangent(origin, largest, smallest)
        return forward(manifold, "expmap_0", at_origin, c).astype(kind), at_origin

    floor = min(0.01, radius / 10)
    smallest = radius if fixed else floor
    (x, o), (y, _), (z, _) = point(radius, smallest), point(radius, smallest), point(min(radius, 1.0), floor)
    u, v, w = (tangent(x, min(radius, 1.5), floor) for _ in range(3))
    return Sample(
        dim=dim, c=c, x=x, y=y, z=z, u=u, v=v, w=w, o=o,
        g=gaussian(), r=rng.uniform(-1.5, 1.5, rows).astype(kind), t=rng.uniform(0.0, 1.0, rows).astype(kind),
        origin=origin,
    )  # fmt: skip
