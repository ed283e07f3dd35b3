"""The kappa-stereographic model against the paper's formulas, through c = 0, near antipodes and at singular points."""

from functools import cache

import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest
from hyp_manifolds import Poincare, Sphere, Stereographic
from hyp_manifolds.testing import EPS, law_violations

MODEL = Stereographic()
DTYPE = np.float64 if jax.config.jax_enable_x64 else np.float32
UNIT = EPS[np.dtype(DTYPE).name]
TINY = (1e-12, 1e-7, 1e-3)
GRID = np.concatenate([-np.logspace(3, -12, 61), [0.0], np.logspace(-12, 3, 61)]).astype(DTYPE)
DIM = 3


# The formulas of Bachmann, Becigneul and Ganea 2020, Sec. 2, as they stand there, with kappa = -c ------------------


def dot(x, y):
    return mp.fsum(a * b for a, b in zip(x, y, strict=True))


def times(k, x):
    return [k * t for t in x]


def plus(x, y):
    return [a + b for a, b in zip(x, y, strict=True)]


def norm(x):
    return mp.sqrt(dot(x, x))


def tan_k(t, k):
    return mp.tan(mp.sqrt(k) * t) / mp.sqrt(k) if k > 0 else mp.tanh(mp.sqrt(-k) * t) / mp.sqrt(-k) if k < 0 else t


def atan_k(t, k):
    return mp.atan(mp.sqrt(k) * t) / mp.sqrt(k) if k > 0 else mp.atanh(mp.sqrt(-k) * t) / mp.sqrt(-k) if k < 0 else t


def factor(x, c):
    return 2 / (1 - c * dot(x, x))


def addition(x, y, c):
    k, xx, yy, xy = -c, dot(x, x), dot(y, y), dot(x, y)
    above = plus(times(1 - 2 * k * xy - k * yy, x), times(1 + k * xx, y))
    return times(1 / (1 - 2 * k * xy + k**2 * xx * yy), above)


def difference(x, y, c):
    return addition(times(-1, x), y, c)


def dist(x, y, c):
    return 2 * atan_k(norm(difference(x, y, c)), -c)


def expmap(v, x, c):
    n = norm(v)
    return addition(x, times(tan_k(factor(x, c) * n / 2, -c) / n, v), c)


def logmap(y, x, c):
    w = difference(x, y, c)
    return times(2 / factor(x, c) * atan_k(norm(w), -c) / norm(w), w)


def scalar_mul(r, x, c):
    return times(tan_k(r * atan_k(norm(x), -c), -c) / norm(x), x)


def gyration(x, y, z, c):
    small = mp.mpf(10) ** -3 / (norm(z) * (1 + mp.sqrt(abs(c))))  # linear in z; well inside the chart
    moved = addition(x, addition(y, times(small, z), c), c)
    return times(1 / small, addition(times(-1, addition(x, y, c)), moved, c))


PAPER = {
    "dist": ("xy", dist),
    "sqdist": ("xy", lambda x, y, c: dist(x, y, c) ** 2),
    "dist_0": ("x", lambda x, c: 2 * atan_k(norm(x), -c)),
    "addition": ("xy", addition),
    "scalar_mul": ("rx", scalar_mul),
    "gyration": ("xyv", gyration),
    "expmap": ("vx", expmap),
    "expmap_0": ("v", lambda v, c: times(tan_k(norm(v), -c) / norm(v), v)),
    "logmap": ("yx", logmap),
    "logmap_0": ("x", lambda y, c: times(atan_k(norm(y), -c) / norm(y), y)),
    "geodesic": ("txy", lambda t, x, y, c: addition(x, scalar_mul(t, difference(x, y, c), c), c)),
    "ptransp": (
        "vxy",
        lambda v, x, y, c: times(factor(x, c) / factor(y, c), gyration(y, times(-1, x), v, c)),
    ),
    "ptransp_0": ("vy", lambda v, y, c: times(2 / factor(y, c), v)),
    "tangent_inner": ("vwx", lambda u, v, x, c: factor(x, c) ** 2 * dot(u, v)),
    "tangent_norm": ("vx", lambda v, x, c: factor(x, c) * norm(v)),
    "egrad2rgrad": ("vx", lambda g, x, c: times(1 / factor(x, c) ** 2, g)),
    "conformal_factor": ("x", factor),
}


