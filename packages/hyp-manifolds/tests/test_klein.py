"""The Klein ball: Einstein's and the metric's formulas in mpmath, straight geodesics, the edge, singular points."""

import functools

import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest
from hyp_manifolds import Klein, checkify
from hyp_manifolds.testing import EPS, Batched, make_sample

DTYPE = np.float64 if jax.config.jax_enable_x64 else np.float32
UNIT = EPS[np.dtype(DTYPE).name]
EDGE = 17.0 if DTYPE is np.float64 else 8.0  # the radius that the dtype's ball still represents
DIM = 16  # shared with the law tests: each operation is compiled once
KLEIN = Klein()
M = Batched(KLEIN)


def exact(a):
    return [mp.mpf(float(t)) for t in a] if np.ndim(a) else mp.mpf(float(a))


def combination(*parts):
    return [mp.fsum(k * t for k, t in zip([k for k, _ in parts], column, strict=True))
            for column in zip(*(v for _, v in parts), strict=True)]  # fmt: skip


def gamma(x, c):
    return 1 / mp.sqrt(1 - c * mp.fdot(x, x))


def einstein(x, y, c):
    """(x + y/gamma_x + c gamma_x/(1 + gamma_x) <x, y> x)/(1 + c<x, y>)."""
    g, xy = gamma(x, c), c * mp.fdot(x, y)
    return combination(((1 + g / (1 + g) * xy) / (1 + xy), x), (1 / g / (1 + xy), y))


def scaled(r, x, c):
    n = mp.sqrt(c * mp.fdot(x, x))
    return [mp.tanh(r * mp.atanh(n)) / n * t for t in x]


def distance(x, y, c):
    return mp.acosh((1 - c * mp.fdot(x, y)) * gamma(x, c) * gamma(y, c)) / mp.sqrt(c)


def inner(u, v, x, c):
    g = gamma(x, c)
    return g**2 * mp.fdot(u, v) + c * g**4 * mp.fdot(x, u) * mp.fdot(x, v)


def gradient(a, x, c):
    return combination((1 / gamma(x, c) ** 2, a), (-c * mp.fdot(x, a) / gamma(x, c) ** 2, x))


def logarithm(y, x, c):
    """Along y - x, as long as the distance."""
    u = combination((1, y), (-1, x))
    return combination((distance(x, y, c) / mp.sqrt(inner(u, u, x, c)), u))


def exponential(v, x, c):
    """The central projection of the hyperboloid's cosh(theta) X + sinh(theta)/theta V."""
    g, theta = gamma(x, c), mp.sqrt(c * inner(v, v, x, c))
    push = c * g**2 * mp.fdot(x, v)
    time = mp.cosh(theta) + mp.sinh(theta) / theta * push
    return combination((1, x), (mp.sinh(theta) / theta / time, v))


@functools.cache
def sample(radius: float = 3.0):
    return make_sample(KLEIN, DIM, (1e-3, 1.0, 10.0), radius=radius, fixed=radius > 3)


FORMULAS = {
    "addition": ("xy", einstein), "scalar_mul": ("rx", scaled), "dist": ("xy", distance),
    "egrad2rgrad": ("gx", gradient), "tangent_inner": ("uvx", inner),
    "logmap": ("yx", logarithm), "expmap": ("vx", exponential),
}  # fmt: skip


def error(got, want) -> float:
    want = want if isinstance(want, list) else [want]
    difference = [mp.mpf(float(g)) - w for g, w in zip(np.atleast_1d(got), want, strict=True)]
    return float(mp.norm(difference) / mp.norm(want)) / UNIT


@pytest.mark.parametrize("name", FORMULAS)
def test_textbook_formula(name) -> None:
    letters, formula = FORMULAS[name]
    bound = 4 if DTYPE is np.float32 else 400  # float64 results carry the coordinates' condition number, to e^2r
    for radius in (3.0, EDGE) if DTYPE is np.float32 else (3.0,):
        arguments = sample(radius).arguments(letters)
        got = M(name, *arguments)
        with mp.workdps(80):
            for row in range(0, 64, 5):
                assert error(got[row], formula(*(exact(a[row]) for a in arguments))) < bound, (row, radius)


def test_lorentz_factor_to_the_edge() -> None:
    s = sample(EDGE)
    got = np.asarray(jax.jit(jax.vmap(KLEIN.lorentz_factor))(s.x, s.c))
    with mp.workdps(60):
        assert all(error(got[row], gamma(exact(s.x[row]), exact(s.c[row]))) < 4 for row in range(64))


