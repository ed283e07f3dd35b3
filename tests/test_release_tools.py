"""The scripts that release packages and guard their interface: what they decide, without running a release."""

import importlib
import importlib.metadata
import pathlib
import shutil
import subprocess
import sys
import textwrap

import pytest
from hyp_manifolds.deprecation import overdue

pytestmark = pytest.mark.one_precision

ROOT = pathlib.Path(__file__).parents[1]
sys.path.append(str(ROOT / ".ci"))
release, api, news = (importlib.import_module(name) for name in ("release", "api", "news"))
compatibility, coverage_floor, failing_examples = (
    importlib.import_module(name) for name in ("compatibility", "coverage_floor", "failing_examples")
)
sys.path.remove(str(ROOT / ".ci"))


# Versions, tags and bounds -------------------------------------------------------------------------------------------


def test_a_tag_names_a_package_and_a_version() -> None:
    assert release.split_tag("hyp-manifolds-v0.10.2") == ("hyp-manifolds", "0.10.2")
    for tag in ("v0.1.0", "hyp-other-v0.1.0", "hyp-nn-v0.1", "hyp-nn-v0.1.0rc1", "hyp-nn-0.1.0", "hyp-nn-v"):
        with pytest.raises(release.ReleaseError):
            release.split_tag(tag)


@pytest.mark.parametrize(
    ("version", "bounds"),
    [("0.2.0", ">=0.2,<0.3"), ("0.9.4", ">=0.9,<0.10"), ("1.0.0", ">=1.0,<2"), ("2.3.1", ">=2.3,<3")],
)
def test_new_bounds_allow_the_version_and_not_the_next_that_may_break(version: str, bounds: str) -> None:
    assert release.bounds_for(version) == bounds
    assert release.allows(bounds, version)
    assert not release.allows(bounds, bounds.partition("<")[2])


PROJECT = (
    'dependencies = [\n    "hyp-manifolds[testing]>=0.1,<0.2",\n    "hyp-nn>=0.1,<0.2",\n    "jax>=0.10,<0.13",\n]\n'
)


def test_bounds_are_raised_only_where_they_refuse_the_version() -> None:
    assert release.raised(PROJECT, "hyp-manifolds", "0.1.7") == PROJECT
    expected = PROJECT.replace("[testing]>=0.1,<0.2", "[testing]>=0.2,<0.3")
    assert release.raised(PROJECT, "hyp-manifolds", "0.2.0") == expected
    assert release.raised(PROJECT, "hyp-optim", "0.2.0") == PROJECT
    # A name that begins like another one is another one.
    assert (
        release.raised(PROJECT.replace("hyp-nn", "hyp-nn-extra"), "hyp-nn", "0.2.0").count("hyp-nn-extra>=0.1,<0.2")
        == 1
    )


def test_bounds_of_another_form_are_refused() -> None:
    with pytest.raises(release.ReleaseError, match="expected bounds"):
        release.raised(PROJECT.replace(",<0.2", ""), "hyp-manifolds", "0.2.0")


