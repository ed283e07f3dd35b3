"""Maps between all models of hyperbolic space: charts in mpmath, every operation carried over, tangents, bad input."""

import functools
import itertools

import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest
from hyp_manifolds import (
    MODELS,
    Euclidean,
    HalfSpace,
    Hyperboloid,
    Klein,
    Poincare,
    ProperVelocity,
    Sphere,
    convert,
    hyperboloid_to_poincare,
    poincare_to_hyperboloid,
    pushforward,
)
from hyp_manifolds.testing import EPS, check_isometry, make_sample

DTYPE = np.float64 if jax.config.jax_enable_x64 else np.float32
UNIT = EPS[np.dtype(DTYPE).name]
DIM = 16  # shared with the law tests: each operation is compiled once
CURVATURES = (1e-3, 1.0, 10.0)
BALL, SHEET = Poincare(), Hyperboloid()
HYPERBOLIC = {name: MODELS[name] for name in ("poincare", "hyperboloid", "proper_velocity", "klein", "half_space")}
PAIRS = tuple(itertools.permutations(HYPERBOLIC, 2))


# The charts, by their definitions ----------------------------------------------------------------------------------


def ambient(name, x, c):
    """The hyperboloid's point (time, spatial part) of a point of each model."""
    xx, root = mp.fdot(x, x), mp.sqrt(c)
    if name == "poincare":
        return [(1 + c * xx) / (1 - c * xx) / root, *(2 * t / (1 - c * xx) for t in x)]
    if name == "klein":
        return [t / mp.sqrt(1 - c * xx) for t in (1 / root, *x)]
    if name == "half_space":
        return [t / (x[-1] * root) for t in ((xx + 1) / 2, *x[:-1], (xx - 1) / 2)]
    return [mp.sqrt(1 / c + xx), *x] if name == "proper_velocity" else x


def lower(name, p, c):
    """Inverse of `ambient`."""
    root, (time, *s) = mp.sqrt(c), p
    if name == "poincare":
        return [t / (1 + root * time) for t in s]
    if name == "klein":
        return [t / (root * time) for t in s]
    if name == "half_space":
        below = root * (time - s[-1])
        return [*(root * t / below for t in s[:-1]), 1 / below]
    return s if name == "proper_velocity" else p


def exact(a):
    return [mp.mpf(float(t)) for t in a] if np.ndim(a) else mp.mpf(float(a))


@functools.cache
def sample(name: str, radius: float = 2.0):
    return make_sample(HYPERBOLIC[name], DIM, CURVATURES, radius=radius)


@jax.jit
@jax.vmap
def from_all(points, tangents, c):
    """Point, pushforward and the derivative of `convert`, for every ordered pair: one compilation."""
    out = {}
    for a, b in PAIRS:
        source, target, x, v = HYPERBOLIC[a], HYPERBOLIC[b], points[a], tangents[a]
        _, slope = jax.jvp(lambda p, s=source, t=target: convert(p, s, t, c), (x,), (v,))
        out[a, b] = (convert(x, source, target, c), pushforward(v, x, source, target, c), slope)
    return {f"{a}>{b}": value for (a, b), value in out.items()}


@functools.cache
def carried():
    samples = {name: sample(name) for name in HYPERBOLIC}
    points, tangents = ({name: getattr(s, k) for name, s in samples.items()} for k in "xv")
    return samples, {k: tuple(map(np.asarray, v)) for k, v in from_all(points, tangents, sample("klein").c).items()}


def error(got, want) -> float:
    difference = [mp.mpf(float(g)) - w for g, w in zip(got, want, strict=True)]
    return float(mp.norm(difference) / mp.norm(want)) / UNIT


