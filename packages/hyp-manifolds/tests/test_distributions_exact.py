"""Distributions against numerical integration, textbook formulas, and each other through the isometries."""

import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest
from hyp_manifolds import (
    Euclidean,
    HalfSpace,
    Hyperboloid,
    Klein,
    Poincare,
    Product,
    ProperVelocity,
    RiemannianNormal,
    Sphere,
    Stereographic,
    UniformBall,
    WrappedNormal,
    convert,
    kl_divergence,
    log_ball_volume,
)

DTYPE = np.float64 if jax.config.jax_enable_x64 else np.float32
EPS = float(np.finfo(DTYPE).eps)
TOL = max(4 * EPS, 1e-13)  # the promise of the normalisers, and the rounding of the result
KEY = jax.random.key(3)
BALL, SHEET = Poincare(), Hyperboloid()

log_prob = jax.jit(lambda d, z: d.log_prob(z))


def quad_log_mass(n: int, k: float, p: float, bound: float) -> float:
    """log of |S^(n-1)| int e^(-p r^2/2) s(r)^(n-1) dr in 25 digits, s the radius of a sphere in curvature -k."""
    with mp.workdps(25):
        root = mp.sqrt(abs(mp.mpf(k)))
        s = (lambda r: mp.sinh(root * r) / root) if k > 0 else (lambda r: mp.sin(root * r) / root if k else r)
        end = min(mp.mpf(bound), mp.pi / root if k < 0 else mp.inf)
        if p == 0:  # the mass is at the end
            cuts, top = [end * (1 - mp.mpf(2) ** -i) for i in range(15)] + [end], s(min(end, 2)) ** (n - 1)
        else:
            far = (n - 1) * (root if k > 0 else 0) / mp.mpf(p) + (mp.sqrt(n - 1) + 9) / mp.sqrt(p)
            cuts, top = [min(end, far) * i / 40 for i in range(41)], 1
        mass = top * mp.quad(lambda r: mp.exp(-mp.mpf(p) * r * r / 2) * s(r) ** (n - 1) / top, cuts)
        return float(mp.log(2 * mp.pi ** (mp.mpf(n) / 2) / mp.gamma(mp.mpf(n) / 2) * mass))


C = float(np.float32(0.7))
SPACES = {"hyperbolic": (BALL, C, C), "flat": (Euclidean(), 0.0, 0.0), "round": (Sphere(), C, -C)}


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("n", [1, 2, 20])
def test_log_volumes_and_normalisers(space, n):
    manifold, c, k = SPACES[space]
    radii = np.array([1e-3, 0.5, 3.0], DTYPE)
    got = log_ball_volume(manifold, n, radii, c)
    assert got.dtype == DTYPE
    want = [quad_log_mass(n, k, 0, float(r)) for r in radii]
    np.testing.assert_allclose(got, want, atol=TOL, rtol=TOL)
    scales = np.array([0.1, 0.6, 3.0], DTYPE)
    law = RiemannianNormal(manifold, manifold.create_origin(c, n), c, scale=scales)
    want = [quad_log_mass(n, k, float(1 / np.float64(s) ** 2), np.inf) for s in scales]
    np.testing.assert_allclose(law.log_normaliser(), want, atol=TOL, rtol=TOL)


def test_log_volume_where_the_volume_overflows():
    """64 dimensions at radius 20; and a thousand, where the volume of a small ball underflows."""
    np.testing.assert_allclose(log_ball_volume(BALL, 64, 20.0, 1.0), quad_log_mass(64, 1.0, 0, 20.0), rtol=TOL)
    small = DTYPE(0.01)
    want = quad_log_mass(1000, 1.0, 0, float(small))
    np.testing.assert_allclose(log_ball_volume(BALL, 1000, small, 1.0), want, rtol=TOL)


def test_textbook_volumes():
    """Area 2 pi (cosh r - 1), volume pi (sinh 2r - 2r); Said et al. 2014, Eq. 9 for the normaliser in the plane."""
    r, s = 1.3, 0.8
    np.testing.assert_allclose(np.exp(log_ball_volume(BALL, 2, r, 1.0)), 2 * np.pi * (np.cosh(r) - 1), rtol=32 * EPS)
    np.testing.assert_allclose(
        np.exp(log_ball_volume(BALL, 3, r, 1.0)), np.pi * (np.sinh(2 * r) - 2 * r), rtol=32 * EPS
    )
    law = RiemannianNormal(BALL, jnp.zeros(2, DTYPE), 1.0, scale=s)
    area = 2 * np.pi * np.sqrt(np.pi / 2) * s * np.exp(s * s / 2) * float(mp.erf(s / np.sqrt(2)))
    np.testing.assert_allclose(np.exp(law.log_normaliser()), area, rtol=32 * EPS)


