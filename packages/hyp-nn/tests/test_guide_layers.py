"""The neural-network patterns of a batching guide: layers under jit, vmap, nnx.vmap and training."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from hyp_manifolds import Hyperboloid, Poincare
from hyp_nn import HypLinearPoincare, hyp_relu
from hyp_nn.testing import LAYERS

pytestmark = pytest.mark.one_precision  # test_layer_laws.py judges the layers in both

poincare, hyperboloid = Poincare(), Hyperboloid()


def on_ball(key, *shape, scale=0.3):
    x = jax.random.normal(jax.random.key(key), shape) * scale
    return jax.vmap(poincare.proj, in_axes=(0, None))(x, 1.0)


def test_forward_pass():
    layer = HypLinearPoincare(manifold=poincare, in_dim=128, out_dim=64, rngs=nnx.Rngs(0))
    output = layer(on_ball(1, 32, 128), c=1.0)
    assert output.shape == (32, 64)
    assert jax.vmap(poincare.is_in_manifold, in_axes=(0, None))(output, 1.0).all()


def test_activations_of_one_point_and_of_a_batch():
    x = jnp.array([1.5, 0.2, 0.3, 0.1])
    assert hyp_relu(x, c=1.0).shape == (4,)
    x_batch = jax.random.normal(jax.random.key(0), (32, 4))
    mapped = jax.vmap(lambda x: hyp_relu(x, c=1.0))(x_batch)
    np.testing.assert_allclose(mapped, hyp_relu(x_batch, c=1.0), rtol=1e-6)
    s = np.maximum(np.asarray(x_batch)[:, 1:], 0)
    np.testing.assert_allclose(mapped[:, 1:], s, rtol=1e-6)
    np.testing.assert_allclose(mapped[:, 0], np.sqrt(1 + (s**2).sum(-1)), rtol=1e-6)


class HyperbolicClassifier(nnx.Module):
    def __init__(self, rngs):
        self.layer1 = HypLinearPoincare(poincare, 784, 256, rngs=rngs)
        self.layer2 = HypLinearPoincare(poincare, 256, 128, rngs=rngs)
        self.layer3 = HypLinearPoincare(poincare, 128, 10, rngs=rngs)

    def __call__(self, x, c=1.0):
        x = self.layer1(x, c)
        x = jax.vmap(lambda xi: hyp_relu(xi, c, manifold=poincare))(x)
        x = self.layer2(x, c)
        x = jax.vmap(lambda xi: hyp_relu(xi, c, manifold=poincare))(x)
        return self.layer3(x, c)


def test_complete_model_with_jit():
    model = HyperbolicClassifier(rngs=nnx.Rngs(0))

    @jax.jit
    def forward(model, x, c):
        return model(x, c)

    logits = forward(model, on_ball(1, 32, 784, scale=0.1), c=1.0)
    assert logits.shape == (32, 10)
    assert bool(jnp.isfinite(logits).all())


def test_a_step_down_the_gradient_lowers_the_loss():
    model = HypLinearPoincare(poincare, 8, 4, rngs=nnx.Rngs(0))
    x, y = on_ball(1, 16, 8, scale=0.1), on_ball(2, 16, 4, scale=0.1)

    @nnx.jit
    def step(model, x, y, c):
        def loss_fn(model):
            return jnp.mean((model(x, c) - y) ** 2)

        loss, grads = nnx.value_and_grad(loss_fn)(model)
        nnx.update(model, jax.tree.map(lambda p, g: p - 1.0 * g, nnx.state(model, nnx.Param), grads))
        return loss

    losses = [float(step(model, x, y, 1.0)) for _ in range(30)]
    assert losses[-1] < 0.9 * losses[0]


# Every layer that takes single samples under its own call, written for one sample, parameters shared.
SHARED = [name for name, case in LAYERS.items() if case.per_sample]
PARAMETRISED = [name for name in SHARED if not name.startswith("hyp_")]  # functions have no parameters
QUICK = {"HypLinearPoincare", "HypLinearHyperboloidFHCNN", "HypRegressionPoincarePP", "FGGConv-2d"}


def marks(name):
    return () if name in QUICK else (pytest.mark.one_precision,)


@pytest.mark.parametrize("name", [pytest.param(n, marks=marks(n)) for n in SHARED])
def test_nnx_vmap_shares_parameters_over_a_batch(name):
    case = LAYERS[name]
    model = case.build(nnx.Rngs(0))

    @nnx.vmap(in_axes=(None, 0))
    def fwd(model, x):
        return case.call(model, x, 1.0)

    x = case.inputs(jax.random.key(0), (4,), 1.0)
    out = jax.eval_shape(fwd, model, x) if name not in QUICK else fwd(model, x)
    assert out.shape == (4, *case.out)
    if name in QUICK:
        np.testing.assert_allclose(out, case.call(model, x, 1.0), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", [pytest.param(n, marks=marks(n)) for n in PARAMETRISED])
def test_ensembles_have_a_model_for_each_axis_entry(name):
    case = LAYERS[name]

    @nnx.split_rngs(splits=3)
    @nnx.vmap
    def build(rngs):
        return case.build(rngs)

    @nnx.vmap(in_axes=(0, None))
    def fwd(model, x):
        return case.call(model, x, 1.0)

    def both(x):
        return fwd(build(nnx.Rngs(0)), x)

    x = case.inputs(jax.random.key(0), (), 1.0)
    if name not in QUICK:
        assert jax.eval_shape(both, x).shape == (3, *case.out)
        return
    out = both(x)
    assert out.shape == (3, *case.out)
    assert not np.allclose(out[0], out[1])
