# Sourced by the scripts of this folder: the same clean environment, the same Python and the same uv for all of them.
# shellcheck shell=bash

# A mirror named in the environment would rewrite every line of uv.lock: this project locks against the public index.
unset UV_DEFAULT_INDEX UV_INDEX UV_INDEX_URL UV_EXTRA_INDEX_URL UV_FIND_LINKS UV_INDEX_STRATEGY UV_NO_INDEX
# Set by an environment that is active around the script, these would redirect the project's own.
unset VIRTUAL_ENV UV_PROJECT_ENVIRONMENT PYTHONPATH
# Without bytecode on disk, each process of a test compiles the source of JAX for two seconds.
unset PYTHONDONTWRITEBYTECODE
export UV_PYTHON_DOWNLOADS=never
export HYPOTHESIS_PROFILE="${HYPOTHESIS_PROFILE:-ci}"

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

uv() { "$root/.boot/bin/uv" "$@"; }

bootstrap() {
    if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
        echo "$(python3 --version): hyp needs Python >= 3.11, first on the PATH" >&2
        return 1
    fi
    # A virtual environment of its own, because an externally managed Python refuses `pip install`.
    [ -x .boot/bin/uv ] || { python3 -m venv .boot && .boot/bin/pip install -q uv; }
    # One Python everywhere: the python3 that started this, whatever else uv may find.
    UV_PYTHON=$(python3 -c 'import sys; print(sys._base_executable)')
    export UV_PYTHON
    echo "$(python3 --version), $(uv --version)"
}
