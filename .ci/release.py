"""Prepares the release of one package: version, bounds of its dependants, lock, changelog. Prints the tag.

    .boot/bin/uv run --frozen --group release python .ci/release.py hyp-nn minor    # or patch, major; first: see below
    python3 .ci/release.py --check hyp-nn-v0.2.0                                    # does the tree fit the tag?

The tree must be clean, so that what the script has done is what `git diff` shows. `first` releases the version that
pyproject.toml names, whose news stand under an "unreleased" heading of the changelog beside the fragments.
"""

import datetime
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[1]
PACKAGES = ("hyp-manifolds", "hyp-optim", "hyp-nn", "hyp-bench")  # each after those it needs
BUMPS = ("first", "patch", "minor", "major")
INDEX_VARIABLES = re.compile(r"UV_(DEFAULT_INDEX|INDEX|INDEX_\w+|EXTRA_INDEX_URL|FIND_LINKS|NO_INDEX)")


class ReleaseError(Exception):
    """Why this cannot be released."""


def numbers(version: str) -> tuple[int, ...]:
    """(0, 2, 0) of "0.2.0"; anything but numbers and dots is refused."""
    if not re.fullmatch(r"\d+(\.\d+)*", version):
        raise ReleaseError(f"expected a version such as 0.2.0, got {version!r}")
    return tuple(map(int, version.split(".")))


def split_tag(tag: str) -> tuple[str, str]:
    """Package and version of a tag hyp-X-vA.B.C."""
    package, mark, version = tag.rpartition("-v")
    if not mark or package not in PACKAGES or len(numbers(version)) != 3:
        raise ReleaseError(f"expected a tag such as hyp-nn-v0.2.0, got {tag!r}")
    return package, version


def allows(bounds: str, version: str) -> bool:
    """Whether the bounds ">=A,<B" allow a version."""
    match = re.fullmatch(r">=([\d.]+),<([\d.]+)", bounds)
    if not match:
        raise ReleaseError(f"expected bounds such as >=0.1,<0.2, got {bounds!r}")
    return numbers(match[1]) <= numbers(version) < numbers(match[2])


def bounds_for(version: str) -> str:
    """The bounds that a dependant gets: up to the next release that may break it, a minor one before 1.0."""
    major, minor, *_ = numbers(version)
    return f">={major}.{minor},<{major + 1}" if major else f">=0.{minor},<0.{minor + 1}"


def raised(project: str, package: str, version: str) -> str:
    """A dependant's pyproject.toml with bounds on `package` that allow `version`; unchanged where they already do.

    A lower bound that allows both stays: whether the old version still serves is what `.ci/run compatibility` shows.
    """

    def bound(match: re.Match[str]) -> str:
        return match[0] if allows(match[2], version) else f'"{match[1]}{bounds_for(version)}"'

    return re.sub(rf'"({re.escape(package)}(?:\[[^\]]+\])?)(>=[^"]+)"', bound, project)


def without_unreleased(changelog: str, version: str) -> tuple[str, dict[str, str]]:
    """Takes the section "## [version] - unreleased" out of a changelog: the rest, and its entries as news fragments."""
    match = re.search(rf"^## \[{re.escape(version)}\] - unreleased\n(.*?)(?=^## |\Z)", changelog, re.M | re.S)
    if not match:
        return changelog, {}
    fragments = {}
    for kind, body in re.findall(r"^### (\w+)\n(.*?)(?=^### |\Z)", match[1], re.M | re.S):
        for number, entry in enumerate(re.findall(r"^- (.*?)(?=^- |\Z)", body, re.M | re.S)):
            text = re.sub(r"^  ", "", entry.strip(), flags=re.M)
            fragments[f"{number:03}.{kind.lower()}.md"] = f"{text}\n"
    return changelog[: match.start()] + changelog[match.end() :], fragments


def folder(package: str) -> pathlib.Path:
    """Where a package lives."""
    return ROOT / "packages" / package


