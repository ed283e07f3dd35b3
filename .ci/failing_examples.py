"""Writes the text of an issue from the log of a failed run of the property tests: the tests and the failing examples.

python3 .ci/failing_examples.py LOG COMMIT >issue.md
"""

import pathlib
import re
import sys
import textwrap

LONGEST = 50_000  # an issue holds 65,536 characters
PER_TEST = 60


def failed_tests(log: str) -> list[str]:
    """The names that pytest lists as failed."""
    return sorted(set(re.findall(r"^(?:FAILED|ERROR) (\S+)", log, re.M)))


def examples(log: str) -> list[str]:
    """The falsifying examples, each with the blob that reproduces it."""
    found, block = [], None
    for line in log.splitlines():
        text = re.sub(r"^E\b", " ", line)
        if re.match(r" *(Falsifying|Failing) (example|test case): ", text):
            block = []
            found.append(block)
        if block is not None:
            block.append(text)
            if "reproduce_failure" in text or len(block) >= PER_TEST:
                block = None
    return [textwrap.dedent("\n".join(block)).rstrip() for block in found]


def report(log: str, commit: str) -> str:
    """The text of the issue. The log is data: it stands in a code block whose fence it cannot close."""
    tests, blocks = failed_tests(log), examples(log)
    body = "\n\n".join(blocks) or "\n".join(log.splitlines()[-PER_TEST:])
    body = body[:LONGEST].replace("`" * 3, "'" * 3)
    names = (
        "\n".join(f"- `{name[:300].replace(chr(96), chr(39))}`" for name in tests[:50]) or "- none is named in the log"
    )
    return (
        f"The property tests failed at 5,000 examples, on {commit}.\n\n{names}\n\n```text\n{body}\n```\n\n"
        "To run one again: `HYPOTHESIS_PROFILE=nightly uv run pytest -n 0 FILE -k NAME`, with the decorator\n"
        "`@reproduce_failure(...)` that is printed above on the test.\n"
    )


if __name__ == "__main__":
    print(report(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8", errors="replace"), sys.argv[2]))
