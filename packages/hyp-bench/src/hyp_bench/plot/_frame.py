"""From points of a manifold to places in a view, seen from a centre, and back."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from hyp_manifolds import (
    HalfSpace,
    Hyperboloid,
    Klein,
    Poincare,
    ProperVelocity,
    TiledHalfSpace,
    busemann,
    convert,
    isometry_group,
    lorentz_boost,
)
from jaxtyping import Array, ArrayLike, Bool, Float

SHEET = Hyperboloid()
ONE: Any = 1.0
# Radius at which a point stands for an ideal one: float64 keeps directions there, and e^-18 is below a pixel.
FAR = 18.0
_ROWS = 1024
_PLANES = (Poincare, Hyperboloid, Klein, HalfSpace, ProperVelocity, TiledHalfSpace)


def in_float64(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Runs a function of batches in float64, whatever the mode of the caller, on so many rows at a time.

    Pictures are made of batches of every size: each would be compiled anew.
    """

    @functools.wraps(fn)
    def run(*arrays: ArrayLike, **static: Any) -> Any:
        rows = [np.asarray(array, np.float64) for array in arrays]
        count, parts = len(rows[0]), []
        for start in range(0, max(count, 1), _ROWS):
            part = [row[start : start + _ROWS] for row in rows]
            fill = _ROWS - len(part[0])
            with jax.enable_x64(True):
                padded = [jnp.asarray(np.concatenate([row, np.repeat(row[:1], fill, axis=0)])) for row in part]
                parts.append(jax.tree.map(np.asarray, fn(*padded, **static)))
        return jax.tree.map(lambda *found: np.concatenate(found)[:count], *parts)

    return run


@in_float64
@functools.partial(jax.jit, static_argnames="source")
def _onto_sheet(
    points: Float[Array, "n coords"], c: Float[Array, "n"], centre: Float[Array, "n 3"], *, source: Any
) -> tuple[Float[Array, "n 3"], Bool[Array, "n"]]:
    def one(x: Array, c: Array, centre: Array) -> tuple[Array, Array]:
        place = jnp.sqrt(c) * convert(x, source, SHEET, c)
        away = isometry_group.invert(lorentz_boost(centre, ONE))
        return isometry_group.apply(away, place, SHEET, ONE), source.is_in_manifold(x, c)

    return jax.vmap(one)(points, c, centre)


@in_float64
@functools.partial(jax.jit, static_argnames="source")
def _off_sheet(
    places: Float[Array, "n 3"], c: Float[Array, "n"], centre: Float[Array, "n 3"], *, source: Any
) -> Float[Array, "n coords"]:
    def one(s: Array, c: Array, centre: Array) -> Array:
        return convert(isometry_group.apply(lorentz_boost(centre, ONE), s, SHEET, ONE) / jnp.sqrt(c), SHEET, source, c)

    return jax.vmap(one)(places, c, centre)


@in_float64
@functools.partial(jax.jit, static_argnames=("source", "target"))
def change_model(points: Float[Array, "n a"], *, source: Any, target: Any) -> Float[Array, "n b"]:
    """The points of one model at curvature -1 in another."""
    return jax.vmap(lambda x: convert(x, source, target, ONE))(points)


@in_float64
@jax.jit
def _busemann(places: Float[Array, "n 3"], ideal: Float[Array, "n 2"]) -> Float[Array, "n"]:
    return jax.vmap(lambda s, xi: busemann(SHEET, s, xi, ONE))(places, ideal)


class Frame:
    """Where points of a manifold lie on the unit hyperboloid after an isometry that takes `centre` to the origin.

    Args:
        manifold: a model of hyperbolic space.
        c: curvature magnitude of its points, > 0.
        centre: a point of it, None for the origin.
    """

    def __init__(self, manifold: Any, c: float, centre: ArrayLike | None) -> None:
        if not isinstance(manifold, _PLANES):
            raise TypeError(
                f"plot: manifold must be a model of the hyperbolic plane, such as Poincare(), got {manifold!r}."
            )
        if not (np.isfinite(c) and c > 0):
            raise ValueError(f"plot: c must be positive and finite, got {c}.")
        self.manifold, self.c = manifold, float(c)
        self.centre = np.array([[1.0, 0.0, 0.0]])
        if centre is not None:
            self.centre = self.place("centre", np.asarray(centre)[None])

    def place(self, name: str, points: ArrayLike) -> Float[np.ndarray, "n 3"]:
        """Returns the places of points on the unit hyperboloid, seen from the centre.

        Raises:
            ValueError: not an array (n, coordinates) of points of the plane.
        """
        table = np.asarray(points, np.float64)
        coords = self.manifold.ambient_dim(2)
        if table.ndim != 2 or table.shape[1] != coords:
            raise ValueError(
                f"plot: {name} must have shape (n, {coords}), points of the 2-D {type(self.manifold).__name__}, got "
                f"{table.shape}."
            )
        if not len(table):
            return np.zeros((0, 3))
        places, inside = _onto_sheet(table, *self._constants(len(table)), source=self.manifold)
        inside &= np.isfinite(table).all(axis=1) & np.isfinite(places).all(axis=1)
        if not inside.all():
            row = int(np.argmin(inside))
            raise ValueError(
                f"plot: {name}: {int((~inside).sum())} of {len(table)} rows are no points of "
                f"{type(self.manifold).__name__} at c={self.c:g}, the first is row {row}: {table[row]}."
            )
        return places

    def origin(self) -> Float[np.ndarray, "1 3"]:
        """Returns the place of the manifold's origin."""
        return _onto_sheet(np.array([[1.0, 0.0, 0.0]]), np.ones(1), self.centre, source=SHEET)[0]

    def points_at(self, places: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n coords"]:
        """Returns the points of the manifold that have these places: the inverse of `place`."""
        return _off_sheet(places, *self._constants(len(places)), source=self.manifold)

    def horocycle(
        self, ideal: Float[np.ndarray, "n 2"], level: Float[np.ndarray, "n"]
    ) -> tuple[Float[np.ndarray, "n 2"], Float[np.ndarray, "n"]]:
        """Returns ideal points and Busemann levels as seen from the centre, at unit curvature."""
        far = np.concatenate([np.full((len(ideal), 1), np.cosh(FAR)), np.sinh(FAR) * ideal], axis=1)
        centre = np.repeat(self.centre, len(ideal), axis=0)
        seen = _onto_sheet(far, np.ones(len(ideal)), centre, source=SHEET)[0][:, 1:]
        at_centre = _busemann(centre, ideal)
        return seen / np.linalg.norm(seen, axis=1, keepdims=True), np.sqrt(self.c) * level - at_centre

    def _constants(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        return np.full(count, self.c), np.repeat(self.centre, count, axis=0)