@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_points_and_tangents_go_where_the_charts_send_them(a, b) -> None:
    samples, results = carried()
    s, (points, tangents, slopes) = samples[a], results[f"{a}>{b}"]
    with mp.workdps(60):
        for row in range(0, 64, 9):
            c, x = exact(s.c[row]), exact(s.x[row])
            x = x if a != "hyperboloid" else [mp.sqrt(1 / c + mp.fdot(x[1:], x[1:])), *x[1:]]
            assert error(points[row], lower(b, ambient(a, x, c), c)) < 32  # condition number at radius 2
    size = np.linalg.norm(slopes, axis=1)[:, None]
    np.testing.assert_allclose(tangents / size, slopes / size, atol=32 * UNIT)


@pytest.mark.one_precision  # the contract judges the operation in both
@pytest.mark.parametrize("name", ["proper_velocity", "klein", "half_space"])
def test_every_operation_commutes_with_the_map_from_the_hyperboloid(name) -> None:
    """The ball's map is in the law tests; with the next test that is all pairs."""
    model = HYPERBOLIC[name]
    check_isometry(
        SHEET, model, lambda x, c: convert(x, SHEET, model, c), lambda x, c: convert(x, model, SHEET, c),
        dims=(DIM,), curvatures=CURVATURES,
    )  # fmt: skip


def test_pairs_compose() -> None:
    """a -> b is a -> hyperboloid -> b, for points and tangents, and a -> b -> a is the identity."""
    samples, results = carried()
    s = {name: samples[name] for name in HYPERBOLIC}

    def again(values, c):
        out = {}
        for a, b in PAIRS:
            (p, w), (q, u) = values[a, b], values[a, "hyperboloid"] if a != "hyperboloid" else (None, None)
            back = (convert(p, HYPERBOLIC[b], HYPERBOLIC[a], c), pushforward(w, p, HYPERBOLIC[b], HYPERBOLIC[a], c))
            over = (p, w)
            if "hyperboloid" not in (a, b):
                over = (convert(q, SHEET, HYPERBOLIC[b], c), pushforward(u, q, SHEET, HYPERBOLIC[b], c))
            out[f"{a}>{b}"] = (back, over)
        return out

    values = {(a, b): results[f"{a}>{b}"][:2] for a, b in PAIRS}
    for key, (back, over) in jax.jit(jax.vmap(again))(values, s["klein"].c).items():
        a = key.split(">")[0]
        for got, want in zip((*back, *over), (s[a].x, s[a].v, *results[key][:2]), strict=True):
            size = np.linalg.norm(want, axis=1)[:, None]
            np.testing.assert_allclose(got / size, want / size, atol=256 * UNIT, err_msg=key)


def test_conformal_tangents_far_out() -> None:
    """Poincare <-> half-space at radius 15 (30): over the spatial tangent this would lose e^r."""
    rng, radius = np.random.default_rng(0), 30.0 if DTYPE is np.float64 else 15.0
    upper = HalfSpace()
    for height in (np.exp(radius), np.exp(-radius)):
        x = np.append(np.zeros(2), height).astype(DTYPE)
        v = rng.standard_normal(3).astype(DTYPE)
        got = pushforward(jnp.asarray(v), jnp.asarray(x), upper, BALL, 1.0)
        with mp.workdps(60):
            h = exact(x)[-1]
            # at (0, h) the Cayley transform is (2 a, h^2 - 1)/(1 + h)^2 to first order
            want = [2 * t / (1 + h) ** 2 for t in exact(v)]
            assert error(np.asarray(got), want) < 4


def test_the_two_named_maps_are_convert() -> None:
    x = jnp.asarray(sample("poincare").x[2])  # of a ball smaller than that of c = 0.7
    lifted = convert(x, BALL, SHEET, 0.7)
    np.testing.assert_allclose(lifted, poincare_to_hyperboloid(x, 0.7), rtol=4 * UNIT)
    np.testing.assert_allclose(convert(lifted, SHEET, BALL, 0.7), hyperboloid_to_poincare(lifted, 0.7), rtol=4 * UNIT)


def test_one_model_to_itself_changes_nothing() -> None:
    for name, model in HYPERBOLIC.items():
        s = sample(name)
        x, v = jnp.asarray(s.x[1]), jnp.asarray(s.v[1])
        assert (convert(x, model, model, 1.0) == x).all() and (pushforward(v, x, model, model, 1.0) == v).all()