# Integration over geodesic polar coordinates about the origin: points, and the textbook volume element.


def grid(manifold, n: int, c: float, k: float, far: float) -> tuple[np.ndarray, np.ndarray]:
    """Points and weights that integrate over the ball of radius `far` about the origin, n = 2 or 3."""
    x, w = np.polynomial.legendre.leggauss(70)
    r, wr = 0.5 * far * (x + 1), 0.5 * far * w
    phi = 2 * np.pi * np.arange(48) / 48
    if n == 2:
        directions, wd = np.stack([np.cos(phi), np.sin(phi)], -1), np.full(48, 2 * np.pi / 48)
    else:
        u, wu = np.polynomial.legendre.leggauss(24)
        flat = np.sqrt(1 - u**2)[:, None]
        parts = [flat * np.cos(phi), flat * np.sin(phi), np.broadcast_to(u[:, None], (24, 48))]
        directions, wd = np.stack(parts, -1).reshape(-1, 3), np.repeat(wu, 48) * 2 * np.pi / 48
    root = np.sqrt(abs(k)) or 1.0
    s = np.sinh(root * r) / root if k > 0 else np.sin(root * r) / root if k < 0 else r
    radius = np.tanh(root * r / 2) / root if k > 0 else np.sin(root * r) / root if k < 0 else r
    points = radius[:, None, None] * directions
    if manifold == Sphere():
        first = np.broadcast_to((np.cos(root * r) / root)[:, None, None], (*points.shape[:2], 1))
        points = np.concatenate([first, points], -1)
    weights = (wr * s ** (n - 1))[:, None] * wd
    return points.reshape(-1, points.shape[-1]).astype(DTYPE), weights.reshape(-1)


def cases(manifold, n: int, c: float):
    mean = manifold.random_point(KEY, n, c, std=0.4, dtype=DTYPE)
    diag = np.linspace(0.3, 0.5, n).astype(DTYPE)
    a = np.eye(n) * 0.4 + 0.1 * np.tri(n)
    yield "scale", WrappedNormal(manifold, mean, c, scale=0.4)
    yield "scale_diag", WrappedNormal(manifold, mean, c, scale_diag=diag)
    yield "scale_tril", WrappedNormal(manifold, mean, c, scale_tril=np.tril(a).astype(DTYPE))
    yield "covariance", WrappedNormal(manifold, mean, c, covariance=(a @ a.T).astype(DTYPE))
    yield "riemannian", RiemannianNormal(manifold, mean, c, scale=0.4)


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("n", [2, 3])
def test_densities_integrate_to_one_and_have_their_entropy(space, n):
    manifold, c, k = SPACES[space]
    points, weights = grid(manifold, n, c, k, np.pi / np.sqrt(C) if k < 0 else 7.0)
    for name, d in cases(manifold, n, c):
        logs = np.asarray(log_prob(d, points), np.float64)
        assert np.all(np.isfinite(logs)), name
        density = weights * np.exp(logs)
        np.testing.assert_allclose(np.sum(density), 1.0, atol=2e-5 if np.float32 == DTYPE else 2e-6, err_msg=name)
        entropy = d.entropy(KEY)
        slack = 2e-5 + 5 * np.asarray(entropy.standard_error)
        assert abs(float(entropy.value) + np.sum(density * logs)) < slack, name


def nagano(z, mean, cov) -> np.ndarray:
    """log p(z) on the hyperboloid of curvature -1 in float64: Nagano et al. 2019, Alg. 2 with Eq. 2, 4 and 8."""
    z, mean, cov = (np.asarray(a, np.float64) for a in (z, mean, cov))
    n = len(mean) - 1
    z, mean = (np.concatenate([[np.sqrt(1 + p[1:] @ p[1:])], p[1:]]) for p in (z, mean))
    alpha = mean[0] * z[0] - mean[1:] @ z[1:]
    u = np.arccosh(alpha) / np.sqrt(alpha**2 - 1) * (z - alpha * mean)
    origin = np.eye(n + 1)[0]
    # transport from mean to origin: u + <origin, u>_L/(<..>+1) (mean + origin), with <origin, u>_L = -u_0
    v = (u - u[0] / (mean[0] + 1) * (mean + origin))[1:]
    r = np.linalg.norm(v)
    gauss = -0.5 * v @ np.linalg.solve(cov, v) - 0.5 * np.linalg.slogdet(2 * np.pi * cov)[1]
    return gauss - (n - 1) * np.log(np.sinh(r) / r)


