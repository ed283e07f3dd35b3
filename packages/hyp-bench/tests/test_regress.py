"""Regressions between two checkouts: found where they are planted, and nowhere else."""

import subprocess
from pathlib import Path

import pytest
from hyp_bench.cli import main
from hyp_bench.errors import InputError
from hyp_bench.regress import changes, checkouts
from hyp_bench.regress.jobs import jobs

pytestmark = [pytest.mark.one_precision, pytest.mark.slow]
TOY = "import time\n\n\ndef work():\n    time.sleep({})\n\n\ndef same():\n    time.sleep(0.004)\n"
JOBS = """
import toy


def jobs():
    return {"work": lambda: toy.work, "same": lambda: toy.same, "new": lambda: toy.new}
"""


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fair_settings: None) -> Path:
    """Two commits' worth: the committed work takes 4 ms, that of the working tree 12 ms."""
    source = tmp_path / "repository" / "packages" / "toy" / "src"
    source.mkdir(parents=True)
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "toy_jobs.py").write_text(JOBS)
    (source / "toy.py").write_text(TOY.format(0.004))
    root = tmp_path / "repository"
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "first")
    (source / "toy.py").write_text(TOY.format(0.012) + "\n\ndef new():\n    pass\n")
    monkeypatch.chdir(root)
    return root


def test_a_planted_slow_down_is_found_and_the_worktree_is_gone(repository: Path) -> None:
    with checkouts("HEAD") as pair:
        assert pair.head == repository and "0.004" in (pair.base / "packages/toy/src/toy.py").read_text()
        found = {c.name: c for c in changes(pair, rounds=25, module="toy_jobs", extra=(repository.parent / "jobs",))}
    assert found["work"].worse and found["work"].ratio.median == pytest.approx(3, rel=0.2)
    assert not found["same"].worse
    assert found["new"].ratio is None and "base lacks it: AttributeError" in found["new"].note
    assert not pair.base.exists()
    listed = subprocess.run(["git", "worktree", "list"], cwd=repository, capture_output=True, text=True, check=True)
    assert len(listed.stdout.splitlines()) == 1


def test_unknown_revisions_and_folders_are_named(repository: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    assert main(["regress", "no-such-branch"]) == 2
    assert "'no-such-branch' is no revision of" in capsys.readouterr().err
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert main(["regress", "HEAD"]) == 2
    assert "no git checkout" in capsys.readouterr().err
    assert main(["regress", "HEAD", "--rounds", "1"]) == 2


def test_no_job_of_that_name(repository: Path) -> None:
    with checkouts("HEAD") as pair, pytest.raises(InputError, match="holds 'none'"):
        list(changes(pair, "none", module="toy_jobs", extra=(repository.parent / "jobs",)))


def test_our_own_jobs_are_those_of_the_comparison() -> None:
    names = list(jobs())
    assert any("ball dist" in name for name in names) and any("HypLinearPoincarePP" in name for name in names)
