"""Manifolds as JSON: what a header says of them, and back."""

from __future__ import annotations

import dataclasses
from typing import Any

from hyp_manifolds import MODELS, Manifold, Product, TiledHalfSpace

_NAMES = {type(model): name for name, model in MODELS.items()}


def describe(manifold: Manifold) -> dict[str, Any]:
    """Returns the name of a manifold and its fields but for `dtype`, which says how to compute and not where.

    A `Product` has its signature and its distance, and its factors one by one where the signature does not tell all.

    Raises:
        TypeError: a field of a manifold of the user's own that is no number, text or None.
    """
    if isinstance(manifold, Product):
        found: dict[str, Any] = {"name": "product", "signature": manifold.signature, "distance": manifold.distance}
        if any(type(factor) not in _NAMES for factor, _ in manifold.factors):
            found["factors"] = [[describe(factor), dim] for factor, dim in manifold.factors]
        return found
    fields = {f.name: getattr(manifold, f.name) for f in dataclasses.fields(manifold) if f.name != "dtype"}
    for name, value in fields.items():
        if not isinstance(value, str | int | float | None):
            raise TypeError(f"{manifold!r}: the field {name} must be a number, text or None, got {value!r}.")
    return {"name": _NAMES.get(type(manifold), type(manifold).__name__), **fields}


def manifold_of(description: Any) -> Manifold:
    """Returns the manifold with this description.

    Raises:
        ValueError: it is none of `hyp_manifolds`.
    """
    try:
        manifold = _build(description)
        if describe(manifold) == description:
            return manifold
    except (TypeError, ValueError, KeyError, AttributeError, RecursionError):
        pass
    raise ValueError(f"{description!r} describes no manifold of hyp_manifolds; pass the manifold it is.")


def _build(description: Any) -> Manifold:
    name = description["name"]
    if name in MODELS:
        return MODELS[name]
    if name == TiledHalfSpace.__name__:
        return TiledHalfSpace(**{key: value for key, value in description.items() if key != "name"})
    if "factors" in description:
        return Product(tuple((_build(m), dim) for m, dim in description["factors"]), description["distance"])
    return Product.from_signature(description["signature"], description["distance"])