def test_a_models_dtype_is_the_results() -> None:
    x = jnp.array([0.1, 0.2], jnp.float32)
    assert convert(x, BALL, Klein(dtype=jnp.bfloat16), 1.0).dtype == jnp.bfloat16
    assert convert(x, Poincare(dtype=jnp.float16), Klein(), 1.0).dtype == jnp.float16
    assert pushforward(x, x, Poincare(dtype=jnp.float16), Klein(dtype="float32"), 1.0).dtype == jnp.float32


def test_results_in_balls_stay_inside_and_gradients_are_finite() -> None:
    far = jnp.asarray(np.array([[3e8, 1.0], [0.0, -1e30], [0.0, 0.0]], np.float32))
    rng = np.random.default_rng(4)  # and where rounding could just carry the result across the boundary
    edge = jnp.asarray(10 ** rng.uniform(3, 5, (4000, 1)) * rng.standard_normal((4000, 2)), jnp.float32)
    for model in (BALL, Klein(), HalfSpace()):
        move = functools.partial(convert, source=ProperVelocity(), target=model)
        points = jax.vmap(lambda x, m=move: m(x, c=2.0))(jnp.concatenate([far, edge]))
        assert np.isfinite(points).all()
        if not isinstance(model, HalfSpace):
            assert (2.0 * np.sum(np.asarray(points, np.float64) ** 2, 1) < 1).all()
        slope = jax.vmap(jax.grad(lambda x, c, m=move: m(x, c=c).sum(), argnums=(0, 1)), (0, None))
        assert all(np.isfinite(g).all() for g in slope(far, 2.0))


@pytest.mark.parametrize("source", [BALL, Klein(), ProperVelocity()], ids=repr)
def test_time_at_the_origin_has_its_second_derivative(source) -> None:
    """It is (1 + c d^2/2)/sqrt(c) to second order; the coordinates are 1/lambda of a length."""
    scale = source.conformal_factor(jnp.zeros(2), 2.0) if source == BALL else 1.0
    bend = jax.hessian(lambda x: convert(x, source, SHEET, 2.0)[0])(jnp.zeros(2, DTYPE))
    np.testing.assert_allclose(bend, np.sqrt(2.0) * scale**2 * np.eye(2), rtol=16 * UNIT)
    x, y = jnp.array([1.5, 0.5, 1.0], DTYPE), jnp.array([1.5, -0.5, -1.0], DTYPE)  # the result is the origin
    bend = jax.hessian(lambda y: SHEET.addition(x, y, 1.0)[0])(y)
    assert np.linalg.eigvalsh(np.asarray(bend, np.float64)[1:, 1:]).min() > 0.1


@pytest.mark.parametrize("bad", [Euclidean(), Sphere(), Klein, "klein", None], ids=repr)
def test_models_that_are_not_hyperbolic_are_refused(bad) -> None:
    x = jnp.array([0.1, 0.2])
    with pytest.raises(TypeError, match="convert: `source` must be a model of hyperbolic space"):
        convert(x, bad, BALL, 1.0)
    with pytest.raises(TypeError, match="pushforward: `target` must be a model of hyperbolic space"):
        pushforward(x, x, BALL, bad, 1.0)


def test_bad_arrays_are_refused() -> None:
    x = jnp.array([0.1, 0.2])
    with pytest.raises(ValueError, match=r"Klein.convert: `x` must have rank 1.*jax.vmap"):
        convert(jnp.stack([x, x]), Klein(), BALL, 1.0)
    with pytest.raises(ValueError, match=r"Hyperboloid.convert: `x` has 1 coordinates, expected at least 2"):
        convert(x[:1], SHEET, BALL, 1.0)
    with pytest.raises(ValueError, match=r"Klein.pushforward: `x` has 1 in dimension `dim`"):
        pushforward(x, x[:1], Klein(), BALL, 1.0)
    with pytest.raises(ValueError, match=r"Klein.convert: `c` must be positive"):
        convert(x, Klein(), BALL, -1.0)
