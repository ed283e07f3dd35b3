"""Arithmetic that keeps its digits: local float64, one-pass sums, the gap 1 - c|x|^2, functions analytic at 0.

A manifold method is written on float64 vectors and reads like the paper; everything about dtypes, rounding and the
compiler is in this folder.
"""

from hyp_manifolds._numerics.apart import apart
from hyp_manifolds._numerics.combination import combine, fenced_combination, square_of_sum
from hyp_manifolds._numerics.error_free import minus_multiple
from hyp_manifolds._numerics.gap import gap_and_dots, gap_ratio, gaps_and_chord, inside, shrink_inside, strictly_inside
from hyp_manifolds._numerics.scope import full_range, in_scope, matmul, scope, wide_matmul, widening
from hyp_manifolds._numerics.select import select
from hyp_manifolds._numerics.special import (
    asinh,
    asinh_sq,
    asinhc,
    asinhc2,
    cos_sin_of_tan,
    cosh2,
    cosh_sinhc_scaled,
    half_log,
    hypot1,
    log_over_sinh,
    over_hypot,
    safe_div,
    safe_sqrt,
    sech2_sq,
    sinh_ratio,
    sinhc2,
    tanh,
    tanhc2,
)
from hyp_manifolds._numerics.sums import again, bounded, dots, fence, norm, range_scale, stretch

__all__ = [
    "again",
    "apart",
    "asinh",
    "asinh_sq",
    "asinhc",
    "asinhc2",
    "bounded",
    "combine",
    "cos_sin_of_tan",
    "cosh2",
    "cosh_sinhc_scaled",
    "dots",
    "fence",
    "fenced_combination",
    "full_range",
    "gap_and_dots",
    "gap_ratio",
    "gaps_and_chord",
    "half_log",
    "hypot1",
    "in_scope",
    "inside",
    "log_over_sinh",
    "matmul",
    "minus_multiple",
    "norm",
    "over_hypot",
    "range_scale",
    "safe_div",
    "safe_sqrt",
    "scope",
    "sech2_sq",
    "select",
    "shrink_inside",
    "sinh_ratio",
    "sinhc2",
    "square_of_sum",
    "stretch",
    "strictly_inside",
    "tanh",
    "tanhc2",
    "wide_matmul",
    "widening",
]
