#!/bin/sh
# Fills .venv from the lock file, with uv where it is installed and pip otherwise, and puts the project itself in.
set -eu

python=$1
step=tools/step.sh

if command -v uv >/dev/null; then
    export VIRTUAL_ENV="$PWD/.venv"
    $step "Making .venv" uv venv --quiet --allow-existing --python "$python" .venv
    $step "Installing Python packages from requirements.lock" uv pip install --compile-bytecode --require-hashes -r requirements.lock
    $step "Installing the project" uv pip install --no-deps --config-settings editable_mode=compat --editable .
else
    export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
    $step "Making .venv" "$python" -m venv .venv
    $step "Installing Python packages from requirements.lock" .venv/bin/pip install --require-hashes -r requirements.lock
    $step "Installing the project" .venv/bin/pip install --no-deps --config-settings editable_mode=compat --editable .
    # Python 3.11 puts an old setuptools into each new environment; at run time it would only slow jieba down.
    .venv/bin/pip uninstall --quiet --yes setuptools
fi

# Compiled once: where Python may not write beside its sources, each start would compile everything anew.
.venv/bin/python -m compileall -q hotline models classifier ivr_flows
