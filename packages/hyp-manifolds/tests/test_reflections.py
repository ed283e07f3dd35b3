"""Reflections in points and hyperplanes: textbook formulas, isometric involutions on every model, singular points."""

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
    Stereographic,
    reflect_in_hyperplane,
    reflect_in_point,
)
from hyp_manifolds.testing import EPS, Batched, Sample, make_sample
from hyp_manifolds.testing.oracle import vector
from hyp_manifolds.testing.oracle._vector import dot, norm, plus, times

DTYPE = np.float64 if jax.config.jax_enable_x64 else np.float32
UNIT = EPS[np.dtype(DTYPE).name]
DIM = 16  # shared with the law tests: each operation is compiled once
BALL, SHEET, FLAT = Poincare(), Hyperboloid(), Euclidean()

CASES = [
    pytest.param(m, s, id=name + "-" * (s < 0))
    for name, m in MODELS.items()
    for s in ((1, -1) if m.curvature_domain == "signed" else (1,))
]
DISTINCT = ("poincare", "half_space", "sphere", "stereographic-")  # one for every formula
ON_EVERY_MODEL = pytest.mark.parametrize(("manifold", "sign"), CASES)


@functools.cache
def sample(manifold: Manifold, sign: int) -> Sample:
    return make_sample(manifold, DIM, [sign * k for k in (0.25, 1.0, 4.0)], radius=1.0)


@functools.cache
def compiled(function, manifold: Manifold):
    return jax.jit(jax.vmap(functools.partial(function, manifold)))


def apart(m: Batched, a, b, s: Sample) -> float:
    """Largest distance between the points of two batches, in eps of 1/sqrt(c)."""
    return float(np.max(m.flat("dist", a, b, s.c)[:, 0] * np.sqrt(np.abs(s.c.astype(float))))) / s.eps


# Laws ------------------------------------------------------------------------------------------------------------


@pytest.mark.one_precision  # the contract judges the operation in both
@ON_EVERY_MODEL
def test_reflection_in_a_point(manifold, sign) -> None:
    """An isometric involution that fixes p and turns the geodesics through it around."""
    m, s = Batched(manifold), sample(manifold, sign)
    reflect = lambda a: np.asarray(compiled(reflect_in_point, manifold)(a, s.x, s.c))  # noqa: E731
    y, z = reflect(s.y), reflect(s.z)
    assert apart(m, reflect(y), s.y, s) < 512
    assert apart(m, reflect(s.x), s.x, s) < 64
    np.testing.assert_allclose(m.dist(y, z, s.c), m.dist(s.y, s.z, s.c), rtol=512 * UNIT)
    ahead, behind = (m.expmap(k * s.v, s.x, s.c) for k in (np.ones_like(s.v[0, 0]), -np.ones_like(s.v[0, 0])))
    assert apart(m, reflect(ahead), behind, s) < 256


@ON_EVERY_MODEL
def test_reflection_in_a_hyperplane(manifold, sign) -> None:
    """An isometric involution that fixes what is orthogonal to the normal and turns the normal around."""
    m, s = Batched(manifold), sample(manifold, sign)
    reflect = lambda a: np.asarray(compiled(reflect_in_hyperplane, manifold)(a, s.x, s.v, s.c))  # noqa: E731
    y, z = reflect(s.y), reflect(s.z)
    assert apart(m, reflect(y), s.y, s) < 512
    np.testing.assert_allclose(m.dist(y, z, s.c), m.dist(s.y, s.z, s.c), rtol=512 * UNIT)
    assert apart(m, reflect(m.expmap(s.v, s.x, s.c)), m.expmap(-s.v, s.x, s.c), s) < 256
    part = m.tangent_inner(s.u, s.v, s.x, s.c) / m.tangent_inner(s.v, s.v, s.x, s.c)
    along = m.expmap((s.u - part[:, None] * s.v).astype(s.u.dtype), s.x, s.c)
    assert apart(m, reflect(along), along, s) < 256


@pytest.mark.parametrize("name", ["poincare", "sphere", "stereographic"])
def test_hyperplanes_through_a_point_compose_to_its_symmetry(name: str) -> None:
    """In dimension 2 the reflections in two orthogonal lines through p give the reflection in p."""
    manifold = MODELS[name]
    s = make_sample(manifold, 2, (0.25, 1.0, 4.0), radius=1.0)

    @jax.jit
    @jax.vmap
    def error(x, p, u, v, c):
        inner = manifold.tangent_inner(u, v, p, c) / manifold.tangent_inner(v, v, p, c)
        both = reflect_in_hyperplane(manifold, reflect_in_hyperplane(manifold, x, p, v, c), p, u - inner * v, c)
        return manifold.dist(both, reflect_in_point(manifold, x, p, c), c) * jnp.sqrt(jnp.abs(c))

    lengths = np.asarray(jax.vmap(manifold.tangent_norm)(s.u, s.x, s.c))
    spans = np.abs(np.asarray(jax.vmap(manifold.tangent_inner)(s.u, s.v, s.x, s.c))) < 0.9 * lengths * np.asarray(
        jax.vmap(manifold.tangent_norm)(s.v, s.x, s.c)
    )
    assert spans.sum() > 10
    assert float(jnp.max(error(s.y, s.x, s.u, s.v, s.c)[spans])) < 2048 * UNIT


