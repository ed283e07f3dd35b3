"""Busemann functions and horospheres: the limit that defines them in mpmath, laws of every model, bad input."""

import functools

import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest
from hyp_manifolds import MODELS, Euclidean, Hyperboloid, Manifold, Poincare, checkify, convert
from hyp_manifolds._hyperbolic import Hyperbolic
from hyp_manifolds.horospheres import busemann, horosphere_dist, project_to_horosphere
from hyp_manifolds.stereographic import Stereographic
from hyp_manifolds.testing import EPS, GRADIENT, make_sample
from hyp_manifolds.testing.oracle import Operation, condition, vector, vjp
from hyp_manifolds.testing.oracle._vector import dot, minus, norm, plus, times

NARROW = not jax.config.jax_enable_x64
DTYPE = np.float32 if NARROW else np.float64
UNIT = EPS[np.dtype(DTYPE).name]
TOLERANCE = 64 * UNIT
C = 1.25
ALL: dict[str, Manifold] = {k: m for k, m in MODELS.items() if isinstance(m, Hyperbolic | Euclidean)}
HYPERBOLIC = [k for k, m in ALL.items() if isinstance(m, Hyperbolic)]


# The papers' formulas, and the definition ----------------------------------------------------------------------------


def ball_busemann(x, xi, c):
    xi = times(1 / norm(xi), xi)
    to = minus(xi, times(mp.sqrt(c), x))
    return mp.log(dot(to, to) / (1 - c * dot(x, x))) / mp.sqrt(c)


def sheet_busemann(x, xi, c):
    xi = times(1 / norm(xi), xi)
    return mp.log(mp.sqrt(c) * (mp.sqrt(1 / c + dot(x, x)) - dot(x, xi))) / mp.sqrt(c)


def ball_limit(x, xi, c):
    """d(x, gamma(t)) - t far out on the ray gamma from the origin, d as arcosh of the ball's textbook formula."""
    t = mp.mpf(60)
    y = times(mp.tanh(t / 2) / mp.sqrt(c) / norm(xi), xi)
    u = minus(x, y)
    cosh = 1 + 2 * c * dot(u, u) / ((1 - c * dot(x, x)) * (1 - c * dot(y, y)))
    return (mp.acosh(cosh) - t) / mp.sqrt(c)


FORMULAS = {
    "poincare": Operation(ball_busemann, "xy", "scalar"),
    "hyperboloid": Operation(sheet_busemann, "xy", "scalar"),
}


def directions(rng: np.random.Generator, rows: int, dim: int = 3) -> np.ndarray:
    u = rng.standard_normal((rows, dim))
    return u / np.linalg.norm(u, axis=1, keepdims=True)


def lifted(s: np.ndarray) -> np.ndarray:
    time = np.sqrt(1 / C + np.sum(s.astype(float) ** 2, 1, keepdims=True))
    return np.concatenate([time, s.astype(float)], 1).astype(DTYPE)


def points_at(model: str, radius: float, toward: bool) -> tuple[list, list]:
    """Library arrays (x, ideal) and the oracle's; `toward`: ideal points about where x is seen from the origin."""
    rng = np.random.default_rng(int(10 * radius) + toward)
    u = directions(rng, 8)
    ideal = u + 0.1 * np.exp(-radius) * rng.standard_normal(u.shape) if toward else directions(rng, 8)
    ideal = (ideal / np.linalg.norm(ideal, axis=1, keepdims=True)).astype(DTYPE)
    if model == "poincare":
        x = (np.tanh(radius / 2) * u / np.sqrt(C)).astype(DTYPE)
        return [x, ideal], [x, ideal]
    x = (np.sinh(radius) * u / np.sqrt(C)).astype(DTYPE)
    return [lifted(x), ideal], [x, ideal]


@functools.cache
def pairs(model: str):
    return jax.jit(jax.vmap(lambda x, xi: busemann(MODELS[model], x, xi, C)))


CASES = [("poincare", r) for r in (1e-6, 1.0, 5.0, 15.0)] + [("hyperboloid", r) for r in (1e-6, 1.0, 8.0, 15.0, 40.0)]


