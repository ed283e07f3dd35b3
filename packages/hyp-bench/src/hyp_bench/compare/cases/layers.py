"""Linear layers and regressions with the same weights, beside the Euclidean layer."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from hyp_bench.compare.case import FORWARD, GRADIENT, Case, Ready, Work
from hyp_bench.compare.libraries import OURS, peer

from ._modules import filled, judge, ready, set_from

EUCLID = "Euclid"
_BATCH, _CLASSES = 1000, 100


class Layer(NamedTuple):
    """A layer of ours and its twins.

    Attributes:
        name: of the class, in both libraries.
        sizes: its constructor's.
        model: of its inputs.
        flat: inputs and outputs of the Euclidean layer with as many numbers.
    """

    name: str
    sizes: tuple[int, int]
    model: str
    flat: tuple[int, int]


LAYERS = (
    Layer("HypLinearPoincare", (128, 128), "ball", (128, 128)),
    Layer("HypLinearPoincare", (784, 256), "ball", (784, 256)),
    Layer("HypLinearPoincarePP", (128, 128), "ball", (128, 128)),
    Layer("HypLinearPoincarePP", (784, 256), "ball", (784, 256)),
    Layer("FGGLinear", (129, 129), "hyperboloid", (129, 128)),
    Layer("HTCLinear", (129, 128), "hyperboloid", (129, 128)),
    Layer("HypLinearHyperboloidFHCNN", (129, 129), "hyperboloid", (129, 128)),
    Layer("HypRegressionPoincare", (128, _CLASSES), "ball", (128, _CLASSES)),
    Layer("HypRegressionPoincarePP", (128, _CLASSES), "ball", (128, _CLASSES)),
    Layer("FGGLorentzMLR", (129, _CLASSES), "hyperboloid", (129, _CLASSES)),
)


@functools.lru_cache(maxsize=4)
def inputs(model: str, batch: int, dim: int) -> np.ndarray:
    """Float32 points at distance about 1 from the origin of the model."""
    v = np.random.default_rng(2).standard_normal((batch, dim)) * (0.5 if model == "ball" else 1) / dim**0.5
    length = np.linalg.norm(v, axis=-1, keepdims=True)
    if model == "ball":
        return (np.tanh(length) * v / length).astype(np.float32)
    return np.concatenate([np.cosh(length), np.sinh(length) * v / length], -1).astype(np.float32)


def cases(against: Sequence[str], quick: bool) -> list[Case]:
    """Every layer, forward and with the gradient by parameters and inputs."""
    batch = 100 if quick else _BATCH
    return [case(layer, batch, mode, against) for layer in LAYERS for mode in (FORWARD, GRADIENT)]


def case(layer: Layer, batch: int, mode: str, against: Sequence[str]) -> Case:
    """One layer on a batch of points."""
    i, o = layer.flat
    x = inputs(layer.model, batch, i - (layer.model == "hyperboloid"))
    build = functools.partial(ours, layer)
    contenders: dict[str, Callable[[], Ready]] = {
        OURS: functools.partial(ready, build, x, mode),
        EUCLID: functools.partial(ready, functools.partial(_euclid, i, o), x, mode),
    }
    if "hyperbolix" in against:
        contenders["hyperbolix"] = functools.partial(ready, functools.partial(hyperbolix, layer), x, mode)
    for library, twins in (("geoopt", _GEOOPT), ("hypll", _HYPLL)):
        if library in against and layer.name in twins:
            contenders[library] = functools.partial(_ready_torch, twins[layer.name], layer, x, mode)
    size = f"{batch} x {layer.sizes[0]} -> {layer.sizes[1]}"
    times = 1 if mode == FORWARD else 3
    work = Work(4.0 * times * (batch * (i + o) + i * o), times * 2.0 * batch * i * o)
    verdict = functools.partial(judge, build, x) if mode == FORWARD else None
    return Case("layers", layer.name, size, mode, contenders, work, verdict)


def ours(layer: Layer) -> Any:
    """Our layer with the weights that all twins get."""
    import hyp_nn
    from flax import nnx
    from hyp_manifolds import Hyperboloid, Poincare

    build: Any = getattr(hyp_nn, layer.name)
    first = () if layer.name in _WITHOUT_MANIFOLD else (Poincare() if layer.model == "ball" else Hyperboloid(),)
    return filled(build(*first, *layer.sizes, rngs=nnx.Rngs(0)))


_WITHOUT_MANIFOLD = ("FGGLinear", "HTCLinear", "FGGLorentzMLR")


def _euclid(i: int, o: int) -> Any:
    from flax import nnx

    return nnx.Linear(i, o, rngs=nnx.Rngs(0))


def hyperbolix(layer: Layer) -> Any:
    """Hyperbolix's layer with the same weights."""
    import jax.numpy as jnp
    from flax import nnx

    manifolds, nn_layers = peer("hyperbolix.manifolds"), peer("hyperbolix.nn_layers")

    own = ours(layer)
    model = manifolds.Poincare() if layer.model == "ball" else manifolds.Hyperboloid()
    first = () if layer.name in _WITHOUT_MANIFOLD else (model,)
    theirs = getattr(nn_layers, layer.name)(*first, *layer.sizes, rngs=nnx.Rngs(0))
    if layer.name == "HypLinearHyperboloidFHCNN":  # theirs has a column for the time, which it does not use
        kernel = jnp.pad(own.kernel[...], ((0, 0), (1, 0))).T
        return set_from(theirs, kernel, jnp.pad(own.bias[...], (1, 0)))
    if layer.name == "FGGLinear":
        return set_from(theirs, own.weights.kernel[...], own.weights.bias[...])
    if layer.model == "hyperboloid":
        return set_from(theirs, own.kernel[...], own.bias[...])
    return set_from(theirs, own.kernel[...].T, own.bias[...])