# Formulas --------------------------------------------------------------------------------------------------------


def worst(got, want) -> float:
    """Largest norm-wise relative error of rows, in eps."""
    errors = [norm(plus(vector(g), times(-1, w))) / norm(w) for g, w in zip(np.asarray(got), want, strict=True)]
    return float(max(errors)) / UNIT


def lorentz(a, b):
    return dot(a[1:], b[1:]) - a[0] * b[0]


@pytest.mark.parametrize("radius", [0.5, 3.0, 8.0])
def test_lorentz_reflections(radius: float) -> None:
    """-2c<x, p>_L p - x and x - 2<x, v>_L/<v, v>_L v, with exact times, near pairs included."""
    s = make_sample(SHEET, DIM, (0.3, 1.0, 4.0), radius=radius, rows=12)
    near = np.asarray(jax.vmap(SHEET.expmap)(1e-3 * s.v, s.x, s.c))
    x = np.where(np.arange(12)[:, None] % 2 == 0, s.y, near)
    in_point = compiled(reflect_in_point, SHEET)(x, s.x, s.c)
    in_plane = compiled(reflect_in_hyperplane, SHEET)(x, s.x, s.v, s.c)
    want_point, want_plane = [], []
    with mp.workdps(60):
        for row in range(12):
            k = mp.mpf(float(s.c[row]))
            x_s, p_s, v_s = (vector(a[row][1:]) for a in (x, s.x, s.v))
            q, p = ([mp.sqrt(1 / k + dot(a, a)), *a] for a in (x_s, p_s))
            v = [dot(p_s, v_s) / p[0], *v_s]
            want_point.append(plus(times(-2 * k * lorentz(q, p), p), times(-1, q)))
            want_plane.append(plus(q, times(-2 * lorentz(q, v) / lorentz(v, v), v)))
        assert worst(in_point, want_point) < 8
        assert worst(in_plane, want_plane) < 8


@pytest.mark.parametrize("radius", [0.5, 3.0, 8.0])
def test_inversions_of_the_ball(radius: float) -> None:
    """A hyperplane is a sphere orthogonal to the boundary: a + R^2 (x - a)/|x - a|^2.

    Its centre is a = p + (1/c - |p|^2)/(2<v, p>) v.
    """
    s = make_sample(BALL, 3, (0.3, 1.0, 4.0), radius=radius, rows=12)
    got = compiled(reflect_in_hyperplane, BALL)(s.y, s.x, s.v, s.c)
    want, scale = [], []
    with mp.workdps(60):
        for x, p, v, k in zip(map(vector, s.y), map(vector, s.x), map(vector, s.v), vector(s.c), strict=True):
            offset = times((1 / k - dot(p, p)) / (2 * dot(v, p)), v)
            u = plus(x, times(-1, p), times(-1, offset))
            want.append(plus(p, offset, times(dot(offset, offset) / dot(u, u), u)))
            scale.append(float(mp.exp(2 * mp.atanh(mp.sqrt(k) * norm(p)))))  # by which p's rounding moves the image
        errors = [
            float(norm(plus(vector(g), times(-1, w)))) / UNIT / size * float(mp.sqrt(k))
            for g, w, size, k in zip(np.asarray(got), want, scale, vector(s.c), strict=True)
        ]
    assert max(errors) < 8


def test_flat_reflections() -> None:
    x, p, v = (jnp.asarray(a, DTYPE) for a in ([1.0, 2.0, 4.0], [0.5, 0.0, 1.0], [0.0, 0.0, 3.0]))
    np.testing.assert_allclose(reflect_in_point(FLAT, x, p, 0.0), [0.0, -2.0, -2.0], rtol=8 * UNIT)
    np.testing.assert_allclose(reflect_in_hyperplane(FLAT, x, p, v, 0.0), [1.0, 2.0, -2.0], rtol=8 * UNIT)


def test_reflections_of_the_sphere() -> None:
    """Householder's x - 2<x, v>/<v, v> v, and 2c<x, p> p - x, antipodes of p included."""
    rng = np.random.default_rng(11)
    x, p, raw = (a / np.linalg.norm(a, axis=1, keepdims=True) for a in rng.standard_normal((3, 6, 4)))
    x[0], v = -p[0], raw - np.sum(raw * p, 1, keepdims=True) * p
    for c in (0.25, 1.0, 4.0):
        a, b, n = (jnp.asarray(t, DTYPE) for t in (x / np.sqrt(c), p / np.sqrt(c), v))
        got = compiled(reflect_in_hyperplane, MODELS["sphere"])(a, b, n, jnp.full(6, c, DTYPE))
        want = x - 2 * np.sum(x * v, 1, keepdims=True) / np.sum(v * v, 1, keepdims=True) * v
        np.testing.assert_allclose(got * np.sqrt(c), want, atol=16 * UNIT)
        got = compiled(reflect_in_point, MODELS["sphere"])(a, b, jnp.full(6, c, DTYPE))
        np.testing.assert_allclose(got * np.sqrt(c), 2 * np.sum(x * p, 1, keepdims=True) * p - x, atol=16 * UNIT)


