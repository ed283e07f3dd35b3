"""The sphere against textbook formulas, near coincidence and near antipodes, and at its singular points."""

from functools import cache

import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest
from hyp_manifolds import Sphere
from hyp_manifolds.testing import EPS, law_violations

MODEL = Sphere()
DTYPE = np.float64 if jax.config.jax_enable_x64 else np.float32
UNIT = EPS[np.dtype(DTYPE).name]
CURVATURES = np.array([1e-12, 1e-3, 1.0, 4.0, 1e3], DTYPE)
DIM, ROWS = 3, 60


# The textbook: a point is its direction, a tangent its part across the point ----------------------------------------


def dot(x, y):
    return mp.fsum(a * b for a, b in zip(x, y, strict=True))


def norm(x):
    return mp.sqrt(dot(x, x))


def times(k, x):
    return [k * t for t in x]


def plus(x, y):
    return [a + b for a, b in zip(x, y, strict=True)]


def unit(x):
    return times(1 / norm(x), x)


def across(v, x):
    return plus(v, times(-dot(v, x) / dot(x, x), x))


def pole(x):
    return [mp.mpf(1), *([mp.mpf(0)] * (len(x) - 1))]


def angle(x, y):
    """From the chords, which mpmath has the digits for."""
    return 2 * mp.asin(min(mp.mpf(1), norm(plus(unit(x), times(-1, unit(y)))) / 2))


def expmap(v, x, c):
    v = across(v, x)
    theta = mp.sqrt(c) * norm(v)
    return plus(times(mp.cos(theta) / mp.sqrt(c), unit(x)), times(mp.sin(theta) / mp.sqrt(c), unit(v)))


def logmap(y, x, c):
    return times(angle(x, y) / mp.sqrt(c), unit(across(unit(y), x)))


def ptransp(v, x, y, c):
    a, b, v = unit(x), unit(y), across(v, x)
    return plus(v, times(-dot(v, b) / (1 + dot(a, b)), plus(a, b)))


def addition(x, y, c):
    return expmap(ptransp(logmap(y, pole(y), c), pole(x), x, c), x, c)


def gyration(x, y, z, c):
    back = addition(x, y, c)
    moved = addition([back[0], *times(-1, back[1:])], addition(x, addition(y, z, c), c), c)
    return [z[0], *times(norm(z) * mp.sqrt(c), moved)[1:]]


TEXTBOOK = {
    "dist": ("xy", lambda x, y, c: angle(x, y) / mp.sqrt(c)),
    "sqdist": ("xy", lambda x, y, c: angle(x, y) ** 2 / c),
    "dist_0": ("x", lambda x, c: angle(pole(x), x) / mp.sqrt(c)),
    "addition": ("xy", addition),
    "scalar_mul": ("rx", lambda r, x, c: expmap(times(r, logmap(x, pole(x), c)), pole(x), c)),
    "gyration": ("xyz", gyration),
    "expmap": ("vx", expmap),
    "expmap_0": ("o", lambda v, c: expmap(v, pole(v), c)),
    "logmap": ("yx", logmap),
    "logmap_0": ("y", lambda y, c: logmap(y, pole(y), c)),
    "geodesic": ("txy", lambda t, x, y, c: expmap(times(t, logmap(y, x, c)), x, c)),
    "ptransp": ("vxy", ptransp),
    "ptransp_0": ("oy", lambda v, y, c: ptransp(v, pole(y), y, c)),
    "tangent_inner": ("uvx", lambda u, v, x, c: dot(across(u, x), across(v, x))),
    "tangent_norm": ("vx", lambda v, x, c: norm(across(v, x))),
    "tangent_proj": ("gx", lambda g, x, c: across(g, x)),
    "egrad2rgrad": ("gx", lambda g, x, c: across(g, x)),
    "retraction": ("vx", lambda v, x, c: times(1 / mp.sqrt(c), unit(plus(v, x)))),
}
RAW = {"dist": 4, "sqdist": 6, "dist_0": 4, "logmap": 4, "logmap_0": 4, "tangent_norm": 4}


