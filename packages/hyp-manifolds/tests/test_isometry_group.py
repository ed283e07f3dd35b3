"""The isometry group against Lorentz matrices in mpmath: group axioms, action, accuracy far out, singular points."""

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
    Isometry,
    Poincare,
    ProperVelocity,
    isometry_group,
    lorentz_boost,
)
from hyp_manifolds._hyperbolic import Hyperbolic
from hyp_manifolds.testing import EPS, Batched, make_sample

DTYPE = np.float64 if jax.config.jax_enable_x64 else np.float32
UNIT = EPS[np.dtype(DTYPE).name]
DIM = 16  # shared with the law tests: each operation is compiled once
BALL, SHEET, PLAIN = Poincare(), Hyperboloid(), ProperVelocity()
ON_EVERY_MODEL = pytest.mark.parametrize(
    "manifold", [pytest.param(m, id=name) for name, m in MODELS.items() if isinstance(m, Hyperbolic)]
)
compose, invert = jax.jit(jax.vmap(isometry_group.compose)), jax.jit(jax.vmap(isometry_group.invert))
to_matrix, from_matrix = jax.jit(jax.vmap(isometry_group.to_matrix)), jax.jit(jax.vmap(isometry_group.from_matrix))
renormalise = jax.jit(jax.vmap(isometry_group.renormalise))


def isometries(rows: int, n: int, radius: float, seed: int) -> Isometry:
    """Random isometries, of both determinants."""
    rng = np.random.default_rng(seed)
    u = rng.standard_normal((rows, n))
    b = np.sinh(radius * rng.uniform(0.5, 1, (rows, 1))) * u / np.linalg.norm(u, axis=1, keepdims=True)
    q = np.stack([np.linalg.qr(rng.standard_normal((n, n)))[0] for _ in range(rows)])
    return Isometry(jnp.asarray(b, DTYPE), jnp.asarray(q, DTYPE))


def boost_matrix(b) -> mp.matrix:
    """[[gamma, b^T], [b, I + b b^T/(1 + gamma)]], in mpmath."""
    n, gamma = len(b), mp.sqrt(1 + mp.fdot(b, b))
    out = mp.eye(n + 1)
    out[0, 0] = gamma
    for i in range(n):
        out[0, i + 1] = out[i + 1, 0] = b[i]
        for j in range(n):
            out[i + 1, j + 1] += b[i] * b[j] / (1 + gamma)
    return out


def lorentz_matrix(b, q) -> mp.matrix:
    n = len(b)
    turn = mp.eye(n + 1)
    for i in range(n):
        for j in range(n):
            turn[i + 1, j + 1] = mp.mpf(float(q[i, j]))
    return boost_matrix([mp.mpf(float(t)) for t in b]) * turn


def row(a: Isometry, i: int) -> mp.matrix:
    return lorentz_matrix(np.asarray(a.translation)[i], np.asarray(a.rotation)[i])


def error(got, want) -> float:
    """Norm-wise relative error in eps."""
    g, w = mp.matrix([mp.mpf(float(t)) for t in np.ravel(got)]), mp.matrix(list(want))
    return float(mp.norm(g - w) / mp.norm(w)) / UNIT


# Laws ------------------------------------------------------------------------------------------------------------


@ON_EVERY_MODEL
def test_it_acts_as_a_group_of_isometries(manifold) -> None:
    """(a b) x = a (b x), a^-1 (a x) = x, 1 x = x, d(a x, a y) = d(x, y), |da v| = |v|, exp commutes."""
    m, s = Batched(manifold), make_sample(manifold, DIM, (0.25, 1.0, 4.0), radius=1.0)
    rows = len(s.c)
    a, b = (isometries(rows, DIM, 1.0, seed) for seed in (1, 2))
    act = jax.jit(jax.vmap(lambda g, x, c: isometry_group.apply(g, x, manifold, c)))
    push = jax.jit(jax.vmap(lambda g, v, x, c: isometry_group.apply_tangent(g, v, x, manifold, c)))

    def apart(x, y) -> float:
        return float(np.max(m.flat("dist", x, y, s.c)[:, 0] * np.sqrt(s.c.astype(float)))) / UNIT

    x, y = (np.asarray(act(a, p, s.c)) for p in (s.x, s.y))
    assert apart(np.asarray(act(compose(b, a), s.x, s.c)), np.asarray(act(b, x, s.c))) < 256
    assert apart(np.asarray(act(invert(a), x, s.c)), s.x) < 256
    one = jax.tree.map(lambda t: jnp.broadcast_to(t, (rows, *t.shape)), isometry_group.identity(DIM, DTYPE))
    assert apart(np.asarray(act(one, s.x, s.c)), s.x) < 8
    np.testing.assert_allclose(m.dist(x, y, s.c), m.dist(s.x, s.y, s.c), rtol=256 * UNIT)
    v = np.asarray(push(a, s.v, s.x, s.c))
    np.testing.assert_allclose(m.tangent_norm(v, x, s.c), m.tangent_norm(s.v, s.x, s.c), rtol=256 * UNIT)
    assert apart(m.expmap(v, x, s.c), np.asarray(act(a, m.expmap(s.v, s.x, s.c), s.c))) < 256


