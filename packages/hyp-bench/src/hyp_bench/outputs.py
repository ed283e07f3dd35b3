"""The files that a finished embedding leaves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hyp_manifolds import Manifold
from jaxtyping import Float

from hyp_bench.edges import EdgeList
from hyp_bench.hierarchy import direct_edges
from hyp_bench.report import save_points, write_html, write_png
from hyp_bench.training import CURVATURE


def write_embedding(
    folder: Path,
    stem: str,
    points: Float[np.ndarray, "nodes coords"],
    edges: EdgeList,
    manifold: Manifold,
    *,
    title: str,
    caption: str,
    safetensors: bool = False,
) -> list[Path]:
    """Writes stem.npz and, if the manifold has dimension 2, stem.html and stem.png; returns their paths.

    With `safetensors` also stem.safetensors, which holds the same as stem.npz.

    The pictures show the direct edges: those that do not follow from two others.
    """
    name = type(manifold).__name__.lower()
    saved = folder / f"{stem}.npz"
    save_points(saved, points, edges.names, name, CURVATURE)
    written = [saved]
    if safetensors:
        # Flax, which hyp_nn imports, is for those who ask for the file.
        from hyp_nn.safetensors import save_points as save_as_safetensors

        written.append(saved.with_suffix(".safetensors"))
        save_as_safetensors(written[-1], points, edges.names, manifold, CURVATURE)
    if points.shape[1] != manifold.ambient_dim(2):
        return written
    page, picture = folder / f"{stem}.html", folder / f"{stem}.png"
    for write, path in ((write_html, page), (write_png, picture)):
        write(path, points, edges.names, direct_edges(edges), manifold=name, c=CURVATURE, title=title, caption=caption)
    return [*written, page, picture]