@cache
def _compiled(name: str):
    return jax.jit(jax.vmap(getattr(MODEL, name)))


def run(name: str, *arguments: np.ndarray) -> np.ndarray:
    """The operation on rows, filled up to one size so that it is compiled once."""
    n = len(arguments[-1])
    index = np.where(np.arange(ROWS) < n, np.arange(ROWS), 0)
    return np.asarray(_compiled(name)(*(np.asarray(a)[index] for a in arguments)))[:n]


def tangents(rng: np.random.Generator, x: np.ndarray, length: np.ndarray) -> np.ndarray:
    v = rng.standard_normal(x.shape)
    v -= np.sum(v * x, 1, keepdims=True) / np.sum(x * x, 1, keepdims=True) * x
    return v * (length / np.linalg.norm(v, axis=1))[:, None]


def rows(seed: int = 0, n: int = ROWS) -> dict[str, np.ndarray]:
    rng, c = np.random.default_rng(seed), np.resize(CURVATURES, n)
    radius = 1 / np.sqrt(c.astype(np.float64))

    def points() -> np.ndarray:
        u = rng.standard_normal((n, DIM + 1))
        return u * (radius / np.linalg.norm(u, axis=1))[:, None]

    x, y, z, origin = points(), points(), points(), np.zeros((n, DIM + 1))
    origin[:, 0] = radius
    lengths = radius * np.exp(rng.uniform(np.log(1e-3), np.log(3.0), n))
    data = {"x": x, "y": y, "z": z, "v": tangents(rng, x, lengths), "u": tangents(rng, x, lengths),
            "o": tangents(rng, origin, lengths), "g": rng.standard_normal(x.shape), "r": rng.uniform(-1.5, 1.5, n),
            "t": rng.uniform(0.1, 0.9, n), "c": c}  # fmt: skip
    return {k: a.astype(DTYPE) for k, a in data.items()}


def exact(array: np.ndarray):
    return mp.mpf(float(array)) if array.ndim == 0 else [mp.mpf(float(t)) for t in array]


def deviation(got: np.ndarray, want, size=None) -> float:
    """In eps, relative to `size` or to |want|."""
    numbers = want if isinstance(want, list) else [want]
    error = norm([mp.mpf(float(g)) - w for g, w in zip(np.ravel(got), numbers, strict=True)])
    return float(error / (size or norm(numbers))) / UNIT


@pytest.mark.parametrize("name", TEXTBOOK)
def test_formula(name: str) -> None:
    letters, textbook = TEXTBOOK[name]
    data = rows()
    got = run(name, *(data[k] for k in letters), data["c"])
    with mp.workdps(60):
        for i in range(ROWS):
            arguments = [exact(data[k][i]) for k in letters]
            want = textbook(*arguments, exact(data["c"][i]))
            size = norm(arguments[0]) * norm(arguments[1]) if name == "tangent_inner" else None
            assert deviation(got[i], want, size) < RAW.get(name, 16), (name, i)


