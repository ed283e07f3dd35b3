"""Curves as chains of points, in a model at curvature -1."""

from __future__ import annotations

import functools
from typing import Any

import jax
import numpy as np
from hyp_manifolds import cone_half_aperture, project_to_horosphere
from jaxtyping import Array, Float

from ._frame import FAR, ONE, SHEET, change_model, in_float64

# Hyperbolic length of a piece of a curve: what is nearest to the eye, at scale 1/2 in the disk, is drawn 0.03 long.
_STEP = 0.06
_MOST = 512


@in_float64
@jax.jit
def _between(t: Float[Array, "n"], a: Float[Array, "n 3"], b: Float[Array, "n 3"]) -> Array:
    return jax.vmap(lambda t, a, b: SHEET.geodesic(t, a, b, ONE))(t, a, b)


@in_float64
@functools.partial(jax.jit, static_argnames="model")
def _along(t: Float[Array, "n"], v: Float[Array, "n 2"], x: Float[Array, "n 2"], *, model: Any) -> Array:
    return jax.vmap(lambda t, v, x: model.geodesic_unit(t, v, x, ONE))(t, v, x)


@in_float64
@functools.partial(jax.jit, static_argnames="model")
def _outward(x: Float[Array, "n 2"], origin: Float[Array, "n 2"], *, model: Any) -> Array:
    return jax.vmap(lambda x, o: -model.logmap(o, x, ONE))(x, origin)


@in_float64
@jax.jit
def _onto_horocycle(x: Float[Array, "n 3"], ideal: Float[Array, "n 2"], level: Float[Array, "n"]) -> Array:
    return jax.vmap(lambda x, xi, level: project_to_horosphere(SHEET, x, xi, level, ONE))(x, ideal, level)


@in_float64
@jax.jit
def half_apertures(places: Float[Array, "n 3"], k: Float[Array, "n"]) -> Array:
    """Half-apertures of the entailment cones of points of the unit hyperboloid."""
    return jax.vmap(lambda s, k: cone_half_aperture(SHEET, s, ONE, k))(places, k)


def geodesics(
    a: Float[np.ndarray, "n 3"], b: Float[np.ndarray, "n 3"], model: Any, *, extend: bool = False
) -> Float[np.ndarray, "n steps 2"]:
    """Geodesics from a to b on the unit hyperboloid, as chains in a model; extended, from rim to rim."""
    reach = max(float((_radius(a) + _radius(b)).max(initial=0.0)), 1.0)
    t = np.broadcast_to(np.linspace(0.0, 1.0, _pieces(reach) + 1), (len(a), _pieces(reach) + 1))
    if extend:
        # The time at which the geodesic, at constant speed, has left whatever can be seen.
        length = _distances(a, b)
        if (length == 0).any():
            raise ValueError(f"plot: row {int(np.argmin(length))}: many geodesics go through the one point.")
        times = FAR / length
        t = np.linspace(-times, 1 + times, _MOST + 1, axis=1)
    count = t.shape[1]
    chain = _between(t.ravel(), np.repeat(a, count, axis=0), np.repeat(b, count, axis=0))
    return change_model(chain, source=SHEET, target=model).reshape(len(a), count, 2)


def horocycles(
    ideal: Float[np.ndarray, "n 2"], level: Float[np.ndarray, "n"], model: Any
) -> Float[np.ndarray, "n steps 2"]:
    """Horocycles {B = level}, as chains in a model that begin and end at the ideal point."""
    # In the half-plane with the ideal point at infinity the horocycle is the line at height h, and the angle t on its
    # circle in the disk is that of (h + 1) tan(t / 2); rays from a far circle to the ideal point cross it there.
    t = np.linspace(-np.pi, np.pi, _MOST + 3)[1:-1]
    across = (np.exp(-level)[:, None] + 1) * np.tan(t / 2)
    angle = 2 * np.arctan2(1.0, across)
    cos, sin = np.cos(angle), np.sin(angle)
    x, y = ideal[:, :1], ideal[:, 1:]
    far = np.sinh(FAR) * np.stack([x * cos - y * sin, y * cos + x * sin], axis=-1).reshape(-1, 2)
    starts = np.concatenate([np.full((len(far), 1), np.cosh(FAR)), far], axis=1)
    chain = _onto_horocycle(starts, np.repeat(ideal, len(t), axis=0), np.repeat(level, len(t)))
    return change_model(chain, source=SHEET, target=model).reshape(len(ideal), len(t), 2)


def cones(
    apexes: Float[np.ndarray, "n 3"],
    origin: Float[np.ndarray, "1 3"],
    half_aperture: Float[np.ndarray, "n"],
    model: Any,
    end: str,
) -> list[Float[np.ndarray, "steps 2"]]:
    """Cones that open away from `origin`, as polygons in a conformal model: a ray, the far arc, the other ray.

    Args:
        apexes: on the unit hyperboloid.
        origin: where the cones open away from.
        half_aperture: in radians.
        model: a conformal one, `Poincare()` or `HalfSpace()`: there angles are those of the coordinates.
        end: "up" or "centre", the direction in which the far arc is longest in the picture.
    """
    x = change_model(apexes, source=SHEET, target=model)
    out = _outward(x, np.repeat(change_model(origin, source=SHEET, target=model), len(x), axis=0), model=model)
    found = []
    for apex, axis, half in zip(x, out, half_aperture, strict=True):
        angle = np.arctan2(axis[1], axis[0])
        toward = np.pi / 2 if end == "up" else np.arctan2(-apex[1], -apex[0])
        # Hazard: from far out, almost all of the rim lies within a tiny angle. Cure: angles that halve toward it.
        near = np.pi * 2.0 ** (-np.arange(0, 24 * 8) / 8)
        turns = (np.concatenate([toward - near, [toward], toward + near]) - angle + np.pi) % (2 * np.pi) - np.pi
        turns = np.concatenate([np.linspace(-half, half, 129), turns[np.abs(turns) < half]])
        turns.sort()
        far = FAR - 2.0
        steps = np.linspace(0.0, far, _pieces(far) + 1)
        t = np.concatenate([steps, np.full(len(turns), far), steps[::-1]])
        turned = angle + np.concatenate([np.full(len(steps), -half), turns, np.full(len(steps), half)])
        found.append((t, np.stack([np.cos(turned), np.sin(turned)], axis=1), np.broadcast_to(apex, (len(t), 2))))
    if not found:
        return []
    chain = _along(*(np.concatenate(part) for part in zip(*found, strict=True)), model=model)
    return np.split(chain, np.cumsum([len(t) for t, _, _ in found])[:-1])


@in_float64
@jax.jit
def _distances(a: Float[Array, "n 3"], b: Float[Array, "n 3"]) -> Array:
    return jax.vmap(lambda a, b: SHEET.dist(a, b, ONE))(a, b)


def _radius(places: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n"]:
    return np.arcsinh(np.hypot(places[:, 1], places[:, 2]))


def _pieces(length: float) -> int:
    """A power of two, so that few lengths are compiled."""
    return int(min(_MOST, max(16, 1 << int(np.ceil(np.log2(length / _STEP))))))
