"""The accuracy contract as data: operation, region and dtype give a bound in units of the dtype's eps.

Errors are norm-wise relative against the exact result for the inputs as stored. A bound is raw, or divided by
max(1, norm-wise condition number): the hyperboloid's coordinates are ill-conditioned far out (an error of eps in the
input turns the result by e^r eps), the ball's results are right to a few eps everywhere. The radius up to which a bound
is promised is the model's own: see `oracle.Chart.promised`.
"""

from dataclasses import dataclass, replace

EPS = {"bfloat16": 2.0**-7, "float16": 2.0**-10, "float32": 2.0**-23, "float64": 2.0**-52}
GRADIENT = 16.0  # gradients, over their own condition number, at moderate radii


@dataclass(frozen=True)
class Bound:
    """What is promised for one operation.

    Attributes:
        limit: largest error in eps up to the promised radius.
        conditioned: divide the error by max(1, condition number).
        conditioned_below: the same for c <= 0 only (Stereographic is the sphere's chart there).
        near: limit for pairs 1e-7 to 1e-1 apart, where it differs.
        everywhere: the limit also holds beyond the promised radius.
        overflows: infinities are allowed beyond the promised radius and for long tangents; NaN never is.
        representable_sinh: nothing is promised where the pair is so far apart that sinh of the distance overflows.
        inside: the result lies strictly inside the model's boundary.
    """

    limit: float
    conditioned: bool = False
    conditioned_below: bool = False
    near: float | None = None
    everywhere: bool = False
    overflows: bool = False
    representable_sinh: bool = False
    inside: bool = False


CONTRACT: dict[str, dict[str, Bound]] = {
    "poincare": {
        "dist": Bound(4),
        "dist_mobius": Bound(4),
        "dist_metric": Bound(4),
        "dist_proxy": Bound(6),
        "sqdist": Bound(6),
        "grad_dist": Bound(4),
        "dist_0": Bound(4),
        "dist_0_proxy": Bound(6),
        "conformal_factor": Bound(4),
        "addition": Bound(4, inside=True),
        "scalar_mul": Bound(4, inside=True),
        "expmap": Bound(4, conditioned=True, inside=True),
        "expmap_0": Bound(4, inside=True),
        "logmap": Bound(4),
        "logmap_0": Bound(4),
        "geodesic": Bound(4, conditioned=True, inside=True),
        "ptransp": Bound(4),
        "ptransp_0": Bound(4),
        "gyration": Bound(4, conditioned=True),
        "tangent_inner": Bound(4, conditioned=True),
        "tangent_norm": Bound(4),
        "egrad2rgrad": Bound(4),
        "to_hyperboloid": Bound(4),
    },
    "hyperboloid": {
        "dist": Bound(4, conditioned=True, near=2, everywhere=True),
        "dist_smoothened": Bound(4, conditioned=True, near=2, everywhere=True),
        "sqdist": Bound(6, conditioned=True, near=3, representable_sinh=True),
        "grad_dist": Bound(5, conditioned=True),
        "dist_0": Bound(3, conditioned=True, everywhere=True),
        "addition": Bound(4, conditioned=True, overflows=True, representable_sinh=True),
        "scalar_mul": Bound(4, conditioned=True, overflows=True),
        "expmap": Bound(4, conditioned=True, overflows=True),
        "expmap_0": Bound(3, conditioned=True, everywhere=True),
        "logmap": Bound(4, conditioned=True, near=2, representable_sinh=True),
        "logmap_0": Bound(3, conditioned=True, everywhere=True),
        "geodesic": Bound(4, conditioned=True, representable_sinh=True),
        "ptransp": Bound(4, conditioned=True, near=2, representable_sinh=True),
        "ptransp_0": Bound(4, conditioned=True),
        "gyration": Bound(4, conditioned=True, representable_sinh=True),
        "tangent_inner": Bound(4, conditioned=True),
        "tangent_norm": Bound(4, conditioned=True),
        "egrad2rgrad": Bound(4, conditioned=True),
        "to_poincare": Bound(3, conditioned=True, everywhere=True),
    },
    "euclidean": {
        "dist": Bound(4),
        "sqdist": Bound(6),
        "grad_dist": Bound(4),
        "dist_0": Bound(4),
        "addition": Bound(2),
        "scalar_mul": Bound(2),
        "expmap": Bound(2),
        "expmap_0": Bound(0),
        "logmap": Bound(2),
        "logmap_0": Bound(0),
        "geodesic": Bound(4, conditioned=True),
        "ptransp": Bound(0),
        "ptransp_0": Bound(0),
        "tangent_inner": Bound(4, conditioned=True),
        "tangent_norm": Bound(4),
        "egrad2rgrad": Bound(0),
    },
}

