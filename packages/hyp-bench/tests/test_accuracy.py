"""The accuracy command: it passes where the contract holds and finds planted faults in values and in derivatives."""

import importlib.util
from pathlib import Path

import hyp_manifolds
import jax
import mpmath as mp
import pytest
from hyp_bench.accuracy import LIBRARIES, broken, measure
from hyp_bench.accuracy.exact import between, beyond_jump, is_kink, wobble
from hyp_bench.cli import main
from hyp_manifolds import Euclidean

QUICK = {"dims": (2,), "curvatures": (1.0,), "every": 6}


@pytest.fixture(autouse=True)
def the_command_leaves_the_precision_of_this_process_alone():
    """`main` switches 64-bit mode on for its process, which here is every later test's as well."""
    before = jax.config.read("jax_enable_x64")
    yield
    jax.config.update("jax_enable_x64", before)


class WrongNorm(Euclidean):
    """A distance from the origin that is 1e-6 of itself too long."""

    def dist_0(self, x, c=0.0, version_idx=0):
        return super().dist_0(x, c) * (1 + 1e-6)


class WrongSlope(Euclidean):
    """A distance from the origin whose derivative is 1e-3 too small."""

    def dist_0(self, x, c=0.0, version_idx=0):
        d = super().dist_0(x, c)
        return d - 1e-3 * (d - jax.lax.stop_gradient(d))


def test_a_sound_model_passes_and_leaves_a_page_and_a_plot(tmp_path: Path, capsys) -> None:
    page = tmp_path / "accuracy.md"
    assert main(["accuracy", "--quick", "--models", "euclidean", "--out", str(page)]) == 0
    text = page.read_text()
    assert "## euclidean, float32" in text and "| `dist_0` |" in text and "**" not in text.partition("## ")[2]
    assert (tmp_path / "accuracy.png").read_bytes().startswith(b"\x89PNG")
    assert "0 beyond the contract" in " ".join(capsys.readouterr().out.split())


@pytest.mark.slow
def test_two_processes_write_the_same_page(tmp_path, monkeypatch, quick_flags):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XLA_FLAGS", quick_flags)
    pages = []
    for jobs in ("1", "2"):
        assert main(["accuracy", "--quick", "--models", "euclidean", "--jobs", jobs, "--out", "page.md"]) == 0
        pages.append(Path("page.md").read_text())
    assert pages[0] == pages[1]


@pytest.mark.parametrize(
    ("fault", "kinds"), [(WrongNorm, {"value"}), (WrongSlope, {"JVP", "VJP"})], ids=["value", "slope"]
)
def test_a_fault_is_found(fault: type, kinds: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(hyp_manifolds.MODELS, "euclidean", fault())
    cells = broken(measure(LIBRARIES["hyp-manifolds"](), "euclidean", "dist_0", "float32", **QUICK))
    assert {cell.kind for cell in cells} == kinds
    assert all(cell.error > cell.limit for cell in cells)


def test_unknown_models_are_named(tmp_path: Path, capsys) -> None:
    assert main(["accuracy", "--models", "klien", "--out", str(tmp_path / "a.md")]) == 2
    assert "unknown klien" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["geoopt", "hypll", "hyperbolix"])
def test_a_library_that_is_not_installed_is_named_with_the_command(name: str, tmp_path: Path, capsys) -> None:
    if importlib.util.find_spec(name) is not None:
        cells = measure(LIBRARIES[name](), "poincare", "dist", "float32", **QUICK)
        assert {cell.kind for cell in cells} >= {"value", "VJP"}
        return
    assert main(["accuracy", "--library", name, "--out", str(tmp_path / "a.md")]) == 2
    told = capsys.readouterr().err
    assert f"the library {name} is not installed" in told and "pip install" in told


def test_a_kink_is_where_the_derivative_jumps() -> None:
    def slope(arguments, c):
        return [[c * mp.sign(arguments[0][0] - 1)]]

    for x, jumps in ((1.0, True), (1.5, False)):
        with mp.workdps(60):
            (seen,) = wobble(slope, [[mp.mpf(x)]], mp.mpf(1))
            assert is_kink(seen, 1) == jumps


def test_a_jump_within_a_rounding_has_two_sides_and_a_steep_derivative_one() -> None:
    def slopes(arguments, c):
        x = arguments[0][0]
        return [[c * mp.sign(x - 1 - mp.mpf(2) ** -60)], [1 / (x - 1 + mp.mpf(2) ** -30)]]

    with mp.workdps(60):
        at = [[mp.mpf(1)]]
        jump, steep = beyond_jump(slopes, at, mp.mpf(1), slopes(at, mp.mpf(1)), 2.0**-52)
        assert jump and all(there == [1] for there in jump)
        assert not steep
        assert between([mp.mpf(-1)], jump[:1], [mp.mpf(0.5)]) == [[0.5]]  # any generalized derivative
        assert between([mp.mpf(-1)], jump[:1], [mp.mpf(3)]) == [[1]]
        assert beyond_jump(slopes, [[mp.mpf(1.5)]], mp.mpf(1), slopes([[mp.mpf(1.5)]], mp.mpf(1)), 2.0**-52) == [[], []]
