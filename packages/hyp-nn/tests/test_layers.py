"""What layers do beyond the laws: isometries, bad input, checkpoints, deep stacks."""

import hyp_nn as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from hyp_manifolds import HalfSpace, Hyperboloid, Klein, Poincare, Product, ProperVelocity, convert
from hyp_nn.testing import LAYERS

BALL, SHEET, PV, KLEIN, HALF = Poincare(), Hyperboloid(), ProperVelocity(), Klein(), HalfSpace()


def moved(layer, key=3):
    """Parameters away from where they start."""
    graph, params, rest = nnx.split(layer, nnx.Param, ...)
    leaves, tree = jax.tree.flatten(params)
    keys = jax.random.split(jax.random.key(key), len(leaves))
    leaves = [a + 0.1 * jax.random.normal(k, a.shape, a.dtype) for a, k in zip(leaves, keys, strict=True)]
    return nnx.merge(graph, jax.tree.unflatten(tree, leaves), rest)


def points(manifold, n, dim, c, std=0.5):
    at = jax.vmap(lambda k: BALL.random_point(k, dim, c, std=std))(jax.random.split(jax.random.key(0), n))
    return jax.vmap(lambda p: convert(p, BALL, manifold, c))(at)


# Models ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [nn.HypLinearPP, nn.HypLinearBusemann, nn.HypRegressionPP, nn.HypRegressionBusemann])
def test_one_map_on_all_models(kind):
    """Layers that are written on the hyperboloid commute with the isometries."""
    c, results = 0.7, {}
    for manifold in (PV, BALL, SHEET, KLEIN, HALF):
        layer = moved(kind(manifold, 4, 3, rngs=nnx.Rngs(0)))
        if isinstance(manifold, Poincare) and hasattr(layer, "kernel"):  # coordinates of the ball are half the lengths
            layer.kernel[...] = results["kernel"] / 2
            layer.bias[...] = results["bias"] / 2
        elif hasattr(layer, "kernel"):
            results.setdefault("kernel", layer.kernel[...])
            results.setdefault("bias", layer.bias[...])
        y = jax.jit(lambda x, layer=layer: layer(x, c))(points(manifold, 5, 4, c))
        if y.shape[-1] == manifold.ambient_dim(3) and "Linear" in kind.__name__:
            y = jax.vmap(lambda p, m=manifold: convert(p, m, PV, c))(y)
        want = results.setdefault("out", y)
        np.testing.assert_allclose(y, want, rtol=3e-4, atol=3e-5)


def test_hnn_linear_in_closed_form_and_in_manifold_verbs():
    from hyp_nn._affine import affine

    c, layer = jnp.asarray(0.7), moved(nn.HypLinearPoincare(BALL, 4, 3, rngs=nnx.Rngs(0)))
    x = points(BALL, 6, 4, 0.7)
    kernel, bias = layer.kernel[...].astype(x.dtype), layer.bias[...].astype(x.dtype)
    verbs = affine.dispatch(object)(BALL, x, kernel, bias, c, False, None)
    np.testing.assert_allclose(layer(x, c), verbs, rtol=1e-5, atol=1e-6)


def test_radii_far_out_keep_their_digits():
    """The ball's closed form against float64 NumPy at radius 10, where 1 - c|x|^2 has 4 digits in float32."""
    u = np.random.default_rng(0).standard_normal((20, 4))
    x = jnp.asarray(np.tanh(5.0) * u / np.linalg.norm(u, axis=1, keepdims=True), jnp.float32)
    layer = nn.HypLinearPoincare(BALL, 4, 4, rngs=nnx.Rngs(0))
    layer.kernel[...] = 0.3 * jnp.eye(4)
    n = np.linalg.norm(np.asarray(x, np.float64), axis=1, keepdims=True)
    want = np.tanh(0.3 * np.arctanh(n)) * np.asarray(x, np.float64) / n
    np.testing.assert_allclose(layer(x, 1.0), want, rtol=2e-6)


def test_gradients_far_out_are_finite_and_right():
    """On one coordinate layers are linear: a convolution of the ball is 2 k u in tangents u, also at radius 36."""
    u = jnp.array([1e-3, 0.5, 2.0, 4.0, 4.5], jnp.float32)
    conv = nn.HypConv2DPoincare(BALL, 1, 1, (1, 1), rngs=nnx.Rngs(0))
    conv.kernel[...] = jnp.full((1, 1, 1, 1), 2.0, jnp.float32)
    out, pull = jax.vjp(jax.jit(lambda u: conv(u[:, None, None, None], 1.0).ravel()), u)
    np.testing.assert_allclose(out, 4 * u, rtol=1e-5)
    np.testing.assert_allclose(pull(jnp.ones_like(out))[0], np.full(5, 4.0), rtol=1e-4)


# Curvature from one to another, and kernels ---------------------------------------------------------------------------


def test_carrying_to_another_curvature_scales_all_lengths():
    x = points(SHEET, 4, 3, 0.5)
    y = nn.hrc(x, lambda s: s, 0.5, 2.0)
    assert jax.vmap(lambda p: SHEET.is_in_manifold(p, 2.0))(y).all()
    np.testing.assert_allclose(
        jax.vmap(lambda p: SHEET.dist_0(p, 2.0))(y), jax.vmap(lambda p: SHEET.dist_0(p, 0.5))(x) / 2, rtol=1e-5
    )
    np.testing.assert_allclose(nn.htc(x, lambda p: p[..., 1:], 0.5, 2.0), y, rtol=1e-6)
    np.testing.assert_allclose(nn.spatial_to_hyperboloid(x[:, 1:], 0.5, 2.0), y, rtol=1e-6)
    np.testing.assert_allclose(nn.hrc_relu(x, 0.5), nn.hyp_relu(x, 0.5), rtol=1e-6)


