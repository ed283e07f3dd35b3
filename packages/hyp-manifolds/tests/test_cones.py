"""Entailment cones: the papers' angles in mpmath, parent and child, nesting, singular points, bad input."""

import functools

import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest
from hyp_manifolds import MODELS, Euclidean, Hyperboloid, Poincare, convert
from hyp_manifolds._hyperbolic import Hyperbolic
from hyp_manifolds.cones import cone_angle, cone_energy, cone_half_aperture
from hyp_manifolds.testing import EPS, make_sample
from hyp_manifolds.testing.oracle import Operation, condition, vector
from hyp_manifolds.testing.oracle._vector import dot, minus, norm, times
from jax.test_util import check_grads

NARROW = not jax.config.jax_enable_x64
DTYPE = np.float32 if NARROW else np.float64
UNIT = EPS[np.dtype(DTYPE).name]
TOLERANCE = 64 * UNIT
C = 1.25
ALL = {k: m for k, m in MODELS.items() if isinstance(m, Hyperbolic)}


# The papers' formulas ------------------------------------------------------------------------------------------------


def ball_angle(x, y, c):
    """Ganea et al. 2018 (cones), the arccosine formula of the ball of curvature -1, points scaled by sqrt(c)."""
    x, y = times(mp.sqrt(c), x), times(mp.sqrt(c), y)
    xx, yy, xy = dot(x, x), dot(y, y), dot(x, y)
    down = norm(x) * norm(minus(x, y)) * mp.sqrt(1 + xx * yy - 2 * xy)
    return mp.acos((xy * (1 + xx) - xx * (1 + yy)) / down)


def ball_aperture(x, k, c):
    x = times(mp.sqrt(c), x)
    return mp.asin(k * (1 - dot(x, x)) / norm(x))


def sheet_angle(x, y, c):
    """Desai et al. 2023 (MERU), the arccosine formula on the hyperboloid, after Le et al. 2019."""
    x_0, y_0 = mp.sqrt(1 / c + dot(x, x)), mp.sqrt(1 / c + dot(y, y))
    inner = c * (dot(x, y) - x_0 * y_0)
    return mp.acos((y_0 + x_0 * inner) / (norm(x) * mp.sqrt(inner * inner - 1)))


def sheet_aperture(x, k, c):
    return mp.asin(2 * k / (mp.sqrt(c) * norm(x)))


ANGLES = {"poincare": Operation(ball_angle, "xy", "scalar"), "hyperboloid": Operation(sheet_angle, "xy", "scalar")}
APERTURES = {"poincare": ball_aperture, "hyperboloid": sheet_aperture}


def directions(rng: np.random.Generator, rows: int, dim: int = 3) -> np.ndarray:
    u = rng.standard_normal((rows, dim))
    return u / np.linalg.norm(u, axis=1, keepdims=True)


def lifted(s: np.ndarray) -> np.ndarray:
    time = np.sqrt(1 / C + np.sum(s.astype(float) ** 2, 1, keepdims=True))
    return np.concatenate([time, s.astype(float)], 1).astype(DTYPE)


def points_at(model: str, radius: float, place: str) -> tuple[list, list]:
    """Library arrays (x, y) and the oracle's. y lies anywhere, near x, on the ray beyond x, or between x and 0."""
    rng = np.random.default_rng(int(10 * radius))
    u, rows = directions(rng, 6), (6, 1)
    w = directions(rng, 6) if place == "anywhere" else u
    if place == "near":
        w = u + 0.01 * np.exp(-radius) * rng.standard_normal(u.shape)
    r_y = {"beyond": 1.2 * radius, "before": 0.8 * radius}.get(place, radius) * np.ones(rows)
    if place == "near":
        r_y = r_y + rng.uniform(0.05, 0.2, rows)
    size = (lambda r: np.tanh(r / 2)) if model == "poincare" else np.sinh
    x, y = ((size(r) * d / np.sqrt(C)).astype(DTYPE) for r, d in ((radius, u), (r_y, w)))
    return ([x, y] if model == "poincare" else [lifted(x), lifted(y)]), [x, y]


@functools.cache
def compiled(name: str):
    """Angle, half-aperture and energy, and their gradients, for rows of x, y and c: compiled once."""
    m = ALL[name]

    @jax.jit
    @jax.vmap
    def values(x, y, c):
        return cone_angle(m, x, y, c), cone_half_aperture(m, x, c), cone_energy(m, x, y, c)

    @jax.jit
    @jax.vmap
    def slopes(x, y, c):
        angle = jax.grad(lambda x, y, c: cone_angle(m, x, y, c), (0, 1, 2))(x, y, c)
        energy = jax.grad(lambda x, y, c, k: cone_energy(m, x, y, c, k), (0, 1, 2, 3))(x, y, c, jnp.asarray(0.1, DTYPE))
        return angle, energy

    def padded(x, y, c, slope=False):
        index = np.arange(16) % len(x)
        out = (slopes if slope else values)(x[index], y[index], np.asarray(c, DTYPE)[index])
        return jax.tree.map(lambda a: np.asarray(a)[: len(x)], out)

    return padded


