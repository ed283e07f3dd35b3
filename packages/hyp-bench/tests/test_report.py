"""The chart, the forest, the files: everything of the report that needs no browser."""

import io
import json
import re
import subprocess
import sys
import zipfile
from html.parser import HTMLParser

import numpy as np
import pytest
from hyp_bench.bounds import check_npz
from hyp_bench.checkpoint import load_checkpoint
from hyp_bench.errors import InputError
from hyp_bench.report import load_points, save_points, write_html, write_png
from hyp_bench.report.atomic import atomic_write
from hyp_bench.report.chart import geodesic_arcs, look_from, to_disk, to_polar
from hyp_bench.report.palette import DARK, DARK_BRANCHES, LIGHT, LIGHT_BRANCHES
from hyp_bench.report.tree import check_edges, spanning_forest
from matplotlib.image import imread

pytestmark = pytest.mark.one_precision

WORDS = {"title": 'Mammals <i>&</i> "friends"', "caption": "A caption with {{DATA}} and </style>."}


class PageParts(HTMLParser):
    """Collects the texts of a page by element, and every attribute that could load something."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: dict[str, str] = {}
        self.tags: list[str] = []
        self.loading: list[tuple[str, str | None]] = []
        self._open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        named = dict(attrs)
        self.loading += [(name, value) for name, value in attrs if name in ("src", "href", "data", "action", "style")]
        if tag not in ("meta", "input", "link", "img", "br"):
            self._open.append(named.get("id") or tag)

    def handle_endtag(self, tag):
        self._open.pop()

    def handle_data(self, data):
        if self._open:
            self.texts[self._open[-1]] = self.texts.get(self._open[-1], "") + data


def separation(z, w):
    """Hyperbolic distance in the disk, arrays (..., 2)."""
    gap = (1 - (z**2).sum(-1)) * (1 - (w**2).sum(-1))
    return 2 * np.arcsinh(np.sqrt(((z - w) ** 2).sum(-1) / gap))


def test_polar_form_is_the_same_from_both_models_and_every_curvature():
    radius, angle = np.array([0.0, 1e-9, 0.5, 3.0, 12.0]), np.array([0.0, 1.0, -2.0, 3.1, -0.3])
    direction = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    for c in (0.25, 1.0, 7.0):
        hyperboloid = np.column_stack([np.cosh(radius), np.sinh(radius)[:, None] * direction]) / np.sqrt(c)
        poincare = np.tanh(radius / 2)[:, None] * direction / np.sqrt(c)
        np.testing.assert_allclose(to_polar(hyperboloid, "hyperboloid", c)[0], radius, rtol=1e-14, atol=1e-15)
        np.testing.assert_allclose(to_polar(poincare, "poincare", c)[0], radius, rtol=1e-10, atol=1e-15)
        np.testing.assert_allclose(to_polar(poincare, "poincare", c)[1][1:], angle[1:], rtol=1e-14)
        np.testing.assert_allclose(to_disk(hyperboloid, "hyperboloid", c), poincare * np.sqrt(c), atol=1e-14)


def test_a_point_is_its_spatial_part():
    np.testing.assert_array_equal(to_disk([[99.0, 0.3, 0.4]], "hyperboloid"), to_disk([[1.0, 0.3, 0.4]], "hyperboloid"))


@pytest.mark.parametrize(
    ("points", "manifold", "c", "message"),
    [
        ([[0.0, 0.0]], "klein", 1.0, "klein"),
        ([[0.0, 0.0]], "hyperboloid", 1.0, r"\(n, 3\)"),
        ([[1.0, 0.0, 0.0]], "poincare", 1.0, r"\(n, 2\)"),
        ([[0.0, 0.0]], "poincare", 0.0, "c must be positive"),
        ([[0.0, np.nan]], "poincare", 1.0, "NaN"),
        ([[0.6, 0.0]], "poincare", 4.0, "outside the ball"),
        ([[1.0, 1e200, 0.0]], "hyperboloid", 1.0, "radius"),
    ],
)
def test_points_that_cannot_be_drawn_are_refused(points, manifold, c, message):
    with pytest.raises(ValueError, match=message):
        to_polar(points, manifold, c)


def test_recentred_places_agree_with_sixty_digits_out_to_radius_twenty(tree, oracle):
    radius, angle = to_polar(tree.points, "hyperboloid", tree.c)
    assert radius.max() > 18
    for node in [0, 1, 7, 39, *np.argsort(radius)[-12:]]:
        error = np.abs(look_from(radius, angle, radius[node], angle[node]) - oracle.looking_from(node)).max()
        assert error < 1e-6, (node, radius[node], error)


def test_arcs_are_geodesics():
    rng = np.random.default_rng(0)
    starts, ends = rng.uniform(-0.7, 0.7, (2, 50, 2))
    starts[0], ends[0] = (0.3, 0.1), (-0.6, -0.2)  # on a diameter
    starts[1], ends[1] = (0.3, 0.1), (0.3, 0.1)  # of no length
    arcs = geodesic_arcs(starts, ends, steps=9)
    assert arcs.shape == (50, 10, 2)
    np.testing.assert_allclose(arcs[:, 0], starts, atol=1e-15)
    np.testing.assert_allclose(arcs[:, -1], ends, atol=1e-15)
    through = separation(starts[:, None], arcs) + separation(arcs, ends[:, None])
    np.testing.assert_allclose(through, np.tile(separation(starts, ends)[:, None], 10), atol=1e-7)


def test_forest_of_a_graph_with_two_parents_a_cycle_and_a_loose_node():
    edges = check_edges([(1, 0), (2, 0), (3, 1), (3, 2), (4, 3), (4, 0), (5, 6), (6, 5), (7, 7)], 8)
    forest = spanning_forest(edges, 8)
    assert forest.parent.tolist() == [-1, 0, 0, 1, 0, -1, 5, -1]
    assert forest.depth.tolist() == [0, 1, 1, 2, 1, 0, 1, 0]
    assert forest.size.tolist() == [5, 2, 1, 1, 1, 2, 1, 1]


def test_branches_are_few_large_and_disjoint():
    nodes = 1 + 12 * 40
    edges = [(1 + 40 * k, 0) for k in range(12)] + [
        (1 + 40 * k + j, 1 + 40 * k) for k in range(12) for j in range(1, 40)
    ]
    forest = spanning_forest(check_edges(edges, nodes), nodes, branches=8)
    assert forest.heads == [1 + 40 * k for k in range(8)]
    assert np.bincount(forest.branch + 1).tolist() == [1 + 4 * 40, *[40] * 8]
    assert len(LIGHT_BRANCHES) == len(DARK_BRANCHES) == 8
    assert LIGHT.keys() == DARK.keys()


@pytest.mark.parametrize(
    ("edges", "error"),
    [([(0.0, 1.0)], TypeError), ([(0, 1, 2)], ValueError), ([(0, 3)], ValueError), ([(-1, 0)], ValueError)],
)
def test_edges_that_name_no_node_are_refused(edges, error):
    with pytest.raises(error, match="edges must"):
        check_edges(edges, 3)


def test_page_holds_the_names_as_data_and_loads_nothing(tree, tmp_path):
    write_html(tmp_path / "new" / "disk.html", *tree[:3], manifold="hyperboloid", c=tree.c, **WORDS)
    page = (tmp_path / "new" / "disk.html").read_text(encoding="utf-8")
    parts = PageParts(page)
    data = json.loads(parts.texts["data"])
    assert data["labels"] == tree.labels
    assert np.array(data["edges"]).reshape(-1, 2).tolist() == tree.edges.tolist()
    assert parts.texts["h1"] == parts.texts["title"] == WORDS["title"]
    assert "A caption with {{DATA}} and </style>." in parts.texts["p"]
    assert parts.loading == []
    assert not {"link", "img", "iframe", "object"} & set(parts.tags)
    assert parts.tags.count("script") == 2
    assert "default-src 'none'" in page
    assert not re.search(r"url\(|@import|https?:", parts.texts["style"] + parts.texts["script"])


def test_page_of_a_lone_surrogate_and_of_one_point(tmp_path):
    write_html(
        tmp_path / "one.html", [[0.0, 0.0]], ["\ud800"], [], manifold="poincare", c=1.0, title="\ud800", caption=""
    )
    data = json.loads(PageParts((tmp_path / "one.html").read_text(encoding="utf-8")).texts["data"])
    assert (data["labels"], data["edges"], data["heads"]) == (["\ud800"], [], [])


def test_page_of_a_thousand_nodes_stays_small(tmp_path):
    rng = np.random.default_rng(1)
    spatial = np.sinh(rng.uniform(0, 18, (1180, 1))) * np.stack([np.cos(t := rng.uniform(-3, 3, 1180)), np.sin(t)], 1)
    points = np.column_stack([np.sqrt(1 + (spatial**2).sum(1)), spatial])
    edges = [(i, (i - 1) // 4) for i in range(1, 1180)]
    names = [f"some_ordinary_mammal_{i}.n.01" for i in range(1180)]
    write_html(tmp_path / "m.html", points, names, edges, manifold="hyperboloid", c=1.0, **WORDS)
    assert (tmp_path / "m.html").stat().st_size < 200_000


@pytest.mark.parametrize("write", [write_html, write_png])
def test_a_label_is_needed_for_each_point(write, tmp_path):
    for points, labels in ([[0.1, 0.2]], []), (np.zeros((0, 2)), []):
        with pytest.raises(ValueError, match="needs a label"):
            write(tmp_path / "x", points, labels, [], manifold="poincare", c=1.0, **WORDS)
    assert list(tmp_path.iterdir()) == []


def test_picture_is_drawn_whatever_the_names_hold(tree, tmp_path):
    write_png(tmp_path / "disk.png", *tree[:3], manifold="hyperboloid", c=tree.c, **WORDS)
    image = imread(tmp_path / "disk.png")[..., :3]
    assert min(image.shape[:2]) >= 1500
    inside = image[600:1100, 400:1200].reshape(-1, 3)
    assert 0.005 < (np.abs(inside - 1).max(axis=1) > 0.1).mean() < 0.5
    write_png(tmp_path / "one.png", [[0.0, 0.0]], ["\ud800"], [], manifold="poincare", c=1.0, title="", caption="")


def test_picture_leaves_pyplot_alone(tmp_path):
    code = (
        "import sys; from hyp_bench.report import write_png; assert 'matplotlib' not in sys.modules\n"
        f"path = {str(tmp_path / 'p.png')!r}\n"
        "write_png(path, [[0.1, 0.2]], ['a'], [], manifold='poincare', c=1, title='', caption='')\n"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_saved_points_come_back_without_pickle(tree, tmp_path, dtype):
    points = tree.points.astype(dtype)
    save_points(tmp_path / "a.npz", points, tree.labels, "hyperboloid", tree.c)
    with np.load(tmp_path / "a.npz", allow_pickle=False) as file:
        assert sorted(file.files) == ["c", "labels", "manifold", "points"]
        assert all(file[name].dtype.kind in "fU" for name in file.files)
    saved = load_points(tmp_path / "a.npz")
    assert saved.points.dtype == dtype
    np.testing.assert_array_equal(saved.points, points)
    assert (saved.labels.tolist(), saved.manifold, saved.c) == (tree.labels, "hyperboloid", tree.c)


def test_points_that_cannot_be_saved_are_refused(tmp_path):
    with pytest.raises(TypeError, match="int64"):
        save_points(tmp_path / "a.npz", np.zeros((1, 2), dtype=np.int64), ["a"], "poincare", 1.0)
    for points, labels in ([[0.0, 0.0]], ["a", "b"]), ([[np.nan, 0.0]], ["a"]), ([[0.0, 0.0]], ["a\0"]):
        with pytest.raises(ValueError, match="save_points"):
            save_points(tmp_path / "a.npz", points, labels, "poincare", 1.0)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_needs_pickle_or_lacks_an_array_is_refused(tmp_path):
    np.savez(tmp_path / "half.npz", points=np.zeros((1, 2)))
    with pytest.raises(ValueError, match="labels, manifold, c"):
        load_points(tmp_path / "half.npz")
    np.savez(tmp_path / "bad.npz", points=np.zeros((1, 2)), labels=np.array([{}]), manifold="poincare", c=1.0)
    with pytest.raises(ValueError, match="allow_pickle"):
        load_points(tmp_path / "bad.npz")


def test_a_file_that_would_fill_the_memory_is_refused(tmp_path):
    bomb, liar = tmp_path / "bomb.npz", tmp_path / "liar.npz"
    np.savez_compressed(bomb, points=np.zeros((1000, 1000)))
    with pytest.raises(ValueError, match="unpacks to 8000128 bytes, at most 1000000"):
        check_npz(bomb, limit=1_000_000)
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (10**12,)})
    with zipfile.ZipFile(liar, "w") as archive:
        archive.writestr("points.npy", header.getvalue())
    with pytest.raises(ValueError, match="claims 8000000000000 bytes and has 128"):
        load_points(liar)
    with pytest.raises(InputError, match="not a readable checkpoint"):
        load_checkpoint(liar)
    liar.write_bytes(b"no archive")
    with pytest.raises(ValueError, match=r"no readable \.npz"):
        load_points(liar)


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_write_that_breaks_off_leaves_the_old_file_and_nothing_else(tmp_path, error):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(error), atomic_write(path) as file:
        file.write(b"half of the ne")
        raise error
    assert (path.read_bytes(), list(tmp_path.iterdir())) == (b"old", [path])
    with atomic_write(path) as file:
        file.write(b"new")
        assert path.read_bytes() == b"old"
    assert (path.read_bytes(), list(tmp_path.iterdir())) == (b"new", [path])
