"""Hyperplanes: distances against the papers' formulas in mpmath, laws of every model, singular points, bad input."""

import dataclasses
import functools
from typing import ClassVar

import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest
from hyp_manifolds import MODELS, Euclidean, Hyperboloid, Manifold, Poincare, Product, convert, pushforward
from hyp_manifolds.half_space import HalfSpace
from hyp_manifolds.hyperplanes import hyperplane_dist, project_to_hyperplane
from hyp_manifolds.sphere import Sphere
from hyp_manifolds.stereographic import Stereographic
from hyp_manifolds.testing import EPS, Batched, make_sample
from hyp_manifolds.testing.oracle import Operation, condition, vector
from hyp_manifolds.testing.oracle._vector import dot, minus, norm, plus, times

DTYPE = np.float64 if jax.config.jax_enable_x64 else np.float32
NARROW = not jax.config.jax_enable_x64
UNIT = EPS[np.dtype(DTYPE).name]
TOLERANCE = 64 * UNIT
C = 1.25
ROWS = 24
DISTINCT = ("hyperboloid", "half_space", "stereographic", "sphere")  # their projections have formulas of their own
ALL = MODELS


def curvatures(manifold: Manifold) -> tuple[float, ...]:
    return (-1.0, 0.25, -0.25, 1.5) if manifold.curvature_domain == "signed" else (0.25, 1.0, 4.0)


# The papers' formulas ------------------------------------------------------------------------------------------------


def ball_distance(x, p, v, c):
    """Ganea et al. 2018, Theorem 5, with the sign of <-p (+) x, v>."""
    a = times(-1, p)
    ax, aa, xx = dot(a, x), dot(a, a), dot(x, x)
    u = plus(times(1 + 2 * c * ax + c * xx, a), times(1 - c * aa, x))
    u = times(1 / (1 + 2 * c * ax + c * c * aa * xx), u)
    return mp.asinh(2 * mp.sqrt(c) * dot(u, v) / ((1 - c * dot(u, u)) * norm(v))) / mp.sqrt(c)


def sheet_distance(x, p, v, c):
    """asinh(sqrt(c) <x, w>/|w|)/sqrt(c) in Minkowski space, from spatial parts."""
    x_0, p_0 = mp.sqrt(1 / c + dot(x, x)), mp.sqrt(1 / c + dot(p, p))
    w_0 = dot(p, v) / p_0
    return mp.asinh(mp.sqrt(c) * (dot(x, v) - x_0 * w_0) / mp.sqrt(dot(v, v) - w_0 * w_0)) / mp.sqrt(c)


def half_space_distance(x, p, v, c):
    """The hyperplane as a half-sphere or a vertical plane: sinh(d) from where the ball's theorem is applied."""
    y = [*times(1 / p[-1], minus(x[:-1], p[:-1])), x[-1] / p[-1]]
    rise = (dot(y, y) - 1) / 2
    return mp.asinh((dot(y[:-1], v[:-1]) + rise * v[-1]) / (y[-1] * norm(v))) / mp.sqrt(c)


FORMULAS = {
    "poincare": Operation(ball_distance, "xyv", "scalar"),
    "hyperboloid": Operation(sheet_distance, "xyv", "scalar"),
}


def directions(rng: np.random.Generator, rows: int, dim: int = 3) -> np.ndarray:
    u = rng.standard_normal((rows, dim))
    return u / np.linalg.norm(u, axis=1, keepdims=True)


def lifted(s: np.ndarray) -> np.ndarray:
    time = np.sqrt(1 / C + np.sum(s.astype(float) ** 2, 1, keepdims=True))
    return np.concatenate([time, s.astype(float)], 1).astype(DTYPE)


def points_at(model: str, radius: float, near: bool) -> tuple[list, list]:
    """Library arrays (x, p, v) and the oracle's coordinates of the same."""
    rng = np.random.default_rng(int(10 * radius) + near)
    rows = 5
    u = directions(rng, rows)
    w = directions(rng, rows) if not near else u + 0.01 * np.exp(-radius) * rng.standard_normal(u.shape)
    r_p = radius * np.ones((rows, 1)) if not near else radius + 0.05 * rng.standard_normal((rows, 1))
    v = rng.standard_normal(u.shape).astype(DTYPE)
    if model == "poincare":
        x, p = ((np.tanh(r / 2) * d / np.sqrt(C)).astype(DTYPE) for r, d in ((radius, u), (r_p, w)))
        return [x, p, v], [x, p, v]
    x, p = ((np.sinh(r) * d / np.sqrt(C)).astype(DTYPE) for r, d in ((radius, u), (r_p, w)))
    time = np.sum(p.astype(float) * v, 1, keepdims=True) / lifted(p)[:, :1].astype(float)
    return [lifted(x), lifted(p), np.concatenate([time.astype(DTYPE), v], 1)], [x, p, v]


