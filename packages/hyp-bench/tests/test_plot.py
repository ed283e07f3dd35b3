"""Plots: every artist lies where formulas of its own say, and the pictures look as they did."""

import json
import os
import pathlib
import re

import numpy as np
import pytest
from hyp_bench import plot
from hyp_manifolds import Euclidean, HalfSpace, Hyperboloid
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.testing.compare import compare_images

pytestmark = [pytest.mark.one_precision, pytest.mark.slow]

BASELINE = pathlib.Path(__file__).parent / "baseline"
C, CENTRE = 0.25, 0.35 + 0.5j  # the centre as a complex number of the unit disk
VIEWS = {"disk": plot.Disk, "klein": plot.Klein, "half_plane": plot.HalfPlane}
# Points of the unit disk, the same ones on the hyperboloid of curvature -C.
Z = np.array([0.35 + 0.5j, 0.1 - 0.2j, -0.6 + 0.3j, 0.2 + 0.7j, 0.97j])


def sheet(z):
    z = np.atleast_1d(z)
    gap = 1 - abs(z) ** 2
    return np.stack([1 + abs(z) ** 2, 2 * z.real, 2 * z.imag], axis=1) / gap[:, None] / np.sqrt(C)


def seen(z, centre=CENTRE):
    """The translation that takes the centre to 0."""
    return (z - centre) / (1 - np.conj(centre) * z)


def in_view(name, z):
    """Coordinates of points of the unit disk in a view."""
    if name == "half_plane":
        w = (z + 1j) / (1j * z + 1)  # 0 to i, i to infinity, 1 to 1
        return np.stack([w.real, w.imag], axis=-1)
    if name == "klein":
        z = 2 * z / (1 + abs(z) ** 2)
    return np.stack([z.real, z.imag], axis=-1)


def from_view(name, xy):
    z = xy[..., 0] + 1j * xy[..., 1]
    if name == "half_plane":
        return (z - 1j) / (1 - 1j * z)
    return z / (1 + np.sqrt(1 - abs(z) ** 2)) if name == "klein" else z


def distance(a, b):
    return 2 * np.arctanh(abs(a - b) / abs(1 - np.conj(a) * b))


def axes(size=2.4):
    figure = Figure(figsize=(size, size), dpi=80)
    FigureCanvasAgg(figure)
    return figure.add_axes((0, 0, 1, 1))


@pytest.fixture(params=VIEWS)
def name(request):
    return request.param


@pytest.fixture
def view(name):
    return VIEWS[name](axes(), Hyperboloid(), C, centre=sheet(CENTRE)[0])


def test_points(view, name):
    dots = view.points(sheet(Z), color=[0, 1, 2, 0, 1], labels=list("abcde"))
    np.testing.assert_allclose(dots.get_offsets(), in_view(name, seen(Z)), atol=1e-12)
    np.testing.assert_allclose(view.places(sheet(CENTRE)), in_view(name, np.zeros(1)), atol=1e-12)
    colors = dots.get_facecolors()
    assert (colors[0] == colors[3]).all() and (colors[0] != colors[1]).any()
    written = [text.get_text() for text in view.ax.texts]
    assert written and set(written) <= set("abcde")


def test_points_of_another_model_at_another_curvature():
    there = plot.Disk(axes(), HalfSpace(), 9.0).points(in_view("half_plane", Z)).get_offsets()
    np.testing.assert_allclose(there, in_view("disk", Z), atol=1e-12)


def test_geodesics(view, name):
    lines = view.geodesics(sheet(Z[:2]), sheet(Z[2:4]))
    for path, a, b in zip(lines.get_paths(), seen(Z[:2]), seen(Z[2:4]), strict=True):
        z = from_view(name, path.vertices)
        np.testing.assert_allclose(distance(z, a) + distance(z, b), distance(a, b), rtol=1e-7)
        assert distance(z[1:], z[:-1]).max() < 0.1
        np.testing.assert_allclose(path.vertices[[0, -1]], in_view(name, np.array([a, b])), atol=1e-9)


def test_geodesics_from_rim_to_rim(name):
    view = VIEWS[name](axes(), Hyperboloid(), C)
    (path,) = view.geodesics(sheet(Z[1]), sheet(Z[2]), extend=True).get_paths()
    z = from_view(name, path.vertices)
    assert 1 - abs(z[[0, -1]]).min() < 1e-6
    for inner in Z[1:3]:
        assert abs(z - inner).min() < 0.03
    if name == "klein":
        first, last = path.vertices[[0, -1]]
        away = (path.vertices - first) @ ([0, 1], [-1, 0]) @ (last - first)
        np.testing.assert_allclose(away, 0, atol=1e-9)
    elif name == "half_plane":  # a half-circle on the boundary
        middle = path.vertices[[0, -1], 0].mean()
        radius = np.hypot(path.vertices[:, 0] - middle, path.vertices[:, 1])
        np.testing.assert_allclose(radius, radius[0], rtol=1e-6)


