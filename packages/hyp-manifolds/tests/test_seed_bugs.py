"""Known bugs of earlier libraries of this kind, one test each.

Every test applies one check to our operation and to a transcription of the faulty formula, and demands that the check
tells them apart.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hyp_manifolds import Hyperboloid, Poincare, hyperboloid_to_poincare, poincare_to_hyperboloid

BALL, SHEET = Poincare(), Hyperboloid()
F32 = jnp.float32


def ours_passes_and_the_old_fails(check, ours, old) -> None:
    assert check(ours), "our operation fails the check"
    assert not check(old), "the check does not notice the faulty formula"


def unit(seed: int, dim: int = 3) -> np.ndarray:
    u = np.random.default_rng(seed).standard_normal(dim)
    return u / np.linalg.norm(u)


def on_sheet(radius: float, seed: int = 0, dim: int = 3, c: float = 1.0):
    s = np.sqrt(c)
    return jnp.asarray(np.concatenate([[np.cosh(radius)], np.sinh(radius) * unit(seed, dim)]) / s, F32)


def in_ball(radius: float, seed: int = 0, dim: int = 3, c: float = 1.0):
    return jnp.asarray(np.tanh(radius / 2) * unit(seed, dim) / np.sqrt(c), F32)


def minkowski(x, y):
    return jnp.dot(x[1:], y[1:]) - x[0] * y[0]


def arcosh_dist(x, y, c):
    return jnp.arccosh(jnp.maximum(-c * minkowski(x, y), 1.0)) / jnp.sqrt(c)


# ------------------------------------------------------------------------------ B1, B2: the models do not agree
def test_b1_isometries_lack_sqrt_c() -> None:
    x, y = in_ball(1.0, 1, c=4.0), in_ball(1.5, 2, c=4.0)

    def old(p, c):  # right for c = 1 only
        n = jnp.dot(p, p)
        return jnp.concatenate([jnp.array([1 + n], F32), 2 * p]) / (1 - n) / jnp.sqrt(c)

    def check(convert) -> bool:
        return bool(np.isclose(arcosh_dist(convert(x, 4.0), convert(y, 4.0), 4.0), BALL.dist(x, y, 4.0), rtol=1e-3))

    ours_passes_and_the_old_fails(check, poincare_to_hyperboloid, old)

    def old_back(p, c):
        return p[1:] / (1 + p[0])

    def round_trip(back) -> bool:
        return bool(np.allclose(back(poincare_to_hyperboloid(x, 4.0), 4.0), x, rtol=1e-5))

    ours_passes_and_the_old_fails(round_trip, hyperboloid_to_poincare, old_back)


def test_b2_hyperboloid_addition_is_no_gyro_addition() -> None:
    x, y, z = on_sheet(0.8, 1), on_sheet(1.1, 2), on_sheet(0.6, 3)
    origin = SHEET.create_origin(1.0, 3).astype(F32)

    def old(x, y, c):
        s = jnp.sqrt(c)
        return SHEET.proj(x + s * x[0] * (y + c / (1 + s) * minkowski(x, y) * x), c)

    def neutral(add) -> bool:
        return bool(np.allclose(add(x, origin, 1.0), x, rtol=1e-5))

    def isometric(add) -> bool:
        moved = SHEET.dist(add(z, x, 1.0), add(z, y, 1.0), 1.0)
        return bool(np.isclose(moved, SHEET.dist(x, y, 1.0), rtol=1e-4))

    def mobius(add) -> bool:
        p, q = hyperboloid_to_poincare(x, 1.0), hyperboloid_to_poincare(y, 1.0)
        return bool(np.allclose(hyperboloid_to_poincare(add(x, y, 1.0), 1.0), BALL.addition(p, q, 1.0), rtol=1e-5))

    for check in (neutral, isometric, mobius):
        ours_passes_and_the_old_fails(check, SHEET.addition, old)


# ------------------------------------------------------------------------------ B8, B10, B17: distance versions
def test_b8_lorentzian_proxy_of_ball_coordinates() -> None:
    x, y = jnp.array([0.3, 0.2], F32), jnp.array([-0.1, 0.4], F32)

    def ours(x, y):
        return BALL.dist(x, y, 1.0, BALL.VERSION_LORENTZIAN_PROXY)

    def old(x, y):  # Minkowski product of coordinates that are not on the hyperboloid
        return -2.0 - 2 * (jnp.dot(x[1:], y[1:]) - x[0] * y[0])

    def zero_to_itself(f) -> bool:
        return float(f(x, x)) == 0

    def function_of_the_distance(f) -> bool:
        return bool(np.isclose(f(x, y), 4 * np.sinh(float(BALL.dist(x, y, 1.0)) / 2) ** 2, rtol=1e-5))

    ours_passes_and_the_old_fails(zero_to_itself, ours, old)
    ours_passes_and_the_old_fails(function_of_the_distance, ours, old)


def test_b10_smoothened_distance_jumps() -> None:
    x = on_sheet(0.5, 1)
    y = SHEET.expmap(SHEET.tangent_proj(jnp.array([0.0, 1e-4, 0.0, 0.0], F32), x, 1.0), x, 1.0)

    def ours(x, y):
        return SHEET.dist(x, y, 1.0, SHEET.VERSION_SMOOTHENED)

    def old(x, y):  # softplus clamp of the arcosh argument at 1
        return jnp.arccosh(1 + jax.nn.softplus(50 * (-minkowski(x, y) - 1)) / 50)

    def check(f) -> bool:
        return bool(np.isclose(f(x, y), SHEET.dist(x, y, 1.0), rtol=1e-3)) and float(f(x, x)) == 0

    ours_passes_and_the_old_fails(check, ours, old)
    assert np.any(np.asarray(jax.grad(ours)(x, on_sheet(1.0, 2))) != 0)


def test_b17_version_is_resolved_while_tracing() -> None:
    x, y = in_ball(0.5, 1), in_ball(1.0, 2)

    def old(x, y, c, version_idx=0):
        branches = [lambda: BALL.dist(x, y, c), lambda: BALL.sqdist(x, y, c)]
        return jax.lax.switch(version_idx, branches)

    def no_branch_in_the_program(f) -> bool:
        return " cond[" not in str(jax.make_jaxpr(lambda k: f(x, y, 1.0, version_idx=k))(0))

    assert not no_branch_in_the_program(old)
    with pytest.raises((TypeError, ValueError), match="version_idx"):
        no_branch_in_the_program(BALL.dist)
    for version in range(4):
        program = str(jax.make_jaxpr(lambda x, y, version=version: BALL.dist(x, y, 1.0, version))(x, y))
        assert " cond[" not in program


# ------------------------------------------------------------------------------ B9: NaN gradients
def b9_ball_cases():
    x, zero = in_ball(0.7, 1), jnp.zeros(3, F32)
    norm = jnp.linalg.norm

    def old_dist(p):
        minus = lambda a, b: ((1 - 2 * a @ b + b @ b) * -a + (1 - a @ a) * b) / (1 - 2 * a @ b + (a @ a) * (b @ b))  # noqa: E731
        return 2 * jnp.arctanh(norm(minus(p, x)))

    def old_exp(v):
        return x + jnp.tanh(norm(v)) * v / norm(v)

    def old_log(p):
        return jnp.arctanh(norm(p - x)) * (p - x) / norm(p - x)

    return {
        "dist x = y": (lambda p: BALL.dist(p, x, 1.0), old_dist, x),
        "dist version 2": (
            lambda p: BALL.dist(p, x, 1.0, 2),
            lambda p: jnp.arccosh(1 + 2 * (p - x) @ (p - x) / ((1 - p @ p) * (1 - x @ x))),
            x,
        ),
        "dist_0": (lambda p: BALL.dist_0(p, 1.0), lambda p: 2 * jnp.arctanh(norm(p)), zero),
        "scalar_mul": (
            lambda p: BALL.scalar_mul(0.5, p, 1.0),
            lambda p: jnp.tanh(0.5 * jnp.arctanh(norm(p))) * p / norm(p),
            zero,
        ),
        "expmap v = 0": (lambda v: BALL.expmap(v, x, 1.0), old_exp, zero),
        "logmap x = y": (
            lambda p: BALL.logmap(p, x, 1.0),
            lambda p: jnp.arctanh(norm(p - x)) * (p - x) / norm(p - x),
            x,
        ),
        "tangent_norm": (lambda v: BALL.tangent_norm(v, x, 1.0), lambda v: 2 / (1 - x @ x) * norm(v), zero),
    }


def b9_sheet_cases():
    x, zero = on_sheet(0.7, 1), jnp.zeros(4, F32)
    origin = jnp.array([1.0, 0.0, 0.0, 0.0], F32)
    length = lambda v: jnp.sqrt(jnp.maximum(minkowski(v, v), 0.0))  # noqa: E731

    def old_exp(v, x=x):
        return jnp.cosh(length(v)) * x + jnp.sinh(length(v)) * v / length(v)

    return {
        "dist x = y": (
            lambda p: SHEET.dist(p, x, 1.0),
            lambda p: jnp.arccosh(jnp.maximum(-minkowski(p, p * 1), 1)),
            origin,
        ),
        "dist_0": (lambda p: SHEET.dist_0(p, 1.0), lambda p: jnp.arccosh(p[0]), origin),
        "expmap v = 0": (lambda v: SHEET.expmap(v, x, 1.0), old_exp, zero),
        "expmap_0 v = 0": (lambda v: SHEET.expmap_0(v, 1.0), lambda v: old_exp(v, origin), zero),
        "logmap_0": (
            lambda p: SHEET.logmap_0(p, 1.0),
            lambda p: jnp.arccosh(p[0]) * p[1:] / jnp.linalg.norm(p[1:]),
            origin,
        ),
        "logmap x = y": (
            lambda p: SHEET.logmap(p, origin, 1.0),
            lambda p: jnp.arccosh(p[0]) * (p - p[0] * origin) / length(p - p[0] * origin),
            origin,
        ),
        "tangent_norm": (lambda v: SHEET.tangent_norm(v, x, 1.0), length, zero),
    }


@pytest.mark.parametrize("case", b9_ball_cases())
def test_b9_nan_gradients_in_the_ball(case: str) -> None:
    ours, old, at = b9_ball_cases()[case]
    finite = lambda f: bool(np.isfinite(jax.jacobian(f)(at)).all())  # noqa: E731
    ours_passes_and_the_old_fails(finite, ours, old)


@pytest.mark.parametrize("case", b9_sheet_cases())
def test_b9_nan_gradients_on_the_hyperboloid(case: str) -> None:
    ours, old, at = b9_sheet_cases()[case]
    finite = lambda f: bool(np.isfinite(jax.jacobian(f)(at)).all())  # noqa: E731
    ours_passes_and_the_old_fails(finite, ours, old)


def test_b9_smoothened_distance_has_no_gradient() -> None:
    x, y = on_sheet(0.7, 1), on_sheet(1.4, 2)
    ours = jax.grad(lambda p: SHEET.dist(p, y, 1.0, SHEET.VERSION_SMOOTHENED))(x)
    np.testing.assert_allclose(ours, jax.grad(lambda p: SHEET.dist(p, y, 1.0))(x), rtol=1e-4)
    assert np.linalg.norm(ours) > 0.1


# ------------------------------------------------------------------------------ B11, B12: float32 far from the origin
@pytest.mark.parametrize("radius", [1e-4, 1e-3])
def test_b11_short_distances_vanish(radius: float) -> None:
    x = on_sheet(radius, 1)
    close = lambda f: bool(np.isclose(f(x), radius, rtol=1e-5))  # noqa: E731
    ours_passes_and_the_old_fails(close, lambda p: SHEET.dist_0(p, 1.0), lambda p: jnp.arccosh(jnp.maximum(p[0], 1)))


@pytest.mark.parametrize("radius", [8.0, 10.0])
def test_b11_lengths_of_radial_tangents_far_out(radius: float) -> None:
    x = on_sheet(radius, 1)
    v = jnp.asarray(np.concatenate([[np.sinh(radius)], np.cosh(radius) * unit(1)]), F32)
    is_one = lambda f: bool(np.isclose(f(v), 1.0, rtol=1e-3))  # noqa: E731
    ours_passes_and_the_old_fails(is_one, lambda v: SHEET.tangent_norm(v, x, 1.0), lambda v: jnp.sqrt(minkowski(v, v)))


def test_b11_near_points_at_radius_6_coincide() -> None:
    x = on_sheet(6.0, 1)
    y = SHEET.proj(x.at[1:].multiply(1.0336), 1.0)  # about 0.033 apart
    exact = np.arcsinh(np.linalg.norm(np.asarray(y[1:], float))) - np.arcsinh(np.linalg.norm(np.asarray(x[1:], float)))
    close = lambda f: bool(np.isclose(f(x, y, 1.0), exact, rtol=1e-4))  # noqa: E731
    ours_passes_and_the_old_fails(close, SHEET.dist, arcosh_dist)


@pytest.mark.parametrize("radius", [8.0, 12.0, 15.0])
def test_b11_far_points_are_on_the_manifold(radius: float) -> None:
    rows = jnp.stack([on_sheet(radius, seed) for seed in range(20)])
    old = lambda x: jnp.abs(minkowski(x, x) + 1) < 1e-4  # noqa: E731
    every = lambda f: bool(jax.vmap(f)(rows).all())  # noqa: E731
    ours_passes_and_the_old_fails(every, lambda x: SHEET.is_in_manifold(x, 1.0), old)


def test_b11_maps_at_radius_10_are_finite() -> None:
    x, y = on_sheet(10.0, 1), on_sheet(10.0, 2)
    for value in (SHEET.dist(x, y, 1.0), SHEET.logmap(y, x, 1.0), SHEET.ptransp(SHEET.logmap(y, x, 1.0), x, y, 1.0)):
        assert np.isfinite(value).all()
    np.testing.assert_allclose(SHEET.dist(x, y, 1.0), 20 + np.log((1 - unit(1) @ unit(2)) / 2), rtol=1e-5)


def test_b12_midpoints_far_out_are_inflated() -> None:
    x = on_sheet(9.9, 1)  # |x| is about 1e4

    def old(x, y):
        s = x + y
        return s / jnp.sqrt(jnp.maximum(-minkowski(s, s), 1e-7))

    def stays(f) -> bool:
        return bool(np.allclose(f(x, x)[1:], x[1:], rtol=1e-5))

    ours_passes_and_the_old_fails(stays, lambda x, y: SHEET.geodesic(0.5, x, y, 1.0), old)


# ------------------------------------------------------------------------------ B15: dtypes
def test_b15_dtypes_are_kept() -> None:
    def old(x, y, c):  # a manifold whose dtype is float32 unless told otherwise
        return BALL.dist(x.astype(F32), y.astype(F32), c)

    kinds = [jnp.bfloat16, jnp.float16, *([jnp.float64] if jax.config.jax_enable_x64 else [])]
    for kind in kinds:
        x, y = jnp.array([0.1, 0.2], kind), jnp.array([0.3, -0.1], kind)
        ours_passes_and_the_old_fails(lambda f, x=x, y=y, kind=kind: f(x, y, 1.0).dtype == kind, BALL.dist, old)


def test_b15_float16_exponential_of_zero() -> None:
    zero = jnp.zeros(3, jnp.float16)

    def old(v, c):
        n = jnp.maximum(jnp.linalg.norm(v), jnp.float16(1e-15))  # 1e-15 is 0 in float16
        return jnp.tanh(n) * v / n

    finite = lambda f: bool(np.isfinite(f(zero, 1.0)).all())  # noqa: E731
    ours_passes_and_the_old_fails(finite, BALL.expmap_0, old)
    assert np.isfinite(SHEET.expmap_0(jnp.zeros(4, jnp.float16), 1.0)).all()


# ------------------------------------------------------------------------------ B24, N9: range
@pytest.mark.parametrize("radius", [13.0, 14.0, 15.0])
def test_b24_radii_beyond_12_65_are_cut(radius: float) -> None:
    x = in_ball(radius, 1)

    def old(x):  # clip to 1 - eps^(3/4)
        norm = jnp.linalg.norm(x)
        return BALL.proj(x * jnp.minimum(1.0, (1 - jnp.finfo(F32).eps ** 0.75) / norm), 1.0)

    def kept(project) -> bool:
        return abs(float(BALL.dist_0(project(x), 1.0)) - float(BALL.dist_0(x, 1.0))) < 1e-3

    ours_passes_and_the_old_fails(kept, lambda x: BALL.proj(x, 1.0), old)
    opposite = BALL.dist(x, -x, 1.0)
    np.testing.assert_allclose(opposite, 2 * BALL.dist_0(x, 1.0), rtol=1e-6)


@pytest.mark.parametrize("radius", [50.0, 80.0])
def test_n9_distances_to_the_origin_overflow(radius: float) -> None:
    x = on_sheet(radius, 1)
    right = lambda f: bool(np.isclose(f(x), radius, rtol=1e-6))  # noqa: E731
    old = lambda p: jnp.arcsinh(jnp.sqrt(jnp.sum(p[1:] ** 2)))  # noqa: E731  # the squares overflow
    ours_passes_and_the_old_fails(right, lambda p: SHEET.dist_0(p, 1.0), old)


# ------------------------------------------------------------------------------ N5 - N8, N10
def test_n5_squared_distance_has_no_curvature() -> None:
    x = in_ball(1.0, 1)
    factor = 2 / (1 - float(x @ x))

    def right(f) -> bool:
        return bool(np.allclose(jax.hessian(f)(x), 2 * factor**2 * np.eye(3), rtol=1e-4))

    ours_passes_and_the_old_fails(right, lambda p: BALL.sqdist(p, x, 1.0), lambda p: BALL.dist(p, x, 1.0) ** 2)


def test_n5_squared_distance_has_no_curvature_on_the_hyperboloid() -> None:
    x = on_sheet(1.0, 1)
    frame = jax.vmap(lambda e: SHEET.tangent_proj(e, x, 1.0))(jnp.eye(4, dtype=F32)[1:])
    gram = np.array([[SHEET.tangent_inner(a, b, x, 1.0) for b in frame] for a in frame])

    def right(f) -> bool:
        along = lambda a: f(SHEET.expmap(a @ frame, x, 1.0))  # noqa: E731
        return bool(np.allclose(jax.hessian(along)(jnp.zeros(3, F32)), 2 * gram, rtol=1e-3, atol=1e-3))

    ours_passes_and_the_old_fails(right, lambda p: SHEET.sqdist(p, x, 1.0), lambda p: SHEET.dist(p, x, 1.0) ** 2)


@pytest.mark.parametrize("radius", [3.0, 8.0, 15.0])
def test_n6_distance_to_itself_under_jit_and_vmap(radius: float) -> None:
    rows = jnp.stack([on_sheet(radius, seed, dim=16) for seed in range(50)])

    def old(x, y, c):  # the rescaled coordinates round differently on the two sides under contraction
        return arcosh_dist(x, y, c)

    def zero(f) -> bool:
        return not np.any(jax.jit(jax.vmap(f, (0, 0, None)))(rows, rows, 1.0))

    ours_passes_and_the_old_fails(zero, SHEET.dist, old)
    slopes = jax.jit(jax.vmap(jax.grad(SHEET.dist), (0, 0, None)))(rows, rows, 1.0)
    assert not np.any(slopes)
    ball_rows = jnp.stack([in_ball(radius, seed, dim=16) for seed in range(50)])
    assert not np.any(jax.jit(jax.vmap(BALL.dist, (0, 0, None)))(ball_rows, ball_rows, 1.0))


@pytest.mark.parametrize("radius", [5.0, 8.0])
def test_n7_near_pairs_across_the_ray(radius: float) -> None:
    rng = np.random.default_rng(0)
    errors: dict[str, list[float]] = {"ours": [], "old": []}
    for seed in range(20):
        x = on_sheet(radius, seed, dim=8)
        step = rng.standard_normal(8)
        ray = np.asarray(x[1:], float)
        step -= (step @ ray) * ray / (ray @ ray)
        spatial = jnp.asarray(ray + 0.1 * step / np.linalg.norm(step), F32)
        y = jnp.concatenate([jnp.sqrt(1 + spatial @ spatial)[None], spatial])
        p, q = np.asarray(x[1:], np.longdouble), np.asarray(y[1:], np.longdouble)
        times = np.sqrt(1 + p @ p), np.sqrt(1 + q @ q)
        gap = (p - q) @ (p - q) - ((p - q) @ (p + q) / (times[0] + times[1])) ** 2
        exact = 2 * np.arcsinh(np.sqrt(gap) / 2)
        errors["ours"].append(abs(float(SHEET.dist(x, y, 1.0)) / float(exact) - 1))
        errors["old"].append(abs(float(arcosh_dist(x, y, 1.0)) / float(exact) - 1))
    good = lambda name: float(np.median(errors[name])) < 1e-6  # noqa: E731
    ours_passes_and_the_old_fails(good, "ours", "old")


def test_n8_square_batches_are_taken_for_points() -> None:
    square = jnp.full((3, 3), 0.1, F32)

    def old(x, y, c):
        xy, xx, yy = jnp.dot(x, y), jnp.dot(x, x), jnp.dot(y, y)
        return ((1 + 2 * c * xy + c * yy) * x + (1 - c * xx) * y) / (1 + 2 * c * xy + c**2 * xx * yy)

    def refused(f) -> bool:
        try:
            f(square, square, 1.0)
        except (TypeError, ValueError):
            return True
        return False

    for ours in (BALL.addition, BALL.expmap, BALL.logmap, BALL.dist):
        ours_passes_and_the_old_fails(refused, ours, old)


def test_n10_sums_leave_the_ball() -> None:
    rng = np.random.default_rng(0)
    pairs = [(in_ball(rng.uniform(10, 15), s, 4), in_ball(rng.uniform(10, 15), s + 500, 4)) for s in range(300)]
    pairs += [(x, x * F32(1 - 1e-6)) for x, _ in pairs]
    x, y = (jnp.stack(column) for column in zip(*pairs, strict=True))

    def old(x, y, c):
        xy, xx, yy = x @ y, x @ x, y @ y
        return ((1 + 2 * c * xy + c * yy) * x + (1 - c * xx) * y) / (1 + 2 * c * xy + c**2 * xx * yy)

    def inside(f) -> bool:
        sums = np.asarray(jax.jit(jax.vmap(f, (0, 0, None)))(x, y, 1.0), np.longdouble)
        return bool((np.sum(sums**2, axis=1) < 1).all())

    ours_passes_and_the_old_fails(inside, BALL.addition, old)
