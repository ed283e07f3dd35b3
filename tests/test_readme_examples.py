"""Every Python block of every README runs as it stands, and the README's commands are what they promise."""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[1]
READMES = [ROOT / "README.md", *sorted((ROOT / "packages").glob("*/README.md"))]


def blocks(text: str, language: str) -> list[tuple[int, str]]:
    """The fenced blocks of one language with the line each starts at."""
    found = re.finditer(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    return [(text.count("\n", 0, match.start(1)), match.group(1)) for match in found]


EXAMPLES = [
    pytest.param(path, line, code, id=f"{path.relative_to(ROOT)}:{line + 1}")
    for path in READMES
    for line, code in blocks(path.read_text(encoding="utf-8"), "python")
]


@pytest.mark.parametrize(("path", "line", "code"), EXAMPLES)
def test_example(
    path: pathlib.Path, line: int, code: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    # Empty lines before the code make a traceback point at the line of the README.
    exec(compile("\n" * line + code, str(path), "exec"), {"__name__": "__main__"})


@pytest.mark.parametrize("path", READMES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_readme_shows_code(path: pathlib.Path) -> None:
    assert blocks(path.read_text(encoding="utf-8"), "python")


def test_the_two_commands() -> None:
    shell = "".join(code for _, code in blocks((ROOT / "README.md").read_text(encoding="utf-8"), "sh")).splitlines()
    boot = "python3 -m venv .boot && .boot/bin/pip install -q uv && .boot/bin/uv run --frozen"
    assert [line for line in shell if line.endswith("pytest")] == [f"{boot} pytest"]
    assert shell.count(f"{boot} hyp-bench mammals") == 1
