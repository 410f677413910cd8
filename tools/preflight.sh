#!/bin/sh
# Prints the Python to use; names whatever the machine lacks, one line each, with the command that gets it.

missing=0

lacks() {
    echo "missing: $1 - get it with: $2" >&2
    missing=1
}

usable_python() {
    for python in "${PYTHON:-python3}" python3 python3.13 python3.12 python3.11; do
        if "$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then
            command -v "$python"
            return
        fi
    done
}

python=$(usable_python)
if [ -z "$python" ]; then
    lacks "Python 3.11, 3.12 or 3.13" "apt-get install python3 python3-venv"
elif ! command -v uv >/dev/null && ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
    lacks "Python's venv module" "apt-get install python3-venv"
fi
if ! node -e 'process.exit(parseInt(process.versions.node) >= 18 ? 0 : 1)' 2>/dev/null; then
    lacks "Node.js 18 or newer" "apt-get install nodejs"
fi
command -v npm >/dev/null || lacks "npm" "apt-get install npm"

[ $missing = 0 ] && echo "$python"
