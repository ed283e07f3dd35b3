"""The upper half-space: arcs across the boundary in mpmath, transport by its ODE, the ball's gyro-operations, ends."""

import functools

import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest
from hyp_manifolds import HalfSpace, checkify
from hyp_manifolds.testing import EPS, Batched, make_sample
from hyp_manifolds.testing.oracle import half_space, vjp

DTYPE = np.float64 if jax.config.jax_enable_x64 else np.float32
UNIT = EPS[np.dtype(DTYPE).name]
FAR = 300.0 if DTYPE is np.float64 else 80.0
DIM = 16  # shared with the law tests: each operation is compiled once
SPACE = HalfSpace()
M = Batched(SPACE)


def exact(a):
    return [mp.mpf(float(t)) for t in a] if np.ndim(a) else mp.mpf(float(a))


def plus(*parts):
    return [mp.fsum(k * t for k, t in zip([k for k, _ in parts], column, strict=True))
            for column in zip(*(v for _, v in parts), strict=True)]  # fmt: skip


def north(x):
    return [mp.mpf(0)] * (len(x) - 1) + [mp.mpf(1)]


def distance(x, y, c):
    u = plus((1, x), (-1, y))
    return mp.acosh(1 + mp.fdot(u, u) / (2 * x[-1] * y[-1])) / mp.sqrt(c)


def arc(v, x, c):
    """The circle of radius R about a point of the boundary, (R tanh p, R sech p) at arc length p from its top."""
    del c
    across, length = mp.norm(v[:-1]), mp.norm(v)
    if not across:
        return [*x[:-1], x[-1] * mp.exp(v[-1] / x[-1])]
    radius, start = x[-1] * length / across, -mp.asinh(v[-1] / across)
    end = start + length / x[-1]
    moved = radius * (mp.tanh(end) - mp.tanh(start)) / across
    return [a + moved * b for a, b in zip(x[:-1], v[:-1], strict=True)] + [radius / mp.cosh(end)]


def tangent_of_arc(y, x, c):
    """Across the radius from the circle's centre to x, as long as the distance."""
    step = plus((1, y[:-1]), (-1, x[:-1]))
    across, h, k = mp.norm(step), x[-1], y[-1]
    length = h * distance(x, y, mp.mpf(1))
    if not across:
        return [mp.mpf(0)] * len(step) + [length * mp.sign(k - h)]
    centre = (across**2 + k**2 - h**2) / (2 * across)
    radius = mp.hypot(centre, h)
    return [length * h / radius * t / across for t in step] + [length * centre / radius]


def cayley(x):
    """The ball's point: inversion of the half-space that takes e_n to 0 and keeps directions there."""
    q, lower = mp.fdot(x, x), mp.fdot(x[:-1], x[:-1]) + (x[-1] + 1) ** 2
    return [2 * t / lower for t in x[:-1]] + [(q - 1) / lower]


def back(p):
    """Inverse of `cayley`."""
    n, upper = mp.fdot(p, p), mp.fdot(p[:-1], p[:-1]) + (1 - p[-1]) ** 2
    return [2 * t / upper for t in p[:-1]] + [(1 - n) / upper]


def mobius(x, y):
    xy, xx, yy = mp.fdot(x, y), mp.fdot(x, x), mp.fdot(y, y)
    return plus(((1 + 2 * xy + yy) / (1 + 2 * xy + xx * yy), x), ((1 - xx) / (1 + 2 * xy + xx * yy), y))


def gyrated(x, y, z):
    return mobius([-t for t in mobius(x, y)], mobius(x, mobius(y, z)))


def lifted(x, v=None):
    """The unit hyperboloid's point ((q + 1)/2, a, (q - 1)/2)/h, q = |x|^2, or its differential by v."""
    q, h = mp.fdot(x, x), x[-1]
    point = [(q + 1) / (2 * h), *(t / h for t in x[:-1]), (q - 1) / (2 * h)]
    if v is None:
        return point
    dq, rate = 2 * mp.fdot(x, v), v[-1] / h
    return plus((1, [dq / (2 * h), *(t / h for t in v[:-1]), dq / (2 * h)]), (-rate, point))


