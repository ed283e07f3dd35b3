"""`python -m hyp_bench` is `hyp-bench`."""

import sys

from hyp_bench.cli import main

if __name__ == "__main__":
    sys.exit(main())