@pytest.mark.one_precision  # the contract judges the operation in both
@pytest.mark.parametrize("toward", [False, True], ids=["anywhere", "toward"])
@pytest.mark.parametrize(("model", "radius"), CASES)
def test_busemann_is_the_papers(model: str, radius: float, toward: bool) -> None:
    arrays, exact = points_at(model, radius, toward)
    got = np.asarray(pairs(model)(*arrays))
    many = np.diag(np.asarray(busemann(MODELS[model], *map(jnp.asarray, arrays), C)))
    with mp.workdps(90):
        c = mp.mpf(float(DTYPE(C)))
        for i, row in enumerate(zip(*exact, strict=True)):
            arguments = [vector(a) for a in row]
            want = FORMULAS[model].function(*arguments, c)
            kappa, _ = condition(FORMULAS[model], arguments, c)
            raw, of_many = (float(abs(mp.mpf(float(b[i])) - want) / abs(want)) / UNIT for b in (got, many))
            assert raw <= (1 if NARROW and radius <= 15 else 4 * max(1, kappa))
            assert of_many <= (1 if NARROW and radius <= 5 else 4 * max(1, kappa))


def test_busemann_is_the_limit_of_distances() -> None:
    arrays, exact = points_at("poincare", 2.0, False)
    got = np.asarray(pairs("poincare")(*arrays))
    with mp.workdps(120):
        want = [float(ball_limit(vector(x), vector(k), mp.mpf(float(DTYPE(C))))) for x, k in zip(*exact, strict=True)]
    np.testing.assert_allclose(got, want, rtol=16 * UNIT)


NUDGE = 1e-20


def nudged(a, seed: int):
    direction = vector(np.random.default_rng(seed).standard_normal(len(a)))
    return plus(a, times(mp.mpf(NUDGE) * norm(a) / norm(direction), direction))


@pytest.mark.parametrize("toward", [False, True], ids=["anywhere", "toward"])
@pytest.mark.parametrize("model", FORMULAS)
def test_gradient_of_many_is_the_formulas(model: str, toward: bool) -> None:
    def value(x, xi, c):
        return busemann(MODELS[model], x, xi[None], c)[0]

    gradient = jax.jit(jax.vmap(jax.grad(value, (0, 1, 2)), (0, 0, None)))
    for radius in (0.5, 6.0):
        arrays, exact = points_at(model, radius, toward)
        got = [np.asarray(g, float) for g in gradient(*arrays, jnp.asarray(C, DTYPE))]
        with mp.workdps(70):
            c = mp.mpf(float(DTYPE(C)))
            for i in range(4):
                arguments = [vector(a[i]) for a in exact]
                want = vjp(FORMULAS[model], arguments, c, [mp.mpf(1)])
                moved = vjp(
                    FORMULAS[model],
                    [nudged(a, k) for k, a in enumerate(arguments)],
                    c * (1 + mp.mpf(NUDGE)),
                    [mp.mpf(1)],
                )
                largest = max(float(norm(w)) for w in want)
                for k, (value_, exact_, other) in enumerate(zip(got, want, moved, strict=True)):
                    value_ = np.atleast_1d(value_[i])[1 if model == "hyperboloid" and k == 0 else 0 :]
                    change = float(norm(minus(other, exact_))) / NUDGE
                    exact_ = np.array([float(t) for t in exact_])
                    # the derivative by c is a difference of terms of the others' size
                    size = np.linalg.norm(exact_) if NARROW or k < 2 else largest
                    # a random direction sees about half of the gradient's own condition number
                    bound = 8 * size if NARROW else GRADIENT * max(size, 2 * change)
                    assert np.linalg.norm(value_ - exact_) <= bound * UNIT


# Laws of every model -------------------------------------------------------------------------------------------------


def quantities(manifold: Manifold, x, xi, c) -> dict[str, jax.Array]:
    b = busemann(manifold, x, xi, c)
    level = 0.3
    y = project_to_horosphere(manifold, x, xi, level, c)
    further = project_to_horosphere(manifold, x, xi, -2.0, c)
    rgrad = manifold.egrad2rgrad(jax.grad(busemann, 1)(manifold, x, xi, c), x, c)
    origin = manifold._origin(c, 3).astype(x.dtype)
    return {
        "B": b,
        "origin": busemann(manifold, origin, xi, c),
        "slope": manifold.tangent_norm(rgrad, x, c),
        "many": busemann(manifold, jnp.stack([x, x]), jnp.stack([-xi, xi]), c)[0, 1],
        "dist": horosphere_dist(manifold, x, xi, level, c),
        "y": y,
        "B(y)": busemann(manifold, y, xi, c),
        "moved": manifold.dist(x, y, c),
        "y again": project_to_horosphere(manifold, y, xi, level, c),
        # x, y and further are on one geodesic: their distances add up
        "B(further)": busemann(manifold, further, xi, c),
        "x to further": manifold.dist(x, further, c),
        "y to further": manifold.dist(y, further, c),
        "against gradient": manifold.tangent_inner(manifold.logmap(further, x, c), rgrad, x, c),
    }


