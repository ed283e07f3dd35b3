"""The operations every manifold has, with the letters of their arguments (see `Sample`); c comes last."""

from hyp_manifolds import Manifold

SIGNATURES: dict[str, str] = {
    "proj": "x",
    "dist": "xy",
    "sqdist": "xy",
    "dist_0": "x",
    "addition": "xy",
    "coaddition": "xy",
    "gyration": "xyz",
    "scalar_mul": "rx",
    "expmap": "vx",
    "expmap_0": "o",
    "logmap": "yx",
    "logmap_0": "y",
    "retraction": "vx",
    "ptransp": "vxy",
    "ptransp_0": "oy",
    "geodesic": "txy",
    "geodesic_unit": "tvx",
    "tangent_inner": "uvx",
    "tangent_norm": "vx",
    "egrad2rgrad": "gx",
    "tangent_proj": "gx",
}


def operations(manifold: Manifold) -> dict[str, str]:
    """Those that the manifold has."""
    return {name: letters for name, letters in SIGNATURES.items() if hasattr(manifold, name)}