@cache
def _compiled(name: str):
    return jax.jit(jax.vmap(getattr(MODEL, name)))


def run(name: str, *arguments: np.ndarray) -> np.ndarray:
    """The operation on rows, filled up to one size so that it is compiled once."""
    n, size = len(arguments[-1]), len(GRID)
    index = np.where(np.arange(size) < n, np.arange(size), 0)
    return np.asarray(_compiled(name)(*(np.asarray(a)[index] for a in arguments)))[:n]


def by_curvature(name: str, *arguments: np.ndarray) -> list[np.ndarray]:
    """Value, first and second derivative by c, as rows of numbers."""

    def one(*a):
        value = lambda c: jnp.ravel(getattr(MODEL, name)(*a[:-1], c))  # noqa: E731
        unit = jnp.ones_like(a[-1])
        slope = lambda c: jax.jvp(value, (c,), (unit,))  # noqa: E731
        (out, first), (_, second) = jax.jvp(slope, (a[-1],), (unit,))
        return out, first, second

    return [np.asarray(t) for t in jax.jit(jax.vmap(one))(*arguments)]


def rows(c: np.ndarray, seed: int = 0) -> dict[str, np.ndarray]:
    """Inputs of size about min(1, 1/sqrt|c|), so that c|x|^2 runs through every branch and both signs."""
    rng, n = np.random.default_rng(seed), len(c)
    unit = 1 / np.sqrt(np.maximum(np.abs(c.astype(np.float64)), 1.0))

    def vectors(least: float, most: float) -> np.ndarray:
        u = rng.standard_normal((n, DIM))
        length = rng.uniform(least, most, n) * unit
        return (u * (length / np.linalg.norm(u, axis=1))[:, None]).astype(DTYPE)

    return {"x": vectors(0.3, 0.8), "y": vectors(0.3, 0.8), "v": vectors(0.1, 0.4), "w": vectors(0.1, 0.4),
            "r": rng.uniform(-1.2, 1.2, n).astype(DTYPE), "t": rng.uniform(0.1, 0.9, n).astype(DTYPE),
            "c": c}  # fmt: skip


def exact(array: np.ndarray):
    return mp.mpf(float(array)) if array.ndim == 0 else [mp.mpf(float(t)) for t in array]


def numbers(value) -> list:
    return list(value) if isinstance(value, list) else [value]


def deviation(got: np.ndarray, want: list, size=None) -> float:
    """In eps, relative to `size` or to |want|."""
    return (
        float(norm([mp.mpf(float(g)) - w for g, w in zip(np.ravel(got), want, strict=True)]) / (size or norm(want)))
        / UNIT
    )


@pytest.mark.one_precision  # the contract judges the operation in both
@pytest.mark.parametrize("name", PAPER)
def test_formula_for_every_curvature(name: str) -> None:
    """A dense sweep of c from -1e3 through 0 to 1e3: no seam between series and closed form shows."""
    letters, paper = PAPER[name]
    data = rows(GRID)
    got = run(name, *(data[k] for k in letters), data["c"])
    with mp.workdps(60):
        for i, c in enumerate(GRID):
            want = numbers(paper(*(exact(data[k][i]) for k in letters), exact(c)))
            # an inner product may cancel, a sum of nearly opposite points too
            x, v, w = (exact(data[k][i]) for k in "xvw")
            size = factor(x, exact(c)) ** 2 * norm(v) * norm(w) if name == "tangent_inner" else None
            assert deviation(got[i], want, size) < 8, (name, float(c))


