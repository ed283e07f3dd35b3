"""Random points and tangents on any manifold, made by the manifold's own operations."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from hyp_manifolds import Manifold, Product

from ._calls import ROWS, forward

Array = NDArray[Any]

# Points on a sphere stay within this radius, in units of 1/sqrt(K): pairs are then far from the cut locus, at pi.
CAP = 1.0


@dataclass(frozen=True)
class Sample:
    """Rows of inputs for the laws, all of one dtype.

    Attributes:
        dim: dimension of the manifold.
        sizes: (coordinates, dimension) of each factor of a product, nested ones in line; one pair for other manifolds.
        c: one curvature per row, or one row of curvatures for the factors of a product.
        x, y, z: points. u, v, w: tangents at x. o: tangents at the origin, with x = expmap_0(o).
        g: Gaussian numbers of the shape of a point. r: scalars in (-1.5, 1.5). t: scalars in (0, 1).
        origin: the origin at each row's curvature.
        root: sqrt|K|, K the sectional curvature; of the most curved factor. In float64.
        reach: sqrt|K| d(0, x), the largest of the factors. In float64.
        grain: Riemannian length of the origin's own spatial coordinates, 0 but where they do not vanish (the height in
            the half-space): points near the origin are known to eps times this. In float64.
    """

    dim: int
    sizes: tuple[tuple[int, int], ...]
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
    root: Array
    reach: Array
    grain: Array

    @property
    def eps(self) -> float:
        """Unit of the tolerances."""
        return float(jnp.finfo(self.x.dtype).eps)

    @property
    def parts(self) -> list[slice]:
        """Where in an array the coordinates of each factor are."""
        ends = [0, *itertools.accumulate(length for length, _ in self.sizes)]
        return [slice(a, b) for a, b in itertools.pairwise(ends)]

    @property
    def spatial(self) -> Array:
        """The last coordinates of each factor's part, as many as its dimension."""
        return np.concatenate(
            [np.arange(p.stop - dim, p.stop) for p, (_, dim) in zip(self.parts, self.sizes, strict=True)]
        )

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


def _in_turn(values: Any, rows: int) -> Array:
    """Values one after the other, from the first again at the end."""
    given = np.asarray(values, np.float64)
    return np.resize(given, (rows, *given.shape[1:]))


def make_sample(
    manifold: Manifold,
    dim: int,
    curvatures: Sequence[Any] | Array | None = None,
    *,
    dtype: Any = None,
    seed: int = 0,
    radius: float = 2.0,
    fixed: bool = False,
    rows: int = ROWS,
) -> Sample:
    """Rows of points up to a distance of radius / sqrt|c| from the origin, and tangents up to that length.

    Where the sectional curvature is positive the radius is at most `CAP`. In a product all of this holds in each
    factor, and every factor has a curvature of its own.

    Args:
        manifold: the manifold.
        dim: its dimension; for a product, the one that its factors fix.
        curvatures: values of c, in turn; `default_curvatures` if not given. In a product every factor takes the values
            in an order of its own; give rows, one value per factor each, to say which go together.
        dtype: dtype of all arrays; the manifold's own by default.
        seed: of NumPy's generator.
        radius: largest radius, in units of 1/sqrt|c|.
        fixed: x and y lie exactly at the radius instead of anywhere below it.
        rows: number of rows.

    Raises:
        ValueError: `dim` is not the dimension of a product.
    """
    manifold.ambient_dim(dim)
    draw = _Draw(np.random.default_rng([seed, dim]), np.dtype(dtype or default_dtype(manifold)), radius, fixed, rows)
    return draw.sample(manifold, dim, curvatures)


