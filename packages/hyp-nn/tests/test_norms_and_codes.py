"""Statistics of batches, pooling, bounded features and codebooks."""

import hyp_nn as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from hyp_manifolds import Hyperboloid, Poincare, ProperVelocity, convert, lorentz_centroid

BALL, SHEET, PV = Poincare(), Hyperboloid(), ProperVelocity()
C = 0.7


def cloud(manifold, n=40, dim=3, away=1.5, std=0.4):
    """Points about a centre away from the origin."""
    keys = jax.random.split(jax.random.key(0), n)
    x = jax.vmap(lambda k: SHEET.random_point(k, dim, C, std=std))(keys)
    centre = SHEET.expmap_0(jnp.array([0.0, away, 0.0, 0.0]), C)
    x = jax.vmap(lambda p: SHEET.addition(centre, p, C))(x)
    return jax.vmap(lambda p: convert(p, SHEET, manifold, C))(x)


@pytest.mark.parametrize(
    ("manifold", "kind"), [(SHEET, nn.HyperboloidGyroBatchNorm), (PV, nn.ProperVelocityGyroBatchNorm)]
)
def test_gyro_batch_norm_moves_the_centroid_and_sets_the_spread(manifold, kind):
    x, layer = cloud(manifold), kind(manifold, 3, momentum=0.5)
    layer.bias[...] = jnp.array([0.3, -0.2, 0.1])
    layer.scale[...] = jnp.asarray(0.8)
    y = nnx.jit(lambda layer, x: layer(x, C))(layer, x)
    bias = jnp.array([0.3, -0.2, 0.1])
    bias = manifold.expmap_0(jnp.concatenate([jnp.zeros(1), bias]) if manifold is SHEET else bias, C)
    # Scaling radii about the centroid moves it only a little.
    assert float(manifold.dist(lorentz_centroid(manifold, y, None, C), bias, C)) < 0.05
    spread = C * jnp.mean(jax.vmap(lambda p: manifold.sqdist(p, bias, C))(y))
    np.testing.assert_allclose(spread, 0.8**2, rtol=1e-4)
    # The running statistics went half-way, in units of curvature 1.
    far = manifold.dist_0(layer.mean[...], 1.0)
    whole = np.sqrt(C) * manifold.dist_0(lorentz_centroid(manifold, x, None, C), C)
    np.testing.assert_allclose(far, whole / 2, rtol=1e-4)
    frozen = layer(x, C, use_running_average=True)
    assert not np.allclose(frozen, y)
    np.testing.assert_array_equal(frozen, layer(x, C, use_running_average=True))


def test_batch_of_one_point_is_not_blown_up():
    layer = nn.HyperboloidGyroBatchNorm(SHEET, 3)
    x = jnp.tile(cloud(SHEET)[:1], (5, 1))
    assert float(jnp.abs(layer(x, C)[:, 1:]).max()) < 1e-2


def test_batch_norm_of_the_ball_takes_and_gives_tangents():
    x = jax.vmap(lambda p: BALL.logmap_0(p, C))(cloud(BALL)).reshape(2, 4, 5, 3)
    y = nn.PoincareBatchNorm2D(BALL, 3)(x, C)
    points = jax.vmap(lambda v: BALL.expmap_0(v, C))(y.reshape(-1, 3))
    assert y.shape == x.shape
    assert float(BALL.dist_0(lorentz_centroid(BALL, points, None, C), C)) < 0.1
    np.testing.assert_allclose(C * jnp.mean(jax.vmap(lambda p: BALL.dist_0(p, C) ** 2)(points)), 1.0, rtol=1e-3)


def test_batch_norms_of_spatial_parts():
    x = cloud(SHEET)
    s = np.asarray(x, np.float64)[:, 1:]
    y = nn.HRCBatchNorm(3, rngs=nnx.Rngs(0))(x, C, use_running_average=False)
    np.testing.assert_allclose(y[:, 1:], (s - s.mean(0)) / np.sqrt(s.var(0) + 1e-5), rtol=1e-4, atol=1e-5)
    layer = nn.FGGMeanOnlyBatchNorm(3, momentum=0.0)
    layer.bias[...] = jnp.ones(3)
    y = nnx.jit(lambda layer, x: layer(x, C))(layer, x)
    np.testing.assert_allclose(y[:, 1:], s - s.mean(0) + 1, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(layer(x, C, use_running_average=True)[:, 1:], y[:, 1:], rtol=1e-4, atol=1e-5)


def test_dropout_drops_spatial_coordinates():
    layer = nn.HRCDropout(0.5, rngs=nnx.Rngs(0))
    x = jnp.tile(cloud(SHEET)[:1], (200, 1))
    y = layer(x, C, deterministic=False)
    assert jax.vmap(lambda p: SHEET.is_in_manifold(p, C))(y).all()
    share = float(jnp.mean(y[:, 1:] == 0))
    assert 0.4 < share < 0.6
    np.testing.assert_allclose(y[:, 1][y[:, 1] != 0], 2 * x[0, 1], rtol=1e-6)


def test_residual_weights_and_shapes():
    x, y = cloud(SHEET)[:5], cloud(SHEET)[5:10]
    np.testing.assert_allclose(nn.lorentz_residual(x, y, 0.0, C), x, rtol=1e-5)
    each = nn.lorentz_residual(x, y, jnp.arange(5.0), C)
    np.testing.assert_allclose(each[2], nn.lorentz_residual(x[2], y[2], 2.0, C), rtol=1e-5)
    with pytest.raises(ValueError, match="must not be negative"):
        nn.lorentz_residual(x, y, -0.5, C)
    in_ball = [jax.vmap(lambda p: convert(p, SHEET, BALL, C))(p) for p in (x, y)]
    got = nn.lorentz_residual(*in_ball, 2.0, C, manifold=BALL)
    want = jax.vmap(lambda p: convert(p, SHEET, BALL, C))(nn.lorentz_residual(x, y, 2.0, C))
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)


