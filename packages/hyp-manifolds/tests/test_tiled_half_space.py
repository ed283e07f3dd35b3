"""Points in tiles against mpmath: their own integers say exactly where they are, at any distance."""

import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest
from hyp_manifolds import HalfSpace, Hyperboloid, Klein, Poincare, TiledHalfSpace, convert, pairwise_dist
from hyp_manifolds._numerics.digits import accumulate, difference
from hyp_manifolds.testing import EPS, Batched, law_violations

DTYPE = np.float64 if jax.config.jax_enable_x64 else np.float32
UNIT = EPS[np.dtype(DTYPE).name]
LIMBS, DIM, BITS = 84, 3, 23
SPACE = TiledHalfSpace(limbs=LIMBS)
M = Batched(SPACE)
ONE = DTYPE(1.0)
LAWS = (
    "distance_has_gradient_zero_at_coincident_points", "distance_to_itself_is_zero", "log_inverts_exp",
    "exp_inverts_log", "exp_walks_the_length_of_the_tangent", "maps_at_the_origin_agree_with_the_general_ones",
    "exp_of_zero_stays", "retraction_agrees_to_first_order", "transport_is_an_isometry", "transport_inverts",
    "transport_carries_geodesics", "transport_is_linear", "inner_product_and_norm_agree",
    "riemannian_gradient_represents_the_differential", "tangent_projection_is_idempotent", "projection_is_idempotent",
    "projection_keeps_points", "triangle_inequality", "squared_distance", "distance_from_the_origin",
    "geodesics_have_constant_speed", "geodesic_follows_the_exponential_map", "unit_geodesics_walk_the_time",
    "origin_is_the_neutral_element", "left_cancellation", "translation_is_an_isometry",
    "distance_is_the_length_of_the_difference", "scalars_act_along_the_ray",
    "gyration_is_what_addition_fails_to_commute_by",
)  # fmt: skip


@pytest.fixture(autouse=True)
def digits():
    with mp.workprec(2 * BITS * LIMBS + 200):
        yield