@pytest.mark.parametrize("name", ["dist", "sqdist", "expmap", "logmap", "geodesic"])
def test_derivatives_by_the_curvature(name: str) -> None:
    """First and second derivatives by c, at 0, next to it on both sides, and across the seams of the series."""
    letters, paper = PAPER[name]
    sizes = np.array([*TINY, 0.03, 0.1, 0.3, 0.6, 0.9, 1.1])
    c = np.concatenate([-sizes, [0.0], sizes]).astype(DTYPE)
    data = rows(c, seed=1)
    for k in "xy":  # on the sphere, pairs more than a quarter turn apart as well
        data[k] = np.where(c[:, None] < 0, 2.5 * data[k], data[k]).astype(DTYPE)
    _, first, second = by_curvature(name, *(data[a] for a in letters), c)
    with mp.workdps(70):
        h = mp.mpf(10) ** -15
        for i, k in enumerate(c):
            arguments = [exact(data[a][i]) for a in letters]
            below, at, above = (numbers(paper(*arguments, exact(k) + s * h)) for s in (-1, 0, 1))
            slope = [(p - q) / (2 * h) for p, q in zip(above, below, strict=True)]
            bend = [(p - 2 * o + q) / h**2 for p, o, q in zip(above, at, below, strict=True)]
            assert deviation(first[i], slope, norm(slope) + norm(at)) < 16, (name, float(k))
            # closed forms divide by c|x|^2 twice; the series takes over before that shows
            assert deviation(second[i], bend, norm(bend) + norm(at)) < 1000, (name, float(k))


def test_both_sides_of_flat_space_meet() -> None:
    data = rows(np.zeros(8, DTYPE))
    for name, (letters, _) in PAPER.items():
        arguments = [data[k] for k in letters]
        flat = run(name, *arguments, data["c"])
        for c in (1e-12, -1e-12):
            np.testing.assert_allclose(run(name, *arguments, np.full(8, c, DTYPE)), flat, rtol=1e-11 + 8 * UNIT)
    x, y, v = (jnp.asarray(data[k][0]) for k in "xyv")
    np.testing.assert_allclose(MODEL.dist(x, y, 0.0), 2 * np.linalg.norm(x - y), rtol=4 * UNIT)
    np.testing.assert_allclose(MODEL.addition(x, y, 0), x + y, rtol=8 * UNIT)
    np.testing.assert_allclose(MODEL.expmap(v, x, 0), x + v, rtol=8 * UNIT)
    np.testing.assert_allclose(MODEL.logmap(y, x, 0), y - x, rtol=8 * UNIT)
    np.testing.assert_array_equal(MODEL.ptransp(v, x, y, 0), v)
    assert float(jnp.asarray(MODEL.sectional_curvature(-2.0))) == 2.0


@pytest.mark.one_precision  # the contract judges the operation in both
@pytest.mark.parametrize("name", ["dist", "addition", "expmap", "logmap", "ptransp", "geodesic", "scalar_mul"])
def test_the_ball_is_poincare(name: str) -> None:
    """For c > 0 the model is the ball, far out too: radius 12 in units of 1/sqrt(c)."""
    letters, c = PAPER[name][0], np.repeat(np.array([1e-3, 1.0, 10.0], DTYPE), 4)
    rng, unit = np.random.default_rng(3), 1 / np.sqrt(c.astype(np.float64))[:, None]

    def ball(radius: float) -> np.ndarray:
        u = rng.standard_normal((len(c), DIM))
        return (unit * np.tanh(radius / 2) * u / np.linalg.norm(u, axis=1, keepdims=True)).astype(DTYPE)

    data = {"x": ball(12.0), "y": ball(11.0), "v": (ball(1e-5) * 2).astype(DTYPE), "t": np.full(len(c), 0.3, DTYPE),
            "r": np.full(len(c), 1.1, DTYPE)}  # fmt: skip
    arguments = [data[k] for k in letters]
    got, want = run(name, *arguments, c), jax.jit(jax.vmap(getattr(Poincare(), name)))(*arguments, c)
    size = np.linalg.norm(np.reshape(want, (len(c), -1)), axis=1)
    error = np.linalg.norm(np.reshape(got, (len(c), -1)) - np.reshape(want, (len(c), -1)), axis=1)
    assert (error <= 8 * UNIT * size).all()


