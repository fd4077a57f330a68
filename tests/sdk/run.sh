#!/bin/sh
# The official SDKs against a running gateway and a running mock provider.
#
#   MOCK_URL          the mock provider (required): tests/kit's mock-upstream
#   SYSTEMPROMPT_URL  the gateway in front of it, with a budget of 0 that pauses the
#                     agent `paused`; without it the suites only show that the
#                     SDKs and the mock agree
#   RECORDINGS        folder of recorded bodies, the one the mock serves
#   SDK_CACHE         where the SDKs are installed (default: this folder)
#
# Prints `N passed, N failed` at the end and fails if a case did.
set -eu

: "${MOCK_URL:?the URL of the mock provider is needed}"
here=$(cd "$(dirname "$0")" && pwd)
cache=${SDK_CACHE:-$here}
export RECORDINGS="${RECORDINGS:-$here/../../../shared/data/recordings}"
[ -f "$RECORDINGS/index.tsv" ] || { echo "no recordings in $RECORDINGS" >&2; exit 2; }
mkdir -p "$cache"

# What is installed already carries the list it was installed from.
installed() { cmp -s "$1" "$2"; }

if ! installed "$here/requirements.txt" "$cache/.venv/installed"; then
    rm -rf "$cache/.venv"
    python3 -m venv "$cache/.venv"
    "$cache/.venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"
    cp "$here/requirements.txt" "$cache/.venv/installed"
fi

# Modules are found from the folder their importer lies in.
if [ "$cache" != "$here" ]; then
    cp "$here/package.json" "$here/package-lock.json" "$here/harness.mjs" "$here/suite.mjs" "$here/paused.mjs" "$cache/"
fi
if ! installed "$here/package-lock.json" "$cache/node_modules/installed"; then
    (cd "$cache" && npm ci --silent --no-audit --no-fund --ignore-scripts)
    cp "$here/package-lock.json" "$cache/node_modules/installed"
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
run() {
    "$@" >"$log" || status=1
    cat "$log"
    # A suite that did not come to its end counts as one failure.
    summary=$(sed -n 's/^[a-z]*: \([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$log")
    set -- ${summary:-0 1}
    passed=$((passed + $1)) failed=$((failed + $2))
}
passed=0 failed=0
PYTHONDONTWRITEBYTECODE=1 run "$cache/.venv/bin/python" "$here/suite.py"
run node "$cache/suite.mjs"
if [ -n "${SYSTEMPROMPT_URL:-}" ]; then
    PYTHONDONTWRITEBYTECODE=1 run "$cache/.venv/bin/python" "$here/paused.py"
    run node "$cache/paused.mjs"
fi
echo "$passed passed, $failed failed"
exit "$status"
