"""Bad input fails at the door with a clear error; bad data is reported by checkify and never hidden."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hyp_manifolds import (
    Euclidean,
    Hyperboloid,
    Poincare,
    Product,
    WrappedNormal,
    busemann,
    checkify,
    hyperboloid_to_poincare,
    poincare_to_hyperboloid,
)

BALL, SHEET, FLAT = Poincare(), Hyperboloid(), Euclidean()
CURVED = pytest.mark.parametrize("manifold", [BALL, SHEET], ids=lambda m: type(m).__name__)
ALL = pytest.mark.parametrize("manifold", [BALL, SHEET, FLAT], ids=lambda m: type(m).__name__)
REFUSED = (TypeError, ValueError)
X, Y = jnp.array([0.1, 0.2, 0.3]), jnp.array([0.2, -0.1, 0.4])


def calls(m, x, y, c=1.0):
    """Every operation with points or tangents, as functions without arguments."""
    return {
        "proj": lambda: m.proj(x, c),
        "dist": lambda: m.dist(x, y, c),
        "sqdist": lambda: m.sqdist(x, y, c),
        "dist_0": lambda: m.dist_0(x, c),
        "addition": lambda: m.addition(x, y, c),
        "scalar_mul": lambda: m.scalar_mul(0.5, x, c),
        "expmap": lambda: m.expmap(y, x, c),
        "expmap_0": lambda: m.expmap_0(x, c),
        "logmap": lambda: m.logmap(y, x, c),
        "logmap_0": lambda: m.logmap_0(x, c),
        "retraction": lambda: m.retraction(y, x, c),
        "ptransp": lambda: m.ptransp(x, x, y, c),
        "ptransp_0": lambda: m.ptransp_0(x, y, c),
        "tangent_inner": lambda: m.tangent_inner(x, x, y, c),
        "tangent_norm": lambda: m.tangent_norm(x, y, c),
        "egrad2rgrad": lambda: m.egrad2rgrad(x, y, c),
        "tangent_proj": lambda: m.tangent_proj(x, y, c),
        "is_in_manifold": lambda: m.is_in_manifold(x, c),
        "is_in_tangent_space": lambda: m.is_in_tangent_space(x, y, c),
        "geodesic": lambda: m.geodesic(0.5, x, y, c),
    }


def assert_all_refuse(functions, match: str = "") -> None:
    accepted = []
    for name, function in functions.items():
        try:
            function()
        except REFUSED as error:
            assert match in str(error), f"{name}: {error}"
            assert len(str(error)) > 20, f"{name}: {error}"
        else:
            accepted.append(name)
    assert accepted == []


@ALL
def test_integer_arrays(manifold) -> None:
    assert_all_refuse(calls(manifold, jnp.array([0, 0, 0]), jnp.array([0, 1, 0])))


@ALL
def test_mismatched_dimensions(manifold) -> None:
    two = {k: f for k, f in calls(manifold, X, Y[:2]).items()
           if k not in ("proj", "dist_0", "scalar_mul", "expmap_0", "logmap_0", "is_in_manifold")}  # fmt: skip
    assert_all_refuse(two)


@ALL
@pytest.mark.parametrize("shape", [(5, 3), (3, 3), (1, 3), (3, 1)])
def test_batches_without_vmap(manifold, shape) -> None:
    batch = jnp.full(shape, 0.1)
    assert_all_refuse(calls(manifold, batch, batch), match="vmap")


@ALL
def test_batches_of_batches(manifold) -> None:
    batch = jnp.full((2, 3, 3), 0.1)
    assert_all_refuse(calls(manifold, batch, batch))


@ALL
def test_one_batch_and_one_point(manifold) -> None:
    square = jnp.full((3, 3), 0.1)
    two = ("dist", "sqdist", "addition", "expmap", "logmap", "ptransp", "geodesic", "tangent_inner")
    both = calls(manifold, square, X), calls(manifold, X, square)
    for functions in both:
        assert_all_refuse({k: functions[k] for k in two}, match="vmap")


@ALL
def test_scalars_are_not_points(manifold) -> None:
    assert_all_refuse(calls(manifold, jnp.array(0.1), jnp.array(0.2)))


@pytest.mark.parametrize("convert", [poincare_to_hyperboloid, hyperboloid_to_poincare])
def test_the_isometries_check_their_input(convert) -> None:
    for bad in (jnp.array([1, 0, 0]), jnp.full((3, 3), 0.1), jnp.array(0.1)):
        with pytest.raises(REFUSED):
            convert(bad, 1.0)
    for c in (0.0, -1.0, float("nan")):
        with pytest.raises(REFUSED):
            convert(X, c)


@CURVED
@pytest.mark.parametrize(
    "c", [0.0, -1.0, float("nan"), np.float32(-1), jnp.array(0.0), 0, -2], ids=lambda c: f"{type(c).__name__}_{c}"
)
def test_concrete_curvature_outside_the_domain(manifold, c) -> None:
    assert_all_refuse(calls(manifold, X, Y, c))


@CURVED
@pytest.mark.parametrize("c", [jnp.ones(3), jnp.ones((1,)), "1", None], ids=["vector", "one", "text", "none"])
def test_curvature_of_the_wrong_kind(manifold, c) -> None:
    assert_all_refuse(calls(manifold, X, Y, c))


def test_flat_space_ignores_curvature() -> None:
    for c in (0.0, -1.0, 2.0):
        assert float(FLAT.dist(X, Y, c)) == float(FLAT.dist(X, Y))


@CURVED
@pytest.mark.parametrize("version", [17, -1, "fast", 0.5])
def test_unknown_version(manifold, version) -> None:
    with pytest.raises(REFUSED, match="version"):
        manifold.dist(X, Y, 1.0, version_idx=version)
    with pytest.raises(REFUSED, match="version"):
        manifold.dist_0(X, 1.0, version_idx=version)


@ALL
def test_traced_version(manifold) -> None:
    with pytest.raises(REFUSED, match="static"):
        jax.jit(lambda k: manifold.dist(X, Y, 1.0, version_idx=k))(0)


@ALL
def test_mixed_dtypes(manifold) -> None:
    low = Y.astype(jnp.bfloat16)
    two = ("dist", "sqdist", "addition", "expmap", "logmap", "retraction", "ptransp", "geodesic", "tangent_inner")
    functions = calls(manifold, X, low)
    assert_all_refuse({k: functions[k] for k in two})


@ALL
def test_float64_numpy_arrays_without_64_bit_mode(manifold) -> None:
    with jax.enable_x64(False):
        assert_all_refuse(calls(manifold, np.array([0.1, 0.2, 0.3]), np.array([0.1, 0.1, 0.1])))


@ALL
def test_numpy_arrays_of_the_right_dtype_are_points(manifold) -> None:
    x, y = np.asarray(X, np.float32), np.asarray(Y, np.float32)
    same = manifold.dist(jnp.asarray(x), jnp.asarray(y), 1.0)
    assert manifold.dist(x, y, 1.0) == same and manifold.dist(x, y, 1.0).dtype == jnp.float32


def outside_ball():
    return {
        "dist": (lambda x, c: BALL.dist(x, Y, c)),
        "logmap": (lambda x, c: BALL.logmap(Y, x, c)),
        "expmap": (lambda x, c: BALL.expmap(Y, x, c)),
        "addition": (lambda x, c: BALL.addition(x, Y, c)),
    }


@pytest.mark.parametrize("name", outside_ball())
@pytest.mark.parametrize("bad", [jnp.array([1.0, 0.0, 0.0]), jnp.array([0.0, 3.0, 4.0])], ids=["edge", "far"])
def test_a_point_outside_the_ball_is_finite_and_reported(name: str, bad) -> None:
    function = outside_ball()[name]
    value, slope = jax.jit(lambda x: (function(x, 1.0), jax.grad(lambda p: jnp.sum(function(p, 1.0)))(x)))(bad)
    assert np.isfinite(value).all() and np.isfinite(slope).all()
    checked = checkify(jax.jit(function))
    error, _ = checked(bad, 1.0)
    assert "outside the manifold" in (error.get() or "")
    error, _ = checked(X, 1.0)
    assert error.get() is None


def test_only_checkify_puts_checks_into_a_program() -> None:
    """JAX calls a program with a check through Python, which takes longer than the distance of a hundred pairs."""
    function = jax.jit(lambda x: jnp.sum(busemann(BALL, x, x, 1.0)) + BALL.dist(x, Y, 1.0))
    assert not jax.make_jaxpr(function)(X).effects
    assert checkify(function)(5 * X)[0].get() is not None
    assert not jax.make_jaxpr(function)(X).effects


def test_a_batch_with_one_point_outside_is_reported() -> None:
    batch = jnp.stack([X, jnp.array([1.0, 1.0, 0.0])])
    error, _ = checkify(jax.vmap(BALL.dist, (0, None, None)))(batch, Y, 1.0)
    assert error.get() is not None


@CURVED
@pytest.mark.parametrize("c", [0.0, -1.0])
def test_a_traced_curvature_that_is_not_positive_is_reported(manifold, c: float) -> None:
    function = lambda c: manifold.dist(X, Y, c)  # noqa: E731
    jax.jit(function)(c)  # silent
    error, _ = checkify(jax.jit(function))(c)
    assert error.get() is not None
    error, _ = checkify(jax.jit(function))(1.0)
    assert error.get() is None


@ALL
def test_nan_gives_nan_for_single_points(manifold) -> None:
    broken = X.at[1].set(jnp.nan)
    one = ("proj", "dist_0", "expmap_0", "logmap_0", "scalar_mul")
    functions = calls(manifold, broken, Y)
    for name in ("dist", "sqdist", "addition", "expmap", "logmap", "geodesic", *one):
        assert np.isnan(functions[name]()).any(), name
    assert not bool(manifold.is_in_manifold(broken, 1.0))


def test_points_and_tangents_are_recognised() -> None:
    assert bool(BALL.is_in_manifold(X, 1.0)) and not bool(BALL.is_in_manifold(jnp.array([1.0, 0.0, 0.0]), 1.0))
    assert not bool(BALL.is_in_manifold(X, 100.0))
    on_sheet = SHEET.proj(X, 1.0)
    assert bool(SHEET.is_in_manifold(on_sheet, 1.0)) and not bool(SHEET.is_in_manifold(X, 1.0))
    assert not bool(SHEET.is_in_manifold(-on_sheet, 1.0))
    tangent = SHEET.tangent_proj(Y, on_sheet, 1.0)
    assert bool(SHEET.is_in_tangent_space(tangent, on_sheet, 1.0))
    assert not bool(SHEET.is_in_tangent_space(on_sheet, on_sheet, 1.0))


class Boxed:
    """What holds an array without being one, as the parameters of neural-network libraries do."""

    def __init__(self, value):
        self.value = jnp.asarray(value)

    def __jax_array__(self):
        return self.value


@pytest.mark.one_precision
def test_what_converts_to_an_array_counts_as_one():
    assert BALL.dist(Boxed(X), Boxed(Y), Boxed(1.5)) == BALL.dist(X, Y, 1.5)
    space, c = Product.from_signature("P2 E1"), jnp.array([1.5, 0.0])
    assert space.dist(Boxed(X), Y, Boxed(c)) == space.dist(X, Y, c)
    assert WrappedNormal(BALL, Boxed(X), 1.0, scale=Boxed(0.5)).log_prob(Y) == WrappedNormal(
        BALL, X, 1.0, scale=0.5
    ).log_prob(Y)
