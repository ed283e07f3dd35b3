"""The Fréchet mean and its implicit derivatives, against an independent iteration and finite differences."""

import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest
from hyp_manifolds import (
    MODELS,
    Euclidean,
    Hyperboloid,
    Poincare,
    Product,
    Stereographic,
    convert,
    frechet_mean,
    frechet_variance,
)
from jax.experimental import checkify

DTYPE = np.float64 if jax.config.jax_enable_x64 else np.float32
EPS = float(np.finfo(DTYPE).eps)
COUNT, DIM = 6, 3
SHEET, BALL = Hyperboloid(), Poincare()
OUT = np.random.default_rng(9).standard_normal(DIM + 1)


# An independent mean: fixed small steps on the hyperboloid or the sphere in ambient space -----------------------------


def ambient_mean(x: np.ndarray, w: np.ndarray, k: float) -> np.ndarray:
    """Karcher's iteration in curvature k, ambient coordinates (first one the pole or the time)."""
    sign, root, w = np.sign(k), np.sqrt(abs(k)), w / np.sum(w)
    form = np.ones(x.shape[1])
    form[0] = sign
    y = w @ x
    for _ in range(400):
        y = y / np.sqrt(k * (form * y) @ y)
        inner = k * (x @ (form * y))
        angle = np.arccos(np.clip(inner, -1, 1)) if k > 0 else np.arccosh(np.maximum(inner, 1))
        flat = angle < 1e-9
        safe = np.where(flat, 1, angle)
        size = np.where(flat, 1, safe / (np.sin(safe) if k > 0 else np.sinh(safe)))
        step = 0.4 * (w * size) @ (x - inner[:, None] * y)
        t = root * np.sqrt(max((form * step) @ step, 0))
        sin, cos = (np.sin, np.cos) if k > 0 else (np.sinh, np.cosh)
        y = cos(t) * y + (sin(t) / t if t > 0 else 1) * step
    return y


def to_ambient(name: str, x: np.ndarray, c: float) -> np.ndarray:
    if name in ("hyperboloid", "sphere"):
        return x
    k = -c  # the ball and the stereographic chart: project from (-1/sqrt|k|, 0)
    g = 1 + k * np.sum(x**2, -1, keepdims=True)
    return np.concatenate([(2 - g) / (g * np.sqrt(abs(k))), 2 * x / g], -1)


def reference(name: str, x: np.ndarray, w: np.ndarray, c: float) -> np.ndarray:
    """The mean in the model's coordinates."""
    if name == "euclidean":
        return w @ x / np.sum(w)
    y = ambient_mean(to_ambient(name, x, c), w, c if name == "sphere" else -c)
    return y if name in ("hyperboloid", "sphere") else y[1:] / (1 + np.sqrt(abs(c)) * y[0])


def place(name: str, u, c, np=np):
    """Points from free coordinates, whatever the curvature."""
    if name == "hyperboloid":
        return np.concatenate([np.sqrt(1 / c + np.sum(u**2, -1, keepdims=True)), u], -1)
    if name == "sphere":
        v = np.concatenate([np.ones_like(u[..., :1]), u], -1)
        return v / np.sqrt(c * np.sum(v**2, -1, keepdims=True))
    return u