def close(a, b, slack: float = 1.0) -> None:
    np.testing.assert_allclose(
        np.asarray(a, float), np.asarray(b, float), rtol=slack * TOLERANCE, atol=slack * TOLERANCE
    )


@functools.cache
def law_values(name: str) -> dict[str, np.ndarray]:
    s = make_sample(ALL[name], 3, dtype=DTYPE, radius=1.2, rows=16)
    xi = directions(np.random.default_rng(0), 16).astype(DTYPE)
    f = jax.jit(jax.vmap(functools.partial(quantities, ALL[name])))
    return {k: np.asarray(a) for k, a in f(s.x, xi, s.c).items()}


@pytest.mark.one_precision  # the contract judges the operation in both
@pytest.mark.parametrize("name", ALL)
def test_busemann_laws(name: str) -> None:
    q = law_values(name)
    close(q["origin"], 0)
    close(q["slope"], 1)
    close(q["many"], q["B"])
    close(q["dist"], q["B"] - 0.3)


@pytest.mark.one_precision  # the contract judges the operation in both
@pytest.mark.parametrize("name", ALL)
def test_projection_laws(name: str) -> None:
    q = law_values(name)
    close(q["B(y)"], 0.3)
    close(q["B(further)"], -2.0, 4)
    close(q["moved"], np.abs(q["B"] - 0.3))
    close(q["y again"], q["y"], 4)
    close(q["x to further"], q["B"] + 2, 4)
    close(q["y to further"], 2.3, 4)
    close(q["against gradient"], -(q["B"] + 2), 8)  # toward the ideal point, where B falls fastest


@pytest.mark.one_precision  # the contract judges the operation in both
@pytest.mark.parametrize("name", HYPERBOLIC)
def test_isometries_keep_busemann_functions(name: str) -> None:
    ball, model = MODELS["poincare"], MODELS[name]
    s = make_sample(ball, 3, dtype=DTYPE, radius=1.2, rows=8)
    xi = directions(np.random.default_rng(1), 8).astype(DTYPE)

    @jax.jit
    @jax.vmap
    def both(x, xi, c):
        y = convert(x, ball, model, c)
        moved = convert(project_to_horosphere(ball, x, xi, 0.2, c), ball, model, c)
        return busemann(ball, x, xi, c), busemann(model, y, xi, c), moved, project_to_horosphere(model, y, xi, 0.2, c)

    b, other, moved, expected = both(s.x, xi, s.c)
    close(other, b)
    close(moved, expected, 4)


@pytest.mark.one_precision  # the contract judges the operation in both
@pytest.mark.parametrize(("model", "radius"), [("poincare", 15.0), ("hyperboloid", 15.0), ("hyperboloid", 40.0)])
def test_projection_far_out_lands_on_its_horosphere(model: str, radius: float) -> None:
    arrays, _ = points_at(model, radius, False)
    x, xi = (jnp.asarray(a) for a in arrays)
    level = 0.5 * radius
    y = jax.vmap(lambda x, xi: project_to_horosphere(MODELS[model], x, xi, level, C))(x, xi)
    np.testing.assert_allclose(pairs(model)(np.asarray(y), arrays[1]), level, rtol=2e-3 if NARROW else 1e-8)


# Batches, singular points, bad input ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["poincare", "hyperboloid", "euclidean"])
def test_shapes_of_batches(name: str) -> None:
    m = ALL[name]
    x = make_sample(m, 2, (1.0,), dtype=DTYPE, rows=6).x.reshape(2, 3, -1)
    xi = jnp.asarray(directions(np.random.default_rng(2), 4, 2), DTYPE)
    many = busemann(m, x, xi, 1.0)
    assert many.shape == (2, 3, 4) and many.dtype == DTYPE
    one = busemann(m, x, xi[1], 1.0)
    assert one.shape == (2, 3)
    close(many[..., 1], one)
    shapes = [jax.eval_shape(lambda x, xi: horosphere_dist(m, x, xi, 0.5, 1.0), a, xi).shape for a in (x[0, 0], x[:0])]
    assert shapes == [(4,), (0, 3, 4)]


