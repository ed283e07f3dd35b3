"""Proper velocities: Ungar's formulas in mpmath, the far range, opposite points, singular points, bad input."""

import functools

import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest
from hyp_manifolds import ProperVelocity
from hyp_manifolds.testing import EPS, Batched, judge, make_batch, make_sample, oracle, plan_for

DTYPE = np.float64 if jax.config.jax_enable_x64 else np.float32
UNIT = EPS[np.dtype(DTYPE).name]
DIM = 16  # shared with the law tests: each operation is compiled once
PV = ProperVelocity()
M = Batched(PV)


def exact(a):
    return [mp.mpf(float(t)) for t in a] if np.ndim(a) else mp.mpf(float(a))


def combination(*parts):
    return [mp.fsum(k * t for k, t in zip([k for k, _ in parts], column, strict=True))
            for column in zip(*(v for _, v in parts), strict=True)]  # fmt: skip


def beta(x, c):
    return 1 / mp.sqrt(1 + c * mp.fdot(x, x))


def ungar(x, y, c):
    """x + y + (beta_x/(1 + beta_x) c<x, y> + (1 - beta_y)/beta_y) x."""
    b_x, b_y = beta(x, c), beta(y, c)
    return combination((1 + b_x / (1 + b_x) * c * mp.fdot(x, y) + (1 - b_y) / b_y, x), (1, y))


def scaled(r, x, c):
    n = mp.sqrt(c * mp.fdot(x, x))
    return [mp.sinh(r * mp.asinh(n)) / n * t for t in x]


def distance(x, y, c):
    difference = ungar([-t for t in x], y, c)
    return mp.asinh(mp.sqrt(c * mp.fdot(difference, difference))) / mp.sqrt(c)


def inner(u, v, x, c):
    return mp.fdot(u, v) - c * mp.fdot(x, u) * mp.fdot(x, v) * beta(x, c) ** 2


def gradient(g, x, c):
    return combination((1, g), (c * mp.fdot(x, g), x))


def exponential(v, c):
    n = mp.sqrt(c * mp.fdot(v, v))
    return [mp.sinh(n) / n * t for t in v]


def logarithm(y, c):
    n = mp.sqrt(c * mp.fdot(y, y))
    return [mp.asinh(n) / n * t for t in y]


@functools.cache
def sample():
    return make_sample(PV, DIM, (1e-3, 1.0, 10.0), radius=3.0)


FORMULAS = {
    "addition": ("xy", ungar), "scalar_mul": ("rx", scaled), "dist": ("xy", distance), "egrad2rgrad": ("gx", gradient),
    "tangent_inner": ("uvx", inner), "expmap_0": ("o", exponential), "logmap_0": ("x", logarithm),
}  # fmt: skip


def error(got, want) -> float:
    want = want if isinstance(want, list) else [want]
    difference = [mp.mpf(float(g)) - w for g, w in zip(np.atleast_1d(got), want, strict=True)]
    return float(mp.norm(difference) / mp.norm(want)) / UNIT


@pytest.mark.parametrize("name", FORMULAS)
def test_textbook_formula(name) -> None:
    letters, formula = FORMULAS[name]
    arguments = sample().arguments(letters)
    got = M(name, *arguments)
    bound = 4 if DTYPE is np.float32 else 400  # float64 results carry the coordinates' condition number
    with mp.workdps(50):
        for row in range(0, 64, 3):
            assert error(got[row], formula(*(exact(a[row]) for a in arguments))) < bound, row


def test_beta_is_the_inverse_of_the_time() -> None:
    s = sample()
    got = np.asarray(jax.jit(jax.vmap(PV.beta))(s.x, s.c))
    with mp.workdps(50):
        assert all(error(got[row], beta(exact(s.x[row]), exact(s.c[row]))) < 4 for row in range(64))


def test_addition_of_opposite_points_far_out() -> None:
    """x (+) y for y ~ -0.9 x: y and (cosh + ...) x are 1e10 times longer than the sum."""
    rng, c = np.random.default_rng(2), 1.0
    for radius in (8.0, 12.0):
        u = rng.standard_normal(DIM)
        u /= np.linalg.norm(u)
        for share in (-0.9, -1.1):
            x, y = (np.sinh(radius) * u).astype(DTYPE), (np.sinh(share * radius) * u).astype(DTYPE)
            got = M.addition(np.stack([x, x]), np.stack([y, y]), np.full(2, c, DTYPE))[0]
            with mp.workdps(60):
                # one rounding of y turns the result by its size
                bound = 4 if DTYPE is np.float32 else 4 * np.exp(abs(share) * radius)
                assert error(got, ungar(exact(x), exact(y), mp.mpf(1))) < bound


