#!/bin/sh
# Makes the interpreter that the tests of the database proof ask through: a Python with psycopg2-binary.
#   tests/setup-python.sh [PYTHON [FOLDER]]      by default python3 and target/test-python
# Needs a package index. Does nothing where the interpreter is there already.
set -eu

python=${1:-python3}
folder=${2:-$(cd "$(dirname "$0")/.." && pwd)/target/test-python}

if ! "$folder/bin/python" -I -c 'import psycopg2' 2>/dev/null; then
    "$python" -m venv --clear "$folder"
    "$folder/bin/python" -I -m pip install --quiet --disable-pip-version-check --only-binary :all: psycopg2-binary
fi
"$folder/bin/python" -I -c 'import psycopg2, sys; print(sys.executable, "psycopg2", psycopg2.__version__)'
