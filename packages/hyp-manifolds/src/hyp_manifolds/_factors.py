"""Points that are put together from parts, one of every factor: sizes, shares of a call, the origin."""

# Helpers of a few lines, whose arrays go without annotations.
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from hyp_manifolds import _checks, _signature
from hyp_manifolds._manifold import Manifold
from hyp_manifolds._numerics.scope import in_x64


@dataclass(frozen=True)
class Factored(Manifold):
    """What `Product` is made of: its factors, and who gets which part of an array and of the curvatures."""

    factors: tuple[tuple[Manifold, int], ...] = ()
    dtype: Any = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        """Check and canonicalise the factors."""
        super().__post_init__()
        object.__setattr__(self, "factors", _checked(self.factors))
        domains = {domain for _, domain in self._leaves}  # a shared c lies in all of them
        narrowest = next(d for d in ("positive", "signed", "ignored") if d in domains)
        object.__setattr__(self, "curvature_domain", narrowest)

    @property
    def signature(self) -> str:
        """The text that `from_signature` reads: nested factors in line, models without a letter by their class name."""
        return _signature.describe(self.factors)

    @cached_property
    def dim(self) -> int:
        """Dimension, the sum of the factors'."""
        return sum(dim for _, dim in self.factors)

    @cached_property
    def curvatures(self) -> int:
        """Length of an array of curvatures: the number of factors, those of nested products counted one by one."""
        return len(self._leaves)

    def split(self, x: Float[Array, "*batch dim"]) -> tuple[jax.Array, ...]:
        """The factors' parts of points or tangents.

        Args: x: shape (..., dim).
        Returns: one array per factor, shape (..., length of the factor's points).
        """
        return tuple(x[..., a:b] for a, b in itertools.pairwise(self._ends))

    def join(self, parts: Sequence[Any]) -> jax.Array:
        """Points or tangents from the factors' parts: the inverse of `split`.

        Args: parts: one array per factor, shape (..., length of the factor's points), all of one dtype.
        Returns: shape (..., dim).
        Raises: ValueError, TypeError: number, shapes or dtypes of the parts do not fit.
        """
        where, sizes = "Product.join", np.diff(self._ends).tolist()
        if len(parts) != len(sizes):
            raise ValueError(f"{where}: `parts` holds {len(parts)} arrays, expected {len(sizes)}: {self.signature}.")
        arrays = {
            f"parts[{i}]": _checks.floating_array(where, f"parts[{i}]", p, self.dtype) for i, p in enumerate(parts)
        }
        _checks.common_dtype(where, arrays)
        batch = arrays["parts[0]"].shape[:-1]
        for (name, a), size in zip(arrays.items(), sizes, strict=True):
            if a.shape != (*batch, size):
                raise ValueError(
                    f"{where}: `{name}` must have shape {(*batch, size)}, got {a.shape} ({self.signature})."
                )
        return concatenate(tuple(arrays.values()))

    # Sizes and points ------------------------------------------------------------------------------------------------

    def sectional_curvature(self, c: Any) -> jax.Array:
        """That of the only factor; with more there is no one number, and formulas that ask for it do not apply.

        Args: c: scalar or shape (curvatures,).
        Returns: scalar.
        Raises: ValueError: more than one factor; see `sectional_curvatures`.
        """
        if self.curvatures > 1:
            raise ValueError(
                f"Product.sectional_curvature: {self.signature} has no constant curvature. Use `sectional_curvatures` "
                "for those of the factors, or apply the operation to each factor's part (`split`)."
            )
        return self.sectional_curvatures(c)[0]

    def sectional_curvatures(self, c: Any) -> jax.Array:
        """Sectional curvatures of the factors, one each; planes that span two factors are flat.

        Args: c: scalar or shape (curvatures,).
        Returns: shape (curvatures,).
        """
        c = self._curvature("Product.sectional_curvatures", c, jnp.zeros(()).dtype)
        each = (
            m.sectional_curvatures(k) if isinstance(m, Factored) else jnp.reshape(m.sectional_curvature(k), 1)
            for m, k, _ in self._parts(c)
        )
        return jnp.concatenate(list(each))

    def ambient_dim(self, dim: int) -> int:
        """Length of the arrays; `dim` must be the product's."""
        if dim != self.dim:
            raise ValueError(f"Product: `dim` must be {self.dim}, the dimension of {self.signature}, got {dim}.")
        return self._ends[-1]

    def intrinsic_dim(self, ambient: int) -> int:
        """Dimension of the product; `ambient` must be the length of its arrays."""
        if ambient != self._ends[-1]:
            raise ValueError(f"Product: points of {self.signature} have {self._ends[-1]} coordinates, got {ambient}.")
        return self.dim

    def create_origin(self, c: Any, dim: int) -> jax.Array:
        """The factors' origins.

        Args: c: scalar or shape (curvatures,); dim: dimension of the product, a Python int.
        Returns: point, shape (ambient_dim(dim),).
        Raises: ValueError: `dim` is not the product's, or a concrete c outside a factor's domain.
        """
        self._check_dim("create_origin", dim)
        return super().create_origin(c, dim)

    def random_point(self, key: jax.Array, dim: int, c: Any, *, std: Any = 1.0, dtype: Any = None) -> jax.Array:
        """A wrapped normal of every factor, all of the scale `std`.

        Args: key: a JAX PRNG key; dim: dimension of the product, a Python int; c: scalar or shape (curvatures,);
            std, dtype: as for every manifold.

        Returns: point, shape (ambient_dim(dim),).
        Raises: ValueError: `dim` is not the product's, or a concrete c outside a factor's domain.
        """
        self._check_dim("random_point", dim)
        return super().random_point(key, dim, c, std=std, dtype=dtype)

    def _check_dim(self, method: str, dim: Any) -> None:
        where = f"Product.{method}"
        if _checks.positive_int(where, "dim", dim) != self.dim:
            raise ValueError(f"{where}: `dim` must be {self.dim}, the dimension of {self.signature}, got {dim}.")

    def _origin(self, c: jax.Array, dim: int) -> jax.Array:
        return self._join(m._origin(k, d) for (m, k, _), (_, d) in zip(self._parts(c), self.factors, strict=True))

    def _frame_at_origin(self, u: jax.Array, c: jax.Array) -> jax.Array:
        ends = [0, *itertools.accumulate(d for _, d in self.factors)]
        pieces = [u[a:b] for a, b in itertools.pairwise(ends)]
        return self._join(m._frame_at_origin(p, k) for (m, k, _), p in zip(self._parts(c), pieces, strict=True))

    def _margin(self, x: jax.Array, c: jax.Array) -> jax.Array | None:
        margins = [m._margin(p, k) for m, k, (p,) in self._parts(c, x)]
        known = [lax.stop_gradient(margin) for margin in margins if margin is not None]
        return jnp.min(jnp.stack(known)) if known else None

    # Factors and their shares ----------------------------------------------------------------------------------------

    @cached_property
    def _leaves(self) -> list[tuple[str, str]]:
        """Name and curvature domain of every factor that has a curvature of its own."""
        found: list[tuple[str, str]] = []
        for m, d in self.factors:
            found += m._leaves if isinstance(m, Factored) else [(_signature.describe(((m, d),)), m.curvature_domain)]
        return found

    @cached_property
    def _ends(self) -> list[int]:
        """0, and where every factor's part of an array ends."""
        return [0, *itertools.accumulate(m.ambient_dim(d) for m, d in self.factors)]

    def _parts(self, c: jax.Array, *arrays: jax.Array) -> Iterator[tuple[Manifold, Any, tuple[jax.Array, ...]]]:
        """(factor, its curvature, its part of every array), one after the other."""
        start = 0
        for (m, _), (a, b) in zip(self.factors, itertools.pairwise(self._ends), strict=True):
            count = m.curvatures if isinstance(m, Factored) else 1
            own = c if c.ndim == 0 else lax.slice(c, (start,), (start + count,))
            start += count
            yield (
                m,
                own if c.ndim == 0 or isinstance(m, Factored) else own.reshape(()),
                tuple(v[..., a:b] for v in arrays),
            )

    def _join(self, parts: Iterable[jax.Array]) -> jax.Array:
        return concatenate(tuple(parts))

    def _curvature(self, where: str, c: Any, dtype: np.dtype) -> jax.Array:
        return _checks.curvatures(where, self._leaves, c, dtype)

    def _positive(self, c: jax.Array) -> jax.Array | None:
        places = [i for i, (_, domain) in enumerate(self._leaves) if domain == "positive"]
        if not places or c.ndim == 0:
            return c if places else None
        return jnp.min(lax.stop_gradient(c)[np.array(places)])

    def _sizes(self) -> dict[str, tuple[int, str]]:
        return {"dim": (self._ends[-1], self.signature)}