def test_wrapped_normal_is_the_paper_s():
    n = 4
    rng = np.random.default_rng(1)
    a = rng.standard_normal((n, n)) * 0.3 + 0.6 * np.eye(n)
    cov = (a @ a.T).astype(DTYPE)
    mean = SHEET.random_point(KEY, n, 1.0, std=0.8, dtype=DTYPE)
    d = WrappedNormal(SHEET, mean, 1.0, covariance=cov)
    z = d.sample(jax.random.key(9), (50,))
    want = [nagano(p, mean, cov) for p in z]
    np.testing.assert_allclose(log_prob(d, z), want, rtol=3e-5 if np.float32 == DTYPE else 1e-9, atol=1e-5)


def test_derivatives_of_the_wrapped_normal_are_the_paper_s():
    """By the point, the mean and both forms of the covariance, against differences of the paper's density."""
    n, h, rng = 4, 1e-5, np.random.default_rng(2)
    on_sheet = lambda s, np=np: np.concatenate([np.sqrt(1 + np.sum(s * s, keepdims=True)), s])  # noqa: E731
    lower = np.tril(0.3 * rng.standard_normal((n, n))) + 0.8 * np.eye(n)
    at = [a.astype(DTYPE) for a in (rng.standard_normal(n), 0.6 * rng.standard_normal(n), lower @ lower.T, lower)]
    way = [rng.standard_normal(n), rng.standard_normal(n), rng.standard_normal((n, n)), np.tril(rng.random((n, n)))]
    way[2] += way[2].T

    def density(z, mean, **spread):
        return WrappedNormal(SHEET, on_sheet(mean, jnp), 1.0, **spread).log_prob(on_sheet(z, jnp))

    full = jax.jit(jax.grad(lambda z, m, s: density(z, m, covariance=s), (0, 1, 2)))(*at[:3])
    factor = jax.jit(jax.grad(lambda z, m, s: density(z, m, scale_tril=s), (0, 1, 2)))(*at[:2], at[3])
    wide = [a.astype(float) for a in at]
    exact = lambda z, mean, s, a: nagano(on_sheet(z), on_sheet(mean), s if a is None else a @ a.T)  # noqa: E731
    for form, got in (([*wide[:3], None], full), ([*wide[:2], None, wide[3]], factor)):
        moved = [i for i, a in enumerate(form) if a is not None]
        for i, slope in zip(moved, got, strict=True):
            up, down = ([*form[:i], form[i] + k * way[i], *form[i + 1 :]] for k in (h, -h))
            want = (exact(*up) - exact(*down)) / (2 * h)
            np.testing.assert_allclose(np.sum(slope * way[i]), want, rtol=1e-5, atol=1e-6, err_msg=str(i))


@pytest.mark.one_precision
@pytest.mark.parametrize("model", [BALL, Klein(), HalfSpace(), ProperVelocity()], ids=lambda m: type(m).__name__)
def test_models_agree(model):
    """One distribution in every model: the same draws, the same densities."""
    c = 0.6
    for (name, here), (_, there) in zip(cases(SHEET, 3, c), cases(model, 3, c), strict=True):
        z, w = here.sample(KEY, (20,)), there.sample(KEY, (20,))
        carried = jax.vmap(lambda p: convert(p, SHEET, model, c))(z)
        np.testing.assert_allclose(w, carried, atol=2e-5, rtol=2e-5, err_msg=name)
        np.testing.assert_allclose(log_prob(there, w), log_prob(here, z), atol=2e-4, rtol=2e-5, err_msg=name)


def radius_cdf(n: int, k: float, p: float, bound: float, at: np.ndarray) -> np.ndarray:
    """P(r <= at) by a fine sum."""
    r = np.linspace(0, bound, 200_001)[1:]
    root = np.sqrt(abs(k)) or 1.0
    s = np.sinh(root * r) / root if k > 0 else np.sin(root * r) / root if k < 0 else r
    mass = np.cumsum(np.exp(-p * r * r / 2) * s ** (n - 1))
    return np.interp(at, r, mass / mass[-1])


