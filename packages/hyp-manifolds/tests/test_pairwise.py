"""Distances of all pairs: the oracle's for near pairs far out, the pairs' own in every block, memory, sharding."""

import functools
import os
import subprocess
import sys
from typing import Any

import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest
from hyp_manifolds import MODELS, Hyperboloid, Manifold, Poincare, Product
from hyp_manifolds.pairwise import pairwise_dist, pairwise_sum
from hyp_manifolds.testing import EPS, GRADIENT, make_batch, make_sample, plan_for
from hyp_manifolds.testing.oracle import ORACLES, vector, vjp

NARROW = not jax.config.jax_enable_x64
DTYPE = np.float32 if NARROW else np.float64
UNIT = EPS[np.dtype(DTYPE).name]
BALL, SHEET = Poincare(), Hyperboloid()
ALL: dict[str, Manifold] = {**MODELS, "product": Product.from_signature("P2 S2 E2")}
DIM = 6
C = 0.7
# One for every way to a distance; float64 has only one.
DISTINCT = ("poincare", "sphere", "stereographic", "product")[:: 1 if NARROW else 3]


def each(manifold: Manifold):
    """The pairs' own distances."""
    return jax.vmap(jax.vmap(manifold.dist, (None, 0, None)), (0, None, None))


@functools.cache
def points(name: str) -> tuple[jax.Array, jax.Array]:
    """Two sets with points in common, and with points that are nearly so."""
    s = make_sample(ALL[name], DIM, (C,), dtype=DTYPE, radius=3.0, rows=53)
    x, y, v = (jnp.asarray(a) for a in (s.x, s.y, s.v))
    near = jax.vmap(ALL[name].expmap, (0, 0, None))(DTYPE(1e-6) * v[:5], x[:5], DTYPE(C))
    return x, jnp.concatenate([x[:9], y[:39], near])


def weighted(fn):
    """The sum of sines of distances with weights, the distances, and the derivatives by points and curvature."""

    def value(x, y, c, weights):
        d = fn(x, y, c)
        return jnp.sum(weights * jnp.sin(d)), d

    return jax.jit(jax.value_and_grad(value, (0, 1, 2), has_aux=True))


@functools.cache
def pairs_own(name: str):
    """`weighted` of the pairs' own distances, compiled once for all tests of a manifold."""
    return weighted(each(ALL[name]))


def close(got, want, eps: float) -> None:
    """To eps units of each number, or of the largest for gradients."""
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        assert a.shape == b.shape and a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=eps * UNIT, atol=eps * UNIT * float(np.max(np.abs(b), initial=0.0)))


# The oracle --------------------------------------------------------------------------------------------------------


@functools.cache
def batch_of(model: str):
    batch = make_batch(model, np.dtype(DTYPE).name, 4, (C,), 0, plan_for(np.dtype(DTYPE).name))
    return batch, [i for i, regime in enumerate(batch.regime) if "tangent" not in regime and regime != "outside"]


@pytest.mark.parametrize("model", ["poincare", "hyperboloid", "half_space", "sphere", "euclidean"])
def test_near_and_far_pairs_are_the_oracles(model: str) -> None:
    batch, rows = batch_of(model)
    x, y = (jnp.asarray(batch.arrays[k][rows]) for k in "xy")
    got = np.asarray(pairwise_dist(MODELS[model], x, y, C))
    own = np.asarray(jax.jit(jax.vmap(MODELS[model].dist, (0, 0, None)))(x, y, C))
    exact = ORACLES[model].operations["dist"].function
    judged = 0
    with mp.workdps(120):
        c = mp.mpf(float(DTYPE(C)))
        for k, i in enumerate(rows):
            want = exact(vector(batch.chart["x"][i]), vector(batch.chart["y"][i]), c)
            if not want:
                assert got[k, k] == 0
                continue
            error, theirs = (float(abs(mp.mpf(float(d)) - want) / want) / UNIT for d in (got[k, k], own[k]))
            assert error <= max(4, theirs + 1), (batch.regime[i], batch.radius[i])
            judged += 1
    assert judged > 10