@jax.custom_jvp
@in_x64
def concatenate(parts: tuple[jax.Array, ...]) -> jax.Array:
    """Parts side by side, on their last axis.

    Hazard: where a part does not move, JAX fills in a zero for its derivative after the local float64 has ended, as
    float32. Cure: a rule of its own.
    """
    return jnp.concatenate(parts, -1)


@concatenate.defjvp
@in_x64
def _(primals, tangents):
    return concatenate(*primals), jnp.concatenate(tangents[0], -1)


def _checked(given: Any) -> tuple[tuple[Manifold, int], ...]:
    """The factors as a tuple of pairs."""
    hint = "Expected pairs (manifold, dimension) such as ((Poincare(), 2), (Euclidean(), 4))."
    try:
        pairs = tuple((manifold, dim) for manifold, dim in given)
    except (TypeError, ValueError):
        raise TypeError(f"Product: `factors` is {given!r}. {hint}") from None
    if not pairs:
        raise ValueError(f"Product: `factors` is empty. {hint}")
    for i, (manifold, dim) in enumerate(pairs):
        where = f"Product: factors[{i}]"
        if not isinstance(manifold, Manifold):
            raise TypeError(f"{where} starts with {manifold!r}, which is no instance of a manifold. {hint}")
        if manifold.dtype is not None:
            raise ValueError(f"{where}: {manifold!r} has a dtype of its own; set that of the product instead.")
        manifold.ambient_dim(_checks.positive_int(where, "dim", dim))
    return tuple((manifold, int(dim)) for manifold, dim in pairs)
