"""Drawing in the hyperbolic plane: on Matplotlib's axes, in three models, and as a page that needs nothing else.

    >>> figure, ax = plt.subplots()
    >>> disk = plot.Disk(ax, Poincare(), centre=points[root])
    >>> disk.geodesics(points[edges[:, 0]], points[edges[:, 1]])
    >>> disk.points(points, labels=names)

`HalfPlane` and `Klein` draw the same things in the other models. Points may come from any model of hyperbolic space, at
any curvature: views show them at curvature -1. `draw_embedding` draws a whole tree, centred on its root, and
`write_html` writes it as one interactive page.
"""

from .embedding import draw_embedding, write_html
from .view import View
from .views import Disk, HalfPlane, Klein

__all__ = ["Disk", "HalfPlane", "Klein", "View", "draw_embedding", "write_html"]