def carried(v, x, y, c):
    """V + <Y, V>_L/(1 - <X, Y>_L) (X + Y) on the hyperboloid; there dh = -h^2 (dX_0 - dX_n)."""
    del c
    lorentz = lambda a, b: mp.fdot(a[1:], b[1:]) - a[0] * b[0]  # noqa: E731
    up, to, w = lifted(x), lifted(y), lifted(x, v)
    w = plus((1, w), (lorentz(to, w) / (1 - lorentz(up, to)), plus((1, up), (1, to))))
    rise = -(y[-1] ** 2) * (w[0] - w[-1])
    return [*plus((y[-1], w[1:-1]), (rise / y[-1], y[:-1])), rise]


FORMULAS = {
    "dist": ("xy", distance),
    "sqdist": ("xy", lambda x, y, c: distance(x, y, c) ** 2),
    "dist_0": ("x", lambda x, c: distance(north(x), x, c)),
    "expmap": ("vx", arc),
    "expmap_0": ("o", lambda o, c: arc(o, north(o), c)),
    "logmap": ("yx", tangent_of_arc),
    "logmap_0": ("y", lambda y, c: tangent_of_arc(y, north(y), c)),
    "geodesic": ("txy", lambda t, x, y, c: arc([t * a for a in tangent_of_arc(y, x, c)], x, c)),
    "addition": ("xy", lambda x, y, c: back(mobius(cayley(x), cayley(y)))),
    "scalar_mul": ("rx", lambda r, x, c: arc([r * t for t in tangent_of_arc(x, north(x), c)], north(x), c)),
    "gyration": ("xyz", lambda x, y, z, c: back(gyrated(cayley(x), cayley(y), cayley(z)))),
    "ptransp": ("vxy", carried),
    "ptransp_0": ("oy", lambda o, y, c: carried(o, north(o), y, c)),
    "tangent_inner": ("uvx", lambda u, v, x, c: mp.fdot(u, v) / (c * x[-1] ** 2)),
    "tangent_norm": ("vx", lambda v, x, c: mp.norm(v) / (mp.sqrt(c) * x[-1])),
    "egrad2rgrad": ("gx", lambda g, x, c: [c * x[-1] ** 2 * t for t in g]),
}
# Right to a few eps at any radius; the others carry the radius, or cancel, in float64.
RAW = {"dist", "sqdist", "dist_0", "logmap", "logmap_0", "ptransp", "ptransp_0", "tangent_norm", "egrad2rgrad"}


@functools.cache
def sample(radius: float = 3.0, dim: int = DIM):
    return make_sample(SPACE, dim, (1e-3, 1.0, 10.0), radius=radius, fixed=radius > 3)


def normal(*arrays) -> bool:
    """Whether vectors are long enough for every digit of them: XLA flushes subnormal numbers to 0."""
    return all(np.linalg.norm(a) > np.finfo(DTYPE).tiny / UNIT for a in arrays)


def error(got, want) -> float:
    want = want if isinstance(want, list) else [want]
    if not normal(np.array(want, float)):
        return 0.0
    difference = [mp.mpf(float(g)) - w for g, w in zip(np.atleast_1d(got), want, strict=True)]
    return float(mp.norm(difference) / mp.norm(want)) / UNIT


@pytest.mark.one_precision  # the contract judges the operation in both
@pytest.mark.parametrize("name", FORMULAS)
def test_textbook_formula(name) -> None:
    letters, formula = FORMULAS[name]
    raw = name in RAW or DTYPE is np.float32
    for radius in (1e-6, 3.0, 15.0, FAR) if raw else (1e-6, 3.0):
        arguments = sample(radius).arguments(letters)
        got = M(name, *arguments)
        with mp.workdps(900 if radius > 100 else 300):
            for row in range(0, 64, 7 if radius < 100 else 21):
                bound = 4 if raw else 100
                if not normal(*(a[row] for k, a in zip(letters, arguments, strict=False) if k in "uvo")):
                    continue
                assert error(got[row], formula(*(exact(a[row]) for a in arguments))) < bound, (row, radius)