@dataclass(frozen=True)
class _Draw:
    """What `make_sample` is asked for, whatever the manifold."""

    rng: np.random.Generator
    kind: np.dtype[Any]
    radius: float
    fixed: bool
    rows: int

    def sample(self, manifold: Manifold, dim: int, curvatures: Any) -> Sample:
        """A sample of the manifold, or of every factor side by side."""
        if isinstance(manifold, Product):
            return self.product(manifold, curvatures)
        values = default_curvatures(manifold) if curvatures is None else curvatures
        return self.one(manifold, dim, _in_turn(values, self.rows).astype(self.kind))

    def one(self, manifold: Manifold, dim: int, c: Array) -> Sample:
        """A sample of a manifold that is no product."""
        rng, rows = self.rng, self.rows
        size = np.abs(c.astype(np.float64))
        unit = 1 / np.sqrt(np.where(size > 0, size, 1.0))
        curvature = np.array([float(manifold.sectional_curvature(float(k))) for k in c])
        root = np.sqrt(np.abs(curvature))
        origin = np.asarray(jax.vmap(lambda k: manifold.create_origin(k, dim))(c)).astype(self.kind)

        own = origin.copy()
        own[:, : origin.shape[1] - dim] = 0
        grain = forward(manifold, "tangent_norm", own, origin, c).astype(np.float64)

        def gaussian() -> Array:
            return rng.standard_normal(origin.shape).astype(self.kind)

        def tangent(base: Array, largest: float, smallest: float) -> tuple[Array, Array]:
            raw = forward(manifold, "tangent_proj", gaussian(), base, c).astype(self.kind)
            low, high = (np.where(curvature > 0, min(end, CAP), end) for end in (smallest, largest))
            length = rng.uniform(low, high, rows) * unit
            norms = forward(manifold, "tangent_norm", raw, base, c).astype(np.float64)
            return (raw.astype(np.float64) * (length / norms)[:, None]).astype(self.kind), length

        def point(largest: float, smallest: float) -> tuple[Array, Array, Array]:
            at_origin, distance = tangent(origin, largest, smallest)
            return forward(manifold, "expmap_0", at_origin, c).astype(self.kind), at_origin, distance

        radius, floor = self.radius, min(0.01, self.radius / 10)
        smallest = radius if self.fixed else floor
        (x, o, distance), (y, _, _) = point(radius, smallest), point(radius, smallest)
        z, _, _ = point(min(radius, 1.0), floor)
        u, v, w = (tangent(x, min(radius, 1.5), floor)[0] for _ in range(3))
        return Sample(
            dim=dim, sizes=((origin.shape[1], dim),), c=c, x=x, y=y, z=z, u=u, v=v, w=w, o=o, g=gaussian(),
            r=rng.uniform(-1.5, 1.5, rows).astype(self.kind), t=rng.uniform(0.0, 1.0, rows).astype(self.kind),
            origin=origin, root=root, reach=root * distance, grain=grain,
        )  # fmt: skip

    def product(self, manifold: Product, curvatures: Any) -> Sample:
        """Samples of the factors, drawn one after the other and put side by side."""
        given = None if curvatures is None else np.asarray(curvatures, np.float64)
        parts: list[Sample] = []
        for m, dim in manifold.factors:
            if given is not None and given.ndim == 2:
                start = sum(len(part.sizes) for part in parts)
                own = given[:, start : start + m.curvatures] if isinstance(m, Product) else given[:, start]
            elif isinstance(m, Product):
                own = given
            else:
                own = self.rng.permutation(_in_turn(default_curvatures(m) if given is None else given, self.rows))
            parts.append(self.sample(m, dim, own))

        def side_by_side(name: str) -> Array:
            return np.concatenate([getattr(part, name).reshape(self.rows, -1) for part in parts], axis=1)

        arrays = {name: side_by_side(name) for name in ("c", "x", "y", "z", "u", "v", "w", "o", "g", "origin")}
        return Sample(
            dim=manifold.dim, sizes=tuple(size for part in parts for size in part.sizes), **arrays,
            r=parts[0].r, t=parts[0].t, root=side_by_side("root").max(1), reach=side_by_side("reach").max(1),
            grain=np.linalg.norm(side_by_side("grain"), axis=1),
        )  # fmt: skip
