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
    stretch = np.exp(m.flat("dist_0", s.x, s.c)[:, 0] * s.root)
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
    yield relative(m.dist_0(scaled, s.c), np.abs(s.r.astype(float)) * m.flat("dist_0", s.x, s.c)[:, 0])
    both = m.scalar_mul((s.r + s.t).astype(s.r.dtype), s.x, s.c)
    stretch = np.exp(2 * m.flat("dist_0", s.x, s.c)[:, 0] * s.root)
    size = (np.linalg.norm(s.x.astype(float), axis=1) + np.linalg.norm(scaled.astype(float), axis=1)) * stretch
    yield relative(m.addition(scaled, m.scalar_mul(s.t, s.x, s.c), s.c), both, scale=size, label="distributive")