@pytest.mark.parametrize("opposite", [False, True], ids=["coincidence", "antipodes"])
@pytest.mark.parametrize("gap", [1e-1, 1e-4, 1e-7])
def test_near_coincidence_and_near_antipodes(gap: float, opposite: bool) -> None:
    """Raw accuracy of distance and logarithm, and a transport that keeps lengths, however close the points are."""
    data, rng = rows(seed=1, n=20), np.random.default_rng(2)
    x, c, v = data["x"], data["c"], data["v"]
    wide = x.astype(np.float64)
    y = wide + tangents(rng, wide, gap * np.linalg.norm(wide, axis=1))
    y = (-y if opposite else y).astype(DTYPE)
    distance, square, log = run("dist", x, y, c), run("sqdist", x, y, c), run("logmap", y, x, c)
    moved = run("ptransp", v, x, y, c)
    with mp.workdps(60):
        for i in range(len(c)):
            pair = exact(x[i]), exact(y[i])
            want = TEXTBOOK["dist"][1](*pair, exact(c[i]))
            assert deviation(distance[i], want) < 4
            assert deviation(square[i], want**2) < 6
            assert deviation(log[i], logmap(pair[1], pair[0], exact(c[i]))) < 4
            assert deviation(moved[i], ptransp(exact(v[i]), *pair, exact(c[i]))) < 8
    back, wide = run("expmap", log, x, c).astype(np.float64), y.astype(np.float64)
    on = wide / np.linalg.norm(wide, axis=1, keepdims=True) / np.sqrt(c.astype(np.float64))[:, None]
    assert (np.linalg.norm(back - on, axis=1) < 32 * UNIT * np.linalg.norm(on, axis=1)).all()


def test_antipodes_go_through_the_pole() -> None:
    x = np.array([0.0, 0.6, 0.8, 0.0], DTYPE)
    for base, toward in (
        (x, [1.0, 0.0, 0.0, 0.0]),
        (np.array([1.0, 0, 0, 0], DTYPE), [0.0, 1.0, 0.0, 0.0]),  # both are poles: the first meridian
        (np.array([-1.0, 0, 0, 0], DTYPE), [0.0, 1.0, 0.0, 0.0]),
    ):
        log = np.asarray(MODEL.logmap(-base, base, 1.0))
        np.testing.assert_allclose(log, np.pi * np.array(toward), rtol=4 * UNIT, atol=4 * UNIT)
        np.testing.assert_allclose(MODEL.expmap(log, base, 1.0), -base, atol=4 * UNIT)
        np.testing.assert_allclose(MODEL.dist(base, -base, 4.0), np.pi / 2, rtol=4 * UNIT)
        v = np.array(toward, DTYPE) + np.array([0.0, 0.0, 0.0, 2.0], DTYPE)
        np.testing.assert_allclose(
            MODEL.ptransp(v, base, -base, 1.0), v - 2 * np.array(toward), rtol=4 * UNIT, atol=4 * UNIT
        )
        np.testing.assert_allclose(MODEL.geodesic(0.5, base, -base, 1.0), toward, atol=4 * UNIT)
    south = np.array([-1.0, 0, 0, 0], DTYPE)
    np.testing.assert_allclose(MODEL.logmap_0(south, 1.0), [0, np.pi, 0, 0], rtol=4 * UNIT)
    assert np.isfinite(MODEL.addition(south, x, 1.0)).all()


def test_scaled_arrays_are_the_same_points() -> None:
    """A point is its direction, a tangent its part across the point; gradients by points are tangent."""
    data = rows(seed=3, n=10)
    x, y, v, c = (data[k] for k in "xyvc")
    longer, tilted = (1.25 * x).astype(DTYPE), (v + 0.5 * x).astype(DTYPE)
    for name, given, same in (("dist", (longer, y), (x, y)), ("expmap", (tilted, longer), (v, x)),
                              ("ptransp", (tilted, longer, y), (v, x, y))):  # fmt: skip
        want = run(name, *same, c)
        np.testing.assert_allclose(run(name, *given, c), want, rtol=0, atol=256 * UNIT * np.abs(want).max())
    np.testing.assert_array_equal(MODEL.proj(np.zeros(4, DTYPE), 4.0), np.array([0.5, 0, 0, 0], DTYPE))
    by_x = np.asarray(jax.jit(jax.vmap(jax.grad(MODEL.dist)))(x, y, c), np.float64)
    np.testing.assert_allclose(np.linalg.norm(by_x, axis=1), 1.0, rtol=8 * UNIT)
    assert (np.abs(np.sum(by_x * x, 1)) < 8 * UNIT * np.linalg.norm(x, axis=1)).all()
    assert MODEL.sectional_curvature(2.0) == 2.0 and MODEL.ambient_dim(3) == 4 and MODEL.intrinsic_dim(4) == 3