@pytest.mark.parametrize("name", ["poincare", "hyperboloid"])
@pytest.mark.parametrize("radius", [0.4, 1.5])
def test_second_derivatives(name: str, radius: float) -> None:
    """By the curvature too, which moves the chart; `y` near the origin and not: the gradient has a form for each."""
    (x, _), _ = points_at(name, 1.1, "anywhere")
    (_, y), _ = points_at(name, radius, "anywhere")

    @jax.jit
    def angle(x, y, c):
        return cone_angle(ALL[name], x, y, c)

    arguments = (jnp.asarray(x[0], DTYPE), jnp.asarray(y[1], DTYPE), jnp.asarray(C, DTYPE))
    off = 2e-2 if NARROW else 1e-6
    check_grads(angle, arguments, order=2, atol=off, rtol=off, eps=2e-3 if NARROW else 1e-5)


RADII = {"poincare": (0.5, 5.0, 12.0), "hyperboloid": (0.5, 5.0, 12.0, 30.0)}
CASES = [(m, r, p) for m in RADII for r in RADII[m] for p in ("anywhere", "near", "beyond", "before")]


@pytest.mark.one_precision  # the contract judges the operation in both
@pytest.mark.parametrize(("model", "radius", "place"), CASES)
def test_angle_and_aperture_are_the_papers(model: str, radius: float, place: str) -> None:
    arrays, exact = points_at(model, radius, place)
    angle, aperture, energy = compiled(model)(*arrays, np.full(6, C))
    with mp.workdps(150):
        c = mp.mpf(float(DTYPE(C)))
        for i, row in enumerate(zip(*exact, strict=True)):
            x, y = (vector(a) for a in row)
            want, psi = ANGLES[model].function(x, y, c), APERTURES[model](x, mp.mpf(float(DTYPE(0.1))), c)
            kappa, _ = condition(ANGLES[model], [x, y], c)
            assert abs(angle[i] - want) <= (1 if NARROW and radius <= 12 else 4 * max(1, kappa)) * UNIT * want
            assert abs(aperture[i] - psi) <= 4 * UNIT * psi
            error = abs(energy[i] - max(0, want - psi))
            assert error <= 2 * UNIT * max(want, psi, angle[i]) + abs(angle[i] - want)


# Laws ----------------------------------------------------------------------------------------------------------------


def close(a, b, slack: float = 1.0) -> None:
    tolerance = slack * TOLERANCE
    np.testing.assert_allclose(np.asarray(a, float), np.asarray(b, float), rtol=tolerance, atol=tolerance)


@functools.cache
def law_sample():
    return make_sample(Poincare(), 3, dtype=DTYPE, radius=2.5, rows=16)


@pytest.mark.one_precision  # the contract judges the operation in both
@pytest.mark.parametrize("name", ALL)
def test_isometries_keep_cones(name: str) -> None:
    s, ball, m = law_sample(), MODELS["poincare"], ALL[name]
    move = jax.jit(jax.vmap(lambda x, c: convert(x, ball, m, c)))
    x, y = (np.asarray(move(a, s.c)) for a in (s.x, s.y))
    for a, b in zip(compiled(name)(x, y, s.c), compiled("poincare")(s.x, s.y, s.c), strict=True):
        close(a, b, 4)


@pytest.mark.one_precision  # the contract judges the operation in both
@pytest.mark.parametrize("name", ALL)
def test_angle_is_between_tangents(name: str) -> None:
    m = ALL[name]
    s = make_sample(m, 3, dtype=DTYPE, radius=1.5, rows=16)

    @jax.jit
    @jax.vmap
    def between(x, y, o, c):
        u, v = -m.logmap(o, x, c), m.logmap(y, x, c)
        return m.tangent_inner(u, v, x, c) / (m.tangent_norm(u, x, c) * m.tangent_norm(v, x, c))

    close(np.cos(compiled(name)(s.x, s.y, s.c)[0]), between(s.x, s.y, s.origin, s.c), 8)


def row(*points) -> np.ndarray:
    return np.array(points, DTYPE)


def test_the_parent_comes_first() -> None:
    parent, child = row([0.3, 0.02]), row([0.8, 0.0])  # the child further out on about the same ray
    _, _, (energy,) = compiled("poincare")(parent, child, [1.0])
    assert energy == 0
    angle, _, (energy,) = compiled("poincare")(child, parent, [1.0])  # a child entails no parent
    assert energy > 2 and angle > 3
    elsewhere = row([-0.8, 0.1])
    assert compiled("poincare")(parent, elsewhere, [1.0])[2] > 0.5


def test_angles_of_the_ray() -> None:
    x, y = row([0.3, 0.0], [0.6, 0.0], [0.3, 0.0]), row([0.6, 0.0], [0.3, 0.0], [0.0, 0.0])
    angle, _, energy = compiled("poincare")(x, y, np.ones(3))
    np.testing.assert_array_equal(angle, row(0, np.pi, np.pi))
    assert energy[0] == 0 and (energy[1:] > 2).all()