def sample(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.uniform(-0.45, 0.45, (COUNT, DIM)).astype(DTYPE), rng.uniform(0.5, 1.5, COUNT).astype(DTYPE)


CASES = {"poincare": 1.3, "hyperboloid": 0.7, "euclidean": 0.0, "sphere": 1.2, "stereographic": -0.8}


def probe(manifold, name):
    """(scalar of the mean, everything else) as a function of free coordinates, weights, c and tol."""

    def f(u, w, c, tol):
        result = frechet_mean(manifold, place(name, u, c, jnp), w, c, tol=tol)
        return jnp.sum(jnp.asarray(OUT[: result.mean.shape[0]], DTYPE) * result.mean), result

    return jax.jit(jax.value_and_grad(f, (0, 1, 2), has_aux=True))


PROBES = {name: probe(MODELS[name], name) for name in CASES}


@pytest.mark.parametrize("name", CASES)
def test_mean_and_derivatives(name: str) -> None:
    c = DTYPE(CASES[name])
    u, w = sample()
    (_, result), gradients = PROBES[name](u, w, c, 1e-13)
    wide, weight, k = u.astype(float), w.astype(float), float(c)
    want = reference(name, place(name, wide, k), weight, k)
    assert result.converged and result.steps <= 6 and result.gradient_norm < 1e-9 and result.mean.dtype == DTYPE
    np.testing.assert_allclose(result.mean, want, rtol=0, atol=(16 * EPS if np.float32 == DTYPE else 1e-13))

    def scalar(u, w, c) -> float:
        return float(OUT[: want.size] @ reference(name, place(name, u, c), w, c))

    rng, h = np.random.default_rng(1), 1e-5
    for seed in range(2):
        du = rng.standard_normal(u.shape)
        fd = (scalar(wide + h * du, weight, k) - scalar(wide - h * du, weight, k)) / (2 * h)
        np.testing.assert_allclose(np.sum(gradients[0] * du), fd, rtol=1e-5, atol=1e-6, err_msg=f"points, {seed}")
    dw = rng.standard_normal(COUNT)
    fd = (scalar(wide, weight + h * dw, k) - scalar(wide, weight - h * dw, k)) / (2 * h)
    np.testing.assert_allclose(gradients[1] @ dw, fd, rtol=1e-5, atol=1e-6)
    fd = (scalar(wide, weight, k + h) - scalar(wide, weight, k - h)) / (2 * h) if k else 0.0
    np.testing.assert_allclose(gradients[2], fd, rtol=1e-5, atol=1e-6)


def test_derivatives_in_more_dimensions() -> None:
    """The linear system behind them takes as many steps as there are dimensions."""
    rng = np.random.default_rng(2)
    u, w, out = (rng.standard_normal(shape).astype(DTYPE) for shape in ((24, 12), 24, 12))
    u, w = DTYPE(0.15) * u, abs(w)
    f = lambda u, w, c: jnp.sum(out * frechet_mean(BALL, u, w, c).mean)  # noqa: E731
    by_points, by_weights = jax.jit(jax.grad(f, (0, 1)))(u, w, 1.0)
    wide, weight, h = u.astype(float), w.astype(float), 1e-5
    scalar = lambda u, w: float(out.astype(float) @ reference("poincare", u, w, 1.0))  # noqa: E731
    du, dw = rng.standard_normal(u.shape), rng.standard_normal(24)
    fd = (scalar(wide + h * du, weight) - scalar(wide - h * du, weight)) / (2 * h)
    np.testing.assert_allclose(np.sum(by_points * du), fd, rtol=1e-5, atol=1e-6)
    fd = (scalar(wide, weight + h * dw) - scalar(wide, weight - h * dw)) / (2 * h)
    np.testing.assert_allclose(by_weights @ dw, fd, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", CASES)
def test_derivatives_are_finite_where_all_points_coincide(name: str) -> None:
    u = np.tile(sample()[0][:1], (COUNT, 1))
    for points in (u, 0 * u):
        w = np.ones(COUNT, DTYPE)
        (_, result), gradients = PROBES[name](points, w, DTYPE(CASES[name]), 1e-13)
        assert result.converged and result.variance < EPS**2
        want = place(name, points[0].astype(float), float(DTYPE(CASES[name])))
        np.testing.assert_allclose(result.mean, want, rtol=0, atol=8 * EPS)
        assert all(np.isfinite(g).all() for g in gradients)


def test_the_tolerance_is_relative_to_the_spread() -> None:
    """A narrow cluster far out, of which the first guess is not the mean, and a tolerance just below that guess."""
    base = jnp.array([0.9, 0.0, 0.0], DTYPE)
    v = 0.02 * jnp.asarray(np.random.default_rng(3).standard_normal((COUNT, DIM)), DTYPE)
    points = jax.vmap(lambda t: BALL.expmap(t, base, 1.0))(v)
    guess = frechet_mean(BALL, points, None, 1.0, tol=10.0)
    spread = np.sqrt(guess.variance)
    assert guess.steps == 0 and 0.05 < spread < 0.5
    result = frechet_mean(BALL, points, None, 1.0, tol=0.5 * guess.gradient_norm / spread)
    assert result.converged and result.gradient_norm <= 0.5 * guess.gradient_norm


@pytest.mark.parametrize("size", [1e-4, 1e4])
def test_without_a_tolerance_rounding_of_the_spread_is_left(size) -> None:
    result = frechet_mean(BALL, DTYPE(size) * sample()[0], None, size**-2, tol=0.0)
    assert result.converged and 2 < result.steps < 10 and result.gradient_norm < 1e-15 * size


@pytest.mark.parametrize("name", CASES)
def test_no_convergence_is_loud(name: str) -> None:
    """An unreachable tolerance, a NaN, weights without a sum: never `converged`, never a plausible derivative."""
    u, w = sample()
    c = DTYPE(CASES[name])
    (_, result), gradients = PROBES[name](u, w, c, -1.0)
    assert not result.converged and np.isfinite(result.mean).all()
    assert all(np.isnan(g).all() for g in gradients[:2])
    hurt = u.copy()
    hurt[0, 0] = np.nan
    for points, weights in ((hurt, w), (u, 0 * w)):
        (_, result), _ = PROBES[name](points, weights, c, 1e-13)
        assert not result.converged and np.isnan(result.mean).any() and np.isnan(result.variance)


def test_stereographic_passes_through_flat_space() -> None:
    u, w = sample()
    for c in (-1e-9, 0.0, 1e-9):
        (_, result), gradients = PROBES["stereographic"](u, w, DTYPE(c), 1e-13)
        np.testing.assert_allclose(result.mean, w @ u / w.sum(), rtol=0, atol=8 * EPS + abs(c))
        assert np.isfinite(gradients[2])


def test_against_a_minimisation_in_forty_digits_far_out() -> None:
    """A tight cluster at scaled radius 8 and weights of different size."""
    rng, c = np.random.default_rng(3), 0.7
    away = np.array([0.6, 0.0, 0.8])
    near = 0.3 * rng.standard_normal((COUNT, DIM))
    near += ((np.cosh(8) - 1) * (near @ away) + np.sinh(8) * np.sqrt(1 + np.sum(near**2, 1)))[:, None] * away
    s, w = (near / np.sqrt(c)).astype(DTYPE), np.array([1, 2, 0.1, 3, 0, 1], DTYPE)
    (_, result), gradients = PROBES["hyperboloid"](s, w, DTYPE(c), 1e-13)
    with mp.workdps(40):
        k = mp.mpf(float(DTYPE(c)))
        x = [mp.matrix([mp.mpf(float(t)) for t in p]) for p in s]
        x = [mp.matrix([mp.sqrt(1 / k + mp.fsum(t * t for t in p)), *p]) for p in x]
        dot = lambda a, b: mp.fsum(p * q for p, q in zip(a[1:], b[1:], strict=True)) - a[0] * b[0]  # noqa: E731
        total = mp.fsum(mp.mpf(float(t)) for t in w)
        y = x[0]
        for _ in range(120):
            step = mp.matrix([0] * (DIM + 1))
            for p, t in zip(x, w, strict=True):
                angle = mp.acosh(max(-k * dot(p, y), mp.mpf(1)))
                if angle > 0:
                    step += mp.mpf(float(t)) / total * angle / mp.sinh(angle) * (p - mp.cosh(angle) * y)
            n = mp.sqrt(max(k * dot(0.6 * step, 0.6 * step), mp.mpf(0)))
            y = y if n == 0 else mp.cosh(n) * y + mp.sinh(n) / n * 0.6 * step
        want = np.array([float(t) for t in y])
    limit = EPS if np.float32 == DTYPE else 8 * EPS * np.cosh(8)
    assert result.converged
    assert np.linalg.norm(result.mean - want) < limit * np.linalg.norm(want)
    assert all(np.isfinite(g).all() for g in gradients)


def test_the_mean_commutes_with_isometries() -> None:
    """Between models, and with a translation; the mean of two points is their midpoint."""
    u, w = sample()
    c = DTYPE(CASES["hyperboloid"])
    points = place("hyperboloid", u, c).astype(DTYPE)
    mean = PROBES["hyperboloid"](u, w, c, 1e-13)[0][1].mean
    by = points[0]
    carried = jax.vmap(lambda p: SHEET.addition(by, p, c))(points)
    moved = PROBES["hyperboloid"](carried[:, 1:], w, c, 1e-13)[0][1].mean
    np.testing.assert_allclose(moved, SHEET.addition(by, mean, c), rtol=0, atol=64 * EPS)
    for name in ("klein", "half_space"):
        model = MODELS[name]
        there = jax.vmap(lambda p, model=model: convert(p, SHEET, model, c))(points)
        back = convert(frechet_mean(model, there, w, c).mean, model, SHEET, c)
        np.testing.assert_allclose(back, mean, rtol=0, atol=64 * EPS)
    pair = np.where(np.arange(COUNT) < 2, DTYPE(1), DTYPE(0))
    middle = PROBES["hyperboloid"](u, pair, c, 1e-13)[0][1]
    np.testing.assert_allclose(middle.mean, SHEET.geodesic(0.5, points[0], points[1], c), rtol=0, atol=16 * EPS)
    np.testing.assert_allclose(middle.variance, SHEET.sqdist(points[0], points[1], c) / 4, rtol=16 * EPS)
    np.testing.assert_allclose(frechet_variance(SHEET, points, pair, c, middle.mean), middle.variance, rtol=16 * EPS)


def test_a_product_has_the_means_of_its_factors() -> None:
    space = Product(((BALL, 2), (Product(((Euclidean(), 1),)), 1)))
    rng, c = np.random.default_rng(4), np.array([1.3, 0.0], DTYPE)
    ball, flat = rng.uniform(-0.5, 0.5, (COUNT, 2)).astype(DTYPE), rng.standard_normal((COUNT, 1)).astype(DTYPE)
    w = rng.uniform(0.5, 1.5, COUNT).astype(DTYPE)

    def f(c):
        result = frechet_mean(space, np.concatenate([ball, flat], 1), w, c)
        return result.mean[0], result

    (_, result), by_c = jax.jit(jax.value_and_grad(f, has_aux=True))(c)
    mean, wide, weights, k, h = result.mean, ball.astype(float), w.astype(float), float(c[0]), 1e-5
    want = np.concatenate([reference("poincare", wide, weights, k), w @ flat / w.sum()])
    np.testing.assert_allclose(mean, want, rtol=0, atol=32 * EPS)
    fd = (reference("poincare", wide, weights, k + h) - reference("poincare", wide, weights, k - h))[0] / (2 * h)
    np.testing.assert_allclose(by_c, [fd, 0], rtol=1e-5, atol=1e-6)
    assert result.converged


def test_second_derivatives() -> None:
    u, w = sample()

    def f(w):
        return jnp.sum(jnp.asarray(OUT[:2], DTYPE) * frechet_mean(BALL, jnp.asarray(u[:, :2]), w, 1.3).mean)

    gradient, dw = jax.jit(jax.grad(f)), np.linspace(-1, 1, COUNT).astype(DTYPE)
    got = jax.jit(lambda w: jax.jvp(jax.grad(f), (w,), (dw,))[1])(w)
    h = DTYPE(1e-5 if np.float64 == DTYPE else 1e-2)
    fd = (gradient(w + h * dw) - gradient(w - h * dw)) / (2 * h)
    np.testing.assert_allclose(got, fd, rtol=0, atol=1e-8 if np.float64 == DTYPE else 1e-4)


def test_memory_does_not_grow_with_the_iterations() -> None:
    u, w = sample()

    def bytes_(max_steps: int) -> int:
        f = lambda x, w: jnp.sum(frechet_mean(Euclidean(), x, w, 0.0, max_steps=max_steps).mean)  # noqa: E731
        return jax.jit(jax.grad(f, (0, 1))).lower(u, w).compile().memory_analysis().temp_size_in_bytes

    assert bytes_(10) == bytes_(1000)


def test_throw() -> None:
    u, w = sample()
    assert frechet_mean(Euclidean(), u, w, 0.0, throw=True).converged
    with pytest.raises(RuntimeError, match="frechet_mean: no convergence"):
        frechet_mean(Euclidean(), u * np.nan, w, 0.0, throw=True)
    checked = jax.jit(checkify.checkify(lambda x: frechet_mean(Euclidean(), x, w, 0.0, throw=True).mean))
    assert checked(u)[0].get() is None
    assert "no convergence" in checked(u * np.nan)[0].get()
    assert np.isnan(frechet_variance(Euclidean(), u * np.nan, w, 0.0))


def test_a_batch_is_a_loop() -> None:
    stack = np.stack([sample(s)[0] for s in (0, 1)])
    many = jax.vmap(lambda x: frechet_mean(Stereographic(), x, None, 0.9).mean)(stack)
    one = frechet_mean(Stereographic(), stack[1], None, 0.9).mean
    np.testing.assert_allclose(many[1], one, rtol=0, atol=4 * EPS)


def test_bad_input_is_refused() -> None:
    x, w = sample()
    with pytest.raises(TypeError, match="frechet_mean: `manifold` must be a manifold, got 'poincare'"):
        frechet_mean("poincare", x, w, 1.0)
    with pytest.raises(ValueError, match=r"`points` must have shape \(M, A\).*got \(1, 6, 3\). Batch with jax.vmap"):
        frechet_mean(BALL, x[None], w, 1.0)
    with pytest.raises(ValueError, match=r"`weights` must have shape \(6,\), one per point, got \(5,\)"):
        frechet_mean(BALL, x, w[:5], 1.0)
    with pytest.raises(ValueError, match="`max_steps` must be at least 1"):
        frechet_mean(BALL, x, w, 1.0, max_steps=0)
    with pytest.raises(ValueError, match="`c` must be positive"):
        frechet_mean(BALL, x, w, -1.0)
