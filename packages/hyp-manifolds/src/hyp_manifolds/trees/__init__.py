"""Trees in the hyperbolic plane: Sarkar's embedding, the scale it needs, and the distances in the tree."""

from hyp_manifolds.trees._parents import max_degree, tree_distances
from hyp_manifolds.trees.sarkar import CannotHoldError, TreeEmbedding, in_coordinates, sarkar_embedding, sarkar_scale

__all__ = [
    "CannotHoldError",
    "TreeEmbedding",
    "in_coordinates",
    "max_degree",
    "sarkar_embedding",
    "sarkar_scale",
    "tree_distances",
]
