#!/usr/bin/env bash
# Sends a running demo what its document allows and what it does not, and fails if one answer is a server
# error, or one that the document does not have. Without PyPI it is skipped, and says so (exit code 75).
# scripts/schemathesis.sh [EXAMPLES for each address]
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }

examples=${1:-15}
binary=${GATEWATCH_BIN:-$PWD/target/debug/gatewatch}
venv=$PWD/target/schemathesis
wanted=tests/schemathesis/requirements.txt
if ! cmp -s "$wanted" "$venv/requirements.txt"; then
  rm -rf "$venv"
  if ! python3 -m venv "$venv" >&2 || ! "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$wanted" >&2; then
    say "schemathesis: SKIPPED: it can't be installed (is PyPI reached?)"
    exit 75
  fi
  cp "$wanted" "$venv/requirements.txt"
fi

data=$(mktemp -d)
demo=
cleanup() {
  [ -z "$demo" ] || kill "$demo" 2>/dev/null || true
  [ -z "$demo" ] || wait "$demo" 2>/dev/null || true
  rm -rf "$data"
}
trap cleanup EXIT
"$binary" demo --listen 127.0.0.1:0 --data "$data" 2>"$data/demo.log" &
demo=$!
for _ in $(seq 300); do
  [ ! -s "$data/address" ] || break
  sleep 0.1
done
[ -s "$data/address" ] || { say "schemathesis: the demo has not begun:"; cat "$data/demo.log" >&2; exit 1; }
url=http://$(tr -d '[:space:]' <"$data/address")
token=$("$binary" token create schemathesis --role admin --data "$data" 2>/dev/null | tail -1)

# Without alerts most addresses have nothing to be asked about.
found() {
  curl --silent --fail --header "Authorization: Bearer $token" "$url/api/v1/alerts/facets?state=all" |
    sed -n 's/^{"count":\([0-9]*\),.*/\1/p'
}
for _ in $(seq 600); do
  count=$(found || true)
  [ "${count:-0}" -lt 5 ] || break
  sleep 0.2
done
[ "${count:-0}" -ge 5 ] || { say "schemathesis: the demo has no alerts"; exit 1; }

# What it writes down goes to the folder that is thrown away.
config=$PWD/tests/schemathesis/schemathesis.toml
cd "$data"
"$venv/bin/st" --config-file "$config" run "$url/api/v1/openapi.json" \
  --header "Authorization: Bearer $token" --max-examples "$examples" --no-color "${@:2}"
