"""Coaddition, gyration, unit-speed geodesics and Moebius maps: textbook formulas, gyro-laws, singular points."""

import functools

import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest
from hyp_manifolds import (
    MODELS,
    Euclidean,
    Hyperboloid,
    Manifold,
    Poincare,
    Product,
    mobius_fn_apply,
    mobius_matvec,
    poincare_to_hyperboloid,
)
from hyp_manifolds.testing import EPS, Batched, Sample, make_sample
from hyp_manifolds.testing.oracle import hyperboloid, vector
from hyp_manifolds.testing.oracle._vector import dot, norm, plus, times

DTYPE = np.float64 if jax.config.jax_enable_x64 else np.float32
UNIT = EPS[np.dtype(DTYPE).name]
DIM = 16  # shared with the law tests: each operation is compiled once
BALL, SHEET = Poincare(), Hyperboloid()

CASES = [
    pytest.param(m, s, id=name + "-" * (s < 0))
    for name, m in MODELS.items()
    for s in ((1, -1) if m.curvature_domain == "signed" else (1,))
]
DISTINCT = ("poincare", "hyperboloid", "stereographic-")  # one for every formula
ON_EVERY_MODEL = pytest.mark.parametrize(("manifold", "sign"), CASES)


@functools.cache
def sample(manifold: Manifold, sign: int) -> Sample:
    return make_sample(manifold, DIM, [sign * k for k in (0.25, 1.0, 4.0)], radius=1.0)


def apart(m: Batched, a, b, s: Sample) -> float:
    """Largest distance between the points of two batches, in eps of 1/sqrt(c)."""
    return float(np.max(m.flat("dist", a, b, s.c)[:, 0] * np.sqrt(np.abs(s.c.astype(float))))) / s.eps


def minus(m: Batched, x, s: Sample):
    return m.scalar_mul(-np.ones_like(s.r), x, s.c)


# Laws ------------------------------------------------------------------------------------------------------------


@pytest.mark.one_precision  # the contract judges the operation in both
@ON_EVERY_MODEL
def test_addition_is_gyroassociative(manifold, sign) -> None:
    """x (+) (y (+) z) = (x (+) y) (+) gyr[x, y] z."""
    m, s = Batched(manifold), sample(manifold, sign)
    z = m.scalar_mul(np.full_like(s.r, 0.5), s.z, s.c)
    left = m.addition(s.x, m.addition(s.y, z, s.c), s.c)
    right = m.addition(m.addition(s.x, s.y, s.c), m.gyration(s.x, s.y, z, s.c), s.c)
    assert apart(m, left, right, s) < 256


@pytest.mark.one_precision  # the contract judges the operation in both
@ON_EVERY_MODEL
def test_right_cancellation(manifold, sign) -> None:
    """(y (-) x) [+] x = y."""
    m, s = Batched(manifold), sample(manifold, sign)
    difference = m.addition(s.y, minus(m, s.x, s), s.c)
    assert apart(m, m.coaddition(difference, s.x, s.c), s.y, s) < 512


@pytest.mark.one_precision  # the contract judges the operation in both
@pytest.mark.parametrize(("manifold", "sign"), [k for k in CASES if k.id in DISTINCT])
def test_unit_speed(manifold, sign) -> None:
    """The point at arc length t is at distance |t|, on the geodesic of exp, whatever the tangent's length."""
    m, s = Batched(manifold), sample(manifold, sign)
    t = s.r / np.sqrt(np.abs(s.c))
    point = m.geodesic_unit(t, s.v, s.x, s.c)
    np.testing.assert_allclose(m.dist(s.x, point, s.c), np.abs(t), rtol=256 * UNIT)
    step = (t / m.tangent_norm(s.v, s.x, s.c))[:, None] * s.v
    assert apart(m, point, m.expmap(step, s.x, s.c), s) < 256
    short = np.asarray(s.v * (1e-200 if DTYPE is np.float64 else 1e-25), s.v.dtype)
    assert apart(m, m.geodesic_unit(t, short, s.x, s.c), point, s) < 256
    assert apart(m, m.geodesic_unit(t, 0 * s.v, s.x, s.c), s.x, s) < 4


