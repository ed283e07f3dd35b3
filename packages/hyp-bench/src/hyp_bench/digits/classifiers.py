"""Hyperbolic classifiers of digits, each beside its Euclidean twin: the same sizes, flat layers.

Images enter the ball as tangents at the origin, exp_0(x/4): pixels between 0 and 1 give |x| of about 3 to 4, and so
points at radius 2 or less, where the space is neither flat nor so wide that scores hardly change.
"""

from __future__ import annotations

import abc

import jax
import jax.numpy as jnp
from flax import nnx
from hyp_manifolds import Hyperboloid, Poincare
from hyp_nn import (
    FGGConv2D,
    HypConv2DPoincare,
    HypLinearPoincare,
    HypRegressionHyperboloid,
    HypRegressionPoincare,
    HypRegressionPoincarePP,
    hyp_flatten2d,
    hyp_relu,
)
from jaxtyping import Array, Float

from hyp_bench.digits.data import CLASSES, PIXELS, SIDE

BALL, SHEET = Poincare(), Hyperboloid()
WIDTH, CHANNELS = 64, (16, 32)
_SHRINK = 0.25

Images = Float[Array, "images 64"]
Scores = Float[Array, "images 10"]


class Classifier(nnx.Module):
    """What classifiers share: images in, scores out."""

    def __call__(self, x: Images) -> Scores:
        """Scores of the ten digits."""
        return self._scores(x)

    @abc.abstractmethod
    def _scores(self, x: Images) -> Scores:
        """`__call__`."""


class HyperbolicMLR(Classifier):
    """Multinomial regression in the ball."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.head = HypRegressionPoincare(BALL, PIXELS, CLASSES, rngs=rngs, input_space="tangent")

    def _scores(self, x: Images) -> Scores:
        return self.head(_SHRINK * x)


class EuclideanMLR(Classifier):
    """Multinomial regression."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.head = nnx.Linear(PIXELS, CLASSES, rngs=rngs)

    def _scores(self, x: Images) -> Scores:
        return self.head(x)


class HyperbolicMLP(Classifier):
    """Two hidden layers of the ball, with a regression in the ball."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.first = HypLinearPoincare(BALL, PIXELS, WIDTH, rngs=rngs, input_space="tangent")
        self.second = HypLinearPoincare(BALL, WIDTH, WIDTH, rngs=rngs)
        self.head = HypRegressionPoincare(BALL, WIDTH, CLASSES, rngs=rngs)

    def _scores(self, x: Images) -> Scores:
        h = hyp_relu(self.first(_SHRINK * x), manifold=BALL)
        return self.head(hyp_relu(self.second(h), manifold=BALL))


class EuclideanMLP(Classifier):
    """Two hidden layers and a regression."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.first = nnx.Linear(PIXELS, WIDTH, rngs=rngs)
        self.second = nnx.Linear(WIDTH, WIDTH, rngs=rngs)
        self.head = nnx.Linear(WIDTH, CLASSES, rngs=rngs)

    def _scores(self, x: Images) -> Scores:
        return self.head(jax.nn.relu(self.second(jax.nn.relu(self.first(x)))))


class HyperbolicBottleneck(Classifier):
    """A Euclidean hidden layer, two numbers, exp_0 of them, and a regression in the hyperbolic plane."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.hidden = nnx.Linear(PIXELS, WIDTH, rngs=rngs)
        self.narrow = nnx.Linear(WIDTH, 2, rngs=rngs)
        self.head = HypRegressionPoincare(BALL, 2, CLASSES, rngs=rngs)

    def codes(self, x: Images) -> Float[Array, "images 2"]:
        """Points of the disk."""
        return jax.vmap(lambda v: BALL.expmap_0(v, 1.0))(self.narrow(jax.nn.relu(self.hidden(x))))

    def _scores(self, x: Images) -> Scores:
        return self.head(self.codes(x))


class EuclideanBottleneck(Classifier):
    """A hidden layer, two numbers, and a regression on them."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.hidden = nnx.Linear(PIXELS, WIDTH, rngs=rngs)
        self.narrow = nnx.Linear(WIDTH, 2, rngs=rngs)
        self.head = nnx.Linear(2, CLASSES, rngs=rngs)

    def _scores(self, x: Images) -> Scores:
        return self.head(self.narrow(jax.nn.relu(self.hidden(x))))


class PoincareCNN(Classifier):
    """Two convolutions of tangents at the origin of the ball, and the regression of HNN++."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        one, two = CHANNELS
        self.first = HypConv2DPoincare(BALL, 1, one, (3, 3), rngs=rngs, id_init=False)
        self.second = HypConv2DPoincare(BALL, one, two, (3, 3), rngs=rngs, stride=2, id_init=False)
        self.head = HypRegressionPoincarePP(BALL, two * PIXELS // 4, CLASSES, rngs=rngs, input_space="tangent")

    def _scores(self, x: Images) -> Scores:
        h = jax.nn.relu(self.first(x.reshape(-1, SIDE, SIDE, 1)))
        h = jax.nn.relu(self.second(h))
        return self.head(_SHRINK * h.reshape(len(x), -1))


class HyperboloidCNN(Classifier):
    """Two Lorentz convolutions, the log-radius concatenation of the pixels, and a Lorentz regression."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        one, two = CHANNELS
        self.first = FGGConv2D(SHEET, 2, one + 1, (3, 3), rngs=rngs, reset_params="kaiming")
        self.second = FGGConv2D(SHEET, one + 1, two + 1, (3, 3), rngs=rngs, reset_params="kaiming", stride=2)
        self.head = HypRegressionHyperboloid(SHEET, two * PIXELS // 4 + 1, CLASSES, rngs=rngs)

    def _scores(self, x: Images) -> Scores:
        pixels = x.reshape(-1, SIDE, SIDE, 1)
        points = SHEET.proj_batch(jnp.concatenate([jnp.zeros_like(pixels), pixels], -1), 1.0)
        h = hyp_relu(self.second(hyp_relu(self.first(points))))
        return self.head(hyp_flatten2d(h))


class EuclideanCNN(Classifier):
    """Two convolutions and a regression on all pixels."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        one, two = CHANNELS
        self.first = nnx.Conv(1, one, (3, 3), rngs=rngs)
        self.second = nnx.Conv(one, two, (3, 3), strides=2, rngs=rngs)
        self.head = nnx.Linear(two * PIXELS // 4, CLASSES, rngs=rngs)

    def _scores(self, x: Images) -> Scores:
        h = jax.nn.relu(self.first(x.reshape(-1, SIDE, SIDE, 1)))
        h = jax.nn.relu(self.second(h))
        return self.head(h.reshape(len(x), -1))
