"""Products: every factor alone, one curvature for each, three ways to add up distances."""

import functools
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hyp_manifolds import MODELS, Euclidean, Hyperboloid, Manifold, Poincare, Product, checkify

DTYPE = np.float64 if jax.config.jax_enable_x64 else np.float32
EPS = float(np.finfo(DTYPE).eps)
FACTORS = ((Poincare(), 2), (Hyperboloid(), 3), (Euclidean(), 4))
MIXED = Product(FACTORS)
KINDS = {kind: Product(FACTORS, kind) for kind in ("l2", "l1", "min")}
C = np.array([0.5, 2.0, 0.0], DTYPE)
REFUSED = (TypeError, ValueError)


@dataclass(frozen=True)
class Toy(Euclidean):
    """No geometry: every operation weighs each of its arguments differently, so a swapped one shows."""

    salt: float = 0.0

    def __getattribute__(self, name):
        if name not in (*MAPS, *NUMBERS):
            return super().__getattribute__(name)
        return lambda *a: self.weigh(name, *a)

    def weigh(self, name, *arguments):
        *rest, c = arguments
        weights = (self.salt + len(name) + k * k for k in range(1, 9))
        out = sum((w * a for w, a in zip(weights, rest, strict=False)), jnp.zeros_like(rest[-1])) * (1 + c)
        return jnp.sum(out * out) if name in NUMBERS else out


# Operations with the letters of their arguments, c last
MAPS = {
    "proj": "x", "addition": "xy", "coaddition": "xy", "scalar_mul": "rx", "gyration": "xyz", "expmap": "vx",
    "expmap_0": "v", "logmap": "yx", "logmap_0": "y", "geodesic": "rxy", "retraction": "vx", "ptransp": "vxy",
    "ptransp_0": "vy", "tangent_proj": "gx", "egrad2rgrad": "gx",
}  # fmt: skip
NUMBERS = {"dist": "xy", "dist_0": "x", "sqdist": "xy", "tangent_inner": "gvx", "tangent_norm": "vx"}
TOYS = Product(((Toy(salt=1.0), 2), (Toy(salt=2.0), 3), (Toy(salt=3.0), 4)))


def draw(key: int, *shape: int):
    return jax.random.normal(jax.random.key(key), shape, DTYPE)


def test_every_factor_gets_its_part_of_every_argument() -> None:
    letters = {k: draw(i, 9) for i, k in enumerate("xyzvg")} | {"r": jnp.asarray(0.3, DTYPE)}
    for name, names in (MAPS | NUMBERS).items():
        got = getattr(TOYS, name)(*(letters[k] for k in names), C)
        shares = [
            [letters[k] if k == "r" else np.split(letters[k], (2, 5))[i] for k in names] + [C[i]] for i in range(3)
        ]
        parts = [m.weigh(name, *share) for (m, _), share in zip(TOYS.factors, shares, strict=True)]
        if name in MAPS:
            want = np.concatenate(parts)
        else:
            want = np.linalg.norm(parts) if name in ("dist", "dist_0", "tangent_norm") else sum(parts)
        np.testing.assert_allclose(got, want, rtol=8 * EPS, atol=64 * EPS, err_msg=name)


# The real models ------------------------------------------------------------------------------------------------------


@functools.partial(jax.jit, static_argnums=0)
def run(m, weights, x, y, v, c):
    """Some operations, and the gradients of two."""
    values = {
        "sqdist": m.sqdist(x, y, c),
        "logmap": m.logmap(y, x, c),
        "addition": m.addition(x, y, c),
        "ptransp": m.ptransp(v, x, y, c),
    }
    values["expmap"], pull = jax.vjp(m.expmap, v, x, c)
    values["dist"], slopes = jax.value_and_grad(m.dist, (0, 1, 2))(x, y, c)
    return values, pull(weights), slopes


@functools.cache
def sample():
    """Weights, x, y and a tangent v of the mixed product at curvatures C."""
    keys = jax.random.split(jax.random.key(1), 3)
    x, y, z = (MIXED.random_point(k, 9, C, std=0.7, dtype=DTYPE) for k in keys)
    return draw(0, 10), x, y, MIXED.logmap(z, x, C)