@functools.cache
def pairs(model: str):
    return jax.jit(jax.vmap(lambda x, p, v: hyperplane_dist(MODELS[model], x, p, v, C)))


@functools.cache
def graded(model: str):
    one = jax.grad(lambda x, p, v, c: hyperplane_dist(MODELS[model], x, p, v, c), (0, 1, 2, 3))
    return jax.jit(jax.vmap(one, (0, 0, 0, None)))


@pytest.mark.one_precision  # the contract judges the operation in both
@pytest.mark.parametrize("near", [False, True], ids=["far", "near"])
@pytest.mark.parametrize("radius", [1e-6, 1.0, 5.0, 10.0, 15.0])
@pytest.mark.parametrize("model", FORMULAS)
def test_distance_is_the_papers(model: str, radius: float, near: bool) -> None:
    arrays, exact = points_at(model, radius, near)
    got = np.asarray(pairs(model)(*arrays))
    many = np.diag(np.asarray(hyperplane_dist(MODELS[model], *map(jnp.asarray, arrays), C)))
    with mp.workdps(70):
        c = mp.mpf(float(DTYPE(C)))
        for i, row in enumerate(zip(*exact, strict=True)):
            arguments = [vector(a) for a in row]
            want = FORMULAS[model].function(*arguments, c)
            kappa, _ = condition(FORMULAS[model], arguments, c)
            raw, of_many = (float(abs(mp.mpf(float(d[i])) - want) / abs(want or 1)) / UNIT for d in (got, many))
            # float32 is right to rounding itself, float64 over the condition number
            assert raw <= (1 if NARROW else 4 * max(1, kappa))
            assert of_many <= 4 * max(1, kappa)
            if radius <= 5 and NARROW:
                assert of_many <= 4


@pytest.mark.parametrize("radius", [1.0, 40.0, 80.0])
def test_half_space_keeps_its_digits_to_the_edge(radius: float) -> None:
    rng = np.random.default_rng(3)
    h = np.exp(-radius)
    x, p = ((h * np.array([*rng.standard_normal(2), np.exp(rng.standard_normal())])).astype(DTYPE) for _ in range(2))
    v = rng.standard_normal(3).astype(DTYPE)
    got = hyperplane_dist(HalfSpace(), *map(jnp.asarray, (x, p, v)), C)
    foot = project_to_hyperplane(HalfSpace(), *map(jnp.asarray, (x, p, v)), C)
    with mp.workdps(70):
        c = mp.mpf(float(DTYPE(C)))
        want = float(half_space_distance(vector(x), vector(p), vector(v), c))
        on_it = float(half_space_distance(vector(np.asarray(foot)), vector(p), vector(v), c))
    np.testing.assert_allclose(float(got), want, rtol=16 * UNIT)
    np.testing.assert_allclose(on_it, 0, atol=16 * UNIT)


# Laws of every model -------------------------------------------------------------------------------------------------


@functools.cache
def compiled(manifold: Manifold, graded: bool = False):
    """d, the foot, and the gradients of d (of the foot's coordinates, their sum), for rows of x, p, v and c."""
    distance, projection = (functools.partial(f, manifold) for f in (hyperplane_dist, project_to_hyperplane))

    def values(x, p, v, c):
        return distance(x, p, v, c), projection(x, p, v, c)

    def gradients(x, p, v, c):
        total = lambda *a: jnp.sum(projection(*a))  # noqa: E731
        return jax.grad(total, (0, 1, 2, 3))(x, p, v, c)

    fn = jax.jit(jax.vmap(gradients if graded else values))

    def padded(x, p, v, c):
        index = np.arange(ROWS) % len(x)
        return jax.tree.map(lambda a: np.asarray(a)[: len(x)], fn(x[index], p[index], v[index], c[index]))

    return padded


