"""Options that the registry of layers leaves at their defaults, by exact values, and what is refused at the door."""

import functools

import hyp_nn as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from hyp_manifolds import Hyperboloid, Klein, Poincare, Product, ProperVelocity

pytestmark = pytest.mark.one_precision

BALL, SHEET, PV = Poincare(), Hyperboloid(), ProperVelocity()
X = np.array([[0.1, -0.2, 0.3], [0.4, 0.05, -0.1]], np.float32)
SHEET_X = np.concatenate([np.sqrt(1 + np.sum(X**2, -1, keepdims=True)), X], -1)
IMAGE = np.concatenate([np.ones((2, 4, 1)), np.zeros((2, 4, 2))], -1).astype(np.float32)


def rngs() -> nnx.Rngs:
    return nnx.Rngs(0)


LAYERS = {
    "no bias": nn.HypLinear(BALL, 3, 2, rngs=rngs(), use_bias=False),
    "no bias, klein": nn.HypLinear(Klein(), 3, 2, rngs=rngs(), use_bias=False),
    "htc": nn.HTCLinear(4, 2, rngs=rngs(), use_bias=False, init_bound=0.1),
    "fhnn": nn.HypLinearHyperboloidFHNN(SHEET, 4, 3, rngs=rngs()),
    "fhnn, doubled": nn.HypLinearHyperboloidFHNN(SHEET, 4, 3, rngs=rngs(), activation=lambda x: 2 * x),
    "clamped": nn.HypRegressionHyperboloid(SHEET, 4, 2, rngs=rngs(), clamping_factor=1.0),
    "busemann": nn.HypLinearBusemann(BALL, 3, 2, rngs=rngs()),
    "busemann, zero": nn.HypLinearBusemann(BALL, 3, 2, rngs=rngs(), activation=lambda u: 0 * u),
    "hdrl": nn.HypRegressionPoincareHDRL(BALL, 3, 2, rngs=rngs()),
    "features": nn.HyperPPFeatureScaling(3, rngs=rngs()),
}


@functools.cache
def outputs() -> dict[str, np.ndarray]:
    """All at once: one compilation."""
    residual, product = nn.LorentzResidual(), Product.from_signature("P2 E1")
    conv = nn.HypConvPV(
        PV, 2, 2, 3, rngs=rngs(), num_dims=1, transposed=True, padding=1, inner_activation=jnp.zeros_like
    )

    def run(x: jax.Array, sheet: jax.Array) -> dict[str, jax.Array]:
        found = {name: layer(sheet if layer_input(name) else x) for name, layer in LAYERS.items() if name != "clamped"}
        found["clamped"] = LAYERS["clamped"](sheet)
        found["residual"] = residual(sheet, sheet, weight=1.0)
        found["conv"] = conv(x[:, :2][None])
        found["prototypes"] = nn.prototype_logits(product, jnp.zeros((1, 3)), jnp.array([[0.3, 0.0, 0.4]]))
        for name in ("tanh", "swish", "gelu", "leaky_relu"):
            found[f"hyp_{name}"] = getattr(nn, f"hyp_{name}")(sheet)
            found[f"hrc_{name}"] = getattr(nn, f"hrc_{name}")(sheet)
        found["pv"] = nn.hyp_tanh(x, manifold=PV)
        for name in ("tanh", "relu", "leaky_relu"):
            found[f"ball_{name}"] = getattr(nn, f"poincare_{name}")(x)
        return found

    return jax.tree.map(np.asarray, jax.jit(run)(jnp.asarray(X), jnp.asarray(SHEET_X)))


def layer_input(name: str) -> bool:
    return name.startswith(("htc", "fhnn"))


def kernel(name: str) -> np.ndarray:
    return np.asarray(LAYERS[name].kernel[...])


def assert_close(actual: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_allclose(actual, expected, rtol=3e-6, atol=1e-6)


def radial(x: np.ndarray, f) -> np.ndarray:
    norm = np.linalg.norm(x, axis=-1, keepdims=True)
    return f(norm) * x / norm


@pytest.mark.parametrize("name", ["no bias", "no bias, klein"])
def test_a_linear_layer_without_bias_is_the_kernel_on_the_logarithm(name: str) -> None:
    assert_close(outputs()[name], radial(radial(X, np.arctanh) @ kernel(name), np.tanh))


SCALAR = {
    "tanh": np.tanh,
    "swish": lambda s: s / (1 + np.exp(-s)),
    "gelu": lambda s: s / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (s + 0.044715 * s**3))),
    "leaky_relu": lambda s: np.where(s > 0, s, 0.01 * s),
    "relu": lambda s: np.maximum(s, 0),
}


@pytest.mark.parametrize("name", ["tanh", "swish", "gelu", "leaky_relu"])
def test_activations_act_on_the_spatial_part(name: str) -> None:
    s = SCALAR[name](X)
    for kind in ("hyp", "hrc"):
        assert_close(outputs()[f"{kind}_{name}"], np.concatenate([np.sqrt(1 + np.sum(s**2, -1, keepdims=True)), s], -1))


@pytest.mark.parametrize("name", ["tanh", "relu", "leaky_relu"])
def test_activations_of_the_ball_act_on_the_logarithm(name: str) -> None:
    assert_close(outputs()[f"ball_{name}"], radial(SCALAR[name](radial(X, np.arctanh)), np.tanh))