def test_no_mirror_reaches_the_lock() -> None:
    named = ("UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_INDEX_STRATEGY", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS")
    assert all(release.INDEX_VARIABLES.fullmatch(name) for name in named)
    assert not any(release.INDEX_VARIABLES.fullmatch(name) for name in ("UV_CACHE_DIR", "UV_PYTHON", "PATH"))


# Changelogs ----------------------------------------------------------------------------------------------------------

CHANGELOG = """# Changelog

<!-- towncrier release notes start -->

## [0.1.0] - unreleased

### Added

- One,
  on two lines.
- Two.

### Changed

- Three.

## [0.0.1] - 2026-01-01

- Old.
"""


def test_news_written_before_there_were_fragments_become_fragments() -> None:
    rest, fragments = release.without_unreleased(CHANGELOG, "0.1.0")
    assert fragments == {
        "000.added.md": "One,\non two lines.\n",
        "001.added.md": "Two.\n",
        "000.changed.md": "Three.\n",
    }
    assert rest.splitlines()[-3:] == ["## [0.0.1] - 2026-01-01", "", "- Old."]
    assert "unreleased" not in rest
    assert release.without_unreleased(rest, "0.1.0") == (rest, {})


@pytest.mark.parametrize("package", release.PACKAGES)
def test_every_line_of_an_unreleased_section_is_released(package: str) -> None:
    text = (ROOT / "packages" / package / "CHANGELOG.md").read_text(encoding="utf-8")
    assert text.count("<!-- towncrier release notes start -->\n") == 1
    rest, fragments = release.without_unreleased(text, release.current_version(package))
    lost = set("".join(text.split(rest.rstrip(), 1)[-1:]).split()) - set(" ".join(fragments.values()).split())
    assert lost <= {
        "##",
        "###",
        "-",
        "unreleased",
        "Added",
        "Changed",
        "Fixed",
        f"[{release.current_version(package)}]",
    }


KINDS = {"added", "changed", "deprecated", "removed", "fixed", "security"}


@pytest.mark.parametrize("package", release.PACKAGES)
def test_fragments_have_a_kind_that_the_changelog_knows(package: str) -> None:
    folder = ROOT / "packages" / package / "changes"
    assert folder.is_dir()
    for path in folder.iterdir():
        assert path.name == ".gitkeep" or (path.suffix == ".md" and path.name.split(".")[-2] in KINDS), path
        assert path.name == ".gitkeep" or not path.read_text(encoding="utf-8").startswith(("-", "#")), path


def test_a_fragment_and_its_continuation_become_an_entry(tmp_path: pathlib.Path) -> None:
    pytest.importorskip("towncrier", reason="the dependency group `release` is not installed")
    config = (ROOT / "packages" / "hyp-nn" / "pyproject.toml").read_text(encoding="utf-8")
    template = ROOT / ".ci" / "changelog.md"
    (tmp_path / "pyproject.toml").write_text(config.replace("../../.ci/changelog.md", str(template)), encoding="utf-8")
    (tmp_path / "changes").mkdir()
    for name, text in {"a.added.md": "One,\non two lines.\n", "b.added.md": "Two.\n", "a.fixed.md": "Three.\n"}.items():
        (tmp_path / "changes" / name).write_text(text, encoding="utf-8")
    changelog = tmp_path / "CHANGELOG.md"
    head, older = "# Changelog\n\n<!-- towncrier release notes start -->\n\n", "## [0.2.0] - 2026-12-01\n"
    changelog.write_text(head + older, encoding="utf-8")
    arguments = ["build", "--yes", "--version", "0.3.0", "--date", "2027-01-02", "--dir", str(tmp_path)]
    command = [sys.executable, "-m", "towncrier", *arguments, "--config", str(tmp_path / "pyproject.toml")]
    subprocess.run(command, capture_output=True, check=True)
    newer = "## [0.3.0] - 2027-01-02\n\n### Added\n\n- One,\n  on two lines.\n- Two.\n\n### Fixed\n\n- Three.\n\n"
    assert changelog.read_text(encoding="utf-8") == head + newer + older
    assert not list((tmp_path / "changes").iterdir())


# The oldest core -----------------------------------------------------------------------------------------------------


def test_the_oldest_core_is_the_lowest_tag_inside_the_bounds() -> None:
    tags = [f"hyp-manifolds-v{version}" for version in ("0.1.0", "0.2.10", "0.2.9", "0.3.0")]
    assert compatibility.lowest(tags, ">=0.2,<0.3") == "hyp-manifolds-v0.2.9"
    assert compatibility.lowest(tags, ">=0.1,<0.3") == "hyp-manifolds-v0.1.0"
    assert compatibility.lowest(tags, ">=0.4,<0.5") == compatibility.lowest([], ">=0.1,<0.2") == "present"
    assert compatibility.bounds_on_core(["jax>=0.10", "hyp-manifolds[testing]>=0.1,<0.2"]) == ">=0.1,<0.2"


# The public interface ------------------------------------------------------------------------------------------------


def test_the_snapshots_are_what_the_sources_say() -> None:
    for package in api.PACKAGES:
        folder = ROOT / "packages" / package
        now = api.snapshot(folder / "src", package.replace("-", "_"))
        assert now == (folder / "api.txt").read_text(encoding="utf-8"), "run `python3 .ci/api.py --write`"


@pytest.mark.parametrize("package", api.PACKAGES)
def test_the_snapshot_has_every_public_name(package: str) -> None:
    module = importlib.import_module(package.replace("-", "_"))
    text = (ROOT / "packages" / package / "api.txt").read_text(encoding="utf-8")
    for name in module.__all__:
        assert f"\n{module.__name__}.{name}" in f"\n{text}", name


FILES = {
    "__init__.py": """
        from made_up import tools
        from made_up._hidden import Point, f as g, h
        __all__ = ["Point", "g", "h", "tools", "LIMIT"]
        LIMIT: int = 3
    """,
    "_hidden.py": """
        from .base import Base
        def f(x: "Float[Array, 'dim']", /, *, c: float = 1.0) -> int: ...
        def _h(a, b=2): ...
        h = door(_h)
        class Point(Base, Protocol):
            x: float
            y: float = 0.0
            @property
            def norm(self) -> float: ...
            def _private(self): ...
    """,
    "base.py": """
        class Base:
            def __init__(self, z): ...
            def move(self, by): ...
            def norm(self): ...
    """,
    "tools.py": "def public(): ...\ndef _private(): ...\n",
}


def made_up(folder: pathlib.Path, old: str = "", new: str = "") -> str:
    (folder / "made_up").mkdir(parents=True)
    for name, code in FILES.items():
        (folder / "made_up" / name).write_text(textwrap.dedent(code).replace(old, new), encoding="utf-8")
    return api.snapshot(folder, "made_up")


def test_a_snapshot_shows_signatures_fields_and_inherited_methods(tmp_path: pathlib.Path) -> None:
    assert made_up(tmp_path).splitlines() == [
        "made_up.LIMIT: int = 3",
        "made_up.Point: class(Base, Protocol)",
        "made_up.Point.x: float",
        "made_up.Point.y: float = 0.0",
        "made_up.Point.__init__(self, z)",
        "made_up.Point.move(self, by)",
        "made_up.Point.norm(self) -> float  # property",
        "made_up.g(x: \"Float[Array, 'dim']\", /, *, c: float=1.0) -> int",
        "made_up.h(a, b=2)",
        "made_up.tools: module",
        "made_up.tools.public()",
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [("c: float", "k: float"), ("b=2", "b=3"), ("by", "to"), ("y: float = 0.0", ""), ('"g", ', ""), ("public", "open")],
)
def test_a_changed_interface_changes_the_snapshot(tmp_path: pathlib.Path, old: str, new: str) -> None:
    assert made_up(tmp_path / "a") != made_up(tmp_path / "b", old, new)


def test_what_is_private_does_not(tmp_path: pathlib.Path) -> None:
    assert made_up(tmp_path / "a") == made_up(tmp_path / "b", "_private", "_secret")


def test_a_changed_interface_needs_a_news_fragment() -> None:
    changed, path = (
        {"packages/hyp-nn/api.txt", "packages/hyp-optim/changes/a.added.md"},
        "packages/hyp-nn/changes/b.added.md",
    )
    (first, *lines) = news.problems("hyp-nn", "f(x)\ng(x)\n", "f(x)\ng(y)\n", changed)
    assert "packages/hyp-nn/changes/ says nothing" in first
    assert lines == ["  - g(x)", "  + g(y)"]
    assert news.problems("hyp-nn", "f(x)\n", "f(y)\n", {*changed, path}) == []
    assert news.problems("hyp-nn", "f(x)\n", "f(y)\n", {*changed, "packages/hyp-nn/CHANGELOG.md"}) == []
    assert news.problems("hyp-nn", "f(x)\ng(x)\n", "g(x)\nf(x)\n", changed) == []
    assert news.problems("hyp-nn", None, "f(x)\n", changed) == []


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_the_history_is_asked_for_the_interface_of_then(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def commit() -> None:
        for command in (["add", "--all"], ["-c", "user.name=n", "-c", "user.email=e@localhost", "commit", "-qm", "x"]):
            subprocess.run(["git", *command], cwd=tmp_path, check=True)

    folder = tmp_path / "packages" / "hyp-nn"
    (folder / "changes").mkdir(parents=True)
    (folder / "api.txt").write_text("f(x)\n", encoding="utf-8")
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    commit()
    monkeypatch.setattr(news, "ROOT", tmp_path)
    assert news.main([]) == 0  # the first commit: nothing to compare with
    (folder / "api.txt").write_text("f(y)\n", encoding="utf-8")
    assert news.main(["HEAD"]) == 0  # the commit itself is no base
    commit()
    assert [news.main([]), news.main(["0" * 40])] == [1, 1]  # a new branch has no commit before: the one before this
    (folder / "changes" / "f.changed.md").write_text("f takes y.\n", encoding="utf-8")
    assert news.main([]) == 0


@pytest.mark.parametrize("package", release.PACKAGES)
def test_no_deprecation_outlives_its_minor_release(package: str) -> None:
    importlib.import_module(module := package.replace("-", "_"))
    assert overdue(module, importlib.metadata.version(package)) == []


# Coverage, and the issue of the night --------------------------------------------------------------------------------


def coverage_report(covered_branches: int) -> dict:
    summary = {"covered_lines": 96, "num_statements": 100, "covered_branches": covered_branches, "num_branches": 10}
    return {"files": {"packages/hyp-nn/src/hyp_nn/a.py": {"summary": summary}}}


def test_lines_and_branches_are_judged_each_for_itself(tmp_path: pathlib.Path) -> None:
    assert coverage_floor.percentages(coverage_report(9), "hyp_nn") == (96.0, 90.0)
    for branches, code in ((9, 1), (10, 0)):
        path = tmp_path / "coverage.json"
        path.write_text(str(coverage_report(branches)).replace("'", '"'), encoding="utf-8")
        assert coverage_floor.main(str(path), ["hyp_nn"]) == code
    with pytest.raises(ValueError, match="hyp_optim is not in the report"):
        coverage_floor.percentages(coverage_report(9), "hyp_optim")


LOG = """\
E       AssertionError: 0.5 > 0.1
E       Failing test case: test_round_trip(
E           c=1.5,
E       )
E
E       You can reproduce this test case by temporarily adding @reproduce_failure('6.1', b'AXic') as a decorator
E       something else
=========================== short test summary info ============================
FAILED packages/hyp-manifolds/tests/test_properties.py::test_round_trip - Ass...
"""


def test_the_issue_names_the_test_and_the_failing_example() -> None:
    text = failing_examples.report(LOG, "0123abc")
    assert "- `packages/hyp-manifolds/tests/test_properties.py::test_round_trip`" in text
    assert "Failing test case: test_round_trip(\n    c=1.5,\n)" in text
    assert "@reproduce_failure('6.1', b'AXic')" in text
    assert "something else" not in text
    assert "0123abc" in text


def test_a_log_cannot_break_out_of_its_block() -> None:
    text = failing_examples.report("Falsifying example: f(x='" + "`" * 3 + "\n@everyone')\n" * 2000, "0123abc")
    assert text.count("`" * 3) == 2
    assert len(text) < 65_536