@pytest.mark.parametrize("model", ["poincare", "hyperboloid"])
def test_gradients_of_sums_are_the_oracles(model: str) -> None:
    """x == y on the diagonal counts nothing; near pairs at scaled radius 8 keep their digits."""
    rng = np.random.default_rng(3)
    base = rng.standard_normal(3)
    base *= np.sinh(8.0 if model == "hyperboloid" else 4.0) / np.linalg.norm(base) / np.sqrt(C)
    size = np.array([[0.0], [1e-4], [1e-2], [1.0], [-0.5]])
    s = (base * (1 + 0.1 * size) + size * rng.standard_normal((5, 3))).astype(DTYPE)
    if model == "hyperboloid":
        x = np.concatenate([np.sqrt(1 / C + np.sum(s.astype(float) ** 2, 1, keepdims=True)), s], 1).astype(DTYPE)
        chart = x[:, 1:]
    else:
        x = chart = (s / (1 + np.sqrt(1 + C * np.sum(s.astype(float) ** 2, 1, keepdims=True)))).astype(DTYPE)
    f = jax.jit(jax.grad(lambda x, c: jnp.sum(pairwise_dist(MODELS[model], x, x, c)), (0, 1)))
    by_x, by_c = f(jnp.asarray(x), DTYPE(C))
    dist = ORACLES[model].operations["dist"]
    with mp.workdps(80):
        c, total = mp.mpf(float(DTYPE(C))), [mp.mpf(0)] * 4
        rows = [[mp.mpf(0)] * 3 for _ in range(5)]
        for i in range(5):
            for j in range(5):
                if i != j:
                    a, b, k = vjp(dist, [vector(chart[i]), vector(chart[j])], c, [mp.mpf(1)])
                    rows[i] = [p + q for p, q in zip(rows[i], a, strict=True)]
                    rows[j] = [p + q for p, q in zip(rows[j], b, strict=True)]
                    total[0] += k[0]
        want = np.array(rows, float)
    got = np.asarray(by_x, float)[:, -3:]
    # each pair's gradient is rounded at its own condition number, e^r of a near pair's
    scale = np.linalg.norm(want, axis=1, keepdims=True)
    assert np.max(np.abs(got - want) / scale) < (4 if NARROW else 1e5) * UNIT
    np.testing.assert_allclose(float(by_c), float(total[0]), rtol=(GRADIENT if NARROW else 1e8) * UNIT)


# The pairs' own ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", DISTINCT)
def test_blocks_are_the_pairs_own_with_gradients(name: str) -> None:
    x, y = points(name)
    c = jnp.full(3 if name == "product" else (), C, DTYPE)
    in_blocks = functools.partial(pairwise_dist, ALL[name], memory=20_000)
    summed = jax.jit(
        jax.value_and_grad(
            lambda x, y, c: pairwise_sum(ALL[name], lambda d, i: jnp.sum(jnp.sin(d)), x, y, c, memory=20_000), (0, 1, 2)
        )
    )
    d = jax.jit(in_blocks)(x, y, c)
    ones = jnp.ones((len(x), len(y)), DTYPE)
    (value, own), slopes = pairs_own(name)(x, y, c, ones)
    np.testing.assert_allclose(d, own, rtol=4 * UNIT)
    np.testing.assert_array_equal(np.diagonal(d)[:9], 0)
    close(weighted(in_blocks)(x, y, c, ones), ((value, own), slopes), 64)
    close(summed(x, y, c), (value, slopes), 64)


@pytest.mark.parametrize("name", DISTINCT)
def test_a_set_with_itself_is_computed_once_and_is_the_pairs_own(name: str) -> None:
    """Square blocks, of whole and of remaining rows, with a cotangent that is not symmetric."""
    x, _ = points(name)
    x = jnp.concatenate([x[:50], x[:3]])  # coincident points off the diagonal
    c = jnp.full(3 if name == "product" else (), C, DTYPE)
    weights = jnp.asarray(np.random.default_rng(0).uniform(size=(len(x), len(x))), DTYPE)

    def in_blocks(x, c):
        return pairwise_dist(ALL[name], x, x, c, memory=20_000)

    def total(x, c):
        d = in_blocks(x, c)
        return jnp.sum(weights * jnp.sin(d)), d

    d = jax.jit(in_blocks)(x, c)
    (value, own), (by_x, by_y, by_c) = pairs_own(name)(x, x, c, weights)
    np.testing.assert_allclose(d, own, rtol=4 * UNIT)
    np.testing.assert_array_equal(np.diagonal(d), 0)
    itself = jax.jit(jax.value_and_grad(total, (0, 1), has_aux=True))
    close(itself(x, c), ((value, own), (by_x + by_y, by_c)), 64)