@pytest.mark.parametrize("i", range(3), ids=[type(m).__name__ for m, _ in FACTORS])
def test_one_factor_is_that_factor_bit_for_bit(i: int) -> None:
    manifold, dim = FACTORS[i]
    own = [MIXED.split(a)[i] for a in sample()]
    alone = Product(((manifold, dim),))
    jax.tree.map(np.testing.assert_array_equal, run(alone, *own, C[i]), run(manifold, *own, C[i]))
    origin, point = manifold.create_origin(C[i], dim), manifold.random_point(jax.random.key(0), dim, C[i])
    np.testing.assert_array_equal(alone.create_origin(C[i], dim), origin)
    np.testing.assert_array_equal(alone.random_point(jax.random.key(0), dim, C[i : i + 1]), point)


def test_gradients_are_those_of_the_factors() -> None:
    whole = run(MIXED, *sample(), C)
    parts = [run(m, *(MIXED.split(a)[i] for a in sample()), C[i]) for i, (m, _) in enumerate(FACTORS)]
    for k in range(3):  # by v, x and c
        want = np.concatenate([np.ravel(part[1][k]) for part in parts])
        np.testing.assert_allclose(whole[1][k], want, rtol=64 * EPS, atol=64 * EPS)
        share = [np.ravel(part[2][k] * part[0]["dist"] / whole[0]["dist"]) for part in parts]
        np.testing.assert_allclose(whole[2][k], np.concatenate(share), rtol=64 * EPS, atol=64 * EPS)


def _mobius(x, y, c):
    xy, xx, yy = x @ y, x @ x, y @ y
    return ((1 + 2 * c * xy + c * yy) * x + (1 - c * xx) * y) / (1 + 2 * c * xy + c * c * xx * yy)


def _lorentz(x, y):
    return x[1:] @ y[1:] - x[0] * y[0]


def _boost(h, i, b):
    """The boost that takes the origin to h, applied to i: its matrix is [[c0, h], [h, 1 + h h^T/(1 + c0)]]."""
    h, i = np.sqrt(b) * h, np.sqrt(b) * i
    turned = i[1:] + h[1:] * (h[1:] @ i[1:]) / (1 + h[0]) + h[1:] * i[0]
    return np.concatenate([[h @ i], turned]) / np.sqrt(b)


def by_the_papers(x, y, v, c):
    """dist, expmap, logmap, ptransp of P2 x H3 x E4 in NumPy float64: Ganea et al. 2018; Nickel and Kiela 2018."""
    (p, h, e), (q, i, f), (u, w, t) = (np.split(a.astype(np.float64), (2, 6)) for a in (x, y, v))
    a, b, _ = c.astype(np.float64)
    lam_p, lam_q = 2 / (1 - a * p @ p), 2 / (1 - a * q @ q)
    minus = _mobius(-p, q, a)
    d_p = 2 / np.sqrt(a) * np.arctanh(np.sqrt(a) * np.linalg.norm(minus))
    d_h = np.arccosh(-b * _lorentz(h, i)) / np.sqrt(b)
    n_u, n_w = np.linalg.norm(u), np.sqrt(_lorentz(w, w))
    walk = np.tanh(np.sqrt(a) * lam_p * n_u / 2) * u / (np.sqrt(a) * n_u)
    rho, theta = np.sqrt(b) * d_h, np.sqrt(b) * n_w
    # gyr[q, -p] u by its definition with two additions
    gyr = _mobius(-_mobius(q, -p, a), _mobius(q, _mobius(-p, 1e-3 * u, a), a), a) / 1e-3
    log = np.arctanh(np.sqrt(a) * np.linalg.norm(minus)) * minus / np.linalg.norm(minus)
    carried = w + b * _lorentz(i, w) / (1 - b * _lorentz(h, i)) * (h + i)
    return {
        "dist": np.sqrt(d_p**2 + d_h**2 + np.sum((e - f) ** 2)),
        "addition": np.concatenate([_mobius(p, q, a), _boost(h, i, b), e + f]),
        "expmap": np.concatenate([_mobius(p, walk, a), np.cosh(theta) * h + np.sinh(theta) / theta * w, e + t]),
        "logmap": np.concatenate([
            2 / (np.sqrt(a) * lam_p) * log, rho / np.sinh(rho) * (i - np.cosh(rho) * h), f - e
        ]),
        "ptransp": np.concatenate([lam_p / lam_q * gyr, carried, t]),
    }  # fmt: skip


