"""The interactive Poincaré disk: one HTML file that needs nothing else."""

import base64
import hashlib
import html
import json
import os
import re
from collections.abc import Sequence
from importlib import resources

from numpy.typing import ArrayLike

from .atomic import atomic_write
from .chart import to_polar
from .palette import css_variables
from .tree import check_edges, spanning_forest

_SCRIPTS = ("disk_geometry.js", "disk_draw.js", "disk_page.js", "disk_search.js")


def write_html(
    path: str | os.PathLike[str],
    points: ArrayLike,
    labels: Sequence[str],
    edges: ArrayLike,
    *,
    manifold: str,
    c: float,
    title: str,
    caption: str,
) -> None:
    """Writes a page that shows points of the hyperbolic plane, their edges as geodesics, and recentres on a click.

    The page is self-contained, works offline and asks for nothing: its content security policy allows the script and
    the style in it, by their hashes, and no request. Labels, title and caption may hold any text.

    Args:
        path: the file to write, atomically.
        points: "hyperboloid": ambient (n, 3), time first; "poincare": (n, 2).
        labels: n names.
        edges: shape (m, 2), rows (child, parent) of node indices; may be empty.
        manifold: "hyperboloid" or "poincare".
        c: the curvature magnitude of the points; the picture is drawn at unit curvature.
        title: the heading.
        caption: a sentence below it.

    Raises:
        TypeError: if the edges are not integers.
        ValueError: if there is no point, shapes disagree, or a point or an edge is out of range (see `chart.to_polar`).

    Accuracy: around a centre at radius r, places are good to about e^r * 1e-16 of the disk (5e-8 at radius 20).
    """
    radius, angle = to_polar(points, manifold, c)
    if len(radius) == 0 or len(labels) != len(radius):
        raise ValueError(f"write_html: each of the {len(radius)} points (at least 1) needs a label, got {len(labels)}.")
    edges = check_edges(edges, len(radius))
    forest = spanning_forest(edges, len(radius))
    data: dict[str, object] = {
        # Only the angle is multiplied by sinh(radius) in the picture: it keeps all its digits, the radius needs ten.
        "radius": [round(value, 10) for value in radius.tolist()],
        "angle": angle.tolist(),
        "labels": [str(label) for label in labels],
        "edges": edges.ravel().tolist(),
        "parent": forest.parent.tolist(),
        "depth": forest.depth.tolist(),
        "size": forest.size.tolist(),
        "branch": forest.branch.tolist(),
        "heads": forest.heads,
    }
    page = _fill(title, caption, _json_for_script(data))
    with atomic_write(path) as file:
        file.write(page)


def _fill(title: str, caption: str, data: str) -> bytes:
    """Puts all parts into the template, in one pass: text that looks like a placeholder stays text."""
    style = css_variables() + _read("disk.css")
    script = '(() => {\n"use strict";\n' + "\n".join(map(_read, _SCRIPTS)) + "})();"
    parts = {
        "TITLE": html.escape(title),
        "CAPTION": html.escape(caption),
        "STYLE": style,
        "STYLE_HASH": _source_hash(style),
        "SCRIPT": script,
        "SCRIPT_HASH": _source_hash(script),
        "DATA": data,
    }
    page = re.sub(r"\{\{([A-Z_]+)\}\}", lambda match: parts[match[1]], _read("disk.html"))
    # A lone surrogate (a file name read with surrogateescape, say) has no UTF-8 form: a character reference does.
    return page.encode("utf-8", "xmlcharrefreplace")


def _json_for_script(data: dict[str, object]) -> str:
    """JSON that cannot end the script element it stands in, whatever the labels hold."""
    text = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _read(name: str) -> str:
    return resources.files(__name__.rpartition(".")[0]).joinpath(name).read_text(encoding="utf-8")


def _source_hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode('ascii')}'"