def test_a_product_is_reflected_in_points_alone() -> None:
    space = Product(((BALL, 2), (FLAT, 1)))
    x, p = jnp.asarray([0.1, 0.2, 3.0], DTYPE), jnp.asarray([-0.3, 0.1, 1.0], DTYPE)
    got = reflect_in_point(space, x, p, 1.0)
    np.testing.assert_allclose(got[:2], reflect_in_point(BALL, x[:2], p[:2], 1.0), rtol=64 * UNIT)
    np.testing.assert_allclose(got[2], -1.0, rtol=8 * UNIT)
    with pytest.raises(TypeError, match="constant curvature"):
        reflect_in_hyperplane(space, x, p, x, 1.0)


def test_results_stay_inside_the_ball() -> None:
    """A far point of one side, reflected in a point far on the other."""
    x, p = jnp.asarray([-0.999999, 0.0], DTYPE), jnp.asarray([0.999999, 1e-4], DTYPE)
    for got in (reflect_in_point(BALL, x, p, 1.0), reflect_in_hyperplane(BALL, x, p, x, 1.0)):
        assert bool(BALL.is_in_manifold(got, 1.0))


# Singular points --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("manifold", "sign"), [k for k in CASES if k.id in DISTINCT])
def test_derivatives_are_finite_at_singular_points(manifold, sign) -> None:
    """x == p, p = 0, v = 0, x on the hyperplane: float32, outside of 64-bit mode, under jit and vmap."""
    c = np.float32(sign)
    with jax.enable_x64(False):
        o = manifold.create_origin(c, 3)
        x = manifold.expmap_0(manifold._frame_at_origin(jnp.asarray([0.3, -0.2, 0.4], jnp.float32), c), c)
        v = manifold.logmap(x, o, c)
        at_x = manifold.ptransp_0(v, x, c)
        rows = [(x, x, at_x), (o, o, v), (x, o, 0 * v), (o, x, 0 * at_x), (x, o, v), (x, x, 0 * at_x)]

        @jax.jit
        @jax.vmap
        @functools.partial(jax.value_and_grad, argnums=(0, 1, 2, 3))
        def slopes(x, p, v, c):
            both = reflect_in_point(manifold, x, p, c), reflect_in_hyperplane(manifold, x, p, v, c)
            return sum(jnp.sum(b * b) + jnp.sum(b) for b in both)

        got = slopes(*map(jnp.stack, zip(*rows, strict=True)), jnp.full(len(rows), c))
        still = reflect_in_hyperplane(manifold, x, o, 0 * v, c)
    assert all(g.dtype == jnp.float32 and np.isfinite(g).all() for g in jax.tree.leaves(got))
    np.testing.assert_allclose(still, x, rtol=1e-6, atol=1e-6)


# Bad input --------------------------------------------------------------------------------------------------------


def test_bad_input() -> None:
    x, y = jnp.asarray([0.1, 0.2, 0.3], DTYPE), jnp.asarray([0.1, 0.2], DTYPE)
    with pytest.raises(ValueError, match="`p`"):
        reflect_in_point(BALL, x, y, 1.0)
    with pytest.raises(ValueError, match="`v`"):
        reflect_in_hyperplane(BALL, x, x, y, 1.0)
    with pytest.raises(ValueError, match="vmap"):
        reflect_in_point(BALL, x[None], x[None], 1.0)
    with pytest.raises(ValueError, match="`c` must be positive"):
        reflect_in_hyperplane(BALL, x, x, x, 0.0)
    with pytest.raises(ValueError, match="coordinates"):
        reflect_in_point(SHEET, x[:1], x[:1], 1.0)
    with pytest.raises(ValueError, match="coordinates"):
        reflect_in_hyperplane(SHEET, x[:1], x[:1], x[:1], 1.0)
    with pytest.raises(TypeError, match="must be a Manifold"):
        reflect_in_point(Poincare, x, x, 1.0)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="must be a Manifold"):
        reflect_in_hyperplane("poincare", x, x, x, 1.0)  # type: ignore[arg-type]


def test_reflection_in_a_point_of_the_equator() -> None:
    """2 <X, P> P - X on the unit sphere, from the chart's pole: P a quarter of the circle away, X anywhere."""

    def up(x):
        return np.append(2 * x, 1 - x @ x) / (1 + x @ x)

    p = np.array([1.0, 0.0, 0.0])
    for x in np.array([[0.2, -0.1, 0.3], [0.0, 0.9, 0.1], [-0.5, 0.5, 0.0]], DTYPE):
        y = 2 * (up(x.astype(float)) @ up(p)) * up(p) - up(x.astype(float))
        got = reflect_in_point(Stereographic(), x, p.astype(DTYPE), -1.0)
        np.testing.assert_allclose(got, y[:-1] / (1 + y[-1]), rtol=0, atol=4 * UNIT * np.linalg.norm(got))