def test_horocycles(view, name):
    ideal, level = np.exp(1j * np.array([0.4, 2.5, 4.0])), np.array([0.0, -1.2, 6.0])
    lines = view.horocycles(np.stack([ideal.real, ideal.imag], axis=1), level)
    for path, xi, value in zip(lines.get_paths(), ideal, level, strict=True):
        z = from_view(name, path.vertices)
        z = seen(z[abs(z) < 0.999], -CENTRE)  # back where it was
        assert len(z) > 100
        np.testing.assert_allclose(np.log(abs(xi - z) ** 2 / (1 - abs(z) ** 2)) / np.sqrt(C), value, atol=1e-6)
    if name == "disk":  # all around, and up to the ideal point
        ends = seen(ideal)
        for path, xi in zip(lines.get_paths(), ends, strict=True):
            places = path.vertices[:, 0] + 1j * path.vertices[:, 1]
            assert abs(places[[0, -1]] - xi).max() < 0.02
            assert abs(np.diff(places)).max() < 0.03


def in_cone(apex, z, k):
    """Whether z lies in the cone of an apex in the unit disk: Ganea et al. 2018, equations 26 and 28."""
    n, m, inner = abs(apex) ** 2, abs(z) ** 2, (np.conj(apex) * z).real
    top = inner * (1 + n) - n * (1 + m)
    bottom = np.sqrt(n) * abs(apex - z) * np.sqrt(1 + n * m - 2 * inner)
    return np.arccos(np.clip(top / bottom, -1, 1)) - np.arcsin(k * (1 - n) / np.sqrt(n))


# In the half-plane the cone of the last apex holds the point at infinity; the last centre lies in the cone of the
# first apex, which therefore is much of what is seen.
@pytest.mark.parametrize("centre", [0j, CENTRE, 1.5 * CENTRE], ids=["origin", "apex", "inside"])
def test_cones(name, centre):
    view = VIEWS[name](axes(), Hyperboloid(), C, centre=sheet(centre)[0])
    apexes, found = np.array([*Z[:4], 0.02 + 0.5j]), []
    cones = view.cones(sheet(apexes), k=0.15)
    (left, right), (bottom, top) = view.ax.get_xlim(), view.ax.get_ylim()
    grid = np.stack(np.meshgrid(np.linspace(left, right, 71), np.linspace(bottom, top, 71)), axis=-1).reshape(-1, 2)
    z = from_view(name, grid[view.inside(grid)])
    grid, z = grid[view.inside(grid)][abs(z) < 0.999], z[abs(z) < 0.999]
    for path, apex in zip(cones.get_paths(), apexes, strict=True):
        with np.errstate(invalid="ignore"):  # NaN at the apex
            excess = in_cone(apex, seen(z, -centre), 0.15)
        sure = abs(excess) > 0.02
        np.testing.assert_array_equal(path.contains_points(grid)[sure], excess[sure] < 0)
        found.append((excess[sure] < 0).mean())
    assert max(found) > (0.3 if centre == 1.5 * CENTRE else 0.01)


def test_regions(view, name):
    def predict(points):
        assert points.dtype == np.float32 and points.shape[1] == 3
        return (points[:, 1] > 0.5).astype(int) + 2 * (points[:, 2] > 1)

    image = view.regions(predict, resolution=100, colors=["red", "lime", "blue", "black"])
    pixels, (left, right, bottom, top) = image.get_array(), image.get_extent()
    rows, columns = pixels.shape[:2]
    x = left + (np.arange(columns) + 0.5) * (right - left) / columns
    y = bottom + (np.arange(rows) + 0.5) * (top - bottom) / rows
    grid = np.stack(np.meshgrid(x, y), axis=-1)
    inside = view.inside(grid.reshape(-1, 2)).reshape(rows, columns)
    points = sheet(seen(from_view(name, grid[inside]), -CENTRE))
    expected = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0]])[predict(points.astype(np.float32))]
    assert (pixels[inside][:, :3] == expected).all(axis=1).mean() > 0.999
    assert len(np.unique(expected, axis=0)) == 4
    assert (pixels[~inside][:, 3] == 0).all() and (pixels[inside][:, 3] == 0.25).all()


def test_scores_and_what_is_no_prediction():
    view = plot.Disk(axes())
    image = view.regions(lambda x: np.stack([x[:, 0], -x[:, 0]], axis=1), resolution=20)
    left, right = image.get_array()[10, [4, 15], :3]
    assert (left != right).any()
    for bad in (lambda x: x[:, 0], lambda x: np.zeros(3, int)):
        with pytest.raises(ValueError, match="predict must return"):
            view.regions(bad, resolution=20)


# Trees ----------------------------------------------------------------------------------------------------------------

EDGES = np.array([[1, 0], [2, 0], [3, 1], [4, 1]])


def test_a_tree_is_seen_from_its_root(name):
    drawn = plot.draw_embedding(axes(), sheet(Z), EDGES, labels=list("abcde"), manifold=Hyperboloid(), c=C, view=name)
    lines, dots = drawn.ax.collections
    np.testing.assert_allclose(dots.get_offsets(), in_view(name, seen(Z, Z[0])), atol=1e-9)
    assert len(lines.get_paths()) == len(EDGES)
    np.testing.assert_allclose(lines.get_paths()[2].vertices[0], in_view(name, seen(Z, Z[0]))[3], atol=1e-9)
    sizes = dots.get_sizes()
    assert sizes[0] > sizes[1] > sizes[3]
    assert drawn.ax.texts[0].get_text() == "a"