_OVER = Bound(4, conditioned=True)

# Proper velocities are the hyperboloid without its time, and keep its promises.
_NAMES = (
    "dist sqdist grad_dist dist_0 addition scalar_mul expmap expmap_0 logmap logmap_0 geodesic ptransp ptransp_0 "
    "gyration tangent_inner tangent_norm egrad2rgrad"
)
CONTRACT["proper_velocity"] = {name: CONTRACT["hyperboloid"][name] for name in _NAMES.split()}

CONTRACT["klein"] = {
    "dist": _OVER,
    "sqdist": Bound(6, conditioned=True),
    "grad_dist": _OVER,
    "dist_0": Bound(4),
    "addition": Bound(4, conditioned=True, inside=True),
    "scalar_mul": Bound(4, inside=True),
    "expmap": Bound(4, conditioned=True, inside=True),
    "expmap_0": Bound(4, inside=True),
    "logmap": _OVER,
    "logmap_0": Bound(4),
    "geodesic": Bound(4, conditioned=True, inside=True),
    "ptransp": _OVER,
    "ptransp_0": _OVER,
    "gyration": _OVER,
    "tangent_inner": _OVER,
    "tangent_norm": _OVER,
    "egrad2rgrad": _OVER,
}

CONTRACT["half_space"] = {
    "dist": Bound(4, everywhere=True),
    "sqdist": Bound(6, everywhere=True),
    "grad_dist": Bound(4),
    "dist_0": Bound(4, everywhere=True),
    "addition": Bound(4, conditioned=True),
    "scalar_mul": Bound(4, conditioned=True, overflows=True),
    "expmap": Bound(4, conditioned=True, overflows=True),
    "expmap_0": Bound(4, conditioned=True, everywhere=True),
    "logmap": Bound(4),
    "logmap_0": Bound(4, everywhere=True),
    "geodesic": _OVER,
    "ptransp": Bound(4),
    "ptransp_0": Bound(4),
    "gyration": _OVER,
    "tangent_inner": _OVER,
    "tangent_norm": Bound(4),
    "egrad2rgrad": Bound(4),
}

# The ball's promises for c > 0; for c <= 0 the same over the condition number.
CONTRACT["stereographic"] = {
    name: replace(CONTRACT["poincare"][name], conditioned_below=True) for name in (*_NAMES.split(), "conformal_factor")
}

CONTRACT["sphere"] = {
    "dist": Bound(4),
    "sqdist": Bound(6),
    "grad_dist": _OVER,
    "dist_0": Bound(4),
    "addition": _OVER,
    "scalar_mul": _OVER,
    "expmap": _OVER,
    "expmap_0": _OVER,
    "logmap": Bound(4),
    "logmap_0": Bound(4),
    "geodesic": _OVER,
    "ptransp": _OVER,
    "ptransp_0": _OVER,
    "gyration": _OVER,
    "tangent_inner": _OVER,
    "tangent_norm": Bound(4),
    "egrad2rgrad": _OVER,
}

# What every model of constant curvature has, and what only those with a boundary at infinity have.
_SPACE = ["geodesic_unit", "coaddition", "hyperplane_dist", "project_to_hyperplane", "reflect_in_point"]
_HOROSPHERES = ["busemann", "project_to_horosphere"]
_CONES = ["cone_half_aperture", "cone_angle"]

_POINTS = {"geodesic_unit", "coaddition", "project_to_hyperplane", "reflect_in_point", "project_to_horosphere"}

for _model, _bounds in CONTRACT.items():
    _more = [*_SPACE]
    if _model not in ("stereographic", "sphere"):
        _more += _HOROSPHERES
        if _model != "euclidean":
            _more += _CONES
    _within = _model in ("poincare", "klein", "stereographic")
    _bounds.update({name: replace(_OVER, inside=_within and name in _POINTS) for name in _more})

for _model in ("hyperboloid", "proper_velocity"):
    CONTRACT[_model]["geodesic_unit"] = Bound(4, conditioned=True, overflows=True)