@pytest.mark.one_precision  # the contract judges the operation in both
@pytest.mark.parametrize("gap", [1e-5, 1e-2])
def test_near_pairs_far_out(gap) -> None:
    s = sample(0.7 * FAR)
    y = M.expmap((gap * s.v).astype(DTYPE), s.x, s.c)
    size, direction = M.dist(s.x, y, s.c), M.logmap(y, s.x, s.c)
    with mp.workdps(900):
        for row in range(0, 64, 9):
            x, z, c = exact(s.x[row]), exact(y[row]), exact(s.c[row])
            assert x == z or error(size[row], distance(x, z, c)) < 4
            assert x == z or error(direction[row], tangent_of_arc(z, x, c)) < 4


def test_transport_solves_its_equation() -> None:
    """dv/dt = -Gamma(x') v in float64, Runge-Kutta of order 4 along the arc: Gamma from the conformal factor 1/h."""
    s = sample(dim=3)
    got = M.ptransp(s.v, s.x, s.y, s.c)
    steps = 400
    for row in range(0, 64, 16):
        with mp.workdps(40):
            x, y = exact(s.x[row]), exact(s.y[row])
            w = tangent_of_arc(y, x, 1)
            grid = [arc([mp.mpf(t) / (2 * steps) * a for a in w], x, 1) for t in range(2 * steps + 1)]
            slope = [tangent_of_arc(y, p, 1) for p in grid[:-1]]
        path = np.array(grid, float)
        speed = np.array(slope, float) / (1 - np.arange(2 * steps) / (2 * steps))[:, None]
        speed = np.vstack([speed, -np.array(tangent_of_arc(x, y, 1), float)])

        def rate(i, v, path=path, speed=speed):
            h, u = path[i, -1], speed[i]
            out = (u[-1] * v + v[-1] * u) / h
            out[-1] -= u @ v / h
            return out

        v = s.v[row].astype(float)
        for i in range(0, 2 * steps, 2):
            k1 = rate(i, v)
            k2 = rate(i + 1, v + 0.5 / steps * k1)
            k3 = rate(i + 1, v + 0.5 / steps * k2)
            v = v + (k1 + 2 * k2 + 2 * k3 + rate(i + 2, v + k3 / steps)) / (6 * steps)
        assert np.linalg.norm(got[row] - v) < max(1e-8, 8 * UNIT) * np.linalg.norm(v)


def test_second_derivatives_across_a_vertical_geodesic() -> None:
    """Horizontal parts enter by their squares: a norm with gradient 0 at 0 would lose the second derivative."""
    up, e = jnp.array([0.0, 2.0], DTYPE), jnp.array([0.0, 1.0], DTYPE)
    two, one, h = [mp.mpf(0), mp.mpf(2)], [mp.mpf(0), mp.mpf(1)], mp.mpf(10) ** -20

    def bend(heights):
        return jax.jit(jax.grad(lambda t: jax.grad(heights)(t)))(jnp.zeros((), DTYPE))

    aside = jnp.array([1.0, 0.0], DTYPE)
    with mp.workdps(60):
        want = 2 * (arc([h, mp.mpf(2)], one, 1)[1] - arc(two, one, 1)[1]) / h**2
        np.testing.assert_allclose(bend(lambda t: SPACE.expmap(up + t * aside, e, 1.0)[1]), float(want), rtol=1e-5)
        want = 2 * (back(mobius(cayley([h, mp.mpf(1)]), cayley(two)))[1] - 2) / h**2
        np.testing.assert_allclose(bend(lambda t: SPACE.addition(e + t * aside, up, 1.0)[1]), float(want), rtol=1e-5)