def test_formulas_of_the_papers() -> None:
    weights, x, y, v = sample()
    values = run(MIXED, weights, x, y, v, C)[0]
    for name, value in by_the_papers(*(np.asarray(a) for a in (x, y, v)), C).items():
        np.testing.assert_allclose(values[name], value, rtol=1e-5, atol=1e-5, err_msg=name)


def test_a_shared_curvature_is_every_factors_own() -> None:
    x, y = draw(0, 9), draw(1, 9)
    for c in (0.25, [0.25, 0.25, 0.25], np.full(3, 0.25), (0.25, jnp.asarray(0.25), np.float32(0.25))):
        np.testing.assert_array_equal(TOYS.logmap(x, y, c), TOYS.logmap(x, y, 0.25))
    assert TOYS.dist(x, y, C) != TOYS.dist(x, y, C[::-1])


# Distances -----------------------------------------------------------------------------------------------------------


@functools.cache
def clouds():
    keys = jax.random.split(jax.random.key(2), 2 * 32).reshape(2, 32)
    return jax.jit(jax.vmap(jax.vmap(lambda k: MIXED.random_point(k, 9, C, dtype=DTYPE))))(keys)


@functools.cache
def _rows(of):
    return jax.jit(jax.vmap(of, in_axes=(0, 0, None)))


def rows(kind: str, x, y, c=C):
    """Distances of a kind and their gradients by x, y and c, row by row."""
    return _rows(_all_kinds)(x, y, c)[kind]


def _all_kinds(x, y, c):
    return {kind: jax.value_and_grad(m.dist, (0, 1, 2))(x, y, c) for kind, m in KINDS.items()}


def test_the_smallest_distance_is_no_metric() -> None:
    x, y = clouds()
    first = jnp.concatenate([x[:, :2], y[:, 2:]], 1)  # equal to x in one factor, to y in the others
    assert (rows("min", x, y)[0] > 0).all()
    for leg in ((x, first), (first, y)):  # different points at distance 0, and a way around that is shorter
        assert not np.any(rows("min", *leg)[0])
        assert (rows("l1", *leg)[0] > 0).all()


def test_the_three_distances_are_norms_of_the_factors_distances() -> None:
    x, y = clouds()
    each = np.asarray(_rows(MIXED.component_dist)(x, y, C))
    assert each.shape == (32, 3) and each.dtype == DTYPE
    assert set(np.argmin(each, 1)) == {0, 1, 2}  # every factor is the nearest one for some pair
    for kind, reduced in (("l2", np.linalg.norm(each, axis=1)), ("l1", each.sum(1)), ("min", each.min(1))):
        np.testing.assert_allclose(rows(kind, x, y)[0], reduced, rtol=4 * EPS)
        flat = Product(((Euclidean(), 2), (Euclidean(), 3)), kind)
        p, q = x[0, :5], y[0, :5]
        assert getattr(flat, f"dist_{kind}")(p, q, 0.0) == flat.dist(p, q, 0.0)
        np.testing.assert_allclose(flat.sqdist(p, q, 0.0), flat.dist(p, q, 0.0) ** 2, rtol=8 * EPS)
        np.testing.assert_allclose(flat.dist_0(p, 0.0), flat.dist(0 * p, p, 0.0), rtol=8 * EPS)
        assert Product(((Euclidean(), 5),), kind).sqdist(p, q, 0.0) == Euclidean().sqdist(p, q)
        assert not np.any(jax.grad(flat.dist_0)(0 * p, 0.0))


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_where_points_coincide(kind: str) -> None:
    x, y = clouds()
    for gradient in rows(kind, x, x)[1]:
        assert not np.any(gradient)
    for own in (slice(0, 2), slice(2, 6), slice(6, 10)):
        _, (by_x, by_y, by_c) = rows(kind, x, y.at[:, own].set(x[:, own]))
        assert np.isfinite(by_x).all() and np.isfinite(by_y).all() and np.isfinite(by_c).all()
        assert not np.any(by_x[:, own]) and not np.any(by_y[:, own])
        assert np.any(by_x) == (kind != "min")  # the nearest factor is the one at distance 0


