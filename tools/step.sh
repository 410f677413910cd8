#!/bin/sh
# Runs one set-up step quietly: step.sh "what it does" command... One line when it begins, one clear line if it fails.

what=$1
shift
log=var/setup.log
mkdir -p var

echo "$what ..."
if ! "$@" >"$log" 2>&1 </dev/null; then
    reason=$(grep -i -m 1 -E '^ *(npm )?err(or|!)' "$log" || tail -n 1 "$log")
    echo "failed: $what: $reason (all of it in $log)" >&2
    exit 1
fi