def test_a_line_in_one_dimension() -> None:
    x, y, v, c = (jnp.array([t], DTYPE) for t in (0.5, 3.0, -0.7, 4.0))
    c = c[0]
    np.testing.assert_allclose(SPACE.dist(x, y, c), np.log(6) / 2, rtol=4 * UNIT)
    np.testing.assert_allclose(SPACE.expmap(v, x, c)[0], 0.5 * np.exp(-1.4), rtol=8 * UNIT)
    np.testing.assert_allclose(SPACE.logmap(y, x, c)[0], 0.5 * np.log(6), rtol=4 * UNIT)
    np.testing.assert_allclose(SPACE.ptransp(v, x, y, c)[0], -4.2, rtol=4 * UNIT)
    np.testing.assert_allclose(SPACE.addition(x, y, c)[0], 1.5, rtol=4 * UNIT)
    np.testing.assert_allclose(SPACE.gyration(x, y, x, c)[0], 0.5, rtol=4 * UNIT)
    np.testing.assert_allclose(SPACE.geodesic(1.5, x, y, c)[0], 0.5 * 6**1.5, rtol=16 * UNIT)


def test_from_one_end_of_the_dtype_to_the_other() -> None:
    """Vertical and nearly vertical pairs at the ends of the promised radius, and the geodesic between."""
    low, high = np.exp(-FAR), np.exp(FAR)
    x = np.array([[0, low], [0, high], [0, low], [0, low]], DTYPE)
    y = np.array([[0, high], [0, low], [1e-4 * high, high], [high, 1]], DTYPE)
    c, t = np.ones(4, DTYPE), np.full(4, 0.3, DTYPE)
    size, direction, middle = M.dist(x, y, c), M.logmap(y, x, c), M.geodesic(t, x, y, c)
    with mp.workdps(900):
        for row in range(4):
            p, q = exact(x[row]), exact(y[row])
            assert error(size[row], distance(p, q, 1)) < 4
            assert error(direction[row], tangent_of_arc(q, p, 1)) < 4
            want = arc([exact(t[row]) * a for a in tangent_of_arc(q, p, 1)], p, 1)
            assert error(middle[row], want) < (4 if DTYPE is np.float32 else 2 * FAR)


def test_geodesics_beyond_their_ends() -> None:
    """Where the sum A x + B y would cancel."""
    x = np.array([[0, 1], [0, 1], [3, 1e-4], [3, 1e18]], DTYPE)
    y = np.array([[3, 1e18], [3, 1e18], [1, 1e-6], [0, 1]], DTYPE)
    t = np.array([1.4, -0.5, 1.2, -0.4], DTYPE)
    got = M.geodesic(t, x, y, np.ones(4, DTYPE))
    with mp.workdps(120):
        for row in range(4):
            p, w = exact(x[row]), tangent_of_arc(exact(y[row]), exact(x[row]), 1)
            assert error(got[row], arc([exact(t[row]) * a for a in w], p, 1)) < (2 if DTYPE is np.float32 else 200)


def test_a_sum_near_the_point_at_infinity() -> None:
    """x (+) y for y next to the pole -t/|t|^2 of the translation, t = a/(1 + h), where its denominator vanishes."""
    x, y = np.array([[1, 1], [3, 0.5]], DTYPE), np.array([[-2, 1e-12], [-0.5, 1e-10]], DTYPE)
    got = M.addition(x, y, np.ones(2, DTYPE))
    with mp.workdps(120):
        for row in range(2):
            want = back(mobius(cayley(exact(x[row])), cayley(exact(y[row]))))
            assert want[-1] > 1e7  # conditioned by as much
            assert error(got[row][-1], want[-1]) < (2 if DTYPE is np.float32 else 1e4)
            assert DTYPE is np.float64 or error(got[row], want) < 4


