"""What comes of hostile inputs: numbers that are not finite, gradients, points off the manifold, answers to NaN."""

from hyp_bench.hostile.measure import measure, measure_operation
from hyp_bench.hostile.report import broken, table
from hyp_bench.hostile.row import KINDS, Row

__all__ = ["KINDS", "Row", "broken", "measure", "measure_operation", "table"]
