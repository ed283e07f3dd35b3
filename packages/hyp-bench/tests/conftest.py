import os
import signal
from typing import NamedTuple

import numpy as np
import pytest
from hyp_bench import fair

# Machines without a browser say so themselves; nobody loses these tests by accident.
collect_ignore = ["test_report_browser.py"] if os.environ.get("HYP_NO_BROWSER") == "1" else []

HOSTILE = [
    "</script><script>window.pwned = 1</script>",
    '<img src="http://127.0.0.1:9/x.png" onerror="window.pwned = 1">',
    "{{DATA}} & \"quotes\" 'single' \\ $x_{1}$",
    "<!--<script \u2028 zażółć 哺乳類 🦔\n second line",
]


class Tree(NamedTuple):
    """A synthetic embedding: hyperboloid points at curvature -c, names, rows (child, parent)."""

    points: np.ndarray
    labels: list[str]
    edges: np.ndarray
    c: float


@pytest.fixture
def usual_handler():
    """Ctrl-C as a terminal has it, for this process and its children: one started in the background ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def fair_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment that `fair.restart` would start this process again for."""
    for name, value in {**fair.SETTINGS, "JAX_PLATFORMS": "cpu", "XLA_FLAGS": fair._ONE_THREAD}.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="session")
def tree() -> Tree:
    """121 nodes, radius 0 to 20: a child lies about 5 further out than its parent, within a cone seen from there."""
    rng = np.random.default_rng(7)
    radius, angle, edges = [0.0], [0.0], []
    for child in range(1, 121):
        parent = (child - 1) // 3
        spread = np.pi if parent == 0 else 1.5 / np.sinh(radius[parent])
        radius.append(min(20.0, radius[parent] + 5 * rng.uniform(0.8, 1.2)))
        angle.append(angle[parent] + spread * ((child - 1) % 3 - 1 + rng.uniform(-0.2, 0.2)) * 2 / 3)
        edges.append((child, parent))
    r, t, c = np.array(radius), np.array(angle), 0.5
    points = np.stack([np.cosh(r), np.sinh(r) * np.cos(t), np.sinh(r) * np.sin(t)], axis=1) / np.sqrt(c)
    labels = [f"node {i}" for i in range(len(r))]
    labels[1 : 1 + len(HOSTILE)] = HOSTILE
    return Tree(points, labels, np.array(edges), c)


class Oracle:
    """The disk at sixty digits: a view is a chain of translations, each taking one point to the centre."""

    def __init__(self, points: np.ndarray, c: float) -> None:
        import mpmath

        self.mp = mpmath.mp.clone()
        self.mp.dps = 60
        root = self.mp.sqrt(self.mp.mpf(c))
        self.places = [self._ball(root * self.mp.mpc(float(x), float(y))) for _, x, y in points]

    def _ball(self, spatial):
        return spatial / (1 + self.mp.sqrt(1 + abs(spatial) ** 2))

    def looking_from(self, *nodes: int) -> np.ndarray:
        """Places after recentring on each of the nodes in turn."""
        places = self.places
        for node in nodes:
            p = places[node]
            places = [(z - p) / (1 - p.conjugate() * z) for z in places]
        return np.array([[float(z.real), float(z.imag)] for z in places])


@pytest.fixture(scope="session")
def oracle(tree: Tree) -> Oracle:
    return Oracle(tree.points, tree.c)