@functools.cache
def slopes(manifold: Manifold):
    """Gradients of d by x, p, v and c, and the Riemannian length of the first, for rows."""

    @jax.jit
    @jax.vmap
    def fn(x, p, v, c):
        g = jax.grad(functools.partial(hyperplane_dist, manifold), (0, 1, 2, 3))(x, p, v, c)
        return g, manifold.tangent_norm(manifold.egrad2rgrad(g[0], x, c), x, c)

    def padded(x, p, v, c):
        index = np.arange(ROWS) % len(x)
        return jax.tree.map(lambda a: np.asarray(a)[: len(x)], fn(x[index], p[index], v[index], c[index]))

    return padded


def close(a, b, slack: float = 1.0) -> None:
    tolerance = slack * TOLERANCE
    np.testing.assert_allclose(np.asarray(a, float), np.asarray(b, float), rtol=tolerance, atol=tolerance)


@functools.cache
def law_sample(name: str) -> dict[str, np.ndarray]:
    """Points x, hyperplanes (p, v), points in them and beside them, and what right triangles need."""
    m = ALL[name]
    s = make_sample(m, 3, curvatures(m), dtype=DTYPE, radius=1.2, rows=8)

    @jax.jit
    @jax.vmap
    def prepare(x, p, v, u, c):
        n = v / m.tangent_norm(v, p, c)
        log = m.logmap(x, p, c)
        lies = u - m.tangent_inner(u, n, p, c) * n
        return m.expmap(lies, p, c), m.expmap(0.4 * n, p, c), m.tangent_norm(log, p, c), m.tangent_inner(log, n, p, c)

    out = dict(zip(("in", "beside", "rho", "height"), prepare(s.y, s.x, s.v, s.u, s.c), strict=True))
    return {k: np.asarray(a) for k, a in out.items()} | {
        "x": s.y,
        "p": s.x,
        "v": s.v,
        "c": s.c,
        "origin": s.origin,
        "o": s.o,
    }


@pytest.mark.one_precision  # the contract judges the operation in both
@pytest.mark.parametrize("name", ALL)
def test_distance_and_projection_laws(name: str) -> None:
    m, s = ALL[name], law_sample(name)
    x, p, v, c = s["x"], s["p"], s["v"], s["c"]
    run = compiled(m)
    d, foot = run(x, p, v, c)
    close(run(x, p, -v, c)[0], -d)
    close(run(x, p, DTYPE(3) * v, c)[0], d)
    close(run(s["in"], p, v, c)[0], 0)
    close(run(s["beside"], p, v, c)[0], 0.4)
    at_foot, again = run(foot, p, v, c)
    close(at_foot, 0)
    close(again, foot, 4)
    close(Batched(m).dist(x, foot, c), np.abs(d))
    close(slopes(m)(x, p, v, c)[1], 1)
    # the right triangle of p, x and the foot
    k = np.asarray(m.sectional_curvature(c.astype(float)), float)
    root, rho = np.sqrt(np.abs(np.where(k == 0, 1, k))), s["rho"].astype(float)
    sine = np.where(k > 0, np.sin(root * rho), np.sinh(root * rho)) * s["height"] / rho
    arc = np.where(k > 0, np.arcsin(np.clip(sine, -1, 1)), np.arcsinh(sine)) / root
    close(d, np.where(k == 0, s["height"], arc), 8)


@pytest.mark.parametrize("name", ALL)
def test_gradients_are_finite_at_singular_points(name: str) -> None:
    s = law_sample(name)
    c = s["c"][:1]
    x, y, v, o, at_o = s["p"][0], s["x"][0], s["v"][0], s["origin"][0], s["o"][0]
    zero = np.zeros_like(v)
    cases = [(x, x, v), (o, o, at_o), (x, x, zero), (y, x, zero), (o, x, v), (y, o, at_o)]
    rows = [*(np.stack(a) for a in zip(*cases, strict=True)), np.repeat(c, len(cases))]
    d, foot = compiled(ALL[name])(*rows)
    more = compiled(ALL[name], graded=True)(*rows) if name in DISTINCT else ()
    for leaf in jax.tree.leaves((d, foot, slopes(ALL[name])(*rows), more)):
        assert np.isfinite(leaf).all()
    close(d[:4], 0)
    close(foot[3], y, 4)