# The sphere's chart -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("gap", [1e-2, 1e-4, 1e-6])
def test_near_antipodes(gap: float) -> None:
    rng = np.random.default_rng(4)
    c = -np.repeat(np.array([1e-12, 1.0, 1e3], DTYPE), 4)
    u = rng.standard_normal((2, len(c), DIM))
    unit = 1 / np.sqrt(-c.astype(np.float64))[:, None]
    x = (unit * u[0]).astype(DTYPE)
    wide = x.astype(np.float64)
    opposite = -wide * unit**2 / np.sum(wide**2, 1, keepdims=True)
    y = (opposite + gap * np.linalg.norm(opposite, axis=1, keepdims=True) * u[1]).astype(DTYPE)
    distance, log = (run(name, *pair, c) for name, pair in (("dist", (x, y)), ("logmap", (y, x))))
    back = run("expmap", log, x, c).astype(np.float64)
    with mp.workdps(60):
        for i in range(len(c)):
            arguments = exact(x[i]), exact(y[i]), exact(c[i])
            assert deviation(distance[i], [dist(*arguments)]) < 4
            # the direction of the logarithm is as uncertain as the place of the antipode
            assert deviation(log[i], logmap(arguments[1], arguments[0], arguments[2])) < 8 / gap
    np.testing.assert_allclose(back, y, rtol=0, atol=64 * UNIT * np.abs(y).max(), err_msg=f"{gap}")


def test_antipodes() -> None:
    rng = np.random.default_rng(5)
    c = np.array([-0.25, -1.0, -4.0, -1e-12], DTYPE)
    x = (rng.standard_normal((4, DIM)) / np.sqrt(-c)[:, None]).astype(DTYPE)
    far = np.asarray(jax.vmap(MODEL.antipode)(x, c))
    want = x.astype(float) / (c * np.sum(x.astype(float) ** 2, 1))[:, None]
    np.testing.assert_allclose(far, want, rtol=8 * UNIT)
    np.testing.assert_allclose(run("dist", x, far, c), np.pi / np.sqrt(-c.astype(float)), rtol=4 * UNIT)
    axis = np.array([0.5, 0.0, 0.0], DTYPE)  # an exact antipode: the way is the one through the origin
    other = MODEL.antipode(axis, -1.0)
    np.testing.assert_array_equal(other, np.array([-2.0, 0.0, 0.0], DTYPE))
    log = np.asarray(MODEL.logmap(other, axis, -1.0))
    np.testing.assert_allclose(log, [-1.25 * np.pi / 2, 0.0, 0.0], rtol=8 * UNIT, atol=0)
    np.testing.assert_allclose(MODEL.expmap(log, axis, -1.0), other, rtol=64 * UNIT, atol=8 * UNIT)
    np.testing.assert_allclose(MODEL.geodesic(0.5, axis, other, -1.0), [-1 / 3, 0, 0], rtol=16 * UNIT, atol=UNIT)
    v = np.array([0.1, 0.2, 0.3], DTYPE)
    np.testing.assert_allclose(MODEL.ptransp(v, axis, other, -1.0), 4 * v, rtol=8 * UNIT)
    for c in (-1.0, -4.0):  # of the origin: a finite point in the chart, as near to infinity as is told apart
        far = np.asarray(MODEL.antipode(0 * axis, c), np.float64)
        np.testing.assert_allclose(far, np.linalg.norm(far) * np.eye(len(far))[0])
        assert 5e14 < np.sqrt(-c) * far[0] < 7e14
    with pytest.raises(ValueError, match="antipode: `c` must be negative"):
        MODEL.antipode(axis, 1.0)
    assert np.isnan(jax.jit(MODEL.antipode)(axis, 1.0)).all()


