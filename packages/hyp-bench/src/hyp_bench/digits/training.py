"""Training of small networks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
import optax
from flax import nnx
from hyp_manifolds import OnManifold
from hyp_optim import riemannian_adam
from jaxtyping import Array, Float

from hyp_bench.digits.data import Part

_WARM_UP = 10

Loss = Callable[[Any, Float[Array, "images 64"], Array, Array], Float[Array, ""]]


class Budget(NamedTuple):
    """What a network and its twin may spend.

    Attributes:
        epochs: passes over the images.
        learning_rate: the largest, which is reached after a tenth of the steps and falls to 0 along half a cosine.
        batch_size: images a step. The rest of an epoch that fills no batch is left out; each epoch draws its order.
    """

    epochs: int
    learning_rate: float
    batch_size: int = 64


class Trainer:
    """Trains networks of one kind with Riemannian Adam, which is Adam for parameters without a manifold.

    Steps are calls of one compiled function, not turns of a compiled loop: on a CPU, XLA computes the gradients of
    convolutions several times slower inside loops.

    Args:
        make: builds the network.
        loss: `loss(network, x, y, key)`, the mean over a batch.
        data: what to train on.
        budget: steps and their size.

    Raises:
        ValueError: not even one batch of images.
    """

    def __init__(self, make: Callable[[nnx.Rngs], nnx.Module], loss: Loss, data: Part, budget: Budget) -> None:
        self._make, self._loss, self._data, self._budget = make, loss, data, budget
        self._batches = len(data.y) // budget.batch_size
        if self._batches == 0:
            raise ValueError(f"Trainer: a batch takes {budget.batch_size} images, data has {len(data.y)}.")
        self._graph, params = nnx.split(nnx.eval_shape(lambda: make(nnx.Rngs(0))))
        steps = budget.epochs * self._batches
        # Full steps from the start break off one training in a few of a convolution, flat or hyperbolic.
        rate = optax.warmup_cosine_decay_schedule(0.0, budget.learning_rate, steps // _WARM_UP, steps)
        self._tx = _optimizer(params, rate)
        self._start = jax.jit(self._initial)
        self._step = jax.jit(self._stepped, donate_argnums=0)

    def run(self, seed: int) -> Any:
        """Trains and returns one network.

        Args:
            seed: of the initial parameters, the order of the images and the noise of the loss.
        """
        x, y = self._data
        orders, size = np.random.default_rng(seed), self._budget.batch_size
        state, count = self._start(np.int32(seed)), 0
        for _ in range(self._budget.epochs):
            order = orders.permutation(len(y))[: self._batches * size]
            for rows in order.reshape(self._batches, size):
                state, count = self._step(state, x[rows], y[rows], np.int32(count)), count + 1
        return nnx.merge(self._graph, state[0])

    def _initial(self, seed: Array) -> Any:
        """Parameters, moments, and the key of the noise."""
        initial, noise = jax.random.split(jax.random.key(seed))
        params = nnx.state(self._make(nnx.Rngs(initial)))
        return params, self._tx.init(params), noise

    def _stepped(self, state: Any, x: Array, y: Array, count: Array) -> Any:
        params, moments, key = state
        noise = jax.random.fold_in(key, count)
        grads = jax.grad(lambda p: self._loss(nnx.merge(self._graph, p), x, y, noise))(params)
        updates, moments = self._tx.update(grads, moments, params)
        return optax.apply_updates(params, updates), moments, key


def _optimizer(params: Any, rate: optax.Schedule) -> optax.GradientTransformation:
    variables = jax.tree.leaves(params, is_leaf=lambda v: isinstance(v, nnx.Variable))
    # Riemannian Adam refuses parameters without a manifold, lest one be forgotten: a flat twin asks for Adam.
    return riemannian_adam(rate) if any(isinstance(v, OnManifold) for v in variables) else optax.adam(rate)