@ON_EVERY_MODEL
def test_boosts_are_left_translations(manifold) -> None:
    m, s = Batched(manifold), make_sample(manifold, DIM, (0.25, 1.0, 4.0), radius=1.0)
    moved = jax.jit(jax.vmap(lambda x, y, c: isometry_group.apply(lorentz_boost(x, c, manifold), y, manifold, c)))
    got = np.asarray(moved(s.x, s.y, s.c))
    assert np.max(m.flat("dist", got, m.addition(s.x, s.y, s.c), s.c)[:, 0] * np.sqrt(s.c)) < 128 * UNIT


def test_group_axioms() -> None:
    """Associativity, neutral and inverse elements, of the arrays themselves."""
    a, b, d = (isometries(4, 3, 1.5, seed) for seed in (3, 4, 5))
    left, right = compose(compose(a, b), d), compose(a, compose(b, d))
    for x, y in zip(jax.tree.leaves(left), jax.tree.leaves(right), strict=True):
        np.testing.assert_allclose(x, y, rtol=256 * UNIT, atol=1024 * UNIT)
    for e in (compose(a, invert(a)), compose(invert(a), a)):
        np.testing.assert_allclose(e.translation, np.zeros((4, 3)), atol=64 * UNIT)
        np.testing.assert_allclose(e.rotation, np.broadcast_to(np.eye(3), (4, 3, 3)), atol=64 * UNIT)
    one = isometry_group.identity(3, DTYPE)
    first = jax.tree.map(lambda t: t[0], a)
    for e in (isometry_group.compose(one, first), isometry_group.compose(first, one)):
        np.testing.assert_allclose(e.rotation, first.rotation, atol=4 * UNIT)
        np.testing.assert_allclose(e.translation, first.translation, rtol=8 * UNIT)


def test_rotations() -> None:
    """A plane rotation turns u to v by the angle, keeps what is orthogonal, and composes by adding angles."""
    rng = np.random.default_rng(6)
    u, v = rng.standard_normal((2, 5)).astype(DTYPE)
    turn = lambda angle: isometry_group.plane_rotation(u, v, angle)  # noqa: E731
    q = np.asarray(turn(0.7).rotation, float)
    np.testing.assert_allclose(q.T @ q, np.eye(5), atol=8 * UNIT)
    e = u.astype(float) / np.linalg.norm(u.astype(float))
    f = v - (e @ v) * e
    f /= np.linalg.norm(f)
    np.testing.assert_allclose(q @ e, np.cos(0.7) * e + np.sin(0.7) * f, atol=16 * UNIT)
    other = rng.standard_normal(5)
    other -= (e @ other) * e + (f @ other) * f
    np.testing.assert_allclose(q @ other, other, atol=16 * UNIT)
    both = isometry_group.compose(turn(0.3), turn(0.4))
    np.testing.assert_allclose(both.rotation, q, atol=16 * UNIT)
    assert not np.any(both.translation)
    np.testing.assert_allclose(isometry_group.plane_rotation(u, 2 * u, 0.7).rotation, np.eye(5), atol=0)
    np.testing.assert_allclose(isometry_group.plane_rotation(u, 0 * u, 0.7).rotation, np.eye(5), atol=0)
    x = jnp.asarray([0.3, -0.2, 0.1, 0.4, 0.2], DTYPE)
    rotated = isometry_group.apply(isometry_group.rotation(jnp.asarray(q, DTYPE)), x, BALL, 1.0)
    np.testing.assert_allclose(rotated, q @ np.asarray(x, float), atol=8 * UNIT)