@pytest.mark.one_precision
@pytest.mark.parametrize("space", SPACES)
def test_samples_have_the_law_of_the_radius_and_no_direction(space):
    manifold, c, k = SPACES[space]
    n, count = 4, 20_000
    center = manifold.random_point(KEY, n, c, std=0.4, dtype=DTYPE)
    end = np.pi / np.sqrt(C) if k < 0 else 9.0
    laws = [
        (RiemannianNormal(manifold, center, c, scale=0.7), 1 / 0.7**2, end),
        (UniformBall(manifold, center, 1.5, c), 0.0, 1.5),
    ]
    for d, p, bound in laws:
        z = d.sample(KEY, (count,))
        r = np.sort(np.asarray(jax.vmap(manifold.dist, (0, None, None))(z, center, c), np.float64))
        gap = np.max(np.abs(radius_cdf(n, k, p, bound, r) - (np.arange(count) + 0.5) / count))
        assert gap < 1.7 / np.sqrt(count), "Kolmogorov-Smirnov, one in a hundred"
        logs = jax.vmap(manifold.logmap, (0, None, None))(z, center, c)
        inner = jax.vmap(manifold.tangent_inner, (0, None, None, None))(logs, logs[0], center, c)
        assert abs(np.mean(inner[1:])) < 5 * np.std(inner[1:]) / np.sqrt(count)


def test_samples_of_the_wrapped_normal_have_its_covariance():
    c, n, count = 0.6, 3, 20_000
    rng = np.random.default_rng(5)
    a = rng.standard_normal((n, n)) * 0.2 + 0.5 * np.eye(n)
    cov = a @ a.T
    mean = BALL.random_point(KEY, n, c, std=0.5, dtype=DTYPE)
    z = WrappedNormal(BALL, mean, c, covariance=cov.astype(DTYPE)).sample(KEY, (count,))
    at_origin = jax.vmap(lambda z: BALL.ptransp(BALL.logmap(z, mean, c), mean, jnp.zeros(n, DTYPE), c))(z)
    u = 2 * np.asarray(at_origin, np.float64)  # the ball's orthonormal frame
    np.testing.assert_allclose(np.cov(u.T), cov, atol=5 * np.max(cov) * np.sqrt(2 / count))
    np.testing.assert_allclose(np.mean(u, 0), 0, atol=5 * np.sqrt(np.max(cov) / count))


def test_the_circle_sums_over_all_turns():
    """On S^1 the wrapped normal is the classical one: a sum over all turns."""
    c, scale = 0.25, 3.0
    circle = Sphere()
    d = WrappedNormal(circle, circle.create_origin(c, 1), c, scale=scale)
    angle = np.linspace(-3, 3, 7)
    z = (2 * np.stack([np.cos(angle), np.sin(angle)], -1)).astype(DTYPE)
    u = 2 * (angle[:, None] + 2 * np.pi * np.arange(-30, 31))
    want = np.log(np.sum(np.exp(-0.5 * (u / scale) ** 2), 1) / (scale * np.sqrt(2 * np.pi)))
    np.testing.assert_allclose(log_prob(d, z), want, atol=1e-5 if np.float32 == DTYPE else 1e-11)


def test_a_wide_normal_goes_round_the_sphere():
    """At scale 1.8/sqrt(c) a tenth of the mass has passed the point opposite the mean: all turns together make 1."""
    sphere, n = Sphere(), 3
    points, weights = grid(sphere, n, C, -C, np.pi / np.sqrt(C))
    mean, scale = sphere.create_origin(C, n).astype(DTYPE), 1.8 / np.sqrt(C)
    for form in ({"scale": scale}, {"covariance": np.eye(n, dtype=DTYPE) * scale**2}):
        d = WrappedNormal(sphere, mean, C, **form)
        total = np.sum(weights * np.exp(np.asarray(log_prob(d, points), np.float64)))
        np.testing.assert_allclose(total, 1.0, atol=1e-4)


def test_a_ball_that_is_the_whole_sphere():
    c, n = 0.7, 3
    sphere = Sphere()
    whole = UniformBall(sphere, sphere.create_origin(c, n), np.pi / np.sqrt(c), c)
    np.testing.assert_allclose(whole.log_volume(), np.log(2 * np.pi**2 / c**1.5), rtol=1e-5)
    z = whole.sample(KEY, (20,))
    np.testing.assert_allclose(whole.log_prob(z), -whole.log_volume() * jnp.ones(20), rtol=EPS)