def test_huge_steps_stay_above_the_boundary() -> None:
    x = jnp.array([0.5, -1.0, 2.0], DTYPE)
    largest, tiny = jnp.finfo(DTYPE).max, jnp.finfo(DTYPE).tiny
    v = jnp.stack([jnp.array(d, DTYPE) * s for d in ([1, 0, 0], [0, 1, 0.5], [1, 1, -1], [0, 0, -1])
                   for s in (1e3, 1e30, 0.1 * largest)])  # fmt: skip
    moved = jax.vmap(SPACE.expmap, (0, None, None))(v, x, 1.0)
    assert np.isfinite(moved).all()
    assert ((moved[:, -1] == tiny) if DTYPE is np.float32 else (moved[:, -1] < 1e-200)).all()
    up = jax.vmap(SPACE.expmap, (0, None, None))(jnp.array([[0, 0, 1e4], [0, 0, 0.1 * largest]], DTYPE), x, 1.0)
    assert np.array_equal(up[:, :2], np.stack([x[:2]] * 2)) and np.isinf(up[:, 2]).all()
    # down to the boundary along a circle: from (0, 1) in direction (1, 0) to (1, 0)
    np.testing.assert_allclose(SPACE.expmap_0(jnp.array([1e5, 0], DTYPE), 1.0), [1, 0], atol=4 * UNIT)


def everything(v, x, y, c):
    return jnp.concatenate([jnp.ravel(a) for a in (
        SPACE.dist(x, y, c), SPACE.sqdist(x, y, c), SPACE.dist_0(x, c), SPACE.expmap(v, x, c), SPACE.logmap(y, x, c),
        SPACE.ptransp(v, x, y, c), SPACE.addition(x, y, c), SPACE.scalar_mul(-0.5, x, c), SPACE.gyration(x, y, y, c),
        SPACE.geodesic(0.3, x, y, c), SPACE.tangent_inner(v, v, x, c), SPACE.tangent_norm(v, x, c),
        SPACE.egrad2rgrad(v, x, c))])  # fmt: skip


def summed(v, x, y, c):
    value = everything(v, x, y, c)
    return value.sum(), value


GRADED = jax.jit(jax.vmap(jax.value_and_grad(summed, (0, 1, 2, 3), has_aux=True), (0, 0, 0, None)))


def graded(v, x, y, c):
    """All values, and the gradients of their sum, float32."""
    (_, value), gradients = GRADED(*(jnp.asarray(a, jnp.float32) for a in (v, x, y, c)))
    return value, gradients


def test_points_that_are_none() -> None:
    """Height 0 or below: `proj` lifts them, and every operation treats them as what it returns."""
    off = np.array([[0.3, 0, 0.0], [0.3, 1, -2.0], [0.3, 0, -0.0], [0, 0, -1]], np.float32)
    on = np.array([[0.1, 0.2, 1.5]] * 3 + [[0, 0, 2]], np.float32)
    v = np.array([[0.2, 0.1, -0.3]] * 8, np.float32)
    for kind, height in ((np.float32, 2.0**-40), (np.float16, 2.0**-14), (DTYPE, 2.0 ** (-80 if UNIT < 1e-8 else -40))):
        low = jax.vmap(SPACE.proj, (0, None))(jnp.asarray(off, kind), 1.0)
        assert (low[:, -1] == height).all() and (low[:, :2] == off[:, :2].astype(kind)).all()
    low = np.concatenate([off[:, :2], np.full((4, 1), 2.0**-40, np.float32)], 1)
    for c in (1e-6, 0.5, 1e3):
        got, gradients = graded(v, np.concatenate([off, on]), np.concatenate([on, off]), c)
        assert np.isfinite(got).all()
        assert c != 0.5 or all(np.isfinite(g).all() for g in gradients)
        assert np.array_equal(got, graded(v, np.concatenate([low, on]), np.concatenate([on, low]), c)[0])
    barely = jnp.array([0.3, 1e-30], DTYPE)
    assert np.array_equal(SPACE.proj(barely, 1.0), barely)
    accepted = jax.vmap(SPACE.is_in_manifold, (0, None, None))
    assert not np.any(accepted(jnp.asarray(off), 1.0, 0.0)) and np.all(accepted(jnp.asarray(on), 1.0, 0.0))
    assert np.array_equal(accepted(jnp.asarray(off), 1.0, 1e-3), off[:, -1] >= 0)
    assert not bool(SPACE.is_in_manifold(jnp.array([jnp.inf, 1], DTYPE), 1.0))
    check, _ = checkify(jax.jit(SPACE.dist_0))(off[1], 1.0)
    assert "HalfSpace.dist_0: `x` lies outside the manifold" in check.get()