@pytest.mark.parametrize("manifold", [BALL, SHEET], ids=repr)
def test_a_row_with_many_near_pairs(manifold: Manifold) -> None:
    """More than the slots of a block: all its pairs are computed by differences, with the same gradients."""
    u = np.concatenate([np.full((45, 1), 3.0), 1e-4 * np.random.default_rng(0).standard_normal((45, 3))], 1)
    x = jnp.asarray(u / np.sqrt(1 + np.sum(u * u, 1, keepdims=True)) * 0.9, DTYPE)
    if manifold is SHEET:
        x = jnp.asarray(np.concatenate([np.sqrt(1 + np.sum(u * u, 1, keepdims=True)), u], 1), DTYPE)
    y = jnp.concatenate([x, -x[:5]])
    d = pairwise_dist(manifold, x, y, 1.0)
    np.testing.assert_allclose(d, jax.jit(each(manifold))(x, y, 1.0), rtol=4 * UNIT)
    got, want = (
        jax.jit(jax.grad(lambda x, y, c, f=f: jnp.sum(f(x, y, c)), (0, 1, 2)))(x, y, DTYPE(1))
        for f in (functools.partial(pairwise_dist, manifold), each(manifold))
    )
    close(got, want, 64)


def test_fast_keeps_what_it_promises() -> None:
    x, y = points("poincare")
    exact, fast = (np.asarray(pairwise_dist(BALL, x, y, C, mode=m), float) for m in ("accurate", "fast"))
    r, q = (np.sqrt(C) * np.asarray(jax.vmap(BALL.dist_0, (0, None))(p, C), float) for p in (x, y))
    error = np.abs(np.cosh(np.sqrt(C) * exact) - np.cosh(np.sqrt(C) * fast))
    assert (error <= 2.0**-23 * (DIM / 4 + 8) * np.cosh(r)[:, None] * np.cosh(q) + 1e-6 * np.cosh(exact)).all()
    assert np.max(np.abs(exact - fast)) > 1e-5  # and no more
    slope = jax.grad(lambda x: jnp.sum(pairwise_dist(BALL, x, y, C, mode="fast")))(x)
    assert np.isfinite(slope).all()


# Memory and machines -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("manifold", [BALL, SHEET, MODELS["euclidean"], MODELS["stereographic"]], ids=repr)
def test_memory_is_that_of_a_block(manifold: Manifold) -> None:
    n, d = 1500, 32
    x, c = jax.ShapeDtypeStruct((n, manifold.ambient_dim(d)), DTYPE), jax.ShapeDtypeStruct((), DTYPE)
    budget, own = 2**21, 16 * n * (d + 2) * 8  # and what the points themselves take

    def used(fn) -> int:
        analysis: Any = jax.jit(fn).lower(x, c).compile().memory_analysis()
        return analysis.temp_size_in_bytes

    def stress(x, c):
        return pairwise_sum(manifold, lambda d, i: jnp.sum(d * d), x, x, c, memory=budget)

    assert used(lambda x, c: pairwise_dist(manifold, x, x, c, memory=budget)) < 3 * budget + own
    assert used(jax.value_and_grad(stress, (0, 1))) < 4 * budget + own < n * n * 8


SHARDED = """
import jax, jax.numpy as jnp, numpy as np
from jax.sharding import NamedSharding, PartitionSpec as P
from hyp_manifolds import Poincare
from hyp_manifolds.pairwise import pairwise_dist
assert jax.device_count() == 8
x = jnp.tanh(jax.random.normal(jax.random.key(0), (64, 5))) * 0.4
mesh = jax.make_mesh((8,), ("rows",), axis_types=(jax.sharding.AxisType.Auto,))
rows = NamedSharding(mesh, P("rows"))
f = jax.jit(jax.value_and_grad(lambda x, y: jnp.sum(pairwise_dist(Poincare(), x, y, 1.0) ** 2), (0, 1)))
g = jax.jit(lambda x, y: pairwise_dist(Poincare(), x, y, 1.0))
one, many = ((f(a, x), g(a, x)) for a in (x, jax.device_put(x, rows)))
for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(many), strict=True):
    np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)
itself = jax.jit(jax.value_and_grad(lambda x: jnp.sum(pairwise_dist(Poincare(), x, x, 1.0, memory=2**13) ** 2)))
for a, b in zip(itself(x), itself(jax.device_put(x, rows)), strict=True):
    np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)
each = jax.shard_map(itself, mesh=mesh, in_specs=P("rows"), out_specs=(P(), P("rows")), check_vma=False)
np.testing.assert_allclose(each(x)[1][:8], itself(x[:8])[1], rtol=1e-5, atol=1e-5)
by_rows = jax.shard_map(g, mesh=mesh, in_specs=(P("rows"), P()), out_specs=P("rows"))
np.testing.assert_allclose(jax.jit(by_rows)(x, x), one[1], rtol=1e-6, atol=1e-6)
part = lambda x, y: jax.lax.psum(jnp.sum(pairwise_dist(Poincare(), x, y, 1.0) ** 2), "rows")
total = jax.shard_map(part, mesh=mesh, in_specs=(P("rows"), P()), out_specs=P())
for a, b in zip(one[0][1], jax.jit(jax.grad(total, (0, 1)))(x, x), strict=True):
    np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)
"""