def current_version(package: str) -> str:
    """The version in its pyproject.toml."""
    return tomllib.loads((folder(package) / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]


def news(package: str) -> list[pathlib.Path]:
    """Its news fragments."""
    return sorted((folder(package) / "changes").glob("*.md"))


def run(*command: str) -> str:
    """The output of a command, run without the variables that would put a mirror into the lock."""
    clean = {name: value for name, value in os.environ.items() if not INDEX_VARIABLES.fullmatch(name)}
    return subprocess.run(command, cwd=ROOT, env=clean, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def uv(*arguments: str) -> str:
    """Runs uv: the one that runs this script, or the one of the boot folder."""
    found = os.environ.get("UV") or shutil.which("uv") or str(ROOT / ".boot" / "bin" / "uv")
    return run(found, *arguments)


def check(tag: str) -> tuple[str, str]:
    """Refuses a tag that the tree does not fit."""
    package, version = split_tag(tag)
    if version != current_version(package):
        raise ReleaseError(f"{tag}: pyproject.toml of {package} says {current_version(package)}")
    changelog = (folder(package) / "CHANGELOG.md").read_text(encoding="utf-8")
    if not re.search(rf"^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d$", changelog, re.M):
        raise ReleaseError(f"{tag}: the changelog has no dated section of {version}")
    if news(package):
        raise ReleaseError(f"{tag}: news that are not in the changelog: {[path.name for path in news(package)]}")
    return package, version


def raise_dependants(package: str, version: str) -> list[str]:
    """Raises the bounds of the other packages, with a news fragment each; returns the packages that changed."""
    changed = []
    for other in PACKAGES:
        path = folder(other) / "pyproject.toml"
        before = path.read_text(encoding="utf-8")
        after = raised(before, package, version)
        if other != package and after != before:
            path.write_text(after, encoding="utf-8")
            fragment = folder(other) / "changes" / f"needs-{package}-{version}.changed.md"
            fragment.write_text(f"Needs {package} {bounds_for(version)}.\n", encoding="utf-8")
            changed.append(other)
    return changed


def write_changelog(package: str, version: str) -> None:
    """Moves the news of a package into its changelog."""
    where, today = folder(package), datetime.datetime.now(datetime.UTC).date().isoformat()
    config = ["--config", str(where / "pyproject.toml"), "--dir", str(where)]
    run("git", "add", str(where / "changes"))  # towncrier removes them by git
    run(sys.executable, "-m", "towncrier", "build", "--yes", *config, "--version", version, "--date", today)


def release(package: str, bump: str) -> str:
    """Does everything but the commit and the tag; returns the tag."""
    if package not in PACKAGES or bump not in BUMPS:
        raise ReleaseError(f"expected one of {', '.join(PACKAGES)} and one of {', '.join(BUMPS)}, got {package} {bump}")
    if run("git", "status", "--porcelain"):
        raise ReleaseError("the tree has changes: commit them first")
    path = folder(package) / "CHANGELOG.md"
    changelog, old = without_unreleased(path.read_text(encoding="utf-8"), current_version(package))
    if bool(old) != (bump == "first"):
        raise ReleaseError(
            f"{path}: `first` is for a changelog with an unreleased section, and such a section for `first`"
        )
    if not old and not news(package):
        raise ReleaseError(f"{package} has no news: every release says what it brings, in packages/{package}/changes")
    for name, text in old.items():
        (folder(package) / "changes" / name).write_text(text, encoding="utf-8")
    path.write_text(changelog, encoding="utf-8")
    if bump != "first":
        uv("version", "--package", package, "--bump", bump, "--frozen", "--short")
    version = current_version(package)
    changed = raise_dependants(package, version)
    uv("lock", "--quiet")
    run(sys.executable, ".ci/lock_hosts.py", "uv.lock")
    write_changelog(package, version)
    for other in changed:
        print(f"{other} now needs {package} {bounds_for(version)}: its next release carries that", file=sys.stderr)
    return f"{package}-v{version}"


def main(arguments: list[str]) -> int:
    """Releases, or checks a tag; the last line of the output is the tag, or package and version."""
    try:
        print(*check(arguments[1])) if arguments[0] == "--check" else print(release(*arguments))
    except (ReleaseError, subprocess.CalledProcessError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1:]))