def test_pooling_and_flattening():
    image = cloud(SHEET, n=24).reshape(2, 3, 4, 4)
    s = np.asarray(image, np.float64)[..., 1:]
    np.testing.assert_allclose(nn.hyp_avg_pool2d(image, C)[:, 1:], s.mean((1, 2)), rtol=1e-5)
    windows = nn.hyp_avg_pool(image, C, window_shape=(1, 2))
    np.testing.assert_allclose(windows[..., 1:], s.reshape(2, 3, 2, 2, 3).mean(3), rtol=1e-5)
    flat = nn.hyp_flatten2d(image, SHEET, C)
    # psi(3/2) - psi(18) = 2 - log 4 - euler - (H_17 - euler)
    factor = np.exp(0.5 * (2 - np.log(4) - sum(1 / k for k in range(1, 18))))
    np.testing.assert_allclose(flat[:, 1:], factor * s.reshape(2, -1), rtol=1e-5)
    assert jax.vmap(lambda p: SHEET.is_in_manifold(p, C))(flat).all()


def test_features_are_clipped_by_length():
    x = jnp.array([[3.0, 4.0], [0.3, 0.4], [0.0, 0.0]])
    np.testing.assert_allclose(nn.clip_features(x, 1.0), [[0.6, 0.8], [0.3, 0.4], [0, 0]], rtol=1e-6)
    assert bool(jnp.isfinite(jax.grad(lambda x: nn.clip_features(x).sum())(x)).all())


def test_codebook_finds_the_nearest_and_moves_to_centroids():
    layer = nn.HypVQEmbeddingPoincare(BALL, 4, 2, rngs=nnx.Rngs(0), init_scale=0.5, ema_decay=0.0)
    x = jnp.asarray(np.random.default_rng(0).standard_normal((30, 2)) * 0.4, jnp.zeros(()).dtype)
    out = layer(x, C)
    codes = layer.codebook[...] / np.sqrt(C)
    table = jax.vmap(lambda p: jax.vmap(lambda q: BALL.dist(p, q, C))(codes))(out.z)
    np.testing.assert_array_equal(out.indices, jnp.argmin(table, 1))
    np.testing.assert_allclose(out.loss, 0.5 * jnp.mean(jnp.min(table, 1)), rtol=1e-4)
    want = jax.vmap(lambda q: BALL.logmap_0(q, C))(codes)[out.indices]
    np.testing.assert_allclose(out.quantized, want, rtol=1e-4, atol=1e-6)
    grad = jax.grad(lambda x: layer(x, C).quantized.sum())(x)
    np.testing.assert_array_equal(grad, jnp.ones_like(x))
    before = layer.codebook[...]
    layer.ema_update(out, C)
    for k in range(4):
        mine = out.z[out.indices == k]
        want = lorentz_centroid(BALL, mine, None, C) * np.sqrt(C) if len(mine) else before[k]
        np.testing.assert_allclose(layer.codebook[k], want, rtol=1e-4, atol=1e-6)
    assert float(out.perplexity) <= 4


def test_codes_by_classification_reach_the_hyperplanes():
    layer = nn.HypVQMLRPoincare(BALL, 6, 3, rngs=nnx.Rngs(0))
    x = jnp.asarray(np.random.default_rng(0).standard_normal((2, 10, 3)) * 0.3, jnp.zeros(()).dtype)
    first, second = layer(x, C), layer(x, C)
    assert first.quantized.shape == x.shape
    assert not np.array_equal(first.indices, second.indices)
    layer.eval()
    np.testing.assert_array_equal(layer(x, C).indices, layer(x, C).indices)
    kernel, bias = layer.mlr.kernel[...], layer.mlr.bias[...]
    codes = (kernel / jnp.linalg.norm(kernel, axis=0)).T * bias[:, None]
    out = layer(x, C)
    np.testing.assert_allclose(out.quantized, codes[out.indices], rtol=1e-5, atol=1e-6)
    grads = nnx.grad(lambda layer: jnp.sum(layer(x, C).quantized ** 2))(layer)
    assert all(bool(jnp.any(g != 0)) for g in jax.tree.leaves(grads))