@pytest.mark.parametrize(("centre", "at"), [(3, Z[3]), (None, 0)])
def test_a_tree_is_seen_from_elsewhere(centre, at):
    drawn = plot.draw_embedding(axes(), sheet(Z), EDGES, manifold=Hyperboloid(), c=C, centre=centre)
    np.testing.assert_allclose(drawn.ax.collections[1].get_offsets(), in_view("disk", seen(Z, at)), atol=1e-9)


def test_the_page_begins_at_the_root(tmp_path):
    path = tmp_path / "tree.html"
    plot.write_html(path, in_view("half_plane", Z), EDGES, manifold=HalfSpace(), title="A tree", caption="five nodes")
    page = path.read_text(encoding="utf-8")
    data = json.loads(re.search(r"\{\"radius.*?\}(?=</script>)", page)[0])
    np.testing.assert_allclose(data["radius"], distance(Z, Z[0]), atol=1e-9)
    np.testing.assert_allclose(np.exp(1j * np.array(data["angle"][1:])), (w := seen(Z[1:], Z[0])) / abs(w), atol=1e-9)
    assert data["labels"] == ["0", "1", "2", "3", "4"]
    assert "A tree" in page and "five nodes" in page


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda v: plot.Disk(axes(), c=-1.0), "c must be positive"),
        (lambda v: plot.Disk(axes(), centre=[2.0, 0.0]), "centre: 1 of 1 rows are no points of Poincare at c=1"),
        (lambda v: plot.Disk(axes(), Euclidean()), "must be a model of the hyperbolic plane"),
        (lambda v: plot.HalfPlane(axes(), height=0), "width and height must be positive"),
        (lambda v: v.points([[0.1, 0.2, 0.3]]), r"points must have shape \(n, 2\)"),
        (lambda v: v.points([[0.1, 0.2], [0.0, np.nan]]), "1 of 2 rows are no points.*row 1"),
        (lambda v: v.points([[0.1, 0.2]], labels=[]), "0 labels for 1 points"),
        (lambda v: v.geodesics([[0.1, 0.2]], np.zeros((2, 2))), "1 and 2 ends"),
        (lambda v: v.geodesics([[0.1, 0.2]], [[0.1, 0.2]], extend=True), "row 0: many geodesics"),
        (lambda v: v.horocycles([1.0, 1.0]), "unit vectors"),
        (lambda v: v.cones([[0.1, 0.2], [0.0, 0.0]]), "row 1 is the origin"),
        (lambda v: v.cones([[0.1, 0.2]], k=0), "k must be positive"),
        (lambda v: plot.draw_embedding(v.ax, np.zeros((5, 2)), EDGES, view="globe"), "view must be one of"),
        (lambda v: plot.draw_embedding(v.ax, np.zeros((5, 2)), EDGES, centre=5), "centre must be a node"),
        (lambda v: plot.draw_embedding(v.ax, np.zeros((4, 2)), EDGES), "edges must name nodes 0 to 3"),
        (lambda v: plot.write_html("x.html", np.zeros((5, 2)), EDGES, labels=["a"]), "with a label each"),
    ],
)
def test_what_cannot_be_drawn(call, message):
    with pytest.raises((TypeError, ValueError), match=message):
        call(plot.Disk(axes()))


def test_nothing_can_be_drawn():
    view, none = plot.Disk(axes()), np.zeros((0, 2))
    view.points(none)
    view.geodesics(none, none)
    view.cones(none)
    assert not view.ax.texts


# Pictures -------------------------------------------------------------------------------------------------------------


def picture(name, path, regions=True):
    view = VIEWS[name](axes(3.0), centre=[0.2, 0.1])
    z = in_view("disk", Z[1:4])
    if regions:
        view.regions(lambda x: (x[:, 0] > 0) + 2 * (x[:, 1] > 0), resolution=200)
    view.cones(z, k=0.15, color=np.arange(3))
    view.horocycles([0.6, 0.8], -0.5)
    view.geodesics(z, z[[1, 2, 0]])
    view.geodesics(z[:1], z[1:2], extend=True, colors="black")
    view.points(z, color=np.arange(3), size=60)
    view.ax.figure.savefig(path, metadata={"Software": None})


def test_pictures_look_as_they_did(name, tmp_path):
    """HYP_NEW_BASELINE=1 draws the pictures that later runs are compared with; look at them before they are kept."""
    expected, drawn = BASELINE / f"plot_{name}.png", tmp_path / f"{name}.png"
    picture(name, drawn)
    if os.environ.get("HYP_NEW_BASELINE") == "1":
        expected.write_bytes(drawn.read_bytes())
    assert compare_images(str(expected), str(drawn), tol=6) is None
    picture(name, drawn, regions=False)
    assert compare_images(str(expected), str(drawn), tol=6) is not None
