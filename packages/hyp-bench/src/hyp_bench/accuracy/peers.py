"""Adapters of other libraries, which are no dependencies of ours: PyTorch would bring gigabytes."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import math
from collections.abc import Callable
from typing import Any

from hyp_bench.accuracy.library import Jax, Library, Torch
from hyp_bench.errors import InputError

INSTALL = {
    "geoopt": "pip install geoopt torch",
    "hypll": "pip install hypll torch",
    "hyperbolix": "pip install 'hyperbolix>=1.4' (Python 3.12 or newer)",
}


def _peer(name: str, module: str) -> Any:
    if importlib.util.find_spec(name) is None:
        raise InputError(
            f"the library {name} is not installed here. Install it beside hyp-bench, PyTorch for the CPU if it needs "
            f"that: {INSTALL[name]}"
        )
    return importlib.import_module(f"{name}.{module}")


def geoopt() -> Library:
    """Geoopt's functions; its float32 ball ends 4e-3 inside the boundary (`project`)."""
    h, b = _peer("geoopt", "manifolds.lorentz.math"), _peer("geoopt", "manifolds.stereographic.math")

    # k is -c in the ball and 1/c on the hyperboloid; results are projected, as its own manifolds do.
    ball = {
        "dist": lambda x, y, c: b.dist(x, y, k=-c),
        "dist_0": lambda x, c: b.dist0(x, k=-c),
        "conformal_factor": lambda x, c: b.lambda_x(x, k=-c),
        "addition": lambda x, y, c: b.project(b.mobius_add(x, y, k=-c), k=-c),
        "scalar_mul": lambda r, x, c: b.project(b.mobius_scalar_mul(r, x, k=-c), k=-c),
        "expmap": lambda v, x, c: b.project(b.expmap(x, v, k=-c), k=-c),
        "expmap_0": lambda v, c: b.project(b.expmap0(v, k=-c), k=-c),
        "logmap": lambda y, x, c: b.logmap(x, y, k=-c),
        "logmap_0": lambda y, c: b.logmap0(y, k=-c),
        "ptransp": lambda v, x, y, c: b.parallel_transport(x, y, v, k=-c),
        "ptransp_0": lambda v, y, c: b.parallel_transport0(y, v, k=-c),
    }
    sheet = {
        "dist": lambda x, y, c: h.dist(x, y, k=1 / c),
        "dist_0": lambda x, c: h.dist0(x, k=1 / c),
        "expmap": lambda v, x, c: h.project(h.expmap(x, v, k=1 / c), k=1 / c),
        "expmap_0": lambda v, c: h.project(h.expmap0(v, k=1 / c), k=1 / c),
        "logmap": lambda y, x, c: h.logmap(x, y, k=1 / c),
        "logmap_0": lambda y, c: h.logmap0(y, k=1 / c),
        "ptransp": lambda v, x, y, c: h.parallel_transport(x, y, v, k=1 / c),
        "ptransp_0": lambda v, y, c: h.parallel_transport0(y, v, k=1 / c),
    }
    table = {("poincare", k): f for k, f in ball.items()} | {("hyperboloid", k): f for k, f in sheet.items()}
    return Torch("geoopt", _version("geoopt"), table, {"poincare": 2 * math.atanh(1 - 4e-3)})


def hypll() -> Library:
    """HypLL's functions; its float32 ball ends 4e-3 inside the boundary (`project`)."""
    d = _peer("hypll", "manifolds.poincare_ball.math.diffgeom")
    table = {
        "dist": lambda x, y, c: d.dist(x, y, c),
        "addition": lambda x, y, c: d.project(d.mobius_add(x, y, c), c),
        "expmap": lambda v, x, c: d.expmap(x, v, c),
        "expmap_0": lambda v, c: d.expmap0(v, c),
        "logmap": lambda y, x, c: d.logmap(x, y, c),
        "logmap_0": lambda y, c: d.logmap0(y, c),
        "ptransp": lambda v, x, y, c: d.transp(x, y, v, c),
    }
    reach = {"poincare": 2 * math.atanh(1 - 4e-3)}
    return Torch("hypll", _version("hypll"), {("poincare", k): f for k, f in table.items()}, reach)


_CLASSES = {
    "poincare": "Poincare",
    "hyperboloid": "Hyperboloid",
    "proper_velocity": "ProperVelocity",
    "klein": "Klein",
    "half_space": "HalfSpace",
    "stereographic": "Stereographic",
    "euclidean": "Euclidean",
}
_METHODS = [
    "dist", "sqdist", "dist_0", "conformal_factor", "addition", "scalar_mul", "expmap", "expmap_0", "logmap",
    "logmap_0", "geodesic", "ptransp", "ptransp_0", "gyration", "tangent_inner", "tangent_norm", "egrad2rgrad",
]  # fmt: skip


def hyperbolix() -> Library:
    """Hyperbolix's methods, which have our names and order of arguments.

    Its float32 ball ends at a scaled radius of 12.6 and its Klein model at 6.3 (`proj`); on the hyperboloid it warns of
    coordinates beyond 1.8e19, whose squares overflow, at 44.
    """
    import jax

    manifolds = _peer("hyperbolix", "manifolds")
    table: dict[tuple[str, str], Callable[..., Any]] = {}
    for model, name in _CLASSES.items():
        manifold = getattr(manifolds, name)()
        found = {k: getattr(manifold, k) for k in _METHODS if hasattr(manifold, k)}
        found["grad_dist"] = jax.grad(manifold.dist)
        if model == "half_space":  # its origin is at another height than ours, unless c = 1
            found = {k: f for k, f in found.items() if not k.endswith("_0") and k not in ("addition", "scalar_mul")}
        table |= {(model, k): f for k, f in found.items()}
    maps = manifolds.isometry_mappings
    table["poincare", "to_hyperboloid"] = maps.poincare_to_hyperboloid
    table["hyperboloid", "to_poincare"] = maps.hyperboloid_to_poincare
    library = Jax("hyperbolix", _version("hyperbolix"), table)
    library.reach = {"poincare": 12.6, "stereographic": 12.6, "klein": 6.3, "hyperboloid": 44.0}
    return library


def _version(name: str) -> str:
    return importlib.metadata.version(name)