def test_int_and_tuple_kernels_are_one():
    image = LAYERS["LorentzConv-2d"].inputs(jax.random.key(0), (2,), 1.0)
    one, two = (nn.LorentzConv2D(3, 4, k, rngs=nnx.Rngs(0)) for k in (3, (3, 3)))
    assert one.kernel.shape == two.kernel.shape == (3, 3, 2, 3)
    np.testing.assert_array_equal(one(image), two(image))


def test_spacelike_columns_are_unit_normals_scaled():
    u, b, c = jnp.array([[3.0, 1.0], [4.0, 0.0]]), jnp.array([0.7, 0.2]), 2.0
    v = nn.build_spacelike_V(u, b, c)
    np.testing.assert_allclose(jnp.sum(v[1:] ** 2, 0) - v[0] ** 2, jnp.sum(u**2, 0), rtol=1e-5)


# Bad input ---------------------------------------------------------------------------------------------------------

WRONG = {
    "ambient for ball": ("HypLinearPoincare", lambda x: jnp.ones((2, 5)), 1.0, ValueError, "points of the hyperboloid"),
    "spatial for ambient": ("HTCLinear", lambda x: jnp.ones((2, 4)), 1.0, ValueError, "time coordinate comes first"),
    "size": ("HypRegressionPV", lambda x: jnp.ones((2, 9)), 1.0, ValueError, r"HypRegressionPV.*4 coord.*\[2, 9\]"),
    "integers": ("FGGLinear", lambda x: jnp.ones((2, 5), int), 1.0, TypeError, "FGGLinear.*floating"),
    "list": ("HypLinearPV", lambda x: [1.0] * 4, 1.0, TypeError, "must be an array"),
    "negative c": ("HypLinearPoincarePP", lambda x: x, -1.0, ValueError, "HypLinearPoincarePP: c must be positive"),
    "zero c": ("FGGConv-2d", lambda x: x, 0.0, ValueError, "FGGConv2D: c must be positive"),
    "many c": ("HypLinearPV", lambda x: x, jnp.ones(3), ValueError, "scalar"),
    "pixels": ("LorentzConv-2d", lambda x: x[0, 0], 1.0, ValueError, "2 axes of pixels"),
}


@pytest.mark.parametrize("what", WRONG)
def test_bad_input_is_named(what):
    name, spoil, c, error, message = WRONG[what]
    case = LAYERS[name]
    layer = case.build(nnx.Rngs(0))
    with pytest.raises(error, match=message):
        layer(spoil(case.inputs(jax.random.key(0), (2,), 1.0)), c)


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda r: nn.HypLinearPoincare(SHEET, 3, 2, rngs=r), TypeError, r"HypLinearPoincare: manifold must be Poinc"),
        (lambda r: nn.HypLinear(Product(((BALL, 2),)), 2, 2, rngs=r), TypeError, "fixed dimension"),
        (lambda r: nn.HypLinear(Poincare, 2, 2, rngs=r), TypeError, "instance"),
        (lambda r: nn.HypLinear(BALL, 0, 2, rngs=r), ValueError, "in_dim must be at least 1"),
        (lambda r: nn.HypLinear(BALL, 2, 2, rngs=r, input_space="flat"), ValueError, "input_space"),
        (lambda r: nn.FGGLinear(5, 4, rngs=r, reset_params="best"), ValueError, "reset_params"),
        (lambda r: nn.FGGConv2D(SHEET, 5, 5, 3, rngs=r, groups=3), ValueError, "groups=3 must divide"),
        (lambda r: nn.FGGConv2D(SHEET, 5, 5, (3, 3, 3), rngs=r), ValueError, "kernel_size must be an int or 2"),
        (lambda r: nn.FGGConv2D(SHEET, 5, 5, 3, rngs=r, padding="full"), ValueError, "padding"),
        (lambda r: nn.HRCDropout(1.0, rngs=r), ValueError, r"rate must lie in \[0, 1\)"),
    ],
)
def test_bad_construction_is_named(build, error, message):
    with pytest.raises(error, match=message):
        build(nnx.Rngs(0))


# State -------------------------------------------------------------------------------------------------------------


@pytest.mark.one_precision
def test_tables_and_checkpoints_of_all_layers(tmp_path):
    ocp = pytest.importorskip("orbax.checkpoint")
    layers = {name: case.build(nnx.Rngs(0)) for name, case in LAYERS.items()}
    saved = {name: nnx.to_pure_dict(nnx.state(layer, nnx.Param)) for name, layer in layers.items()}
    saved = {name: params for name, params in saved.items() if params}
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(tmp_path / "layers", saved)
        checkpointer.wait_until_finished()
        restored = checkpointer.restore(tmp_path / "layers", jax.tree.map(jnp.zeros_like, saved))
    jax.tree.map(np.testing.assert_array_equal, restored, saved)
    for name in ("HypLinearPoincare", "FGGConv-2d", "HyperboloidGyroBatchNorm"):
        case = LAYERS[name]
        table = nnx.tabulate(layers[name], jnp.zeros((2, *case.sample)) + 0.1)
        assert type(layers[name]).__name__ in table


def test_biases_know_their_manifold():
    assert nn.HypLinearPoincare(BALL, 2, 2, rngs=nnx.Rngs(0)).bias.manifold == BALL
    assert nn.HypRegressionPoincare(BALL, 2, 2, rngs=nnx.Rngs(0)).bias.manifold == BALL