@pytest.mark.parametrize("kind", KINDS)
def test_gradient_by_the_curvatures(kind: str) -> None:
    x, y = clouds()
    by_c, h = rows(kind, x, y)[1][2], EPS ** (1 / 3)
    assert by_c.shape == (32, 3) and not np.any(by_c[:, 2])  # flat space does not look at its curvature
    for i in (0, 1):
        step = h * np.eye(3, dtype=DTYPE)[i]
        up, down = (np.asarray(rows(kind, x, y, C + s)[0], np.float64) for s in (step, -step))
        np.testing.assert_allclose(by_c[:, i], (up - down) / (2 * h), atol=200 * EPS ** (2 / 3))
        assert np.any(by_c[:, i])


def test_nan_in_one_factor_or_in_one_curvature_gives_nan() -> None:
    x, y = clouds()
    for kind in KINDS:
        for own in (0, 5, 9):
            assert np.isnan(rows(kind, x.at[:, own].set(jnp.nan), y)[0]).all()
        assert np.isnan(rows(kind, x, y, np.array([0.5, np.nan, 0.0], DTYPE))[0]).all()
    assert not MIXED.is_in_manifold(x[0].at[3].set(jnp.nan), C)


# Curvature as an argument --------------------------------------------------------------------------------------------


def test_curvatures_under_vmap() -> None:
    x, y, table = draw(0, 9), draw(1, 9), jnp.abs(draw(2, 4, 3))
    each = jax.vmap(TOYS.dist, (None, None, 0))(x, y, table)
    np.testing.assert_allclose(each, [TOYS.dist(x, y, c) for c in table], rtol=4 * EPS)


def test_domains_are_those_of_the_factors() -> None:
    _, x, y, _ = sample()
    assert MIXED.curvature_domain == "positive" and Product.from_signature("E2 E3").curvature_domain == "ignored"
    np.testing.assert_array_equal(MIXED.sectional_curvatures(C), [-0.5, -2.0, 0.0])
    np.testing.assert_array_equal(MIXED.sectional_curvatures(2.0), [-2.0, -2.0, 0.0])
    assert Product(((Poincare(), 2),)).sectional_curvature(2.0) == -2.0
    with pytest.raises(ValueError, match="P2 H3 E4 has no constant curvature"):
        MIXED.sectional_curvature(2.0)
    for bad, text in (
        ([1.0, -1.0, 0.0], r"factor 1 \(H3\)"),
        (0.0, r"factor 0 \(P2\)"),
        ([np.inf, 1.0, 0.0], r"factor 0 \(P2\)"),
    ):
        with pytest.raises(ValueError, match=f"`c` of {text} must be positive"):
            MIXED.dist(x, y, jnp.array(bad, DTYPE))
        with pytest.raises(ValueError, match=f"create_origin: `c` of {text}"):
            MIXED.create_origin(bad, 9)


def test_checkify_reports_a_traced_curvature_and_a_point_outside() -> None:
    _, x, y, _ = sample()
    checked = checkify(jax.jit(MIXED.dist))
    assert checked(x, y, C)[0].get() is None
    assert "must be positive" in (checked(x, y, np.array([1.0, -1.0, 0.0], DTYPE))[0].get() or "")
    assert "outside the manifold" in (checked(x.at[0].set(9.0), y, C)[0].get() or "")