def test_exp_log_and_distance_from_the_origin_to_the_edge() -> None:
    """Raw, without a condition number: atanh of coordinates as close to 1 as the dtype has them."""
    s = sample(EDGE)
    back, size = M.logmap_0(s.x, s.c), M.dist_0(s.x, s.c)
    with mp.workdps(60):
        for row in range(0, 64, 5):
            x, c = exact(s.x[row]), exact(s.c[row])
            n = mp.sqrt(c * mp.fdot(x, x))
            assert error(size[row], mp.atanh(n) / mp.sqrt(c)) < 4
            assert error(back[row], [mp.atanh(n) / n * t for t in x]) < 4


def test_geodesics_are_straight_lines() -> None:
    s = sample()
    middle = M.geodesic(s.t, s.x, s.y, s.c).astype(np.float64)
    x, y = s.x.astype(np.float64), s.y.astype(np.float64)
    along = np.sum((middle - x) * (y - x), 1) / np.sum((y - x) ** 2, 1)
    assert ((along > 0) & (along < 1)).all()
    np.testing.assert_allclose(middle, x + along[:, None] * (y - x), atol=8 * UNIT * np.abs(x).max())


def test_results_stay_strictly_inside() -> None:
    """Across the ball and back, far beyond what the dtype can represent."""
    s = sample(EDGE)
    long = (1e4 * s.v).astype(DTYPE)
    outside = (s.x * DTYPE(1.5)).astype(DTYPE)
    results = {
        "expmap": M.expmap(long, s.x, s.c), "backwards": M.expmap((-long).astype(DTYPE), s.x, s.c),
        "expmap_0": M.expmap_0((1e4 * s.o).astype(DTYPE), s.c), "addition": M.addition(s.x, s.y, s.c),
        "twice": M.addition(s.x, s.x, s.c), "scalar_mul": M.scalar_mul((30 * s.r).astype(DTYPE), s.x, s.c),
        "geodesic": M.geodesic((30 * s.r).astype(DTYPE), s.x, s.y, s.c), "proj": M.proj(outside, s.c),
    }  # fmt: skip
    for name, points in results.items():
        assert np.isfinite(points).all(), name
        with mp.workdps(60):
            sizes = [exact(c) * mp.fdot(exact(p), exact(p)) for p, c in zip(points, s.c, strict=True)]
            assert all(size < 1 for size in sizes), (name, float(max(sizes) - 1))
    inverse = M.addition((-s.x).astype(DTYPE), s.x, s.c)
    assert not np.any(inverse)


def test_gradients_are_finite_where_formulas_are_singular() -> None:
    zero, x = jnp.zeros(3, jnp.float32), jnp.array([0.3, -0.2, 0.5], jnp.float32)
    edge = jnp.array([1.0 - 2.0**-23, 0, 0], jnp.float32)
    a = jnp.stack([zero, x, x, -x, zero, 0.8 * edge, 0.8 * edge])
    b = jnp.stack([zero, x, zero, x, x, 0.8 * edge, -0.8 * edge])

    def total(a, b, c):
        return (KLEIN.dist(a, b, c) + KLEIN.addition(a, b, c).sum() + KLEIN.expmap(a, b, c).sum()
                + KLEIN.logmap(a, b, c).sum() + KLEIN.scalar_mul(c, a, c).sum() + KLEIN.tangent_norm(a, b, c)
                + KLEIN.ptransp(a, b, a, c).sum() + KLEIN.geodesic(c, a, b, c).sum())  # fmt: skip

    # c = 1/0.64: the last two pairs lie at the boundary's last representable points
    gradients = jax.jit(jax.vmap(jax.grad(total, argnums=(0, 1, 2)), in_axes=(0, 0, None)))(a, b, jnp.float32(1.5625))
    assert all(np.isfinite(g).all() for g in gradients)


def test_bad_input_is_refused() -> None:
    x = jnp.array([0.1, 0.2])
    with pytest.raises(ValueError, match=r"Klein.lorentz_factor: `x` must have rank 1.*jax.vmap"):
        KLEIN.lorentz_factor(jnp.stack([x, x]), 1.0)
    with pytest.raises(TypeError, match=r"Klein.dist: `x` must have a floating dtype"):
        KLEIN.dist(jnp.array([0, 0]), x, 1.0)
    with pytest.raises(ValueError, match=r"Klein.dist: `c` must be positive"):
        KLEIN.dist(x, x, 0.0)
    check, _ = checkify(jax.jit(KLEIN.dist_0))(jnp.array([0.9, 0.9]), 1.0)
    assert "Klein.dist_0: `x` lies outside the manifold" in check.get()
    assert not bool(KLEIN.is_in_manifold(jnp.array([0.9, 0.9]), 1.0)) and bool(KLEIN.is_in_manifold(x, 1.0))