def test_the_chart_of_the_sphere_commutes_with_it() -> None:
    """Stereographic projection to (1 - c|x|^2 ... , 2x)/(1 + ...) is an isometry onto the sphere of curvature -c."""
    sphere, c = Sphere(), np.array([0.25, 1.0, 4.0, 1e-4], DTYPE)
    data = rows(-c, seed=6)

    def lift(x: jax.Array, k: jax.Array) -> jax.Array:
        g = 1 + k * jnp.sum(x * x)
        return jnp.concatenate([((2 - g) / (g * jnp.sqrt(k)))[None], 2 * x / g])

    def push(x: jax.Array, v: jax.Array, k: jax.Array) -> jax.Array:
        return jax.jvp(lambda p: lift(p, k), (x,), (v,))[1]

    def both(x, y, v, t, k):
        big_x, big_y, big_v = lift(x, k), lift(y, k), push(x, v, k)
        chart = (MODEL.dist(x, y, -k), lift(MODEL.expmap(v, x, -k), k), push(x, MODEL.logmap(y, x, -k), k),
                 lift(MODEL.addition(x, y, -k), k), push(y, MODEL.ptransp(v, x, y, -k), k),
                 lift(MODEL.geodesic(t, x, y, -k), k))  # fmt: skip
        ambient = (sphere.dist(big_x, big_y, k), sphere.expmap(big_v, big_x, k), sphere.logmap(big_y, big_x, k),
                   sphere.addition(big_x, big_y, k), sphere.ptransp(big_v, big_x, big_y, k),
                   sphere.geodesic(t, big_x, big_y, k))  # fmt: skip
        return chart, ambient

    for got, want in zip(*jax.jit(jax.vmap(both))(*(data[k] for k in "xyvt"), c), strict=True):
        np.testing.assert_allclose(got, want, rtol=64 * UNIT, atol=64 * UNIT * float(np.abs(want).max()))


def test_exp_runs_through_infinity() -> None:
    """A great circle through the origin goes out to infinity at theta = pi/2, comes from the other side and closes."""
    u = np.array([0.6, 0.8, 0.0], DTYPE)
    for angle in (1.5, 1.7, 3.0, 4.0):
        np.testing.assert_allclose(MODEL.expmap_0((angle * u).astype(DTYPE), -1.0), np.tan(angle) * u, rtol=64 * UNIT)
    x = (0.5 * u).astype(DTYPE)
    whole = (np.pi * 1.25 * u).astype(DTYPE)  # lambda_x/2 = 1/1.25: twice theta is 2 pi
    np.testing.assert_allclose(MODEL.expmap(whole, x, -1.0), x, atol=16 * UNIT)
    for base, v in ((0 * u, np.pi / 2 * u), (x, 1.25 * (np.pi / 2 - np.arctan(0.5)) * u), (u, 1e30 * u)):
        out, pull = jax.vjp(lambda a, b, c: MODEL.expmap(a, b, c), *(jnp.asarray(a, DTYPE) for a in (v, base, -1.0)))
        assert all(np.isfinite(a).all() for a in (out, *pull(jnp.ones_like(out))))
    out = np.asarray(MODEL.addition(np.array([1.0, 0, 0], DTYPE), np.array([1.0, 0, 0], DTYPE), -1.0))
    assert np.isfinite(out).all() and np.linalg.norm(out) > 1e14