# Construction and errors ---------------------------------------------------------------------------------------------


def test_signatures() -> None:
    assert Product.from_signature("P2 H3 E4") == MIXED == Product([list(pair) for pair in FACTORS])
    assert hash(Product.from_signature("P2 H3 E4")) == hash(MIXED) and KINDS["l1"] != MIXED
    assert Product.from_signature("P2 x H3×E4", "min") == KINDS["min"]
    assert MIXED.signature == "P2 H3 E4" and (MIXED.dim, MIXED.curvatures, MIXED.ambient_dim(9)) == (9, 3, 10)
    for text in ("3xH2", "H2^3", "(H2)^3", "H2 H2 H2", "H2xH2 H2"):
        assert Product.from_signature(text).factors == ((Hyperboloid(), 2),) * 3
    assert Product.from_signature("2*(P2 E1^2) H12").signature == "P2 E1 E1 P2 E1 E1 H12"
    letters = dict(zip("PHESKVUC", ("poincare", "hyperboloid", "euclidean", "sphere", "klein", "proper_velocity",
                                    "half_space", "stereographic"), strict=True))  # fmt: skip
    for letter, name in letters.items():
        if name in MODELS:
            assert Product.from_signature(f"{letter}3").factors == ((MODELS[name], 3),)
            assert Product.from_signature(f"{letter}3").signature == f"{letter}3"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "the end stands where a factor should begin"),
        ("P2 Q3", "unknown letter 'Q'"),
        ("P2 h3", "unknown letter 'h'"),
        ("P0", "a dimension after 'P' must be at least 1, got 0"),
        ("H", "a dimension after 'H' is missing"),
        ("H-2", "a dimension after 'H' is missing"),
        ("P2.5", "'.' stands where a factor should begin"),
        ("3 H2", "the number 3 belongs to no letter"),
        ("0xH2", "a number of repeats must be at least 1"),
        ("H2^", "a number of repeats after '^' is missing"),
        ("H2^99999", "more than 10000 factors"),
        ("P2 x", "the end stands"),
        ("(P2 H3", "a ')' is missing"),
        ("P2) H3", "a '(' is missing"),
        ("()", "stands where a factor should begin"),
    ],
)
def test_signatures_that_name_nothing(text: str, complaint: str) -> None:
    with pytest.raises(ValueError) as caught:
        Product.from_signature(text)
    assert complaint in str(caught.value) and repr(text) in str(caught.value) and "H hyperboloid" in str(caught.value)


def test_a_letter_whose_model_is_not_registered(monkeypatch) -> None:
    monkeypatch.delitem(MODELS, "poincare")
    with pytest.raises(ValueError, match="P stands for 'poincare', which is not in"):
        Product.from_signature("P2")


@pytest.mark.parametrize(
    ("factors", "options", "complaint"),
    [
        ((), {}, "`factors` is empty"),
        ((Poincare(), 2), {}, "pairs"),
        (((Poincare, 2),), {}, "no instance of a manifold"),
        (((Poincare(), 0),), {}, "must be at least 1, got 0"),
        (((Poincare(), 2.0),), {}, "must be a Python int"),
        (((Poincare(jnp.float32), 2),), {}, "dtype of its own"),
        (FACTORS, {"distance": "l3"}, "'l2', 'l1' or 'min', got 'l3'"),
        (((MIXED, 8),), {}, "`dim` must be 9, the dimension of P2 H3 E4, got 8"),
    ],
)
def test_products_that_cannot_be(factors, options, complaint: str) -> None:
    with pytest.raises(REFUSED, match=complaint):
        Product(factors, **options)


