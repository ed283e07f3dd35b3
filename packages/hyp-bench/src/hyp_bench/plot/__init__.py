"""Drawing in the hyperbolic plane: on Matplotlib's axes, in three models, and as a page that needs nothing else.

Example:
    >>> from hyp_bench import plot
    >>> from hyp_manifolds import Poincare
    >>> from matplotlib.figure import Figure
    >>> disk = plot.Disk(Figure().add_axes((0, 0, 1, 1)), Poincare())
    >>> arcs = disk.geodesics([[0.0, 0.0], [0.0, 0.0]], [[0.5, 0.2], [-0.3, 0.6]])
    >>> places = disk.points([[0.0, 0.0], [0.5, 0.2], [-0.3, 0.6]], labels=["root", "one", "two"])

`HalfPlane` and `Klein` draw the same things in the other models. Points may come from any model of hyperbolic space, at
any curvature: views show them at curvature -1. `draw_embedding` draws a whole tree, centred on its root, and
`write_html` writes it as one interactive page.
"""

from .embedding import draw_embedding, write_html
from .view import View
from .views import Disk, HalfPlane, Klein

__all__ = ["Disk", "HalfPlane", "Klein", "View", "draw_embedding", "write_html"]