@pytest.mark.parametrize("name", ["poincare", "hyperboloid", "half_space", "euclidean"])
def test_gradients_are_finite_at_the_origin_and_on_the_ray(name: str) -> None:
    m = ALL[name]
    s = make_sample(m, 3, (1.0,), dtype=DTYPE, rows=4)
    xi = np.array([0.0, 0.0, 1.0], DTYPE)
    tangent = np.zeros((2, s.o.shape[1]), DTYPE)
    tangent[:, -1] = 0.7, -0.7
    on_ray = [np.asarray(m.expmap_0(jnp.asarray(t), 1.0)) for t in tangent]
    xs = np.stack([s.origin[0], *on_ray, s.x[0]])

    @jax.jit
    @jax.vmap
    def run(x):
        c, level = jnp.asarray(1.0, DTYPE), jnp.asarray(0.3, DTYPE)
        pair = lambda x, xi, level, c: horosphere_dist(m, x, xi, level, c)  # noqa: E731
        many = lambda x, xi, level, c: horosphere_dist(m, x[None], xi[None], level, c)[0, 0]  # noqa: E731
        total = lambda x, xi, level, c: jnp.sum(project_to_horosphere(m, x, xi, level, c))  # noqa: E731
        return [jax.value_and_grad(f, (0, 1, 2, 3))(x, jnp.asarray(xi), level, c) for f in (pair, many, total)]

    out = run(xs)
    for leaf in jax.tree.leaves(out):
        assert np.isfinite(leaf).all()
    for a, b in zip(jax.tree.leaves(out[0]), jax.tree.leaves(out[1]), strict=True):
        close(a, b, 4)


@pytest.mark.one_precision
@pytest.mark.parametrize("name", ALL)
def test_nan_stays_nan(name: str) -> None:
    m = MODELS[name]
    x, xi = (a[0] for a in (make_sample(m, 2, rows=1, dtype=DTYPE).x, np.array([[0.6, 0.8]], DTYPE)))

    @jax.jit
    @jax.vmap
    def both(x, xi, level, c):
        return busemann(m, x, xi, c) + 0 * level, project_to_horosphere(m, x, xi, level, c)

    arguments = [np.array(a, DTYPE) for a in (x, xi, 0.25, C)]
    for i in range(4 if m.curvature_domain != "ignored" else 3):
        broken = [np.stack([a, a]) for a in arguments]
        broken[i].reshape(2, -1)[1, -1] = np.nan
        value, foot = both(*broken)
        assert np.isfinite(value[0]) and np.isfinite(foot[0]).all()
        assert np.isnan(value[1]) and np.isnan(foot[1]).any(), i


def test_bad_input_is_refused() -> None:
    x, xi = jnp.zeros(3), jnp.array([0.0, 0.6, 0.8])
    functions = [
        busemann,
        *((lambda m, x, k, c, f=f: f(m, x, k, 0.1, c)) for f in (horosphere_dist, project_to_horosphere)),
    ]
    for function in functions:
        function(Poincare(), x, xi * (1 + 0.5 * float(jnp.finfo(xi.dtype).eps) ** 0.5), 1.0)  # a unit, but for rounding
        with pytest.raises(ValueError, match=r"`ideal` must hold unit vectors, got one of length 2"):
            function(Poincare(), x, 2 * xi, 1.0)
        with pytest.raises(ValueError, match=r"`ideal` must hold unit vectors, got one of length 0"):
            function(Poincare(), x, jnp.zeros(3), 1.0)
        with pytest.raises(ValueError, match="`ideal` must hold unit vectors, got one of length nan"):
            function(Poincare(), x, xi * jnp.nan, 1.0)
        with pytest.raises(ValueError, match=r"`ideal` must hold directions in 2 dimensions"):
            function(Hyperboloid(), x, xi, 1.0)
        with pytest.raises(ValueError, match="`c` must be positive"):
            function(Poincare(), x, xi, 0.0)
        with pytest.raises(TypeError, match="points at infinity, got Stereographic"):
            function(Stereographic(), x, xi, 1.0)
        with pytest.raises(TypeError, match="`ideal` must be an array"):
            function(Poincare(), x, [0.0, 0.6, 0.8], 1.0)
    with pytest.raises(ValueError, match="rank 1"):
        project_to_horosphere(Poincare(), x, jnp.stack([xi, xi]), 0.1, 1.0)


def test_traced_ideal_points_count_by_direction_and_are_reported() -> None:
    x, xi = jnp.array([0.1, 0.2, 0.3], DTYPE), jnp.array([0.0, 0.6, 0.8], DTYPE)
    f = jax.jit(lambda xi: busemann(Poincare(), x, xi, 1.0))
    close(f(3 * xi), f(xi))
    checked = checkify(f)
    assert checked(xi)[0].get() is None
    slack = float(jnp.finfo(DTYPE).eps) ** 0.5  # twice that, for what a program's rounding may add
    assert checked(xi * (1 + 1.7 * slack))[0].get() is None
    assert "`ideal` must hold unit vectors" in str(checked(xi * (1 + 2.5 * slack))[0].get())
    assert "`ideal` must hold unit vectors" in str(checked(3 * xi)[0].get())
