"""Fails when the public interface of a package changed since a commit and no news fragment says so.

python3 .ci/news.py [COMMIT]     without one: where this branch left origin/main, else the commit before this one
"""

import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]


def problems(package: str, before: str | None, after: str, changed: set[str]) -> list[str]:
    """What is wrong with one package.

    Args:
        package: its name.
        before: its `api.txt` then, None if there was none.
        after: its `api.txt` now.
        changed: files that were added or changed in between. A changelog counts: a release moves the fragments into it.
    """
    if before is None or set(before.splitlines()) == set(after.splitlines()):
        return []
    where = f"packages/{package}/"
    fragments = (path for path in changed if path.startswith(f"{where}changes/") and path.endswith(".md"))
    if f"{where}CHANGELOG.md" in changed or any(fragments):
        return []
    old, new = set(before.splitlines()), set(after.splitlines())
    lines = [f"  - {line}" for line in sorted(old - new)] + [f"  + {line}" for line in sorted(new - old)]
    return [f"{package}: the public interface changed and {where}changes/ says nothing:", *lines]


def git(*arguments: str) -> str | None:
    """The output of git, None if it fails."""
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else None


def base(given: str) -> str | None:
    """The commit to compare with. An event without one, such as a new branch, names a commit of zeros."""
    for name in (given, git("merge-base", "origin/main", "HEAD"), "HEAD^"):
        found = git("rev-parse", "--verify", "--quiet", f"{(name or '').strip()}^{{commit}}")
        if found and found != git("rev-parse", "HEAD"):
            return found.strip()
    return None


def main(arguments: list[str]) -> int:
    """Checks every package, uncommitted files included."""
    commit = base(arguments[0] if arguments else "")
    if commit is None:
        print("nothing to compare the public interface with: this is the first commit, or a clone of depth 1")
        return 0
    listed = git("diff", "--name-only", "--diff-filter=d", commit), git("ls-files", "--others", "--exclude-standard")
    changed = set("".join(part or "" for part in listed).splitlines())
    found = []
    for path in sorted(ROOT.glob("packages/*/api.txt")):
        part = path.relative_to(ROOT).as_posix()
        before = git("show", f"{commit}:{part}")
        found += problems(path.parent.name, before, path.read_text(encoding="utf-8"), changed)
    print("\n".join(found), file=sys.stderr) if found else print(
        f"public interfaces: as in {commit[:12]}, or with news"
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