@pytest.mark.parametrize("radius", [1e-6, 1.0, 20.0, 40.0, 80.0])
def test_the_far_range(radius) -> None:
    """dist, dist_0, exp_0 and log_0 hold to sqrt(c) d(0, x) = 80 in float32."""
    rng = np.random.default_rng(5)
    c = np.array([1e-3, 1.0, 10.0], DTYPE)
    u = rng.standard_normal((3, DIM))
    o = (radius * u / np.linalg.norm(u, axis=1)[:, None] / np.sqrt(c)[:, None].astype(float)).astype(DTYPE)
    x = M.expmap_0(o, c)
    back, size, apart = M.logmap_0(x, c), M.dist_0(x, c), M.dist(x, (-x).astype(DTYPE), c)
    with mp.workdps(80):
        for row in range(3):
            k, point = exact(c[row]), exact(x[row])
            length = mp.asinh(mp.sqrt(k * mp.fdot(point, point))) / mp.sqrt(k)
            # the exponential has condition number `radius`
            assert error(x[row], exponential(exact(o[row]), k)) < 3 * max(1, radius)
            assert error(back[row], logarithm(point, k)) < 3
            assert error(size[row], length) < 3
            assert error(apart[row], 2 * length) < 3


def test_every_vector_is_a_point() -> None:
    x = jnp.array([3e30, -1.0, 0.0], jnp.float32)
    assert (PV.proj(x, 1.0) == x).all() and bool(PV.is_in_manifold(x, 1.0))
    assert not bool(PV.is_in_manifold(x.at[0].set(jnp.nan), 1.0))
    assert (PV.tangent_proj(x, 0 * x, 1.0) == x).all() and bool(PV.is_in_tangent_space(x, x, 1.0))


def test_gradients_are_finite_where_formulas_are_singular() -> None:
    zero, x = jnp.zeros(3, jnp.float32), jnp.array([0.3, -0.2, 0.5], jnp.float32)
    a = jnp.stack([zero, x, x, -x, zero])
    b = jnp.stack([zero, x, zero, x, x])

    def total(a, b, c):
        return (PV.dist(a, b, c) + PV.addition(a, b, c).sum() + PV.expmap(a, b, c).sum() + PV.logmap(a, b, c).sum()
                + PV.beta(a, c) + PV.ptransp(a, b, a, c).sum())  # fmt: skip

    gradients = jax.jit(jax.vmap(jax.grad(total, argnums=(0, 1, 2)), in_axes=(0, 0, None)))(a, b, jnp.float32(1.3))
    assert all(np.isfinite(g).all() for g in gradients)


def test_bad_input_is_refused() -> None:
    x = jnp.array([0.1, 0.2])
    with pytest.raises(ValueError, match=r"ProperVelocity.beta: `x` must have rank 1.*jax.vmap"):
        PV.beta(jnp.stack([x, x]), 1.0)
    with pytest.raises(ValueError, match=r"ProperVelocity.addition: `y` has 1 in dimension `dim`"):
        PV.addition(x, x[:1], 1.0)
    with pytest.raises(ValueError, match=r"ProperVelocity.dist: `c` must be positive"):
        PV.dist(x, x, -1.0)
    with pytest.raises(ValueError, match="version_idx"):
        PV.dist(x, x, 1.0, version_idx=1)


def test_a_result_beyond_the_range_is_infinite_whatever_the_compiler_contracts() -> None:
    """cosh(theta) x and sinh(theta)/theta v overflow with opposite signs where their sum does not cancel."""
    definition = oracle.oracle_for(PV)
    assert definition is not None
    batch = make_batch("proper_velocity", np.dtype(DTYPE).name, DIM, (1e-6, 1.0), 0, plan_for(np.dtype(DTYPE).name))
    failures = judge(PV, definition, "expmap", batch, compiler_options={"xla_backend_optimization_level": 0})
    assert not failures, "\n".join(map(str, failures))
