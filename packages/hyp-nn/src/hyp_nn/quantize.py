"""Vector quantisation: nearest codes on a manifold, and hyperplanes as codes."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from hyp_manifolds import Manifold, Poincare, lorentz_centroid, pairwise_dist
from jaxtyping import Array, Float, Int

from hyp_nn import _checks
from hyp_nn._layer import read
from hyp_nn._numerics import safe_div, safe_norm
from hyp_nn._rows import rows
from hyp_nn._scale import rescale, to_unit
from hyp_nn._sheet import HYPERBOLIC, exp_0, spatial_coords, tangent_coords
from hyp_nn.regression import HypRegressionPP


class VQOutput(NamedTuple):
    """Quantised tangents at the origin (..., dim), ids of codes (...,), loss, how many codes are used, the points."""

    quantized: Float[Array, "*batch dim"]
    indices: Int[Array, "*batch"]
    loss: Float[Array, ""]
    perplexity: Float[Array, ""]
    z: Float[Array, "*batch coords"]


class HypVQEmbedding(nnx.Module):
    """Codebook on a hyperbolic model: log_0 of the code nearest to exp_0(x), gradients straight through to x.

    Codes are no parameters: `ema_update` moves them to the centroids of the points that chose them.

    Args:
        manifold: a hyperbolic model.
        num_codes: number of codes.
        code_dim: dimension of the codes.
        rngs: source of the codes and of revived ones (stream `params`).
        init_scale: standard deviation of log_0 of the codes at first.
        commitment_weight: factor of the loss, the mean distance of the points from their codes.
        squared_commitment: whether that distance is squared.
        ema_decay: what a code keeps at an update.
        dead_code_threshold: usage below which a code is dead.
        dead_code_revival: whether dead codes restart at points of the batch.
        param_dtype: floating dtype of the codes.

    Attributes:
        codebook: codes at unit curvature, shape (num_codes, coords). usage: running counts, shape (num_codes,).

    Source: van den Oord et al. 2017; on the ball HVQ-VAE, Alg. 1, and GGBall, 2025, Eq. 41-42.
    """

    models: ClassVar[tuple[type[Manifold], ...]] = HYPERBOLIC

    def __init__(
        self,
        manifold: Manifold,
        num_codes: int,
        code_dim: int,
        *,
        rngs: nnx.Rngs,
        init_scale: float = 1e-3,
        commitment_weight: float = 0.5,
        squared_commitment: bool = False,
        ema_decay: float = 0.99,
        dead_code_threshold: float = 1.0,
        dead_code_revival: bool = False,
        param_dtype: Any = jnp.float32,
    ) -> None:
        owner = type(self).__name__
        _checks.check_model(manifold, owner, self.models)
        _checks.check_positive(owner, "init_scale", init_scale)
        _checks.check_fraction(owner, "ema_decay", ema_decay)
        self.manifold = manifold
        self.num_codes = _checks.size(owner, "num_codes", num_codes)
        self.code_dim = _checks.size(owner, "code_dim", code_dim)
        self.commitment_weight, self.squared_commitment = commitment_weight, squared_commitment
        self.ema_decay, self.dead_code_revival = ema_decay, dead_code_revival
        self.dead_code_threshold = dead_code_threshold
        u = init_scale * jax.random.normal(rngs.params(), (num_codes, code_dim), param_dtype)
        unit: Any = 1.0
        self.codebook = nnx.Variable(exp_0(manifold, tangent_coords(manifold, u), unit))
        self.usage = nnx.Variable(jnp.full(num_codes, dead_code_threshold, param_dtype))
        self.rngs = rngs.fork() if dead_code_revival else None

    def __call__(self, x: Float[Array, "*batch dim"], c: Any = 1.0) -> VQOutput:
        """The nearest codes.

        Args:
            x: tangents at the origin without vanishing coordinates, shape (..., code_dim).
            c: curvature magnitude, scalar > 0, static or traced.

        Returns:
            `VQOutput`.

        Raises:
            TypeError, ValueError: x of another size or dtype, concrete c <= 0.
        """
        x, c, dtype = _features(self, x, c)
        z = exp_0(self.manifold, tangent_coords(self.manifold, x), c)
        codes = rescale(self.manifold, read(self.codebook, x.dtype), c)
        flat = z.reshape(-1, z.shape[-1])
        chosen = jnp.argmin(pairwise_dist(self.manifold, jax.lax.stop_gradient(flat), codes, c), -1)
        q = codes[chosen]
        m = self.manifold
        away = jax.vmap(lambda p, k: m.sqdist(p, k, c) if self.squared_commitment else m.dist(p, k, c))(flat, q)
        logs = spatial_coords(m, rows(lambda p: m.logmap_0(p, c), q)).reshape(x.shape)
        quantized = x + jax.lax.stop_gradient(logs - x)
        loss = self.commitment_weight * jnp.mean(away)
        counts = jnp.bincount(chosen, length=self.num_codes).astype(x.dtype)
        indices = chosen.reshape(x.shape[:-1])
        return VQOutput(quantized.astype(dtype), indices, loss.astype(dtype), _perplexity(counts), z.astype(dtype))

    def ema_update(self, output: VQOutput, c: Any = 1.0) -> None:
        """Moves each code toward the centroid of the points that chose it.

        Args:
            output: what the layer returned for the batch.
            c: curvature magnitude of that call.
        """
        z = output.z.reshape(-1, output.z.shape[-1])
        wide = jnp.promote_types(z.dtype, jnp.float32)
        c = _checks.curvature("ema_update", c, wide)
        z, codes = to_unit(self.manifold, z.astype(wide), c), read(self.codebook, wide)
        unit: Any = jnp.ones_like(c)
        chosen = jax.nn.one_hot(output.indices.reshape(-1), self.num_codes, dtype=wide).T
        counts = jnp.sum(chosen, 1)
        # A code that nobody chose has no centroid: weights of 0 give NaN. It pulls itself.
        weights = jnp.where(counts[:, None] > 0, chosen, 1.0)
        means = jnp.where(counts[:, None] > 0, lorentz_centroid(self.manifold, z, weights, unit), codes)
        keep = jnp.asarray([self.ema_decay, 1 - self.ema_decay], wide)
        pairs = jnp.stack([codes, means], 1)
        moved = lorentz_centroid(self.manifold, pairs, jnp.broadcast_to(keep, pairs.shape[:2]), unit)
        usage = self.ema_decay * read(self.usage, wide) + (1 - self.ema_decay) * counts
        if self.dead_code_revival and self.rngs is not None:
            pick = jax.random.randint(self.rngs.params(), (self.num_codes,), 0, z.shape[0])
            dead = usage < self.dead_code_threshold
            moved = jnp.where(dead[:, None], z[pick], moved)
            usage = jnp.where(dead, self.dead_code_threshold, usage)
        self.codebook[...] = moved.astype(self.codebook[...].dtype)
        self.usage[...] = usage.astype(self.usage[...].dtype)


class HypVQEmbeddingPoincare(HypVQEmbedding):
    """`HypVQEmbedding` of the ball."""

    models: ClassVar[tuple[type[Manifold], ...]] = (Poincare,)


class HypVQMLRPoincare(nnx.Module):
    """Codes by classification: hyperplane scores of exp_0(x) choose; a code is log_0 of its hyperplane's base point.

    In training a Gumbel sample chooses, and gradients go straight through its softmax to the hyperplanes.

    Args:
        manifold: `Poincare()`.
        num_codes: number of codes.
        code_dim: dimension of the codes.
        rngs: source of the hyperplanes (`params`) and of samples (`sample`).
        temperature: of the softmax.
        deterministic: whether the best score chooses; `eval()` and `train()` of NNX switch it.
        param_dtype: floating dtype of the parameters.

    Attributes:
        mlr: the `HypRegressionPP` whose kernel and bias are the hyperplanes.

    Source: Goswami, Mukuta and Harada, HyperVQ: MLR-based Vector Quantization in Hyperbolic Space, 2024.
    """

    def __init__(
        self,
        manifold: Poincare,
        num_codes: int,
        code_dim: int,
        *,
        rngs: nnx.Rngs,
        temperature: float = 1.0,
        deterministic: bool = False,
        param_dtype: Any = jnp.float32,
    ) -> None:
        _checks.check_model(manifold, type(self).__name__, (Poincare,))
        _checks.check_positive(type(self).__name__, "temperature", temperature)
        self.manifold, self.temperature, self.deterministic = manifold, temperature, deterministic
        self.num_codes, self.code_dim = num_codes, code_dim
        self.mlr = HypRegressionPP(manifold, code_dim, num_codes, rngs=rngs, param_dtype=param_dtype)
        # Hyperplanes through the origin would all have the same code.
        self.mlr.bias[...] = 0.5 * jax.random.normal(rngs.params(), (num_codes,), param_dtype)
        self.rngs = rngs.fork()

    def __call__(self, x: Float[Array, "*batch dim"], c: Any = 1.0, *, rngs: nnx.Rngs | None = None) -> VQOutput:
        """The chosen codes; arguments and errors as `HypVQEmbedding`, `rngs` replaces the layer's. The loss is 0."""
        x, c, dtype = _features(self, x, c)
        z = exp_0(self.manifold, x, c)
        logits = self.mlr(z, c) / self.temperature
        if not self.deterministic:
            logits = logits + jax.random.gumbel((rngs or self.rngs).sample(), logits.shape, logits.dtype)
        soft, chosen = jax.nn.softmax(logits), jnp.argmax(logits, -1)
        hard = jax.nn.one_hot(chosen, self.num_codes, dtype=soft.dtype)
        normals = read(self.mlr.kernel, x.dtype).T
        codes = safe_div(normals, safe_norm(normals)) * read(self.mlr.bias, x.dtype)[:, None]
        quantized = (soft + jax.lax.stop_gradient(hard - soft)) @ codes
        counts = jnp.sum(hard.reshape(-1, self.num_codes), 0)
        zero = jnp.zeros((), dtype)
        return VQOutput(quantized.astype(dtype), chosen, zero, _perplexity(counts), z.astype(dtype))


def _features(layer: Any, x: Any, c: Any) -> tuple[jax.Array, jax.Array, Any]:
    owner = type(layer).__name__
    x = _checks.features(owner, x, layer.code_dim, "coordinates of a tangent")
    compute = jnp.promote_types(x.dtype, jnp.float32)
    return x.astype(compute), _checks.curvature(owner, c, compute), x.dtype


def _perplexity(counts: jax.Array) -> jax.Array:
    """exp of the entropy of the shares: how many codes are in use."""
    p = counts / jnp.maximum(jnp.sum(counts), 1)
    return jnp.exp(-jnp.sum(jnp.where(p > 0, p * jnp.log(jnp.where(p > 0, p, 1.0)), 0.0)))


__all__ = ["HypVQEmbedding", "HypVQEmbeddingPoincare", "HypVQMLRPoincare", "VQOutput"]