def test_what_else_has_an_option() -> None:
    found = outputs()
    assert_close(found["pv"], np.tanh(X))
    assert np.abs(kernel("htc")).max() <= 0.1 and len(np.unique(kernel("htc"))) > 1
    assert_close(found["htc"][:, 1:], SHEET_X @ kernel("htc"))
    assert np.abs(found["fhnn, doubled"] - found["fhnn"]).max() > 0.01
    z, r = kernel("clamped").T, np.zeros((2, 1), np.float32)
    assert_close(found["clamped"], SHEET.compute_mlr(jnp.asarray(SHEET_X), z, r, 1.0, 1.0, 50.0))
    assert_close(found["busemann, zero"], np.zeros((2, 2)))
    assert np.abs(found["busemann"]).max() > 0.01
    a = kernel("hdrl")
    length = np.linalg.norm(a, axis=0)
    assert_close(found["hdrl"], length * np.arcsinh(2 * X @ a / length / (1 - np.sum(X**2, -1, keepdims=True))))
    assert_close(found["features"], np.tanh(X / np.sqrt(np.mean(X**2, -1, keepdims=True) + 1e-6)) / np.sqrt(3))
    assert_close(found["residual"], SHEET_X)
    assert found["conv"].shape == (1, 2, 2) and not found["conv"].any()
    assert_close(found["prototypes"], [[-((2 * np.arctanh(0.3)) ** 2) - 0.4**2]])


def test_initialisers_by_name_and_by_standard_deviation() -> None:
    identity = nn.FGGLinear(4, 4, rngs=rngs(), reset_params="eye", gain=2.0).weights.kernel[...]
    assert_close(identity, 2 * np.eye(3))
    wide = nn.FGGLinear(65, 65, rngs=rngs(), reset_params="kaiming").weights.kernel[...]
    assert abs(float(jnp.std(wide)) / np.sqrt(2 / 64) - 1) < 0.05
    for layer in (
        nn.HypLinearPV(PV, 64, 64, rngs=rngs(), kernel_init_std=0.2),
        nn.HypLinearHyperboloidPLFC(SHEET, 65, 65, rngs=rngs(), kernel_init_std=0.2),
    ):
        assert abs(float(jnp.std(layer.kernel[...])) / 0.2 - 1) < 0.05


def test_parameters_are_taken_for_the_arrays_they_hold() -> None:
    x, c = nnx.Param(jnp.asarray(X)), nnx.Param(jnp.ones(()))
    assert_close(nn.hyp_tanh(x, c, manifold=PV), np.tanh(X))


REFUSED = {
    "a size that is no int": (lambda: nn.HypLinear(BALL, 2.5, 3, rngs=rngs()), "in_dim must be an int, got float"),
    "eps": (lambda: nn.HypLinearHyperboloidFHNN(SHEET, 4, 3, rngs=rngs(), eps=0.0), "eps must be positive, got 0.0"),
    "a scalar": (lambda: nn.hyp_relu(jnp.float32(1.0)), "the last axis of x must hold the coordinates"),
    "c": (lambda: nn.hyp_relu(SHEET_X, jnp.array(True)), "c must be a real number, got bool"),
    "dimensions": (lambda: nn.HypConvPV(PV, 2, 2, 3, rngs=rngs(), num_dims=4), "num_dims must be 1, 2 or 3, got 4"),
    "a border": (
        lambda: nn.HypConvHyperboloid(SHEET, 3, 3, 3, rngs=rngs(), num_dims=1, transposed=True, pad_mode="edge"),
        "no border to repeat",
    ),
    "padding": (
        lambda: nn.HypConvPV(PV, 2, 2, 3, rngs=rngs(), num_dims=1, padding=((1, 1), (0, 0))),
        "padding must have 1 entries",
    ),
    "groups": (
        lambda: nn.HypConvHyperboloidFHNN(SHEET, 3, 3, 3, rngs=rngs(), num_dims=1, groups=2),
        "groups must be 1, got 2: one time coordinate",
    ),
    "pixels": (lambda: nn.hyp_flatten2d(jnp.asarray(IMAGE[0])), "must have 2 axes of pixels"),
    "one point": (lambda: nn.contrastive_loss(BALL, X[0], X[0]), r"x must have shape \(\.\.\., n, coords\)"),
    "negatives": (lambda: nn.ranking_loss(BALL, X, X, X), r"negatives must have shape \(2, 'n', 3\)"),
    "target": (lambda: nn.distortion_loss(BALL, X, X, jnp.ones(3)), r"target must have shape \(2,\), got \(3,\)"),
    "prototypes": (lambda: nn.prototype_logits(BALL, X, X[None]), r"prototypes must have shape \(classes, coords\)"),
    "two shapes": (lambda: nn.lorentz_residual(SHEET_X, SHEET_X[:1]), "one shape and dtype"),
    "alpha": (lambda: nn.HyperPPFeatureScaling(3, rngs=rngs(), alpha=1.5), r"alpha must lie in \(0, 1\), got 1\.5"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_is_refused(name: str) -> None:
    call, message = REFUSED[name]
    with pytest.raises((TypeError, ValueError), match=message):
        call()


@pytest.mark.skipif(jax.config.jax_enable_x64, reason="nothing is lost in 64-bit mode")
def test_float64_is_not_rounded_without_a_word() -> None:
    with pytest.raises(TypeError, match="float64"):
        nn.hyp_tanh(X.astype(np.float64), manifold=PV)
