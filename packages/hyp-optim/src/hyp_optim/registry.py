"""The registry of rules: what the laws, the benchmarks and the command line run over. A new rule is one line here."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import optax

from hyp_optim import links
from hyp_optim._sparse import SparseTransformation
from hyp_optim.adagrad import riemannian_adagrad
from hyp_optim.adam import riemannian_adam
from hyp_optim.sgd import riemannian_sgd
from hyp_optim.sparse import sparse_riemannian_adagrad, sparse_riemannian_adam, sparse_riemannian_sgd


class RuleForms(NamedTuple):
    """The forms of one rule with one set of hyperparameters.

    Attributes:
        fused: `fused(learning_rate, use_expmap=True, manifolds=...)`, the alias.
        link: `link(manifolds=...)`, after `riemannian_gradient`; None where the gradient is the direction.
        sparse: `sparse(manifold, learning_rate, c=...)`, on the rows of a table.
        euclidean: `euclidean(learning_rate)`, optax's rule, which Euclidean leaves follow.
    """

    fused: Callable[..., optax.GradientTransformationExtraArgs]
    link: Callable[..., optax.GradientTransformationExtraArgs] | None
    sparse: Callable[..., SparseTransformation]
    euclidean: Callable[..., optax.GradientTransformation]


def _sgd(euclidean: Callable[..., optax.GradientTransformation], **settings: object) -> RuleForms:
    return RuleForms(
        partial(riemannian_sgd, **settings),
        partial(links.scale_by_riemannian_momentum, **settings),
        partial(sparse_riemannian_sgd, **settings),
        euclidean,
    )


def _adam(euclidean: Callable[..., optax.GradientTransformation], **settings: object) -> RuleForms:
    return RuleForms(
        partial(riemannian_adam, **settings),
        partial(links.scale_by_riemannian_adam, **settings),
        partial(sparse_riemannian_adam, **settings),
        euclidean,
    )


RULES: dict[str, RuleForms] = {
    "sgd": RuleForms(riemannian_sgd, None, sparse_riemannian_sgd, optax.sgd),
    "momentum": _sgd(partial(optax.sgd, momentum=0.9), momentum=0.9),
    "nesterov": _sgd(partial(optax.sgd, momentum=0.9, nesterov=True), momentum=0.9, nesterov=True),
    "dampened": _sgd(
        lambda learning_rate: optax.chain(optax.scale(0.5), optax.sgd(learning_rate, momentum=0.9)),
        momentum=0.9,
        dampening=0.5,
    ),
    "adam": _adam(optax.adam),
    "amsgrad": _adam(optax.amsgrad, amsgrad=True),
    "adagrad": RuleForms(
        riemannian_adagrad, links.scale_by_riemannian_adagrad, sparse_riemannian_adagrad, optax.adagrad
    ),
}