@pytest.mark.one_precision
def test_eight_devices_give_the_result_of_one(quick_flags: str) -> None:
    flags = f"{quick_flags} --xla_force_host_platform_device_count=8"
    env = {**os.environ, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
    done = subprocess.run([sys.executable, "-c", SHARDED], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


# Shapes, transforms, bad input -------------------------------------------------------------------------------------


def test_shapes_dtypes_and_transforms() -> None:
    x, y = points("poincare")
    d = pairwise_dist(BALL, x, y, C)
    batched = pairwise_dist(BALL, x[:50].reshape(5, 10, DIM), y[:12].reshape(3, 4, DIM), C)
    assert batched.shape == (5, 10, 3, 4)
    np.testing.assert_allclose(batched.reshape(50, 12), d[:50, :12], rtol=4 * UNIT)
    np.testing.assert_allclose(pairwise_dist(BALL, x[0], y, C), d[0], rtol=4 * UNIT)
    assert pairwise_dist(BALL, x[:0], y, C).shape == (0, len(y))
    assert pairwise_dist(BALL, x, y[:0], C).shape == (len(x), 0)
    low = pairwise_dist(BALL, x.astype(jnp.bfloat16), y.astype(jnp.bfloat16), C)
    assert low.dtype == jnp.bfloat16
    sets = jnp.stack([x[:8], 0.5 * x[:8]])
    mapped = jax.vmap(lambda a: pairwise_dist(BALL, a, y, C))(sets)
    np.testing.assert_allclose(mapped[0], d[:8], rtol=4 * UNIT)
    _, scanned = jax.lax.scan(lambda k, a: (k, pairwise_dist(BALL, a, y, k)), DTYPE(C), sets)
    np.testing.assert_allclose(scanned, mapped, rtol=4 * UNIT)
    bad = x.at[3, 0].set(jnp.nan)
    assert np.isnan(pairwise_dist(BALL, bad, y, C)[3]).all()
    assert np.isfinite(pairwise_dist(BALL, bad, y, C)[:3]).all()


@pytest.mark.one_precision
def test_gradients_of_many_sets_at_once() -> None:
    sets = jnp.stack([points("poincare")[0][:6], 0.5 * points("poincare")[1][:6]])
    grad = jax.grad(lambda a: jnp.sum(pairwise_dist(BALL, a, a, C) ** 2))  # near pairs too: each point with itself
    mapped = jax.jit(jax.vmap(grad))(sets)
    np.testing.assert_allclose(mapped, jnp.stack([jax.jit(grad)(a) for a in sets]), rtol=1e-5, atol=1e-5)


def test_bad_input_is_refused() -> None:
    x, y = points("poincare")
    with pytest.raises(TypeError, match="`manifold` must be a Manifold"):
        pairwise_dist("poincare", x, y, 1.0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match='`mode` must be "accurate" or "fast"'):
        pairwise_dist(BALL, x, y, 1.0, mode="exact")  # type: ignore[arg-type]
    for memory in (0, -1, 1.5, True):
        with pytest.raises(ValueError, match="`memory` must be a positive number of bytes"):
            pairwise_dist(BALL, x, y, 1.0, memory=memory)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="`y` has 3 in dimension `dim`"):
        pairwise_dist(BALL, x, y[:, :3], 1.0)
    with pytest.raises(ValueError, match="`c` must be positive"):
        pairwise_dist(BALL, x, y, -1.0)
    with pytest.raises(TypeError, match="floating dtype"):
        pairwise_dist(BALL, jnp.ones((2, 3), int), y, 1.0)
    with pytest.raises(TypeError, match="`fn` must be a function"):
        pairwise_sum(BALL, 1.0, x, y, 1.0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="`x` must have shape"):
        pairwise_sum(BALL, lambda d, i: jnp.sum(d), x[0], y, 1.0)
    with pytest.raises(ValueError, match="at least one point"):
        pairwise_sum(BALL, lambda d, i: jnp.sum(d), x[:0], y, 1.0)
