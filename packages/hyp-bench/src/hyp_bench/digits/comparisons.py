"""What is compared: networks, what they may spend, how they are scored, what is required of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from hyp_manifolds import nearest
from hyp_nn import cross_entropy
from jaxtyping import Array, Float, Int

from hyp_bench.digits import autoencoder, classifiers
from hyp_bench.digits.data import CLASSES, SIDE, Split
from hyp_bench.digits.training import Budget, Loss, Trainer

# Of three neighbours, two that agree outvote the third; if all differ, the nearest counts.
_VOTES = (1.2, 1.1, 1.0)


class Comparison(NamedTuple):
    """A hyperbolic network and its Euclidean twin.

    Attributes:
        name: of the row.
        hyperbolic: builds the network.
        euclidean: builds the twin.
        budget: of each of the two.
        loss: of each of the two.
        predict: the digits that a network gives to the test images.
        required: accuracy that the mean of the seeds has to reach, or, if `above`, to exceed.
        above: whether reaching it is not enough.
    """

    name: str
    hyperbolic: Callable[[nnx.Rngs], nnx.Module]
    euclidean: Callable[[nnx.Rngs], nnx.Module]
    budget: Budget
    loss: Loss
    predict: Callable[[Any, Split], Int[Array, "images"]]
    required: float
    above: bool = False

    def reached(self, accuracy: float) -> bool:
        """Whether a mean accuracy is what is required."""
        return accuracy > self.required if self.above else accuracy >= self.required


class Result(NamedTuple):
    """One kind of network, trained once for each seed.

    Attributes:
        accuracies: shares of the test images that were recognised, one for each seed.
        seconds: wall time of compilation, training and scoring.
        network: the one of the first seed.
    """

    accuracies: Float[np.ndarray, "seeds"]
    seconds: float
    network: Any


def measure(make: Any, comparison: Comparison, split: Split, seeds: Sequence[int]) -> Result:
    """Trains and scores one of the two networks of a comparison."""
    start = time.perf_counter()
    trainer = Trainer(make, comparison.loss, split.train, comparison.budget)
    networks = [trainer.run(seed) for seed in seeds]
    predict = nnx.jit(comparison.predict)
    images = jax.tree.map(jnp.asarray, split)
    found = [np.asarray(predict(network, images)) == split.test.y for network in networks]
    return Result(np.mean(found, axis=1), time.perf_counter() - start, networks[0])


def _class_loss(network: Any, x: Array, y: Array, key: Array) -> Float[Array, ""]:
    return cross_entropy(network(x), y)


def _shifted_loss(network: Any, x: Array, y: Array, key: Array) -> Float[Array, ""]:
    """The loss on images moved by up to a pixel along each axis, dark pixels coming in."""
    images = jnp.pad(x.reshape(-1, SIDE, SIDE), ((0, 0), (1, 1), (1, 1)))
    corners = jax.random.randint(key, (len(x), 2), 0, 3)
    moved = jax.vmap(lambda image, corner: jax.lax.dynamic_slice(image, corner, (SIDE, SIDE)))(images, corners)
    return cross_entropy(network(moved.reshape(x.shape)), y)


def _image_loss(network: Any, x: Array, y: Array, key: Array) -> Float[Array, ""]:
    return network.loss(x, key)


def _by_score(network: Any, split: Split) -> Int[Array, "images"]:
    return jnp.argmax(network(split.test.x), -1)


def _by_neighbours(network: Any, split: Split) -> Int[Array, "images"]:
    """Digits by the three training images with the nearest codes; no digit was seen in training."""
    found = nearest(network.manifold, network.codes(split.test.x), network.codes(split.train.x), len(_VOTES), 1.0)
    votes = jax.nn.one_hot(jnp.asarray(split.train.y)[found.indices], CLASSES)
    return jnp.argmax(jnp.einsum("ikc,k->ic", votes, jnp.asarray(_VOTES, votes.dtype)), -1)


def _classifier(
    name: str, hyperbolic: Any, euclidean: Any, budget: Budget, required: float, loss: Loss = _class_loss
) -> Comparison:
    return Comparison(name, hyperbolic, euclidean, budget, loss, _by_score, required)


# Chosen on parts of the training images (`--validation`): the epochs, and the learning rate from .003, .01, .02, .03
# and .1, by the sum of the accuracies of both networks. Of the hyperboloid CNN, initialisers and heads were tried too.
_C, _CNN = classifiers, Budget(60, 0.02)
COMPARISONS = {
    "mlr": _classifier("MLR", _C.HyperbolicMLR, _C.EuclideanMLR, Budget(60, 0.1), 0.96),
    "mlp": _classifier("MLP 64-64", _C.HyperbolicMLP, _C.EuclideanMLP, Budget(60, 0.01), 0.965),
    "bottleneck": _classifier(
        "MLP, 2-D bottleneck", _C.HyperbolicBottleneck, _C.EuclideanBottleneck, Budget(60, 0.03), 0.80
    ),
    "cnn-ball": _classifier("CNN, ball", _C.PoincareCNN, _C.EuclideanCNN, _CNN, 0.98, _shifted_loss),
    "cnn-hyperboloid": _classifier("CNN, hyperboloid", _C.HyperboloidCNN, _C.EuclideanCNN, _CNN, 0.98, _shifted_loss),
    "vae": Comparison(
        "VAE codes + 3-NN",
        autoencoder.HyperbolicVAE,
        autoencoder.EuclideanVAE,
        Budget(100, 0.01),
        _image_loss,
        _by_neighbours,
        0.58,
        above=True,
    ),
}