def test_bad_arguments_are_named() -> None:
    _, x, y, _ = sample()
    nine, key = jnp.ones(9, DTYPE), jax.random.key(0)
    for complaint, call in {
        "Product.dist: `x` has 9 in dimension `dim`, but `P2 H3 E4` makes that 10": lambda: MIXED.dist(nine, nine, 1.0),
        "Product.expmap: `x` has 9": lambda: MIXED.expmap(y, nine, 1.0),
        "Product.split: `x` has 9": lambda: MIXED.split(jnp.ones((5, 9), DTYPE)),
        "batch them with jax.vmap": lambda: MIXED.dist(x[None], y[None], 1.0),
        r"shape \(3,\) for P2 H3 E4, got float32 of shape \(4,\)": lambda: MIXED.dist(x, y, jnp.ones(4, jnp.float32)),
        r"of shape \(2, 3\). Map over it with jax.vmap": lambda: MIXED.dist(x, y, jnp.ones((2, 3))),
        r"got bool of shape \(3,\)": lambda: MIXED.dist(x, y, np.ones(3, bool)),
        r"`c\[1\]` must be a real number": lambda: MIXED.dist(x, y, [1.0, True, 1.0]),
        "Product.create_origin: `dim` must be 9": lambda: MIXED.create_origin(1.0, 8),
        "Product.random_point: `dim` must be 9": lambda: MIXED.random_point(key, 10, 1.0),
        "points of P2 H3 E4 have 10 coordinates, got 9": lambda: MIXED.intrinsic_dim(9),
        "`parts` holds 2 arrays, expected 3": lambda: MIXED.join([x, y]),
        r"`parts\[1\]` must have shape \(3,\)|`parts\[1\]` must have shape \(4,\)": lambda: MIXED.join(
            [x[:2], x[:3], x[:4]]
        ),
        "share one dtype": lambda: MIXED.join([x[:2], x[2:6].astype(jnp.bfloat16), x[6:]]),
        "version_idx": lambda: MIXED.dist(x, y, 1.0, version_idx=1),
    }.items():
        with pytest.raises(REFUSED, match=complaint):
            call()


def test_split_and_join() -> None:
    x = clouds()
    parts = MIXED.split(x)
    assert [p.shape for p in parts] == [(2, 32, 2), (2, 32, 4), (2, 32, 4)] and parts[0].dtype == DTYPE
    np.testing.assert_array_equal(MIXED.join(parts), x)
    slope = jax.grad(lambda p: jnp.sum(jnp.sin(MIXED.join(p))))(parts)
    np.testing.assert_array_equal(MIXED.join(slope), jnp.cos(x))


def test_nested_products_have_a_curvature_for_each_of_their_factors() -> None:
    inner = Product(TOYS.factors[:2])
    outer = Product(((inner, 5), TOYS.factors[2]))
    x, y = draw(0, 9), draw(1, 9)
    assert outer.curvatures == 3 and outer.component_dist(x, y, C).shape == (2,)
    np.testing.assert_allclose(outer.dist(x, y, C), TOYS.dist(x, y, C), rtol=4 * EPS)
    np.testing.assert_array_equal(outer.logmap(x, y, C), TOYS.logmap(x, y, C))
    mixed = Product(((Product(FACTORS[:2]), 5), FACTORS[2]))
    assert mixed.signature == "P2 H3 E4" and mixed.curvature_domain == "positive"
    np.testing.assert_array_equal(mixed.create_origin(C, 9), MIXED.create_origin(C, 9))
    np.testing.assert_array_equal(mixed.sectional_curvatures(C), MIXED.sectional_curvatures(C))


def test_dtypes() -> None:
    low = [draw(k, 9).astype(jnp.bfloat16) for k in (0, 1)]
    assert TOYS.dist(*low, C).dtype == TOYS.logmap(*low, C).dtype == jnp.bfloat16
    fixed = Product(FACTORS, dtype="float32")
    assert fixed.join([low[0][:2], low[0][:4], low[0][:4]]).dtype == fixed.create_origin(C, 9).dtype == jnp.float32
    assert fixed != MIXED and fixed == Product(FACTORS, dtype=jnp.float32)


class Outer(Euclidean):
    """A model of someone else's."""


def test_models_without_a_letter_go_by_their_name() -> None:
    space = Product(((Outer(), 2), (Poincare(), 3)))
    assert space.signature == "Outer2 P3" and isinstance(space, Manifold)
