"""Weights and tables of points in safetensors files, with a header that says on which manifold each array lies.

A file holds arrays and text, nothing that runs. Loading compares every manifold, curvature, shape and dtype with what
the caller expects, and every point with its manifold: what differs is an error that names it, never a projection.
Needs the extra `hyp-nn[safetensors]`.
"""

from .points import SavedPoints, load_points, save_points
from .weights import load_safetensors, read_header, save_safetensors

__all__ = ["SavedPoints", "load_points", "load_safetensors", "read_header", "save_points", "save_safetensors"]
