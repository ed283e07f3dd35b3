"""Points of the hyperbolic plane in polar form, and the pictures of them that stay exact far from the origin.

A boost that recentres on a point at radius 20 has entries near e^20 and its products cancel: float64 keeps nothing of a
neighbour's place. Polar coordinates (radius, angle) do not have the problem. An angle is good to 2e-16, which is
sinh(20) * 2e-16 = 5e-8 in place, and the formulas below add positive terms only.
The script of the page (disk_geometry.js) holds the same formulas.
"""

import numpy as np
from numpy.typing import ArrayLike

# Beyond this the sums of two radii, as exponents, leave float64.
_LARGEST_RADIUS = 300.0


def to_polar(points: ArrayLike, manifold: str, c: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Polar coordinates about the origin, at unit curvature.

    Args:
        points: "hyperboloid": ambient (n, 3), time first, of which the spatial part counts; "poincare": (n, 2).
        manifold: "hyperboloid" or "poincare".
        c: the curvature magnitude of the points, > 0.

    Returns:
        The hyperbolic radius and the angle in (-pi, pi], each of shape (n,), float64.

    Raises:
        ValueError: for another model or shape, c <= 0, a point not finite or not in the ball, a radius over 300.
    """
    points = np.asarray(points, dtype=np.float64)
    width = {"hyperboloid": 3, "poincare": 2}.get(manifold)
    if width is None:
        raise ValueError(f'manifold must be "hyperboloid" or "poincare", got {manifold!r}.')
    if points.ndim != 2 or points.shape[1] != width:
        raise ValueError(f"points of the 2-D {manifold} must have shape (n, {width}), got {points.shape}.")
    if not (np.isfinite(c) and c > 0):
        raise ValueError(f"c must be positive and finite, got {c}.")
    if not np.isfinite(points).all():
        raise ValueError("points contain NaN or infinity.")
    x, y = np.sqrt(c) * points[:, -2], np.sqrt(c) * points[:, -1]
    norm = np.hypot(x, y)
    if manifold == "poincare":
        if (norm >= 1).any():
            raise ValueError(f"{int((norm >= 1).sum())} points lie on or outside the ball of curvature -{c}.")
        radius = np.log1p(norm) - np.log1p(-norm)
    else:
        radius = np.arcsinh(norm)
    if (radius > _LARGEST_RADIUS).any():
        raise ValueError(f"the largest radius is {radius.max():.4g}; a picture can hold at most {_LARGEST_RADIUS:g}.")
    return radius, np.arctan2(y, x)


def look_from(radius: np.ndarray, angle: np.ndarray, centre_radius: float, centre_angle: float) -> np.ndarray:
    """Places in the unit disk after the translation along the geodesic that takes the given centre to the origin.

    With Delta the difference of the angles and s = sin(Delta / 2), the translated point has the spatial part
    (sinh(r - R) - 2 cosh R sinh r s^2, sinh r sin Delta) and time 1 + 2 (sinh^2((r - R) / 2) + sinh R sinh r s^2).

    Args:
        radius: shape (n,).
        angle: shape (n,).
        centre_radius: R, scalar.
        centre_angle: the angle of the centre, scalar.

    Returns:
        Shape (n, 2). Accuracy: about e^r * 1e-16 of the disk for neighbours of a centre at radius r.
    """
    half, gap = (angle - centre_angle) / 2, radius - centre_radius
    sine, spread = np.sin(half), np.sinh(radius)
    x = np.sinh(gap) - 2 * np.cosh(centre_radius) * spread * sine**2
    y = 2 * spread * sine * np.cos(half)
    one_plus_time = 2 + 2 * (np.sinh(gap / 2) ** 2 + np.sinh(centre_radius) * spread * sine**2)
    cos, sin = np.cos(centre_angle), np.sin(centre_angle)
    return np.stack([cos * x - sin * y, sin * x + cos * y], axis=-1) / one_plus_time[:, None]


def to_disk(points: ArrayLike, manifold: str, c: float = 1.0) -> np.ndarray:
    """Places in the unit Poincaré disk, shape (n, 2); arguments and errors as in `to_polar`."""
    return look_from(*to_polar(points, manifold, c), 0.0, 0.0)


def geodesic_arcs(starts: np.ndarray, ends: np.ndarray, steps: int = 16) -> np.ndarray:
    """Points along the circular arcs, orthogonal to the unit circle, that join pairs of points of the disk.

    The radius of the circle is infinite for a pair in line with the origin, so it is not used: on an arc that leaves
    its chord b - a by the angle delta = arg(1 - conj(a) b), the point at the fraction t is
    a + (b - a) exp(i (t - 1) delta) sin(t delta) / sin(delta).

    Args:
        starts: a, shape (m, 2).
        ends: b, shape (m, 2).
        steps: the number of pieces of an arc.

    Returns:
        Shape (m, steps + 1, 2), equally spaced on each arc, both ends included.
    """
    a, b = starts[:, 0] + 1j * starts[:, 1], ends[:, 0] + 1j * ends[:, 1]
    delta = np.angle(1 - np.conj(a) * b)[:, None]
    t = np.linspace(0.0, 1.0, steps + 1)
    # sin(t delta) / sin(delta) is 0 / 0 on a diameter: sinc carries the limit, t.
    share = t * np.sinc(t * delta / np.pi) / np.sinc(delta / np.pi)
    z = a[:, None] + (b - a)[:, None] * np.exp(1j * (t - 1) * delta) * share
    return np.stack([z.real, z.imag], axis=-1)