@pytest.mark.one_precision
def test_stereographic_passes_through_flat_space():
    flat = Stereographic()
    x, z = (jnp.array(p, DTYPE) for p in ([0.1, 0.2, 0.0], [0.3, -0.2, 0.1]))
    for make in (
        lambda c: WrappedNormal(flat, x, c, scale=0.5),
        lambda c: WrappedNormal(flat, x, c, scale_diag=jnp.array([0.4, 0.5, 0.6], DTYPE)),
        lambda c: RiemannianNormal(flat, x, c, scale=0.5),
    ):
        values = [float(make(c).log_prob(z)) for c in (-1e-4, 0.0, 1e-4)]
        assert abs(values[0] + values[2] - 2 * values[1]) < 1e-5
        assert max(values) - min(values) < 1e-3
        slope = jax.grad(lambda c, make=make: make(c).log_prob(z))(0.0)
        np.testing.assert_allclose((values[2] - values[0]) / 2e-4, slope, rtol=0.02, atol=5e-3)


def test_products_are_the_sum_of_their_factors():
    space = Product.from_signature("P2 S2 E1")
    c = jnp.array([0.5, 0.8, 0.0], DTYPE)
    mean = space.random_point(KEY, 5, c, std=0.3, dtype=DTYPE)
    diag = np.linspace(0.2, 0.6, 5).astype(DTYPE)
    forms = [
        WrappedNormal(space, mean, c, scale_diag=diag),
        WrappedNormal(space, mean, c, scale_tril=np.diag(diag)),
        WrappedNormal(space, mean, c, covariance=np.diag(diag**2)),
    ]
    z = forms[0].sample(KEY, (30,))
    want, start = 0.0, 0
    for i, ((m, dim), p, q) in enumerate(zip(space.factors, space.split(z), space.split(mean), strict=True)):
        want = want + WrappedNormal(m, q, c[i], scale_diag=diag[start : start + dim]).log_prob(p)
        start += dim
    for d in forms:
        np.testing.assert_allclose(log_prob(d, z), want, atol=3e-5, rtol=3e-5)
    whole = RiemannianNormal(space, mean, c, scale=0.4)
    want = sum(
        RiemannianNormal(m, q, c[i], scale=0.4).log_prob(p)
        for i, ((m, _), p, q) in enumerate(zip(space.factors, space.split(z), space.split(mean), strict=True))
    )
    np.testing.assert_allclose(log_prob(whole, z), want, atol=3e-5, rtol=3e-5)


def test_divergences():
    """Around one mean the exponential map cancels: KL is that of the normals; Riemannian ones have a closed form."""
    mean, c, n = BALL.random_point(KEY, 3, 1.0, dtype=DTYPE), 1.0, 3
    p, q = WrappedNormal(BALL, mean, c, scale=0.4), WrappedNormal(BALL, mean, c, scale=0.7)
    got = kl_divergence(p, q, KEY, 4000)
    want = n * (np.log(0.7 / 0.4) + 0.5 * (0.4 / 0.7) ** 2 - 0.5)
    assert 0 < abs(float(got.value) - want) < 5 * float(got.standard_error)
    a, b = RiemannianNormal(BALL, mean, c, scale=0.4), RiemannianNormal(BALL, mean, c, scale=0.7)
    got = kl_divergence(a, b, KEY, 4000)
    spread = float(a.entropy().value - a.log_normaliser()) * 2 * 0.4**2
    want = float(b.log_normaliser() - a.log_normaliser()) + 0.5 * spread * (1 / 0.7**2 - 1 / 0.4**2)
    assert abs(float(got.value) - want) < 5 * float(got.standard_error)
    small, large = UniformBall(BALL, mean, 0.5, c), UniformBall(BALL, jnp.zeros(3, DTYPE), 6.0, c)
    exact = kl_divergence(small, large)
    np.testing.assert_allclose(exact.value, large.log_volume() - small.log_volume(), rtol=2 * EPS)
    assert float(exact.standard_error) == 0.0
    assert float(kl_divergence(large, small).value) == np.inf
    scales = np.array([0.5, 0.7], DTYPE)
    both = kl_divergence(p, WrappedNormal(BALL, mean, c, scale=scales), KEY, 100).value
    alone = [kl_divergence(p, WrappedNormal(BALL, mean, c, scale=scale), KEY, 100).value for scale in scales]
    np.testing.assert_allclose(both, alone, rtol=64 * EPS)