def test_gradients_are_finite_where_formulas_are_singular() -> None:
    """Float32 outside 64-bit mode: coincident points, vertical lines, the origin, zero steps, far apart."""
    x, e = np.array([0.3, -0.2, 0.5]), np.array([0, 0, 1.0])
    low, high = e * np.exp(-25), e * np.exp(25)
    a = np.array([x, x, e, e, low, high, low, x])
    b = np.array([x, x * [1, 1, 3], e, 2 * e, low, high, e, low])
    for v in (0 * a, a * e, -a * e):
        value, gradients = graded(v, a, b, 1)
        assert np.isfinite(value).all() and all(np.isfinite(g).all() for g in gradients)
    start = jnp.array(x, DTYPE)
    by_v, by_x = jax.jit(jax.jacrev(SPACE.expmap, (0, 1)))(0 * start, start, 1.0)
    np.testing.assert_allclose(by_v, np.eye(3), atol=4 * UNIT)
    np.testing.assert_allclose(by_x, np.eye(3), atol=4 * UNIT)


def test_origin_and_wrapped_normal() -> None:
    """The origin is e_n for every c, and a random point's distance from it does not depend on c."""
    assert np.array_equal(SPACE.create_origin(0.3, 3), [0, 0, 1])
    sizes = [SPACE.dist_0(SPACE.random_point(jax.random.key(1), 3, c, std=2.0), c) for c in (0.25, 1.0, 9.0)]
    size = 2 * np.linalg.norm(jax.random.normal(jax.random.key(1), (3,)))
    np.testing.assert_allclose(sizes, size, rtol=1e-5)
    with pytest.raises(ValueError, match=r"HalfSpace.random_point: `c` must be positive"):
        SPACE.random_point(jax.random.key(0), 2, -1.0)


def test_bad_input_is_refused() -> None:
    x = jnp.array([0.1, 0.2])
    with pytest.raises(ValueError, match=r"HalfSpace.dist: `x` must have rank 1.*jax.vmap"):
        SPACE.dist(jnp.stack([x, x]), x, 1.0)
    with pytest.raises(ValueError, match=r"HalfSpace.expmap: `x` has 3 in dimension `dim`"):
        SPACE.expmap(x, jnp.ones(3), 1.0)
    with pytest.raises(TypeError, match=r"HalfSpace.addition: `y` must have a floating dtype"):
        SPACE.addition(x, jnp.array([0, 1]), 1.0)
    with pytest.raises(ValueError, match=r"HalfSpace.dist: `c` must be positive"):
        SPACE.dist(x, x, 0.0)
    with pytest.raises(ValueError, match="version_idx"):
        SPACE.dist(x, x, 1.0, version_idx=1)


def test_derivatives_of_scaling_keep_their_digits_far_out() -> None:
    """Those of log and exp are e^20 times larger than their product."""
    operation, rng = half_space.HALF_SPACE.operations["scalar_mul"], np.random.default_rng(0)
    for r in (-0.5, 0.25, 0.5):
        u, weight = rng.standard_normal(3), rng.uniform(0.5, 1.0, 3)
        x = np.asarray(SPACE.expmap_0(np.asarray(20 * u / np.linalg.norm(u), DTYPE), 1.0))
        weight = weight.astype(DTYPE)
        _, pull = jax.vjp(lambda p, r=r: SPACE.scalar_mul(r, p, 1.0), x)
        with mp.workdps(200):
            _, want, _ = vjp(operation, [mp.mpf(r), exact(x)], mp.mpf(1), exact(weight), half_space.HALF_SPACE.axis)
        want = np.array(want, float)
        assert np.linalg.norm(pull(jnp.asarray(weight))[0] - want) < 16 * UNIT * np.linalg.norm(want)
