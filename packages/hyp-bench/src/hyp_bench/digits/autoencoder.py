"""A variational autoencoder of digits with codes in the plane, hyperbolic or flat.

Both maximise the evidence bound E log p(x | z) - KL(q(z | x) | p(z)), with one sample z for each image and
log q(z | x) - log p(z) for the divergence; pixels are Bernoulli. Source: Mathieu et al., Continuous Hierarchical
Representations with Poincaré Variational Auto-Encoders, 2019, Sec. 3; Nagano et al. 2019, Sec. 4.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import optax
from flax import nnx
from hyp_manifolds import Euclidean, Manifold, WrappedNormal
from hyp_nn import HypRegressionPoincarePP
from jaxtyping import Array, Float

from hyp_bench.digits.classifiers import BALL, WIDTH, Images
from hyp_bench.digits.data import PIXELS


class Autoencoder(nnx.Module):
    """Images to wrapped normals on a plane, and points of the plane to images.

    Args:
        manifold: of the codes.
        entrance: the decoder's first layer, from points to `WIDTH` numbers.
        rngs: source of the parameters.
    """

    def __init__(self, manifold: Manifold, entrance: nnx.Module, rngs: nnx.Rngs) -> None:
        self.manifold, self.entrance = manifold, entrance
        self.hidden = nnx.Linear(PIXELS, WIDTH, rngs=rngs)
        self.place = nnx.Linear(WIDTH, 2, rngs=rngs)
        self.scale = nnx.Linear(WIDTH, 2, rngs=rngs)
        self.pixels = nnx.Linear(WIDTH, PIXELS, rngs=rngs)

    def codes(self, x: Images) -> Float[Array, "images 2"]:
        """Means of the codes' distributions."""
        return self.posterior(x).mean

    def posterior(self, x: Images) -> WrappedNormal:
        """Distributions of the codes, one for each image."""
        h = jax.nn.relu(self.hidden(x))
        mean = jax.vmap(lambda v: self.manifold.expmap_0(v, 1.0))(self.place(h))
        return WrappedNormal(self.manifold, mean, 1.0, scale_diag=jax.nn.softplus(self.scale(h)))

    def decode(self, z: Float[Array, "images 2"]) -> Images:
        """Logits of the pixels' brightness."""
        return self.pixels(jax.nn.relu(self.entrance(z)))

    def loss(self, x: Images, key: Array) -> Float[Array, ""]:
        """Minus the evidence bound, mean over the images."""
        posterior = self.posterior(x)
        prior = WrappedNormal(self.manifold, jnp.zeros(2, x.dtype), 1.0, scale=jnp.ones((), x.dtype))
        z = posterior.sample(key)
        divergence = posterior.log_prob(z) - prior.log_prob(z)
        return jnp.mean(jnp.sum(optax.sigmoid_binary_cross_entropy(self.decode(z), x), -1) + divergence)


class HyperbolicVAE(Autoencoder):
    """Codes in the disk; the decoder begins with signed distances to geodesics."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        super().__init__(BALL, HypRegressionPoincarePP(BALL, 2, WIDTH, rngs=rngs), rngs)


class EuclideanVAE(Autoencoder):
    """Codes in the flat plane; the decoder begins with a linear layer."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        super().__init__(Euclidean(), nnx.Linear(2, WIDTH, rngs=rngs), rngs)
