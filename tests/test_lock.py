"""uv.lock names the public package index and nothing else, and the guard that says so works."""

import pathlib
import re
import subprocess
import sys

import pytest

pytestmark = pytest.mark.one_precision

ROOT = pathlib.Path(__file__).parents[1]
LOCK = (ROOT / "uv.lock").read_text(encoding="utf-8")
REGISTRY = re.search(r'registry = "(https://[^/"]+)', LOCK).group(1)
FILES = re.search(r'url = "(https://[^/"]+)', LOCK).group(1)


def guard(tmp_path: pathlib.Path, text: str) -> subprocess.CompletedProcess[str]:
    lock = tmp_path / "uv.lock"
    lock.write_text(text, encoding="utf-8")
    command = [sys.executable, str(ROOT / ".ci" / "lock_hosts.py"), str(lock)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_lock_is_clean(tmp_path: pathlib.Path) -> None:
    result = guard(tmp_path, LOCK)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (REGISTRY, "https://mirror.example"),
        (FILES, "https://mirror.example"),
        (REGISTRY, f"{REGISTRY}.mirror.example"),
        (REGISTRY, REGISTRY.replace("https://", "http://")),
        (REGISTRY, REGISTRY.replace("https://", "https://user:secret@")),
        (f'registry = "{REGISTRY}/simple"', 'git = "https://forge.example/package?rev=1#abc"'),
        (f'registry = "{REGISTRY}/simple"', 'path = "../package.whl"'),
    ],
)
@pytest.mark.parametrize("count", [1, -1])
def test_a_foreign_location_is_refused(tmp_path: pathlib.Path, old: str, new: str, count: int) -> None:
    assert old in LOCK
    result = guard(tmp_path, LOCK.replace(old, new, count))
    assert result.returncode == 1
    assert "uv lock" in result.stderr
