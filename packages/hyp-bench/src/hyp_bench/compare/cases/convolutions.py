"""Convolutions of images with the same weights, beside the Euclidean convolution."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from hyp_bench.compare.case import FORWARD, GRADIENT, Case, Ready, Work
from hyp_bench.compare.libraries import OURS, peer

from ._modules import filled, judge, ready, set_from
from .layers import EUCLID

# Names in both libraries; with what manifold they are built, if any, and their channels, time included.
KINDS = {
    "HypConv2DHyperboloid": (True, 33),
    "FGGConv2D": (True, 33),
    "HypConv2DPoincare": (True, 32),
    "LorentzConv2D": (False, 33),
}
_SPACE = 32


@functools.lru_cache(maxsize=4)
def images(channels: int, batch: int, side: int) -> np.ndarray:
    """Float32 pixels: tangents of the ball at its origin, or points of the hyperboloid with the time first."""
    v = 0.1 * np.random.default_rng(3).standard_normal((batch, side, side, _SPACE))
    if channels == _SPACE:
        return v.astype(np.float32)
    length = np.linalg.norm(v, axis=-1, keepdims=True)
    return np.concatenate([np.cosh(length), np.sinh(length) * v / length], -1).astype(np.float32)


def cases(against: Sequence[str], quick: bool) -> list[Case]:
    """Every kind with a square and an integer kernel; the integer of Hyperbolix's Lorentz layer is another function."""
    batch, side = (2, 16) if quick else (16, 32)
    return [
        case(name, size, batch, side, mode, against)
        for name in KINDS
        for size in (((3, 3),) if quick else ((3, 3), 3))
        for mode in (FORWARD, GRADIENT)
    ]


def case(name: str, size: tuple[int, int] | int, batch: int, side: int, mode: str, against: Sequence[str]) -> Case:
    """A 3 x 3 convolution of 32 space channels."""
    channels = KINDS[name][1]
    x = images(channels, batch, side)
    build = functools.partial(ours, name, size)
    contenders: dict[str, Callable[[], Ready]] = {
        OURS: functools.partial(ready, build, x, mode),
        EUCLID: functools.partial(ready, functools.partial(_euclid, channels), x, mode),
    }
    if "hyperbolix" in against:
        rival = (3, 3) if name == "LorentzConv2D" else size
        contenders["hyperbolix"] = functools.partial(ready, functools.partial(_hyperbolix, name, rival), x, mode)
    if "hypll" in against and name == "HypConv2DPoincare":
        contenders["hypll"] = functools.partial(_hypll, x, mode)
    pixels, times = batch * side * side, 1 if mode == FORWARD else 3
    work = Work(8.0 * times * pixels * channels, times * 2.0 * pixels * 9 * _SPACE * _SPACE)
    verdict = functools.partial(judge, build, x) if mode == FORWARD else None
    kernel = "kernel 3" if isinstance(size, int) else "kernel 3 x 3"
    return Case("layers", name, f"{batch} x {side} x {side} x {_SPACE}, {kernel}", mode, contenders, work, verdict)


def ours(name: str, size: tuple[int, int] | int) -> Any:
    """Our layer with the weights that all twins get."""
    import hyp_nn
    from flax import nnx
    from hyp_manifolds import Hyperboloid, Poincare

    with_manifold, channels = KINDS[name]
    build: Any = getattr(hyp_nn, name)
    first = (Poincare() if channels == _SPACE else Hyperboloid(),) if with_manifold else ()
    return filled(build(*first, channels, channels, size, rngs=nnx.Rngs(0)))


def _euclid(channels: int) -> Any:
    from flax import nnx

    return nnx.Conv(channels, _SPACE, (3, 3), rngs=nnx.Rngs(0))


def _hyperbolix(name: str, size: tuple[int, int] | int) -> Any:
    import jax.numpy as jnp
    from flax import nnx

    manifolds, nn_layers = peer("hyperbolix.manifolds"), peer("hyperbolix.nn_layers")

    own, channels = ours(name, size), KINDS[name][1]
    model = manifolds.Poincare() if channels == _SPACE else manifolds.Hyperboloid()
    theirs = getattr(nn_layers, name)(model, channels, channels, size, rngs=nnx.Rngs(0))
    if name == "LorentzConv2D":
        set_from(theirs.conv, own.kernel[...], own.bias[...])
        return theirs
    weights = own.weights if name == "FGGConv2D" else own
    kernel, bias = weights.kernel[...].reshape(-1, _SPACE), weights.bias[...]
    if name == "HypConv2DHyperboloid":  # rows: an unused time, then space; columns: the time, then pixels
        kernel = jnp.pad(jnp.concatenate([own.time_kernel[...][None], kernel]), ((0, 0), (1, 0))).T
        return set_from(theirs, kernel, jnp.pad(bias, (1, 0)))
    if name == "HypConv2DPoincare":  # columns are ordered by channel, then by pixel
        return set_from(theirs, jnp.moveaxis(own.kernel[...], 2, 0).reshape(-1, _SPACE).T, bias)
    return set_from(theirs, kernel, bias)


def _hypll(x: np.ndarray, mode: str) -> Ready:
    """HypLL's takes points of the ball, channels first; the way from and to tangents is not timed."""
    torch = peer("torch")
    models, tensor = peer("hypll.manifolds.poincare_ball"), peer("hypll.tensors").ManifoldTensor

    torch.set_num_threads(1)
    own, ball = ours("HypConv2DPoincare", 3), models.PoincareBall(models.Curvature(float(np.log(np.expm1(1.0)))))
    layer = peer("hypll.nn").HConvolution2d(_SPACE, _SPACE, 3, ball, padding=1)
    with torch.no_grad():
        # Theirs are ordered by channel, then by pixel.
        kernel = np.moveaxis(np.asarray(own.kernel[...]), 2, 0).reshape(-1, _SPACE)
        layer.weights.tensor.copy_(torch.tensor(kernel))
        layer.bias.copy_(torch.tensor(np.asarray(own.bias[...])))
    length = np.linalg.norm(x, axis=-1, keepdims=True)
    points = np.ascontiguousarray(np.moveaxis(np.tanh(length) * x / length, -1, 1))
    given = torch.tensor(points, requires_grad=mode == GRADIENT)

    def call() -> Any:
        return layer(tensor(given, manifold=ball, man_dim=1))

    def forward() -> Any:
        with torch.no_grad():
            return call()

    def gradient() -> Any:
        layer.zero_grad()
        given.grad = None
        value = (call().tensor ** 2).sum()
        value.backward()
        return value

    def output() -> np.ndarray:
        return np.moveaxis(ball.logmap(None, forward()).tensor.detach().numpy(), 1, -1)

    return Ready(gradient if mode == GRADIENT else forward, output)