@ON_EVERY_MODEL
def test_matrices_act_in_the_frame_at_the_origin(manifold, sign) -> None:
    """exp_0(frame(u)) -> exp_0(frame(m u)), in another dimension."""
    s = sample(manifold, sign)
    rng = np.random.default_rng(5)
    u = (0.3 * rng.standard_normal((len(s.c), DIM)) / np.sqrt(np.abs(s.c))[:, None]).astype(DTYPE)
    matrix = rng.standard_normal((DIM // 2, DIM)).astype(DTYPE) / 4

    @jax.jit
    @jax.vmap
    def error(u, c):
        got = mobius_matvec(manifold, matrix, manifold.expmap_0(manifold._frame_at_origin(u, c), c), c)
        want = manifold.expmap_0(manifold._frame_at_origin(jnp.asarray(matrix) @ u, c), c)
        return manifold.dist(got, want, c) * jnp.sqrt(jnp.abs(c))

    assert float(jnp.max(error(u, s.c))) < 128 * UNIT


@pytest.mark.parametrize("name", ["poincare", "hyperboloid", "sphere"])
def test_functions_act_on_the_coordinates_at_the_origin(name: str) -> None:
    manifold = MODELS[name]
    m, s = Batched(manifold), sample(manifold, 1)
    apply = lambda fn: jax.vmap(functools.partial(mobius_fn_apply, manifold, fn))  # noqa: E731
    assert apart(m, np.asarray(apply(lambda u: -0.5 * u)(s.x, s.c)), m.scalar_mul(-0.5 + 0 * s.r, s.x, s.c), s) < 64
    halves = apply(lambda u: u[: DIM // 2])(s.x, s.c)
    assert halves.shape == (len(s.c), manifold.ambient_dim(DIM // 2)) and halves.dtype == DTYPE
    assert bool(jnp.all(jax.vmap(lambda x, c: manifold.is_in_manifold(x, c, 64 * UNIT))(halves, s.c)))


# Formulas --------------------------------------------------------------------------------------------------------


def ball_rows(radius: float, seed: int):
    """(x, y, c) of the ball at hyperbolic distances up to `radius`, one c per row."""
    s = make_sample(BALL, DIM, (0.3, 1.0, 4.0), radius=radius, seed=seed, rows=12)
    return s.x, s.y, s.c


def worst(got, want) -> float:
    """Largest norm-wise relative error of rows, in eps."""
    errors = [norm(plus(vector(g), times(-1, w))) / norm(w) for g, w in zip(np.asarray(got), want, strict=True)]
    return float(max(errors)) / UNIT


@pytest.mark.parametrize("radius", [0.5, 3.0, 8.0])
def test_matrix_times_point_of_the_ball(radius: float) -> None:
    """Ganea et al. 2018, Eq. 27: tanh(|Mx|/|x| atanh(sqrt(c)|x|)) Mx/(sqrt(c)|Mx|)."""
    x, _, c = ball_rows(radius, seed=2)
    matrix = np.random.default_rng(3).standard_normal((5, DIM)).astype(DTYPE) / 4
    got = jax.vmap(functools.partial(mobius_matvec, BALL), (None, 0, 0))(matrix, x, c)
    want = []
    with mp.workdps(50):
        for p, k in zip(map(vector, x), vector(c), strict=True):
            image = [dot(vector(row), p) for row in matrix]
            n, size = mp.sqrt(k) * norm(p), norm(image)
            want.append(times(mp.tanh(size / norm(p) * mp.atanh(n)) / (mp.sqrt(k) * size), image))
        assert worst(got, want) < 16


@pytest.mark.parametrize("radius", [0.5, 3.0])
def test_function_of_a_point_of_the_ball(radius: float) -> None:
    """Ganea et al. 2018, Def. 3.2: exp_0(fn(log_0 x))."""
    x, _, c = ball_rows(radius, seed=4)
    got = jax.vmap(functools.partial(mobius_fn_apply, BALL, lambda u: jnp.sin(u) + 0.1))(x, c)
    want = []
    with mp.workdps(50):
        shift = mp.mpf(float(DTYPE(0.1)))
        for p, k in zip(map(vector, x), vector(c), strict=True):
            n = mp.sqrt(k) * norm(p)
            u = [mp.sin(t) + shift for t in times(mp.atanh(n) / n, p)]
            size = mp.sqrt(k) * norm(u)
            want.append(times(mp.tanh(size) / size, u))
        assert worst(got, want) < 64


def test_matrices_agree_between_ball_and_hyperboloid() -> None:
    x, _, c = ball_rows(3.0, seed=6)
    matrix = np.random.default_rng(7).standard_normal((5, DIM)).astype(DTYPE) / 4
    over = jax.vmap(poincare_to_hyperboloid)
    ball, sheet = (jax.vmap(functools.partial(mobius_matvec, m), (None, 0, 0)) for m in (BALL, SHEET))
    np.testing.assert_allclose(sheet(matrix, over(x, c), c), over(ball(matrix, x, c), c), rtol=512 * UNIT, atol=UNIT)


def test_zero_rows_and_zero_results() -> None:
    x = jnp.asarray([0.1, -0.3, 0.2], DTYPE)
    matrix = jnp.asarray([[0.0, 0.0, 0.0], [1.0, 2.0, 0.0]], DTYPE)
    got = mobius_matvec(BALL, matrix, x, 1.0)
    assert got[0] == 0 and got[1] < 0
    assert not np.any(mobius_matvec(BALL, 0 * matrix, x, 1.0))
    assert not np.any(mobius_matvec(BALL, matrix, 0 * x, 1.0))
    np.testing.assert_array_equal(mobius_matvec(SHEET, 0 * matrix, SHEET.create_origin(1.0, 3), 4.0), [0.5, 0.0, 0.0])


# Singular points --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("manifold", "sign"), [k for k in CASES if k.id in DISTINCT])
def test_derivatives_are_finite_at_singular_points(manifold, sign) -> None:
    """x == y, x = -y, x = 0, m x = 0, v = 0: float32, outside of 64-bit mode, under jit and vmap."""
    dim, c = 3, np.float32(sign)
    with jax.enable_x64(False):
        o = manifold.create_origin(c, dim)
        x = point = manifold.expmap_0(manifold._frame_at_origin(jnp.asarray([0.3, -0.2, 0.4], jnp.float32), c), c)
        v = manifold.ptransp_0(manifold.logmap_0(x, c), x, c)
        back, full, empty = manifold.scalar_mul(-1.0, x, c), jnp.ones((2, dim)), jnp.zeros((2, dim))
        rows = [(x, x, x, 0 * v, empty), (x, back, o, v, full), (o, x, o, 0 * v, empty), (o, o, x, v, full)]

        @jax.jit
        @jax.vmap
        @functools.partial(jax.grad, argnums=tuple(range(6)))
        def slopes(x, y, z, v, matrix, c):
            parts = [
                manifold.coaddition(x, y, c), manifold.gyration(x, y, z, c), manifold.geodesic_unit(0.5, v, point, c),
                mobius_matvec(manifold, matrix, x, c), mobius_fn_apply(manifold, jax.nn.relu, x, c),
            ]  # fmt: skip
            return sum(jnp.sum(p * p) + jnp.sum(p) for p in parts)

        got = slopes(*map(jnp.stack, zip(*rows, strict=True)), jnp.full(len(rows), c))
    assert all(g.dtype == jnp.float32 and np.isfinite(g).all() for g in got)


# Bad input --------------------------------------------------------------------------------------------------------


def test_bad_input() -> None:
    x, y = jnp.asarray([0.1, 0.2, 0.3], DTYPE), jnp.asarray([0.1, 0.2], DTYPE)
    matrix = jnp.ones((2, 3), DTYPE)
    with pytest.raises(ValueError, match="`y`"):
        BALL.coaddition(x, y, 1.0)
    with pytest.raises(ValueError, match="vmap"):
        BALL.geodesic_unit(0.5, matrix, matrix, 1.0)
    with pytest.raises(ValueError, match="`c` must be positive"):
        BALL.gyration(x, x, x, -1.0)
    with pytest.raises(ValueError, match=r"\(out_dim, 2\)"):
        mobius_matvec(BALL, matrix, y, 1.0)
    with pytest.raises(ValueError, match=r"\(out_dim, 2\)"):
        mobius_matvec(SHEET, matrix, x, 1.0)
    with pytest.raises(ValueError, match="rank 2"):
        mobius_matvec(BALL, x, x, 1.0)
    with pytest.raises(ValueError, match="coordinates"):
        mobius_matvec(SHEET, matrix, x[:1], 1.0)
    with pytest.raises(TypeError, match="must be a Manifold"):
        mobius_matvec(Poincare, matrix, x, 1.0)  # type: ignore[arg-type]
    product = Product(((BALL, 2), (Euclidean(), 1)))
    with pytest.raises(TypeError, match="fixed dimension"):
        mobius_matvec(product, matrix, x, 1.0)
    with pytest.raises(TypeError, match="fixed dimension"):
        mobius_fn_apply(product, jax.nn.relu, x, 1.0)
    with pytest.raises(ValueError, match="must return a vector"):
        mobius_fn_apply(BALL, jnp.sum, x, 1.0)
    with pytest.raises(TypeError, match="fn"):
        mobius_fn_apply(BALL, lambda u: u.astype(int), x, 1.0)


def test_gyration_of_nearly_opposite_points_keeps_its_digits() -> None:
    """It is nearly the identity there, by a sum x + y that must not be taken after rounding."""
    gyration, rng = hyperboloid.HYPERBOLOID.operations["gyration"].function, np.random.default_rng(0)
    for radius in (5.0, 8.0, 12.0):
        u, z = rng.standard_normal((2, 3))
        x = np.sinh(radius) * u / np.linalg.norm(u)
        y = -x + 1e-3 * rng.standard_normal(3)
        x, y, z = (np.append(np.hypot(1, np.linalg.norm(p)), p).astype(DTYPE) for p in (x, y, z))
        with mp.workdps(100):
            want = np.array(gyration(vector(x[1:]), vector(y[1:]), vector(z), mp.mpf(1)), float)
        got = SHEET.gyration(x, y, z, 1.0)
        assert np.linalg.norm(got[1:] - want[1:]) < 4 * UNIT * np.linalg.norm(want[1:])