# Singular points, laws, bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["dist", "sqdist", "logmap", "addition", "geodesic", "ptransp", "expmap", "gyration"])
def test_gradients_are_finite_at_singular_points(name: str) -> None:
    letters = PAPER[name][0]
    e, zero = np.array([0.5, 0.0, 0.0], DTYPE), np.zeros(3, DTYPE)
    places = [  # x, y, c: equal, at the origin, antipodes, and where x (+) y is infinite
        *((e, e, c) for c in (-4.0, -1e-12, 0.0, 1e-12, 1.0)),
        *((zero, zero, c) for c in (-1.0, 0.0, 1.0)),
        (e, zero, -1.0), (zero, e, 0.0), (e, -4 * e, -1.0), (e, 4 * e, -1.0),
    ]  # fmt: skip
    x, y = (np.stack([p[i] for p in places]) for i in (0, 1))
    data = {"x": x, "y": y, "v": np.tile(zero, (len(x), 1)), "t": np.full(len(x), 0.5, DTYPE)}
    arguments = [*(data[k] for k in letters), np.array([p[2] for p in places], DTYPE)]

    def one(*a):
        out, pull = jax.vjp(lambda *b: jnp.ravel(getattr(MODEL, name)(*b)), *a)
        return out, pull(jnp.ones_like(out))

    out, gradients = jax.jit(jax.vmap(one))(*arguments)
    assert np.isfinite(out).all()
    for letter, g in zip([*letters, "c"], gradients, strict=True):
        assert np.isfinite(g).all(), letter
    if name == "dist":
        assert not np.any(out[:8]) and not np.any(gradients[0][:8])


# Not those whose tolerances contain sqrt(c)
LAWS = ["log_inverts_exp", "exp_inverts_log", "transport_is_an_isometry", "transport_carries_geodesics",
        "translation_is_an_isometry", "geodesics_have_constant_speed", "projection_is_idempotent",
        "nan_in_gives_nan_out", "triangle_inequality", "distance_to_itself_is_zero"]  # fmt: skip


@pytest.mark.parametrize("law", LAWS)
def test_laws_hold_on_the_sphere(law: str) -> None:
    assert law_violations(MODEL, law, dims=(16,), curvatures=(-0.25, -1.0, -4.0)) == []  # compiled with the other laws


def test_bad_input() -> None:
    x = np.array([0.1, 0.2, 0.3], DTYPE)
    for c in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="`c` must be a finite number"):
            MODEL.dist(x, x, c)
    with pytest.raises(ValueError, match=r"version_idx"):
        MODEL.dist(x, x, 1.0, version_idx=1)
    with pytest.raises(ValueError, match="must have rank 1"):
        MODEL.dist(x[None], x[None], -1.0)
    with pytest.raises(ValueError, match="dimension"):
        MODEL.addition(x, x[:2], 0.0)
    assert np.isnan(MODEL.expmap(x, np.array([np.nan, 0, 0], DTYPE), -1.0)).any()
    big = np.array([1e10, 0, 0], DTYPE)
    assert not MODEL.is_in_manifold(big, 1.0) and MODEL.is_in_manifold(big, -1.0) and MODEL.is_in_manifold(big, 0.0)
    assert not MODEL.is_in_manifold(np.array([np.inf, 0, 0], DTYPE), -1.0)
    np.testing.assert_array_equal(MODEL.proj(big, -1.0), big)
    assert float(MODEL.proj(big, 1.0)[0]) < 1
    assert MODEL.conformal_factor(np.zeros((2, 5, 3), DTYPE), -1.0).shape == (2, 5, 1)


def test_infinity_is_one_point_of_the_chart_for_both_additions():
    """tan(a + b) with tan a tan b = 1: the stand-in for infinity, along x, at one size for every c < 0."""
    x, y = np.array([2, 0, 0], DTYPE), np.array([1, 0, 0], DTYPE)
    far, coadded = MODEL.addition(x, y, -0.5), MODEL.coaddition(x, y, -0.5)
    np.testing.assert_allclose(coadded, far, rtol=8 * UNIT)
    np.testing.assert_allclose(MODEL.coaddition(2 * x, 2 * y, -0.125), 2 * coadded, rtol=8 * UNIT)
    assert 1e9 < float(coadded[0]) < np.inf