def _geoopt_linear(layer: Layer) -> tuple[Callable[[Any], Any], list[Any]]:
    geoopt = peer("geoopt")

    own, ball = ours(layer), geoopt.PoincareBall(1.0)
    kernel, bias = _parameter(own.kernel[...].T), _parameter(own.bias[...])
    return lambda x: ball.mobius_add(ball.mobius_matvec(kernel, x), bias), [kernel, bias]


def _geoopt_regression(layer: Layer) -> tuple[Callable[[Any], Any], list[Any]]:
    geoopt = peer("geoopt")

    own, ball = ours(layer), geoopt.PoincareBall(1.0)
    normals, points = _parameter(own.kernel[...].T), _parameter(own.bias[...])

    def scores(x: Any) -> Any:
        # Theirs is scaled by the coordinates' length of the normal at the point, the paper's by the Riemannian length.
        gap = 1 - (points**2).sum(-1, keepdim=True)
        return ball.dist2plane(x[:, None], points, normals * gap, signed=True, scaled=True) * (2 / gap[:, 0])

    return scores, [normals, points]


def _hypll_linear(layer: Layer) -> tuple[Callable[[Any], Any], list[Any]]:
    torch = peer("torch")
    models, tensor = peer("hypll.manifolds.poincare_ball"), peer("hypll.tensors").ManifoldTensor

    # Their curvature is the softplus of the number it is made with.
    own, ball = ours(layer), models.PoincareBall(models.Curvature(float(np.log(np.expm1(1.0)))))
    other = peer("hypll.nn").HLinear(*layer.sizes, ball)
    with torch.no_grad():
        other.z.tensor.copy_(_parameter(own.kernel[...]))
        other.bias.copy_(_parameter(own.bias[...]))
    return lambda x: other(tensor(x, manifold=ball, man_dim=-1)).tensor, [other.z.tensor, other.bias]


_GEOOPT = {"HypLinearPoincare": _geoopt_linear, "HypRegressionPoincare": _geoopt_regression}
_HYPLL = {"HypLinearPoincarePP": _hypll_linear}


def _parameter(values: Any) -> Any:
    torch = peer("torch")

    return torch.tensor(np.asarray(values), requires_grad=True)


def _ready_torch(build: Callable[[Layer], Any], layer: Layer, x: np.ndarray, mode: str) -> Ready:
    torch = peer("torch")

    torch.set_num_threads(1)
    call, parameters = build(layer)
    given = torch.tensor(x, requires_grad=mode == GRADIENT)

    def forward() -> Any:
        with torch.no_grad():
            return call(given)

    def gradient() -> Any:
        for a in (given, *parameters):
            a.grad = None
        value = (call(given) ** 2).sum()
        value.backward()
        return value

    return Ready(gradient if mode == GRADIENT else forward, lambda: forward().numpy())