@pytest.mark.one_precision  # the contract judges the operation in both
@pytest.mark.parametrize("name", [n for n in MODELS if hasattr(MODELS[n], "_to_spatial")])
def test_isometries_keep_hyperplanes(name: str) -> None:
    ball, model = MODELS["poincare"], MODELS[name]
    s = make_sample(ball, 3, dtype=DTYPE, radius=1.2, rows=8)

    @jax.jit
    @jax.vmap
    def moved(x, p, v, foot, c):
        q = convert(p, ball, model, c)
        return convert(x, ball, model, c), q, pushforward(v, p, ball, model, c), convert(foot, ball, model, c)

    d, foot = compiled(ball)(s.y, s.x, s.v, s.c)
    *arguments, expected = map(np.asarray, moved(s.y, s.x, s.v, foot, s.c))
    other, other_foot = compiled(model)(*arguments, s.c)
    close(other, d)
    close(other_foot, expected, 4)


@dataclasses.dataclass(frozen=True)
class Foreign(Manifold):
    """A model that the library does not know: all it shows is the contract of a manifold."""

    base: Manifold = dataclasses.field(default_factory=Poincare)
    curvature_domain: ClassVar[str] = "signed"

    def _origin(self, c, dim):
        return self.base._origin(c, dim)

    def _frame_at_origin(self, u, c):
        return self.base._frame_at_origin(u, c)

    def sectional_curvature(self, c):
        return self.base.sectional_curvature(c)


def _delegated(name: str):
    return lambda self, *args, **kwargs: getattr(self.base, name)(*args, **kwargs)


for _name in Manifold.__abstractmethods__ - {"_origin", "_frame_at_origin"}:
    setattr(Foreign, _name, _delegated(_name))
Foreign.__abstractmethods__ = frozenset()


@pytest.mark.parametrize(("base", "c"), [(Poincare(), 1.5), (Euclidean(), 0.0), (Stereographic(), -1.5)], ids=repr)
def test_any_model_of_constant_curvature_has_hyperplanes(base: Manifold, c: float) -> None:
    s = make_sample(base, 3, (c or 1.0,), dtype=DTYPE, radius=1.5, fixed=True, rows=16)
    c_s = np.full(16, c, DTYPE)
    got, want = (compiled(m)(s.y, s.x, s.v, c_s) for m in (Foreign(base=base), base))
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        close(a, b, 16)


def test_a_sphere_has_a_quarter_turn_at_most() -> None:
    m, c = Stereographic(), -1.0
    p, v = jnp.array([0.0, 0.5], DTYPE), jnp.array([1.0, 0.0], DTYPE)
    pole = jnp.array([1.0, 0.0], DTYPE)  # a quarter turn from the hyperplane, the line x_1 = 0
    np.testing.assert_allclose(hyperplane_dist(m, pole, p, v, c), np.pi / 2, rtol=4 * UNIT)
    close(project_to_hyperplane(m, pole, p, v, c), p)
    ball, axes = Sphere(), jnp.eye(3, dtype=DTYPE)
    np.testing.assert_allclose(hyperplane_dist(ball, axes[1], axes[2], axes[1], 1.0), np.pi / 2, rtol=4 * UNIT)
    close(project_to_hyperplane(ball, axes[1], axes[2], axes[1], 1.0), axes[2])
    beyond = jnp.array([np.tan(0.6 * np.pi / 2 + np.pi / 10), 0.0], DTYPE)  # at 0.8 pi: 0.2 pi from the far side
    np.testing.assert_allclose(hyperplane_dist(m, beyond, p, v, c), 0.2 * np.pi, rtol=8 * UNIT)


# Batches, transforms, singular points --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["poincare", "hyperboloid", "sphere"])
def test_shapes_of_batches(name: str) -> None:
    m = ALL[name]
    s = make_sample(m, 2, (1.0,), dtype=DTYPE, rows=12)
    x, p, v = s.y.reshape(2, 6, -1), s.x[:4], s.v[:4]
    many = hyperplane_dist(m, x, p, v, 1.0)
    assert many.shape == (2, 6, 4) and many.dtype == DTYPE
    one = hyperplane_dist(m, x, p[1], v[1], 1.0)
    assert one.shape == (2, 6)
    close(many[..., 1], one)
    shapes = [jax.eval_shape(lambda x, p, v: hyperplane_dist(m, x, p, v, 1.0), a, p, v).shape for a in (x[0, 0], x[:0])]
    assert shapes == [(4,), (0, 6, 4)]