# Against Lorentz matrices ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("radius", [0.1, 3.0, 8.0])
def test_products_of_lorentz_matrices(radius: float) -> None:
    """Images, tangents, products and inverses, against matrices with 60 digits; rotations keep theirs far out."""
    rows, n = 6, 4
    a, b = isometries(rows, n, radius, 7), isometries(rows, n, radius, 8)
    s = make_sample(SHEET, n, (1.0,), radius=radius, rows=rows)
    image = jax.vmap(lambda g, x: isometry_group.apply(g, x, SHEET, 1.0))(a, s.x)
    pushed = jax.vmap(lambda g, v, x: isometry_group.apply_tangent(g, v, x, SHEET, 1.0))(a, s.v, s.x)
    ab, back, matrix = compose(a, b), invert(a), to_matrix(a)
    turn = np.asarray(ab.rotation)
    with mp.workdps(60):
        form = mp.diag([-1] + [1] * n)
        for i in range(rows):
            left, x, v = row(a, i), s.x[i, 1:].astype(float), s.v[i, 1:].astype(float)
            time = mp.sqrt(1 + mp.fdot(x, x))
            assert error(image[i], left * mp.matrix([time, *map(mp.mpf, x)])) < 16
            assert error(pushed[i], left * mp.matrix([mp.fdot(x, v) / time, *map(mp.mpf, v)])) < 32
            both = left * row(b, i)
            assert error(ab.translation[i], both[1:, 0]) < 32
            scaled = both[1:, 1:] - both[1:, 0] * both[0, 1:] / (1 + both[0, 0])
            assert error(turn[i], scaled) < 32
            assert error(matrix[i], left) < 8
            inverse = form * left.T * form  # up to the defect of the stored rotation
            assert error(back.translation[i], inverse[1:, 0]) < 8
    np.testing.assert_allclose(
        np.einsum("rji,rjk->rik", turn, turn), np.broadcast_to(np.eye(n), turn.shape), atol=32 * UNIT
    )


def test_the_matrix_form_and_back() -> None:
    a = isometries(5, 3, 3.0, 9)  # far enough for a wrong boost to be more than `renormalise` can mend
    matrix = np.asarray(to_matrix(a), float)
    form = np.diag([-1.0, 1.0, 1.0, 1.0])
    np.testing.assert_allclose(
        np.einsum("rji,jk,rkl->ril", matrix, form, matrix),
        np.broadcast_to(form, (5, 4, 4)),
        atol=64 * UNIT * np.cosh(3.0) ** 2,
    )
    b = from_matrix(jnp.asarray(matrix, DTYPE))
    np.testing.assert_allclose(b.translation, a.translation, rtol=4 * UNIT)
    np.testing.assert_allclose(b.rotation, a.rotation, atol=64 * UNIT)
    one = isometry_group.from_matrix(jnp.asarray(matrix[0], DTYPE))
    np.testing.assert_allclose(one.rotation, a.rotation[0], atol=64 * UNIT)


def test_long_products_stay_in_the_group() -> None:
    step, rows = isometries(3, 3, 0.3, 10), 3

    def grow(g, _):
        return jax.vmap(isometry_group.compose)(g, step), None

    start = Isometry(jnp.zeros((rows, 3), DTYPE), jnp.broadcast_to(jnp.eye(3, dtype=DTYPE), (rows, 3, 3)))
    far = jax.jit(lambda g: jax.lax.scan(grow, g, None, length=200)[0])(start)

    def defect(g):
        q = np.asarray(g.rotation, float)
        return np.abs(np.einsum("rji,rjk->rik", q, q) - np.eye(3)).max()

    assert defect(far) < 200 * 8 * UNIT
    assert defect(renormalise(far)) < 8 * UNIT
    spoiled = Isometry(far.translation, far.rotation * jnp.asarray([1.2, 0.9, 1.0], DTYPE))
    mended = renormalise(spoiled)
    assert defect(mended) < 8 * UNIT
    u, _, vt = np.linalg.svd(np.asarray(spoiled.rotation, float))
    np.testing.assert_allclose(mended.rotation, u @ vt, atol=32 * UNIT)  # the nearest orthogonal matrix
    np.testing.assert_array_equal(mended.translation, far.translation)


# Singular points and transformations -------------------------------------------------------------------------------