def stored(limbs, x):
    """Where an array says that it is: offsets and height, exactly; and the unit of its place."""
    dim = (len(x) - 1 + limbs) // (limbs + 1)
    whole = [mp.mpf(float(t)) for t in x]
    rows = [whole[i * limbs : (i + 1) * limbs] for i in range(dim - 1)]
    unit = mp.ldexp(1, int(x[-dim - 1]))
    offsets = [mp.fsum(d * mp.ldexp(1, BITS * (limbs // 2 - 1 - i)) for i, d in enumerate(row)) for row in rows]
    return [a + unit * b for a, b in zip([*offsets, mp.mpf(0)], whole[-dim:], strict=True)], unit


def encoded(limbs, point):
    """The array of a point, its place rounded to the dtype."""
    e = int(mp.floor(mp.log(point[-1], 2)))
    row, places = [], []
    for a in point[:-1]:
        n = int(mp.nint(a / mp.ldexp(1, e)))
        places.append(a / mp.ldexp(1, e) - n)
        own = []
        whole = n << (e + BITS * limbs // 2)
        for _ in range(limbs):
            digit = (whole + 2 ** (BITS - 1)) % 2**BITS - 2 ** (BITS - 1)
            own.append(digit)
            whole = (whole - digit) >> BITS
        assert whole == 0
        row += own[::-1]
    return np.array([*row, e, *places, point[-1] / mp.ldexp(1, e)], float).astype(DTYPE)


def apart(x, y):
    u = [a - b for a, b in zip(x, y, strict=True)]
    return 2 * mp.asinh(mp.norm(u) / (2 * mp.sqrt(x[-1] * y[-1])))


def slope(x, y):
    """The derivative of the distance by x."""
    u = [a - b for a, b in zip(x, y, strict=True)]
    by_cosh = [t / (x[-1] * y[-1]) for t in u]
    by_cosh[-1] -= mp.fdot(u, u) / (2 * x[-1] ** 2 * y[-1])
    return [t / mp.sinh(apart(x, y)) for t in by_cosh]


def pairs():
    """Pairs at random far places, near ones within a tile and across its sides, and ones far apart in height."""
    rng = np.random.default_rng(3)

    def somewhere(exponent):
        height = mp.ldexp(mp.mpf(rng.uniform(1, 2)), exponent)
        return [mp.ldexp(mp.mpf(int(rng.integers(-(2**52), 2**52))), -60 - 7 * i) * mp.pi for i in range(DIM - 1)] + [
            height
        ]

    def nudged(x, across, up):
        return [*(a + x[-1] * across * (-1) ** i for i, a in enumerate(x[:-1])), x[-1] * (1 + up)]

    made = [(somewhere(-e), somewhere(-f)) for e, f in [(0, 0), (3, 90), (400, 400), (900, 10), (5, 900), (940, 941)]]
    for gap in (1e-7, 1e-3, 0.1, 3.0):
        for exponent in (-2, -500):
            x = somewhere(exponent)
            made.append((x, nudged(x, gap, gap)))
            side = [mp.ldexp(mp.nint(mp.ldexp(a, -exponent)) + mp.mpf(0.5), exponent) for a in x[:-1]]
            edge = [*side, mp.ldexp(1, exponent)]
            made.append((nudged(edge, -gap / 2, -gap / 4), nudged(edge, gap / 2, gap / 4)))
    made += [(x, [*x[:-1], x[-1] * mp.exp(s)]) for s in (300, -300) for x in [somewhere(-450)]]
    wide = [mp.mpf(2) ** 900, -(mp.mpf(2) ** 899), mp.mpf(3)]
    made += [(wide, somewhere(-30)), (wide, nudged(wide, 1e-4, 0.0))]
    return tuple(np.stack([encoded(LIMBS, p) for p in column]) for column in zip(*made, strict=True))


with mp.workprec(2 * BITS * LIMBS + 200):
    X, Y = pairs()
C = np.full(len(X), ONE)


def relative(got, want):
    want = [mp.mpf(t) for t in np.atleast_1d(want)]
    return float(mp.norm([mp.mpf(float(g)) - w for g, w in zip(np.atleast_1d(got), want, strict=True)]) / mp.norm(want))


def test_digits_never_need_a_chain_of_carries():
    """Differences and sums of numbers whose digits are as large as they may be, against integers."""
    rng, count, low = np.random.default_rng(0), 12, BITS * 6
    largest = 2 ** (BITS - 1) + 4
    rows = rng.choice([-largest, 1 - largest, -1, 0, 0, 1, largest - 1, largest], (200, 2, 1, count)).astype(float)
    rows[::4, 0] = rows[::4, 1]
    rows[::4, 0, 0, 4] += 1.0
    rows[::4, 0, 0, 5:9] -= 2.0**BITS - 1  # one digit more and then as many fewer as they can be: almost nothing
    terms = rng.uniform(-0.5, 0.5, 200), rng.integers(-137, 60, 200).astype(float), rng.integers(-138, 60, 200)
    with jax.enable_x64(True):  # as within an operation
        subtracted = jax.jit(jax.vmap(difference))(rows[:, 0], rows[:, 1])
        added = jax.jit(jax.vmap(lambda x, t, k, unit: accumulate(x, ((t, k),), unit)))(
            rows[:, 1], terms[0][:, None], terms[1], terms[2].astype(float)
        )
        (m, e, apart), (kept, rest, ok) = jax.tree.map(np.asarray, (subtracted, added))
    weights = [mp.ldexp(1, BITS * (count // 2 - 1 - i)) for i in range(count)]
    value = lambda digits: mp.fsum(mp.mpf(float(d)) * w for d, w in zip(digits, weights, strict=True))  # noqa: E731
    for i, (y, x) in enumerate(rows[:, :, 0]):
        want = value(y) - value(x)
        assert bool(apart[i]) == (want != 0)
        assert abs(mp.ldexp(mp.mpf(float(m[i, 0])), int(e[i])) - want) <= abs(want) * mp.mpf(2) ** -52
        unit = mp.ldexp(1, int(terms[2][i]))
        total = value(x) + mp.ldexp(mp.mpf(terms[0][i]), int(terms[1][i]))
        if abs(total) < mp.ldexp(1, low - 2):
            assert ok[i] and np.abs(kept[i]).max() <= largest and abs(rest[i, 0]) <= 0.5
            assert value(kept[i, 0]) / unit == mp.nint(value(kept[i, 0]) / unit)
            assert abs(value(kept[i, 0]) + unit * mp.mpf(float(rest[i, 0])) - total) <= unit * mp.mpf(2) ** -50


def test_distances_at_any_distance():
    near, far = np.inf, 0.0
    for x, y, d, dd in zip(X, Y, M.dist(X, Y, C), M.sqdist(X, Y, C), strict=True):
        want = apart(stored(LIMBS, x)[0], stored(LIMBS, y)[0])
        near, far = min(near, float(want)), max(far, float(want))
        assert relative(d, want) <= 4 * UNIT, float(want)
        assert relative(dd, want**2) <= 6 * UNIT, float(want)
    assert near < 1e-6 and far > 1000  # what the cases are for


def test_gradients_and_logarithms_at_any_distance():
    gradients, logs = M.grad_dist(X, Y, C), M.logmap(Y, X, C)
    for x, y, g, v in zip(X, Y, gradients, logs, strict=True):
        (p, unit), (q, _) = stored(LIMBS, x), stored(LIMBS, y)
        exact = [t * unit for t in slope(p, q)]
        assert not g[:-DIM].any() and not v[:-DIM].any()
        assert relative(g[-DIM:], exact) <= 5 * UNIT
        assert relative(v[-DIM:], [-apart(p, q) * (p[-1] / unit) ** 2 * t for t in exact]) <= 5 * UNIT


def test_transport_carries_far_logarithms():
    there, back = M.logmap(Y, X, C), M.logmap(X, Y, C)
    carried = M.ptransp(there, X, Y, C)
    size = np.linalg.norm(back.astype(float), axis=1)
    assert (np.linalg.norm((carried + back).astype(float), axis=1) <= 8 * UNIT * size).all()
    across = np.zeros_like(X)
    across[:, -DIM:] = np.random.default_rng(1).standard_normal((len(X), DIM))
    moved = M.ptransp(across, X, Y, C)
    for a, b in (("tangent_inner", (across, there, X)), ("tangent_norm", (across, X))):
        now = (moved, carried, Y) if a == "tangent_inner" else (moved, Y)
        want = M.flat(a, *b, C)
        scale = M.flat("tangent_norm", across, X, C) * (M.flat("tangent_norm", there, X, C) if len(b) == 3 else 1)
        assert (np.abs(M.flat(a, *now, C) - want) <= 8 * UNIT * scale).all()


def walked(v, x, unit):
    """The circle about a point of the boundary, as in the tests of the half-space."""
    v = [unit * mp.mpf(float(t)) for t in v]
    across, length = mp.norm(v[:-1]), mp.norm(v)
    if not across:
        return [*x[:-1], x[-1] * mp.exp(v[-1] / x[-1])]
    radius, start = x[-1] * length / across, -mp.asinh(v[-1] / across)
    end = start + length / x[-1]
    moved = radius * (mp.tanh(end) - mp.tanh(start)) / across
    return [a + moved * b for a, b in zip(x[:-1], v[:-1], strict=True)] + [radius / mp.cosh(end)]


def test_steps_of_any_length():
    rng, v = np.random.default_rng(2), np.zeros_like(X)
    length = np.resize([0.0, 1e-6, 0.3, 2.0, 10.0, 25.0, 290.0, 310.0, 500.0], len(X))
    v[:, -DIM:] = rng.standard_normal((len(X), DIM))
    v[::3, -DIM:-1] *= 1e-30  # nearly upright
    v[1::6, -DIM:-1] = 0.0
    size = length * X[:, -1] / np.linalg.norm(v.astype(float), axis=1)
    v = (v * size[:, None]).astype(DTYPE)
    inside = 0
    for x, tangent, end in zip(X, v, M.expmap(v, X, C), strict=True):
        p, unit = stored(LIMBS, x)
        want = walked(tangent[-DIM:], p, unit)
        bound = (BITS * LIMBS // 2 - 2) * mp.log(2)
        reach = max(abs(mp.log(want[-1])), *(mp.log(abs(a) + 1) for a in want[:-1]))
        if reach > bound + 2:
            assert np.isnan(end).all() or np.isnan(end[-DIM:]).all()
        elif reach < bound - 2:
            inside += 1
            s = float(mp.norm([mp.mpf(float(t)) for t in tangent[-DIM:]]) / mp.mpf(float(x[-1])))
            full = tangent[-DIM:].astype(float)
            w = np.linalg.norm(full[:-1]) / max(np.linalg.norm(full), 1e-300)
            # across, a displacement of eps w sinh(s) shows as up to that distance, and beyond 1 as its logarithm
            off = mp.asinh(2**-50 * w * mp.sinh(s)) + 4 * UNIT * (1 + s)
            assert apart(stored(LIMBS, end)[0], want) <= 2 * off, (s, w)
    assert inside >= 15


def test_geodesics_between_far_points():
    t = np.resize(np.array([0.0, 0.1, 0.5, 0.75, 1.0], DTYPE), len(X))
    for x, y, s, z in zip(X, Y, t, M.geodesic(t, X, Y, C), strict=True):
        p, q, r = (stored(LIMBS, a)[0] for a in (x, y, z))
        d = float(apart(p, q))
        slack = 16 * UNIT * (1 + d)
        assert abs(float(apart(p, r)) - s * d) <= slack and abs(float(apart(r, q)) - (1 - s) * d) <= slack


@pytest.mark.one_precision
@pytest.mark.parametrize("name", LAWS)
def test_laws(name):
    assert law_violations(SPACE, name, dims=(DIM,)) == []


def test_a_long_walk_by_short_steps_returns_its_length():
    """200 steps of 10 in one direction, turned by transport, under one scan; and the gradient of its end."""
    space = TiledHalfSpace.reaching(2010.0)
    start = space.create_origin(1.0, 2)
    ahead = jnp.zeros_like(start).at[-2:].set(jnp.array([6.0, -8.0]))

    def step(so_far, _):
        x, v = so_far
        y = space.expmap(v, x, 1.0)
        return (y, space.ptransp(v, x, y, 1.0)), y

    (end, _), way = jax.jit(lambda v: jax.lax.scan(step, (start, v), length=200))(ahead)
    d = jax.jit(jax.vmap(space.dist, (0, None, None)))(way, start, 1.0)
    np.testing.assert_allclose(d, 10.0 * np.arange(1, 201), rtol=64 * UNIT)
    np.testing.assert_allclose(space.dist(way[-2], end, 1.0), 10.0, rtol=64 * UNIT)
    by_end, by_start = jax.grad(space.dist)(end, start, 1.0), jax.grad(space.dist)(start, end, 1.0)
    for g, x, want in ((by_end, end, 1.0), (by_start, start, 1.0)):
        np.testing.assert_allclose(space.tangent_norm(space.egrad2rgrad(g, x, 1.0), x, 1.0), want, rtol=16 * UNIT)
    np.testing.assert_allclose(by_start[-2:], [-0.6, 0.8], atol=16 * UNIT)


@pytest.mark.one_precision
def test_derivatives_through_a_step_are_those_of_the_half_space():
    """Also with 64-bit mode off, where late rules could meet the wrong dtype."""
    space, half = TiledHalfSpace(limbs=4), HalfSpace()
    x = half.expmap_0(jnp.array([0.3, -0.9], DTYPE), 1.0)
    y = half.expmap_0(jnp.array([-1.3, 0.4], DTYPE), 1.0)
    p, q = (convert(a, half, space, 1.0) for a in (x, y))
    scale = 2.0 ** float(p[-3])
    v = jnp.array([0.2, 0.5], DTYPE)

    def loss(m, place, at, to, k):
        return m.sqdist(m.expmap(jnp.zeros_like(at).at[-2:].set(k * place), at, 1.0), to, 1.0)

    want = jax.jit(jax.hessian(lambda t: loss(half, t, x, y, 1.0)))(v)
    got = jax.jit(jax.hessian(lambda t: loss(space, t, p, q, 1 / scale)))(v)
    np.testing.assert_allclose(got, want, rtol=100 * UNIT)
    by_x = jax.jit(jax.grad(lambda t: loss(half, v, t, y, 1.0)))(x)
    by_place = jax.jit(jax.grad(lambda t: loss(space, v, t, q, 1 / scale)))(p)
    np.testing.assert_allclose(by_place[-2:], scale * by_x, rtol=100 * UNIT)
    assert not by_place[:-2].any()


@pytest.mark.one_precision
def test_conversion_keeps_points_or_refuses_them():
    half = HalfSpace()
    for model in (Poincare(), Hyperboloid(), Klein(), half):
        x = convert(half.expmap_0(jnp.array([0.5, -1.0, 2.0], DTYPE), 0.5), half, model, 0.5)
        there = convert(x, model, SPACE, 0.5)
        assert SPACE.is_in_manifold(there, 0.5)
        np.testing.assert_allclose(convert(there, SPACE, model, 0.5), x, rtol=64 * UNIT, atol=8 * UNIT)
        np.testing.assert_allclose(SPACE.dist_0(there, 0.5), model.dist_0(x, 0.5), rtol=64 * UNIT)
    far = SPACE.expmap_0(jnp.zeros_like(there).at[-1].set(-40.0), 1.0)
    assert np.isnan(convert(far, SPACE, Poincare(), 1.0)).all()
    assert np.isnan(convert(far, SPACE, TiledHalfSpace(limbs=4), 1.0)[-DIM:]).all()
    few = convert(there, SPACE, TiledHalfSpace(limbs=4), 1.0)
    np.testing.assert_array_equal(convert(few, TiledHalfSpace(limbs=4), SPACE, 1.0), there)
    assert pairwise_dist(SPACE, jnp.stack([there, far]), there[None], 1.0).shape == (2, 1)


def test_what_cannot_be_held_is_refused():
    space = TiledHalfSpace(limbs=4)
    origin = space.create_origin(1.0, 2)
    down = jnp.zeros_like(origin).at[-1].set(-1.0)
    assert np.isnan(space.expmap_0(40 * down, 1.0)[-2:]).all() and space.reach < 40
    assert np.isfinite(space.expmap_0(30 * down, 1.0)).all()


@pytest.mark.one_precision
def test_what_turns_far_points_about_the_origin_is_refused():
    c, r = np.full(1, ONE), np.ones(1, DTYPE)
    o = np.zeros((2, SPACE.ambient_dim(DIM)), DTYPE)
    o[:, -2:] = [[30.0, -30.0], [0.3, 0.4]]
    x, y = np.split(M.expmap_0(o, np.full(2, ONE)), 2)
    assert np.isfinite(M.addition(x, y, c)).all() and np.isnan(M.addition(y, x, c)).all()
    assert np.isfinite(M.scalar_mul(0.5 * r, x, c)).all() and np.isnan(M.scalar_mul(-r, x, c)).all()
    assert np.isnan(M.gyration(y, y, x, c)).all()


def test_bad_input():
    with pytest.raises(ValueError, match="`limbs` must be even, got 3"):
        TiledHalfSpace(limbs=3)
    with pytest.raises(ValueError, match="`limbs` must be at least 1"):
        TiledHalfSpace(limbs=0)
    for radius in (0.0, -1.0, np.inf, np.nan):
        with pytest.raises(ValueError, match="`radius` must be positive and finite"):
            TiledHalfSpace.reaching(radius)
    assert TiledHalfSpace.reaching(2000.0).reach >= 2000 and TiledHalfSpace(limbs=np.int64(16)) == TiledHalfSpace()
    for kind in (jnp.bfloat16, jnp.float16):
        with pytest.raises(TypeError, match="digits need float32 or float64"):
            TiledHalfSpace(dtype=kind)
        x = jnp.zeros(19, kind)
        with pytest.raises(TypeError, match="digits need float32 or float64"):
            TiledHalfSpace().dist(x, x, 1.0)
    with pytest.raises(ValueError, match="no point has 18 coordinates with limbs = 16; they come in 2, 19, 36"):
        TiledHalfSpace().dist(jnp.zeros(18), jnp.zeros(18), 1.0)
    x = np.array(TiledHalfSpace().create_origin(1.0, 2))
    assert TiledHalfSpace().is_in_manifold(jnp.asarray(x), 1.0)
    for at, value in ((0, 0.5), (3, 2.0**23), (16, 0.5), (16, 1e6), (18, 0.0), (17, np.nan)):
        broken = x.copy()
        broken[at] = value
        assert not TiledHalfSpace().is_in_manifold(jnp.asarray(broken), 1.0)
    assert not TiledHalfSpace().is_in_tangent_space(jnp.ones(19), jnp.asarray(x), 1.0)