@pytest.mark.parametrize("name", ["dist", "sqdist", "logmap", "addition", "geodesic", "ptransp"])
def test_gradients_are_finite_at_singular_points(name: str) -> None:
    letters = TEXTBOOK[name][0]
    north, side = np.eye(4, dtype=DTYPE)[0], np.array([0.0, 0.6, 0.8, 0.0], DTYPE)
    places = [(p, s * q) for p in (north, side, -north) for q in (p, north) for s in (1, -1)]
    data = {"x": np.stack([p[0] for p in places]), "y": np.stack([p[1] for p in places])}
    data |= {"z": np.tile(side, (len(places), 1)), "v": 0 * data["x"], "t": np.full(len(places), 0.5, DTYPE)}
    arguments = [*(data[k] for k in letters), np.ones(len(places), DTYPE)]

    def one(*a):
        out, pull = jax.vjp(lambda *b: jnp.ravel(getattr(MODEL, name)(*b)), *a)
        return out, pull(jnp.ones_like(out))

    out, gradients = jax.jit(jax.vmap(one))(*arguments)
    assert np.isfinite(out).all()
    for letter, g in zip([*letters, "c"], gradients, strict=True):
        assert np.isfinite(g).all(), letter
    if name == "dist":  # 0 at coincidence and, as a subgradient, at antipodes
        same = [i for i, (p, q) in enumerate(places) if (np.abs(p) == np.abs(q)).all()]
        assert not np.any(np.asarray(gradients[0])[same]) and not np.any(np.asarray(gradients[1])[same])


def test_exp_winds_around() -> None:
    x, v = np.array([0.0, 0.6, 0.8, 0.0], DTYPE), np.array([0.0, -0.8, 0.6, 0.0], DTYPE)
    for angle_, want in ((np.pi, -x), (2 * np.pi, x), (2.5 * np.pi, v)):
        np.testing.assert_allclose(MODEL.expmap((angle_ * v).astype(DTYPE), x, 1.0), want, atol=32 * UNIT)
    huge = np.asarray(MODEL.expmap((1e30 * v).astype(DTYPE), x, 1.0))
    np.testing.assert_allclose(np.linalg.norm(huge), 1.0, rtol=8 * UNIT)


@pytest.mark.parametrize("law", ["log_inverts_exp", "left_cancellation", "projection_is_idempotent"])
def test_laws_hold_for_large_and_small_spheres(law: str) -> None:
    assert law_violations(MODEL, law, dims=(16,), curvatures=(1e-6, 50.0)) == []  # compiled with the other laws


def test_bad_input() -> None:
    x = np.array([1.0, 0.0, 0.0, 0.0], DTYPE)
    for c in (-1.0, 0.0, float("nan")):
        with pytest.raises(ValueError, match="`c` must be positive and finite"):
            MODEL.dist(x, x, c)
    with pytest.raises(ValueError, match="at least 2"):
        MODEL.dist(x[:1], x[:1], 1.0)
    with pytest.raises(ValueError, match="must have rank 1"):
        MODEL.expmap(x[None], x[None], 1.0)
    with pytest.raises(TypeError, match="one dtype"):
        MODEL.dist(x, x.astype(np.float16), 1.0)
    assert MODEL.is_in_manifold(x, 1.0) and not MODEL.is_in_manifold(x, 2.0)
    assert not MODEL.is_in_manifold(np.array([np.nan, 0, 0, 0], DTYPE), 1.0)
    v = np.array([0.0, 1.0, 0.0, 0.0], DTYPE)
    assert MODEL.is_in_tangent_space(v, x, 1.0) and not MODEL.is_in_tangent_space(x + v, x, 1.0)