def test_derivatives_are_finite_at_singular_points() -> None:
    """Identity, inverse pairs, the origin and zero tangents: float32, outside of 64-bit mode, under jit and vmap."""
    c, manifold = np.float32(2.0), BALL
    with jax.enable_x64(False):
        o = manifold.create_origin(c, 3)
        x = manifold.expmap_0(manifold._frame_at_origin(jnp.asarray([0.3, -0.2, 0.4], jnp.float32), c), c)
        v = manifold.ptransp_0(manifold.logmap_0(x, c), x, c)
        rows = [(o, o, 0 * v), (o, x, 0 * v), (x, o, 0 * v), (x, manifold.scalar_mul(-1.0, x, c), 0 * v), (x, x, v)]

        @jax.jit
        @jax.vmap
        @functools.partial(jax.grad, argnums=(0, 1, 2, 3))
        def slopes(mu, x, v, c):
            a = lorentz_boost(mu, c, manifold)
            y = isometry_group.apply(isometry_group.compose(a, isometry_group.invert(a)), x, manifold, c)
            w = isometry_group.apply_tangent(a, v, x, manifold, c)
            return jnp.sum(y * y) + jnp.sum(w * w + w) + jnp.sum(isometry_group.to_matrix(a) ** 2)

        got = slopes(*map(jnp.stack, zip(*rows, strict=True)), jnp.full(len(rows), c))
    assert all(g.dtype == jnp.float32 and np.isfinite(g).all() for g in got)


def test_derivatives_by_the_isometry() -> None:
    """By both arrays and by a matrix at the identity, by the plane of a rotation for parallel vectors too."""
    x = jnp.asarray([0.3, -0.2, 0.1], jnp.float32)
    with jax.enable_x64(False):
        one = isometry_group.identity(3)
        by_parts = jax.jit(jax.grad(lambda g: jnp.sum(isometry_group.apply(g, x, PLAIN, 1.0))))(one)
        by_matrix = jax.jit(jax.grad(lambda m: jnp.sum(isometry_group.from_matrix(m).rotation ** 3)))(jnp.eye(4))
        weights = jnp.arange(9.0).reshape(3, 3)
        turn = jax.jit(
            jax.grad(lambda u, v, t: jnp.sum(isometry_group.plane_rotation(u, v, t).rotation * weights), (0, 1, 2))
        )
        by_plane = [turn(x, v, 0.5) for v in (x, 0 * x, x[::-1])]
    assert isinstance(by_parts, Isometry)
    for g in jax.tree.leaves((by_parts, by_matrix, by_plane)):
        assert g.dtype == jnp.float32 and np.isfinite(g).all()
    assert abs(by_plane[2][2]) > 0.1
    np.testing.assert_allclose(by_parts.rotation, np.outer(np.ones(3), x), rtol=1e-5)  # of sum(R x)


# Bad input --------------------------------------------------------------------------------------------------------


def test_bad_input() -> None:
    one = isometry_group.identity(3, DTYPE)
    x = jnp.asarray([0.1, 0.2, 0.3], DTYPE)
    with pytest.raises(TypeError, match="model of hyperbolic space"):
        isometry_group.apply(one, x, Euclidean(), 1.0)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="model of hyperbolic space"):
        isometry_group.apply_tangent(one, x, x, Poincare, 1.0)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="model of hyperbolic space"):
        lorentz_boost(x, 1.0, Euclidean())  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="dimension 3"):
        isometry_group.apply(one, x[:2], BALL, 1.0)
    with pytest.raises(ValueError, match="dimension 3"):
        isometry_group.apply_tangent(one, x, x, SHEET, 1.0)
    with pytest.raises(ValueError, match="coordinates"):
        lorentz_boost(x[:1], 1.0)
    with pytest.raises(ValueError, match="`c` must be positive"):
        isometry_group.apply(one, x, BALL, -1.0)
    with pytest.raises(TypeError, match="must be an Isometry"):
        isometry_group.compose(one, jnp.eye(4))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="must be an Isometry"):
        isometry_group.apply(jnp.eye(4), x, BALL, 1.0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="dimension `n`"):
        isometry_group.compose(one, isometry_group.identity(4, DTYPE))
    with pytest.raises(ValueError, match="orthogonal"):
        isometry_group.rotation(jnp.ones((3, 3), DTYPE))
    with pytest.raises(ValueError, match="square"):
        isometry_group.rotation(jnp.ones((3, 2), DTYPE))
    with pytest.raises(ValueError, match="Minkowski"):
        isometry_group.from_matrix(2 * jnp.eye(4, dtype=DTYPE))
    with pytest.raises(ValueError, match="Minkowski"):
        isometry_group.from_matrix(jnp.diag(jnp.asarray([-1.0, 1.0, 1.0], DTYPE)))
    with pytest.raises(ValueError, match="square"):
        isometry_group.from_matrix(jnp.ones((1, 1), DTYPE))
    with pytest.raises(ValueError, match="`v`"):
        isometry_group.plane_rotation(x, x[:2], 0.1)
    with pytest.raises(ValueError, match="at least 1"):
        isometry_group.identity(0)
    with pytest.raises(TypeError, match="floating"):
        isometry_group.identity(2, int)
