"""HypEmbedding: points at unit curvature inside, at the curvature of the call outside."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from hyp_manifolds import MODELS, Euclidean, Hyperboloid, Poincare, Product
from hyp_nn import HypEmbedding, ManifoldParam

EPS = float(jnp.finfo(jnp.float32).eps)
MANIFOLDS = [Poincare(), Hyperboloid(), Euclidean()]


@pytest.fixture(params=MANIFOLDS, ids=lambda m: type(m).__name__)
def manifold(request):
    return request.param


@pytest.fixture(params=MANIFOLDS[:2], ids=lambda m: type(m).__name__)
def curved(request):
    return request.param


def layer_on(manifold, std=0.7, **kwargs):
    return HypEmbedding(manifold, 6, 3, rngs=nnx.Rngs(0), init_std=std, **kwargs)


def test_table(manifold):
    layer = layer_on(manifold)
    assert type(layer.embedding) is ManifoldParam
    assert layer.embedding.manifold == manifold
    assert layer.embedding.shape == (6, manifold.ambient_dim(3))
    assert layer.embedding.dtype == jnp.float32
    assert jax.vmap(lambda x: manifold.is_in_manifold(x, 1.0))(layer.embedding[...]).all()
    assert layer_on(manifold, param_dtype=jnp.bfloat16).embedding.dtype == jnp.bfloat16


def test_initial_radii_follow_init_std(manifold):
    layer = HypEmbedding(manifold, 2000, 2, rngs=nnx.Rngs(1), init_std=0.01)
    origin = manifold.create_origin(1.0, 2).astype(jnp.float32)
    radii = jax.vmap(lambda x: manifold.dist(x, origin, 1.0))(layer.embedding[...])
    # The radius of a 2-D Gaussian has mean std * sqrt(pi / 2).
    assert abs(float(radii.mean()) / (0.01 * np.sqrt(np.pi / 2)) - 1) < 0.05


@pytest.mark.parametrize("shape", [(), (4,), (2, 3), (0,)], ids=str)
@pytest.mark.parametrize("dtype", [jnp.int32, jnp.uint8], ids=["int32", "uint8"])
def test_ids_of_any_shape(manifold, shape, dtype):
    layer = layer_on(manifold)
    ids = jnp.arange(int(np.prod(shape)), dtype=dtype).reshape(shape)
    for points in (layer(ids), layer(ids, 0.5), layer.rows(ids), jax.jit(layer)(ids)):
        assert points.shape == (*shape, manifold.ambient_dim(3))
        assert points.dtype == jnp.float32
    np.testing.assert_array_equal(layer.rows(ids), layer.embedding[...][ids])


@pytest.mark.parametrize("c", [0.25, 1.0, 3.0])
def test_points_lie_at_the_curvature_of_the_call(curved, c):
    layer = layer_on(curved)
    points = layer(jnp.arange(6), c)
    assert jax.vmap(lambda x: curved.is_in_manifold(x, c))(points).all()

    def distances(points, c):
        return jax.vmap(lambda x: jax.vmap(lambda y: curved.dist(x, y, c))(points))(points)

    unit = distances(layer.rows(jnp.arange(6)), 1.0)
    np.testing.assert_allclose(distances(points, c), unit / np.sqrt(c), rtol=200 * EPS, atol=20 * EPS)


def test_unit_curvature_returns_the_rows(curved):
    layer = layer_on(curved)
    np.testing.assert_allclose(layer(jnp.arange(6)), layer.embedding[...], rtol=2 * EPS, atol=EPS)


@pytest.mark.parametrize("c", [0.25, [0.25, 4.0, 9.0, 0.5]], ids=["shared", "each"])
def test_every_factor_of_a_product_has_the_scale_of_its_curvature(c):
    nested = Product(((Product.from_signature("P2 E3"), 5), (MODELS["half_space"], 2), (MODELS["sphere"], 2)))
    layer = HypEmbedding(nested, 6, 9, rngs=nnx.Rngs(0), init_std=0.7)
    each = np.broadcast_to(np.asarray(c, np.float32), 4)
    points = layer(jnp.arange(6), c)
    assert jax.vmap(lambda x: nested.is_in_manifold(x, c))(points).all()
    divisors = [each[0] ** 0.5] * 2 + [1.0] * 3 + [1.0] * 2 + [each[3] ** 0.5] * 3
    np.testing.assert_allclose(points, layer.rows(jnp.arange(6)) / np.array(divisors), rtol=4 * EPS)

    def parts(x):
        ball_and_flat, half_space, sphere = nested.split(x)
        return [*nested.factors[0][0].split(ball_and_flat), half_space, sphere]

    factors = [MODELS[name] for name in ("poincare", "euclidean", "half_space", "sphere")]
    here, unit = (parts(p[:2]) for p in (points, layer.rows(jnp.arange(6))))
    for m, k, p, q in zip(factors, each, here, unit, strict=True):
        scale = 1.0 if m == Euclidean() else 1 / np.sqrt(k)
        np.testing.assert_allclose(m.dist(*p, k), scale * m.dist(*q, 1.0), rtol=200 * EPS)
    slope = jax.grad(lambda c: jnp.sum(layer(jnp.arange(6), c)))(jnp.asarray(c, jnp.float32))
    assert slope.shape == np.shape(c) and np.isfinite(slope).all()


@pytest.mark.parametrize("space", [*MODELS.values(), Product.from_signature("P2 S3 E4 U2")], ids=repr)
def test_the_origin_is_the_origin_at_every_curvature(space):
    dim = space.dim if isinstance(space, Product) else 3
    layer = HypEmbedding(space, 1, dim, rngs=nnx.Rngs(0), init_std=0.0)
    np.testing.assert_allclose(layer(0, 4.0), space.create_origin(4.0, dim), rtol=2 * EPS)


def test_one_curvature_for_each_factor_of_a_product():
    layer = HypEmbedding(Product.from_signature("P2 E3"), 2, 5, rngs=nnx.Rngs(0))
    for wrong in (jnp.ones(3), jnp.ones((1, 2))):
        with pytest.raises(ValueError, match="c must be a scalar"):
            layer(0, wrong)
    with pytest.raises(ValueError, match=r"factor 0 \(P2\)"):
        layer(0, [-1.0, 0.0])


def test_euclidean_ignores_curvature():
    layer = layer_on(Euclidean())
    np.testing.assert_array_equal(layer(jnp.arange(6), 4.0), layer.embedding[...])


def test_curvature_is_dynamic(curved):
    layer = layer_on(curved)
    traces = []

    @jax.jit
    def f(c):
        traces.append(1)
        return layer(jnp.arange(6), c)

    for c in (0.5, 1.0, 2.0):
        np.testing.assert_allclose(f(c), layer(jnp.arange(6), c), rtol=4 * EPS, atol=EPS)
    assert len(traces) == 1
    assert np.isfinite(jax.grad(lambda c: jnp.sum(f(c)))(0.7))


def test_low_precision_points_are_rounded_once(curved):
    layer = layer_on(curved, param_dtype=jnp.bfloat16)
    points = layer(jnp.arange(6), 3.0)
    assert points.dtype == jnp.bfloat16
    exact = np.asarray(layer.embedding[...], np.float64)[:, -3:] / np.sqrt(3.0)
    np.testing.assert_allclose(np.asarray(points, np.float64)[:, -3:], exact, rtol=2.0**-8)


def test_gradient_reaches_the_looked_up_rows_only(manifold):
    layer = layer_on(manifold)
    grads = nnx.grad(lambda m: jnp.sum(m(jnp.array([1, 4, 4]), 2.0)[..., -1]))(layer)["embedding"][...]
    assert set(np.flatnonzero(np.any(np.asarray(grads) != 0, axis=-1))) == {1, 4}


@pytest.mark.parametrize("bad", [-1, 6, 2**31 - 1])
def test_ids_out_of_range(manifold, bad):
    layer = layer_on(manifold)
    ids = jnp.array([2, bad])
    with pytest.raises(ValueError, match=rf"ids must lie in \[0, 6\).*got {bad} \(1 of 2"):
        layer(ids)
    for points in (jax.jit(layer)(ids, 0.5), jax.jit(layer.rows)(ids)):
        assert np.isfinite(points[0]).all()
        assert np.isnan(points[1]).all()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda m: m(jnp.ones(2)), TypeError, r"ids must be an integer array, got float\d+\[2\]"),
        (lambda m: m(True), TypeError, "ids must be an integer array"),
        (lambda m: m(0, jnp.ones(2)), ValueError, r"c must be a scalar, got float\d+\[2\]"),
        (lambda m: m(0, -1.0), ValueError, "c"),
        (lambda m: m(0, 0.0), ValueError, "c"),
    ],
)
def test_wrong_calls(curved, call, error, message):
    with pytest.raises(error, match=message):
        call(layer_on(curved))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"num_embeddings": 0}, ValueError, "num_embeddings and dim must be at least 1, got 0 and 3"),
        ({"dim": 0}, ValueError, "num_embeddings and dim must be at least 1"),
        ({"init_std": -1.0}, ValueError, "init_std must not be negative, got -1.0"),
        ({"manifold": Poincare}, TypeError, r"manifold must be an instance of a manifold class"),
        ({"param_dtype": jnp.int32}, TypeError, "floating"),
    ],
)
def test_wrong_construction(change, error, message):
    good = {"manifold": Poincare(), "num_embeddings": 2, "dim": 3}
    with pytest.raises(error, match=message):
        HypEmbedding(**(good | change), rngs=nnx.Rngs(0))


def test_check_passes_a_sound_table(manifold):
    layer_on(manifold).check()
    layer_on(manifold).check(jax.default_backend())


def test_check_finds_what_is_wrong(curved):
    layer = layer_on(curved)
    table = layer.embedding[...]
    layer.embedding[...] = table.at[2, 1].set(jnp.nan)
    with pytest.raises(ValueError, match="NaN or infinite"):
        layer.check()
    layer.embedding[...] = table.at[4].set(2.0)
    with pytest.raises(ValueError, match=r"1 of 6 rows lie off .*first row 4"):
        layer.check()
    layer.embedding[...] = table
    other = "gpu" if jax.default_backend() == "cpu" else "cpu"
    with pytest.raises(ValueError, match=f"not of {other} devices"):
        layer.check(other)
    with pytest.raises(TypeError, match="traced"):
        nnx.jit(lambda m: m.check())(layer)
