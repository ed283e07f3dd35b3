"""Fails when the tests reach less than 95 % of the lines, or of the branches, of a library.

python .ci/coverage_floor.py coverage.json     what `coverage json` or `pytest --cov-report=json` has written
"""

import json
import pathlib
import sys
from typing import Any

LIBRARIES = ("hyp_manifolds", "hyp_optim", "hyp_nn")
FLOOR = 95.0


def percentages(report: dict[str, Any], library: str) -> tuple[float, float]:
    """Covered lines and covered branches of one library, in per cent."""
    totals = dict.fromkeys(("covered_lines", "num_statements", "covered_branches", "num_branches"), 0)
    for name, file in report["files"].items():
        if library in pathlib.PurePath(name).parts:
            for key in totals:
                totals[key] += file["summary"][key]
    if not (totals["num_statements"] and totals["num_branches"]):
        raise ValueError(f"{library} is not in the report, or its branches were not measured (--cov-branch)")
    lines = 100 * totals["covered_lines"] / totals["num_statements"]
    return lines, 100 * totals["covered_branches"] / totals["num_branches"]


def main(path: str, libraries: list[str]) -> int:
    """Prints the figures of each library; fails below the floor."""
    report = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    short = False
    for library in libraries or LIBRARIES:
        lines, branches = percentages(report, library)
        print(f"{library}: {lines:.2f} % of the lines, {branches:.2f} % of the branches")
        short |= min(lines, branches) < FLOOR
    if short:
        print(f"Expected at least {FLOOR:.0f} % of each.", file=sys.stderr)
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