@pytest.mark.parametrize("name", ["poincare", "euclidean", "stereographic"])
def test_many_hyperplanes_have_the_gradients_of_each(name: str) -> None:
    m, s = ALL[name], law_sample(name)
    x, p, v = s["x"], s["p"][:3].copy(), s["v"][:3].copy()
    p[1], v[2] = x[0], 0  # a point in a hyperplane, and a zero normal
    c = s["c"][1]

    def total(x, p, v, c):
        return jnp.sum(hyperplane_dist(m, x, p, v, c) ** 2)

    got = jax.jit(jax.grad(total, (0, 1, 2, 3)))(x, p, v, c)
    rows = [np.repeat(x, 3, 0), np.tile(p, (8, 1)), np.tile(v, (8, 1)), np.full(24, c, DTYPE)]
    (d, _), (each, _) = compiled(m)(*rows), slopes(m)(*rows)
    each = [2 * d.reshape((24,) + (1,) * (g.ndim - 1)) * g for g in each]
    want = [each[0].reshape(8, 3, -1).sum(1), *(g.reshape(8, 3, -1).sum(0) for g in each[1:3]), each[3].sum()]
    for a, b in zip(got, want, strict=True):
        close(a, b, 16)


def test_many_hyperplanes_transform() -> None:
    m, s = Poincare(), law_sample("poincare")
    p, x, v = s["p"][:2], s["x"], s["v"][:2]

    def step(p, a):
        return jnp.sum(hyperplane_dist(m, a[None], p, v, 1.0))

    def scanned(p):
        return jax.lax.scan(lambda t, a: (t + jax.checkpoint(step)(p, a), None), jnp.zeros((), DTYPE), x)[0]

    want = jax.jit(jax.grad(lambda p: jnp.sum(hyperplane_dist(m, x, p, v, 1.0))))(p)
    close(jax.jit(jax.grad(scanned))(p), want, 8)
    close(jax.jit(jax.jacfwd(scanned))(p), want, 8)


# Bad input -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("c", [1.0, -1.0, 0.0])
def test_nan_gives_nan_and_no_foot(c: float) -> None:
    x, p, v = jnp.array([0.1, 0.2]), jnp.array([0.2, -0.1]), jnp.array([0.5, 0.3])
    foot = jax.jit(functools.partial(project_to_hyperplane, Stereographic()))
    assert np.isfinite(foot(x, p, v, c)).all()
    broken = [foot(x.at[1].set(jnp.nan), p, v, c), foot(x, p.at[1].set(jnp.nan), v, c)]
    broken += [foot(x, p, v.at[1].set(jnp.nan), c), foot(x, p, v, jnp.nan)]
    assert np.isnan(broken).any(axis=1).all(), broken


def test_bad_input_is_refused() -> None:
    x, v = jnp.zeros(3), jnp.ones(3)
    with pytest.raises(ValueError, match=r"`v` must have the shape of `p`, \(2, 3\), got \(3,\)"):
        hyperplane_dist(Poincare(), x, jnp.zeros((2, 3)), v, 1.0)
    with pytest.raises(ValueError, match=r"`p` has 2 in dimension `dim`"):
        hyperplane_dist(Poincare(), x, jnp.zeros(2), jnp.ones(2), 1.0)
    with pytest.raises(ValueError, match="`c` must be positive"):
        hyperplane_dist(Poincare(), x, x, v, -1.0)
    with pytest.raises(ValueError, match="expected at least 2"):
        hyperplane_dist(Hyperboloid(), x[:1], x[:1], v[:1], 1.0)
    with pytest.raises(ValueError, match=r"`x` must have rank 1.*vmap"):
        project_to_hyperplane(Poincare(), jnp.zeros((2, 3)), x, v, 1.0)
    with pytest.raises(TypeError, match="`x` must be an array"):
        hyperplane_dist(Poincare(), [0.0, 0.0, 0.0], x, v, 1.0)  # type: ignore[arg-type]
    for function in (hyperplane_dist, project_to_hyperplane):
        with pytest.raises(TypeError, match="no space of constant curvature"):
            function(Product(factors=((Poincare(), 2), (Euclidean(), 1))), x, x, v, 1.0)
        with pytest.raises(TypeError, match="`manifold` must be a Manifold"):
            function("poincare", x, x, v, 1.0)  # type: ignore[arg-type]


def test_without_a_normal_the_projection_is_the_point_itself() -> None:
    """Also of a half-space whose p is far to the side: by way of p, the rounding of p would be left in x."""
    x, p = jnp.array([26.558432089439616, 22.80134982939232], DTYPE), jnp.array([-383.87311, 0.028825632], DTYPE)
    foot = jax.jit(lambda x, p: project_to_hyperplane(HalfSpace(), x, p, jnp.zeros_like(x), 1.0))(x, p)
    np.testing.assert_array_equal(foot, x)