def test_cones_are_nested() -> None:
    rng, rows, c = np.random.default_rng(5), 4000, 1.0
    m = Poincare()
    x = 0.4 * directions(rng, rows)
    y, z = (x * t + 0.06 * rng.standard_normal(x.shape) for t in (1.5, 2.1))
    x, y, z = (jnp.asarray(a, DTYPE) for a in (x, y, z))
    energy = jax.jit(jax.vmap(lambda a, b: cone_energy(m, a, b, c)))
    inner = (np.asarray(energy(x, y)) == 0) & (np.asarray(energy(y, z)) == 0)
    assert 20 < inner.sum() < 3900
    assert np.asarray(energy(x, z))[inner].max() <= TOLERANCE


def test_aperture_near_the_origin_is_a_half_space() -> None:
    m, k, c = Hyperboloid(), 0.1, C
    edge = np.arcsinh(2 * k)
    at = lambda r: jnp.asarray(lifted(np.array([[np.sinh(r) / np.sqrt(c), 0.0]]))[0])  # noqa: E731
    for r in (0.0, 1e-6, 0.5 * edge, 0.999 * edge):
        np.testing.assert_allclose(cone_half_aperture(m, at(r), c, k), np.pi / 2, rtol=2 * UNIT)
        assert not np.asarray(jax.grad(cone_half_aperture, 1)(m, at(r), c, k)).any()
    assert 1.4 < float(cone_half_aperture(m, at(1.01 * edge), c, k)) < np.pi / 2
    wider = float(cone_half_aperture(m, at(2.0), c, 0.3))
    np.testing.assert_allclose(np.sin(wider), 0.6 / np.sinh(2.0), rtol=8 * UNIT)


@pytest.mark.parametrize("name", ALL)
def test_gradients_are_finite_at_singular_points(name: str) -> None:
    m = ALL[name]
    s = make_sample(m, 3, (1.0,), dtype=DTYPE, rows=4)
    o, x, y = s.origin[0], s.x[0], s.y[0]
    beyond, before = (np.asarray(m.geodesic(DTYPE(t), jnp.asarray(o), jnp.asarray(x), 1.0)) for t in (1.3, 0.5))
    xs, ys = np.stack([x, o, o, x, x, x]), np.stack([x, o, y, o, beyond, before])
    values, slopes = compiled(name)(xs, ys, np.ones(6)), compiled(name)(xs, ys, np.ones(6), slope=True)
    for leaf in jax.tree.leaves((values, slopes)):
        assert np.isfinite(leaf).all()
    np.testing.assert_array_equal(values[0][:3], 0)
    np.testing.assert_array_equal(values[2][:3], 0)
    np.testing.assert_allclose(values[0][3], np.pi, rtol=4 * UNIT)


def test_nan_gives_nan_and_no_angle() -> None:
    """Within the cone without a formula and beyond it, and for a child that would lie in the cone."""
    aperture = jax.jit(lambda x, c, k: cone_half_aperture(Poincare(), x, c, k))
    energy = jax.jit(lambda x, y, c, k: cone_energy(Poincare(), x, y, c, k))
    nan = jnp.array(jnp.nan, DTYPE)
    for size in (0.01, 0.5):
        x, c, k = jnp.array([size, 0.0], DTYPE), jnp.array(C, DTYPE), jnp.array(0.1, DTYPE)
        y, broken = 1.5 * x, x.at[1].set(nan)
        assert float(energy(x, y, c, k)) == 0
        values = [aperture(broken, c, k), aperture(x, nan, k), aperture(x, c, nan), energy(broken, y, c, k)]
        values += [energy(x, broken, c, k), energy(x, y, nan, k), energy(x, y, c, nan)]
        assert np.isnan(values).all(), values


# Bad input -----------------------------------------------------------------------------------------------------------


def test_bad_input_is_refused() -> None:
    x = jnp.array([0.1, 0.2, 0.3])
    with pytest.raises(TypeError, match="must be a model of hyperbolic space"):
        cone_angle(Euclidean(), x, x, 1.0)  # type: ignore[arg-type]
    for k in (0.0, -0.1, float("nan")):
        with pytest.raises(ValueError, match="`k` must be positive"):
            cone_half_aperture(Poincare(), x, 1.0, k)
        with pytest.raises(ValueError, match="`k` must be positive"):
            cone_energy(Poincare(), x, x, 1.0, k)
    with pytest.raises(ValueError, match="`k` must be a scalar"):
        cone_half_aperture(Poincare(), x, 1.0, jnp.ones(2))
    with pytest.raises(TypeError, match="`k` must be a real number"):
        cone_half_aperture(Poincare(), x, 1.0, None)
    with pytest.raises(ValueError, match="`c` must be positive"):
        cone_energy(Poincare(), x, x, -1.0)
    with pytest.raises(ValueError, match=r"`y` has 2 in dimension `dim`"):
        cone_angle(Poincare(), x, x[:2], 1.0)
    with pytest.raises(ValueError, match=r"rank 1.*vmap"):
        cone_energy(Poincare(), x[None], x[None], 1.0)
    with pytest.raises(ValueError, match="expected at least 2"):
        cone_half_aperture(Hyperboloid(), x[:1], 1.0)
