"""A learnable curvature: positive or signed, never outside its bounds, and able to leave them again."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from hyp_manifolds import Poincare
from hyp_nn import Curvature, HypEmbedding

pytestmark = pytest.mark.one_precision  # a map of one number


@pytest.mark.parametrize("parametrization", ["softplus", "log", "signed"])
@pytest.mark.parametrize("initial", [1e-3, 1.0, 30.0, [0.5, 2.0]], ids=str)
def test_starts_where_it_is_told(parametrization, initial):
    c = Curvature(initial, parametrization=parametrization)
    np.testing.assert_allclose(c(), initial, rtol=1e-5)
    assert c().dtype == jnp.float32 and not c.raw[...].weak_type
    assert not np.any(c.on_bound())


def test_the_parameter_is_trained_or_not():
    assert len(jax.tree.leaves(nnx.state(Curvature(), nnx.Param))) == 1
    assert len(jax.tree.leaves(nnx.state(Curvature(trainable=False), nnx.Param))) == 0
    signed = Curvature(-0.5, parametrization="signed")
    np.testing.assert_allclose(signed(), -0.5)


@pytest.mark.parametrize("parametrization", ["softplus", "log", "signed"])
def test_gradient_is_that_of_the_map(parametrization):
    c = Curvature(0.7, parametrization=parametrization)
    raw = c.raw[...]
    slope = jax.grad(lambda r: _at(c, r))(raw)
    h = 1e-2
    np.testing.assert_allclose(slope, (_at(c, raw + h) - _at(c, raw - h)) / (2 * h), rtol=1e-3)


def _at(c, raw):
    twin = nnx.clone(c)
    twin.raw[...] = raw
    return twin()


@pytest.mark.parametrize(("direction", "edge"), [(-1.0, 0.1), (1.0, 10.0)])
def test_is_clamped_with_a_report_and_comes_back(direction, edge):
    c = Curvature(1.0, parametrization="log", bounds=(0.1, 10.0))

    @nnx.jit
    def descend(c, sign):
        slope = nnx.grad(lambda c: -sign * c())(c)["raw"][...]
        c.raw[...] -= 0.05 * slope

    for _ in range(300):
        descend(c, direction)
    np.testing.assert_allclose(c(), edge, rtol=1e-6)
    assert c.on_bound()
    stuck = c.raw[...]
    descend(c, direction)
    np.testing.assert_array_equal(c.raw[...], stuck)  # on the bound the gradient outwards is 0
    for _ in range(300):
        descend(c, -direction)
        if not c.on_bound():
            break
    assert not c.on_bound()


def test_learns_the_curvature_through_a_layer_without_moving_a_point_off():
    ball = Poincare()

    class Model(nnx.Module):
        def __init__(self):
            self.points = HypEmbedding(ball, 4, 3, rngs=nnx.Rngs(0), init_std=0.8)
            self.curvature = Curvature(1.0)

        def __call__(self, ids):
            return jax.vmap(ball.dist_0, (0, None))(self.points(ids, self.curvature()), self.curvature())

    model, ids, traces = Model(), jnp.arange(4), []
    before = model.points.embedding[...]

    @nnx.jit
    def step(model):
        traces.append(1)

        def loss(model):
            return jnp.mean((model(ids) / 2 - wanted) ** 2)

        value, grads = nnx.value_and_grad(loss)(model)
        model.curvature.raw[...] -= 0.2 * grads["curvature"]["raw"][...]
        return value

    wanted = model(ids)  # twice the curvature radius: c = 1/4
    values = [float(step(model)) for _ in range(200)]
    assert values[-1] < 1e-4 * values[0]
    np.testing.assert_allclose(model.curvature(), 0.25, rtol=0.02)
    np.testing.assert_array_equal(model.points.embedding[...], before)
    assert len(traces) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"parametrization": "square"}, "parametrization must be 'softplus', 'log' or 'signed', got 'square'"),
        ({"bounds": (0.0, 1.0)}, r"bounds must be finite with 0 < lowest < highest, got \(0.0, 1.0\)"),
        ({"bounds": (2.0, 1.0), "parametrization": "signed"}, "lowest < highest"),
        ({"initial": -1.0}, r"initial must lie in \[0.0001, 10000\], got -1.0"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        Curvature(**arguments)
