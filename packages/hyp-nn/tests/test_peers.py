"""The same layer with the same weights in geoopt and HypLL, where they are installed (`benchmarks/peers.txt`)."""

import hyp_nn as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from hyp_manifolds import Poincare

BALL, C = Poincare(), 0.7
RNG = np.random.default_rng(0)


def ball_points(*shape):
    v = 0.4 * RNG.standard_normal(shape)
    n = np.linalg.norm(v, axis=-1, keepdims=True)
    return (np.tanh(np.sqrt(C) * n) * v / (np.sqrt(C) * n)).astype(np.float32)


def filled(layer):
    graph, params = nnx.split(layer)
    params = jax.tree.map(lambda a: jnp.asarray(0.3 * RNG.standard_normal(a.shape), a.dtype), params)
    return nnx.merge(graph, params)


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


@pytest.fixture(scope="module")
def hypll(torch):
    pytest.importorskip("hypll")
    from hypll.manifolds.poincare_ball import Curvature, PoincareBall

    return PoincareBall(Curvature(float(np.log(np.expm1(C)))))


def tensor(torch, a):
    return torch.tensor(np.asarray(a))


def test_hnn_layers_of_geoopt(torch):
    geoopt = pytest.importorskip("geoopt")
    ball, x = geoopt.PoincareBall(C), ball_points(6, 4)
    layer = filled(nn.HypLinearPoincare(BALL, 4, 3, rngs=nnx.Rngs(0)))
    bias = ball.mobius_add(
        ball.mobius_matvec(tensor(torch, layer.kernel[...].T), tensor(torch, x)),
        tensor(torch, layer.bias[...]) / np.sqrt(C),
    )
    np.testing.assert_allclose(layer(jnp.asarray(x), C), bias, rtol=1e-4, atol=1e-6)
    head = filled(nn.HypRegressionPoincare(BALL, 4, 3, rngs=nnx.Rngs(0)))
    p = tensor(torch, head.bias[...]) / np.sqrt(C)
    a, gap = tensor(torch, head.kernel[...].T), 1 - C * (p**2).sum(-1, keepdim=True)
    # Theirs is scaled by the coordinates' length of the normal at p, the paper's by the Riemannian length.
    want = ball.dist2plane(tensor(torch, x)[:, None], p, a * gap, signed=True, scaled=True) * (2 / gap[:, 0])
    np.testing.assert_allclose(head(jnp.asarray(x), C), want, rtol=1e-4, atol=1e-5)
    for version, normal in (("standard", a), ("rs", a * gap)):
        other = nn.HypRegressionPoincareHDRL(BALL, 4, 3, rngs=nnx.Rngs(0), version=version)
        other.kernel[...], other.bias[...] = head.kernel[...], head.bias[...]
        want = ball.dist2plane(tensor(torch, x)[:, None], p, normal, signed=True, scaled=True)
        np.testing.assert_allclose(other(jnp.asarray(x), C), want, rtol=1e-4, atol=1e-5)


def test_hnnpp_linear_of_hypll(torch, hypll):
    from hypll.nn import HLinear
    from hypll.tensors import ManifoldTensor

    layer, x = filled(nn.HypLinearPoincarePP(BALL, 4, 3, rngs=nnx.Rngs(0))), ball_points(6, 4)
    other = HLinear(4, 3, hypll)
    with torch.no_grad():
        other.z.tensor.copy_(tensor(torch, layer.kernel[...]))
        other.bias.copy_(tensor(torch, layer.bias[...]))
        want = other(ManifoldTensor(tensor(torch, x), manifold=hypll, man_dim=-1)).tensor.numpy()
    np.testing.assert_allclose(layer(jnp.asarray(x), C), want, rtol=1e-4, atol=1e-6)


def test_convolution_of_hypll(torch, hypll):
    from hypll.nn import HConvolution2d
    from hypll.tensors import ManifoldTensor

    layer = nn.HypConv2DPoincare(BALL, 2, 3, (3, 2), rngs=nnx.Rngs(0), padding=1, stride=2, input_space="manifold")
    layer, x = filled(layer), ball_points(2, 5, 6, 2)
    other = HConvolution2d(2, 3, (3, 2), hypll, stride=2, padding=1)
    with torch.no_grad():
        # Theirs are ordered by channel, then by pixel.
        kernel = np.moveaxis(np.asarray(layer.kernel[...]), 2, 0).reshape(-1, 3)
        other.weights.tensor.copy_(tensor(torch, kernel))
        other.bias.copy_(tensor(torch, layer.bias[...]))
        want = other(ManifoldTensor(tensor(torch, np.moveaxis(x, -1, 1)), manifold=hypll, man_dim=1))
        want = np.moveaxis(hypll.logmap(None, want).tensor.numpy(), 1, -1)
    np.testing.assert_allclose(layer(jnp.asarray(x), C), want, rtol=1e-3, atol=1e-5)


def test_batch_norm_of_hypll(torch, hypll):
    from hypll.nn import HBatchNorm
    from hypll.tensors import ManifoldTensor

    x = ball_points(12, 3)
    layer = nn.PoincareBatchNorm2D(BALL, 3)
    layer.bias[...] = jnp.array([0.1, -0.2, 0.3])
    layer.scale[...] = jnp.sqrt(0.8 * C)  # their variance is in units of 1/c, and their gain under the root
    other = HBatchNorm(3, hypll, use_midpoint=True)
    with torch.no_grad():
        other.bias.copy_(tensor(torch, layer.bias[...]))
        other.weight.fill_(0.8)
        want = other(ManifoldTensor(tensor(torch, x), manifold=hypll, man_dim=-1)).tensor.numpy()
    tangents = jax.vmap(lambda p: BALL.logmap_0(p, C))(jnp.asarray(x))
    got = jax.vmap(lambda v: BALL.expmap_0(v, C))(layer(tangents[:, None, None], C)[:, 0, 0])
    np.testing.assert_allclose(got, want, rtol=1e-3, atol=1e-5)
