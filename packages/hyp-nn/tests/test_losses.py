"""Losses against float64 NumPy, the order of entailment on a toy tree, gradients at coincident points."""

import itertools

import hyp_nn as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hyp_manifolds import Hyperboloid, Poincare

BALL, SHEET = Poincare(), Hyperboloid()
C = 0.7
RNG = np.random.default_rng(0)


def draw(n, dim=3):
    """Spatial parts on the hyperboloid."""
    return RNG.standard_normal((n, dim))


def lift(s):
    return np.concatenate([np.sqrt(1 / C + (s * s).sum(-1, keepdims=True)), s], -1)


def product(x, y):
    return x[..., 1:] @ y[..., 1:].T - x[..., :1] * y[..., 0]


def distances(x, y):
    return np.arccosh(np.maximum(-C * product(x, y), 1)) / np.sqrt(C)


def sheet(x):
    return jnp.asarray(x, jnp.zeros(()).dtype)


def log_softmax(a, axis):
    return a - np.log(np.exp(a).sum(axis, keepdims=True))


X, Y, Z = lift(draw(4)), lift(draw(4)), lift(draw(4))


def near(got, want):
    np.testing.assert_allclose(got, want, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("similarity", ["distance", "lorentz"])
def test_contrastive(similarity):
    logits = (-distances(X, Y) if similarity == "distance" else product(X, Y)) / 0.3
    want = -0.5 * np.mean(np.diag(log_softmax(logits, 1) + log_softmax(logits, 0)))
    got = nn.contrastive_loss(SHEET, sheet(X), sheet(Y), C, temperature=0.3, similarity=similarity)
    near(got, want)
    batch = jnp.stack([sheet(X)] * 2), jnp.stack([sheet(Y)] * 2)
    near(nn.contrastive_loss(SHEET, *batch, C, temperature=0.3, similarity=similarity), want)


def test_triplet_ranking_and_distortion():
    d, e = np.diag(distances(X, Y)), np.diag(distances(X, Z))
    near(nn.triplet_loss(SHEET, sheet(X), sheet(Y), sheet(Z), C, margin=0.5), np.maximum(d - e + 0.5, 0).mean())
    others = distances(X, Z)
    want = np.mean(d + np.log(np.exp(-d) + np.exp(-others).sum(1)))
    negatives = jnp.broadcast_to(sheet(Z), (4, 4, 4))
    near(nn.ranking_loss(SHEET, sheet(X), sheet(Y), negatives, C), want)
    target = np.array([1.0, 2.0, 0.5, 3.0])
    near(nn.distortion_loss(SHEET, sheet(X), sheet(Y), sheet(target), C), np.abs((d / target) ** 2 - 1).mean())


def test_prototypes():
    near(nn.prototype_logits(SHEET, sheet(X), sheet(Z), C, temperature=2.0), -(distances(X, Z) ** 2) / 2)
    ideal = draw(5)
    ideal /= np.linalg.norm(ideal, axis=1, keepdims=True)
    ball = np.sqrt(C) * X[:, 1:] / (1 + np.sqrt(C) * X[:, :1])  # unit ball
    gap = 1 - (ball**2).sum(1, keepdims=True)
    busemann = np.log(((ideal[None] - ball[:, None]) ** 2).sum(-1) / gap)
    near(
        nn.ideal_prototype_logits(BALL, sheet(ball / np.sqrt(C)), sheet(ideal), C, penalty=0.7),
        -(busemann - 0.7 * np.log(gap)),
    )
    logits = draw(4)
    labels = np.array([0, 2, 1, 0])
    near(nn.cross_entropy(sheet(logits), labels), -log_softmax(logits, 1)[np.arange(4), labels].mean())


def test_entailment_is_the_right_way_round():
    """In a tree on rays from the root, every ancestor entails its descendants, and no descendant its ancestors."""
    angles, radii = np.array([0.0, 2.1, 4.2]), np.array([1.0, 2.0, 3.0])
    ray = np.array([[[r * np.cos(a), r * np.sin(a)] for r in radii] for a in angles])
    points = jnp.asarray(np.tanh(0.5 * np.linalg.norm(ray, axis=-1, keepdims=True)) * ray / radii[None, :, None])
    points = points.astype(jnp.zeros(()).dtype)
    pairs = list(itertools.combinations(range(3), 2))
    ancestors = jnp.stack([points[b, i] for b in range(3) for i, _ in pairs])
    descendants = jnp.stack([points[b, j] for b in range(3) for _, j in pairs])
    assert float(nn.entailment_loss(BALL, ancestors, descendants, 1.0)) == 0
    assert float(nn.entailment_loss(BALL, descendants, ancestors, 1.0)) > 1
    across = points[jnp.array([1, 2, 0]), 2]
    assert float(nn.entailment_loss(BALL, points[:, 0], across, 1.0)) > 1
    margin = nn.entailment_margin_loss(BALL, ancestors, descendants, points[:, 0], across, 1.0, margin=0.1)
    assert float(margin) == 0
    assert float(nn.entailment_margin_loss(BALL, ancestors, descendants, ancestors, descendants, 1.0)) > 0.09


LOSSES = {
    "contrastive": lambda m, x, y: nn.contrastive_loss(m, x, y, C),
    "contrastive-lorentz": lambda m, x, y: nn.contrastive_loss(m, x, y, C, similarity="lorentz"),
    "entailment": lambda m, x, y: nn.entailment_loss(m, x, y, C),
    "entailment-margin": lambda m, x, y: nn.entailment_margin_loss(m, x, y, y, x, C),
    "triplet": lambda m, x, y: nn.triplet_loss(m, x, y, y, C),
    "ranking": lambda m, x, y: nn.ranking_loss(m, x, y, x[:, None], C),
    "distortion": lambda m, x, y: nn.distortion_loss(m, x, y, jnp.ones(4, x.dtype), C),
    "prototype": lambda m, x, y: nn.cross_entropy(nn.prototype_logits(m, x, y, C), np.arange(4)),
    "ideal": lambda m, x, y: jnp.sum(nn.ideal_prototype_logits(m, x, jnp.eye(3, dtype=x.dtype), C)),
}


@pytest.mark.parametrize("name", LOSSES)
def test_gradients_at_coincident_points_and_at_the_origin(name):
    x = jnp.concatenate([jnp.zeros((1, 3)), 0.3 * sheet(draw(3))])
    value, grads = jax.jit(jax.value_and_grad(lambda x, y: LOSSES[name](BALL, x, y), (0, 1)))(x, x)
    assert bool(jnp.isfinite(value))
    assert all(bool(jnp.isfinite(g).all()) for g in grads)


def test_bad_input_names_loss_and_argument():
    with pytest.raises(ValueError, match=r"triplet_loss: negative must have the shape"):
        nn.triplet_loss(BALL, jnp.ones((2, 3)) / 3, jnp.ones((2, 3)) / 3, jnp.ones((4, 3)) / 3)
    with pytest.raises(ValueError, match=r"entailment_loss, parent: c must be positive"):
        nn.entailment_loss(BALL, jnp.ones(3) / 3, jnp.ones(3) / 3, -1.0)
    with pytest.raises(ValueError, match="similarity"):
        nn.contrastive_loss(BALL, jnp.ones((2, 3)) / 3, jnp.ones((2, 3)) / 3, similarity="cosine")
