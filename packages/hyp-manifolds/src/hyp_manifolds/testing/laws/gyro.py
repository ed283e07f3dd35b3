"""Laws of gyro-addition and gyro-scalar multiplication (Ungar)."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from .._calls import Batched
from ..samples import Sample
from ._law import law, relative

GYRO = ("addition", "scalar_mul")


@law(eps=16, needs=GYRO)
def origin_is_the_neutral_element(m: Batched, s: Sample) -> Iterator[Any]:
    """0 (+) x = x (+) 0 = x and 1 (*) x = x."""
    yield relative(m.addition(s.origin, s.x, s.c), s.x, label="0 (+) x")
    yield relative(m.addition(s.x, s.origin, s.c), s.x, label="x (+) 0")
    yield relative(m.scalar_mul(np.ones_like(s.r), s.x, s.c), s.x, label="1 (*) x")


@law(needs=GYRO)
def left_cancellation(m: Batched, s: Sample) -> Iterator[Any]:
    """-x (+) (x (+) y) = y."""
    minus_x = m.scalar_mul(-np.ones_like(s.r), s.x, s.c)
    # the result comes back from the far point x (+) y, whose coordinates carry the error
    far = m.addition(s.x, s.y, s.c)
    size = np.linalg.norm(s.y.astype(float), axis=1) + np.linalg.norm(far.astype(float), axis=1)
    stretch = np.exp(s.reach)
    yield relative(m.addition(minus_x, far, s.c), s.y, scale=size * stretch)


@law(eps=256, needs=GYRO)
def translation_is_an_isometry(m: Batched, s: Sample) -> Iterator[Any]:
    """d(z (+) x, z (+) y) = d(x, y)."""
    moved = m.dist(m.addition(s.z, s.x, s.c), m.addition(s.z, s.y, s.c), s.c)
    yield relative(moved, m.dist(s.x, s.y, s.c), scale=m.flat("dist_0", s.x, s.c) + m.flat("dist_0", s.y, s.c))


@law(eps=128, needs=GYRO)
def distance_is_the_length_of_the_difference(m: Batched, s: Sample) -> Iterator[Any]:
    """d(x, y) = d(0, -x (+) y)."""
    minus_x = m.scalar_mul(-np.ones_like(s.r), s.x, s.c)
    yield relative(m.dist_0(m.addition(minus_x, s.y, s.c), s.c), m.dist(s.x, s.y, s.c))


@law(eps=128, needs=GYRO)
def scalars_act_along_the_ray(m: Batched, s: Sample) -> Iterator[Any]:
    """d(0, r (*) x) = |r| d(0, x), and (r + t) (*) x = r (*) x (+) t (*) x."""
    scaled = m.scalar_mul(s.r, s.x, s.c)
    want = np.abs(s.r.astype(float)) * m.flat("dist_0", s.x, s.c)[:, 0]
    # r (*) x may be near the origin, whose own coordinates (the half-space's height) round it by eps times the grain
    yield relative(m.dist_0(scaled, s.c), want, scale=want + s.grain)
    both = m.scalar_mul((s.r + s.t).astype(s.r.dtype), s.x, s.c)
    stretch = np.exp(2 * s.reach)
    size = (np.linalg.norm(s.x.astype(float), axis=1) + np.linalg.norm(scaled.astype(float), axis=1)) * stretch
    yield relative(m.addition(scaled, m.scalar_mul(s.t, s.x, s.c), s.c), both, scale=size, label="distributive")


@law(eps=16, needs=("coaddition",))
def coaddition_is_commutative(m: Batched, s: Sample) -> Iterator[Any]:
    """Coaddition commutes, and has the origin as its neutral element."""
    one, other = m.coaddition(s.x, s.y, s.c), m.coaddition(s.y, s.x, s.c)
    yield relative(one, other, scale=_sizes(one, s.x, s.y))
    yield relative(m.coaddition(s.x, s.origin, s.c), s.x, label="with 0")


@law(eps=32, needs=("gyration",))
def gyration_is_what_addition_fails_to_commute_by(m: Batched, s: Sample) -> Iterator[Any]:
    """gyr[x, y](y (+) x) = x (+) y, and d(0, gyr[x, y] z) = d(0, z)."""
    far = m.addition(s.x, s.y, s.c)
    yield relative(m.gyration(s.x, s.y, m.addition(s.y, s.x, s.c), s.c), far, scale=_sizes(far, s.x, s.y))
    turned = m.gyration(s.x, s.y, s.z, s.c)
    want = m.flat("dist_0", s.z, s.c)[:, 0]
    yield relative(m.dist_0(turned, s.c), want, scale=want + s.grain, label="length")


def _sizes(*points: Any) -> Any:
    return np.sum([np.linalg.norm(p.astype(float), axis=1) for p in points], axis=0)
