"""Many points against many: distances by one matrix product, in blocks of bounded memory."""

from hyp_manifolds.pairwise.distances import pairwise_dist, pairwise_sum
from hyp_manifolds.pairwise.neighbours import Neighbours, Ranks, nearest, ranks

__all__ = ["Neighbours", "Ranks", "nearest", "pairwise_dist", "pairwise_sum", "ranks"]
