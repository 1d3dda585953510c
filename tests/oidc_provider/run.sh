#!/bin/bash
# Signs in with an identity provider that others wrote: oidc-provider (npm), on this machine. Needs node 20 and npm,
# fetches 40 small packages into a folder of its own, and is no part of `./dev test`.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
binary=${1:-$here/../../target/debug/gatewatch}
work=$(mktemp -d)
trap 'kill "${provider:-}" "${daemon:-}" 2>/dev/null || true; rm -rf "$work"' EXIT
cp "$here"/*.mjs "$work"
(cd "$work" && npm init --yes >/dev/null && npm install --no-audit --no-fund oidc-provider@9.13.3 >/dev/null)

port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
idp=$(port) ours=$(port)
secret='made up + for this run/%'
base="http://localhost:$ours"
(cd "$work" && exec node provider.mjs "$idp" "$base/login/callback" "$secret") >"$work/provider.log" 2>&1 &
provider=$!

touch "$work/logs.ndjson"
cat >"$work/gatewatch.toml" <<TOML
[sources.file.logs]
paths = ["$work/logs.ndjson"]
[dashboard]
listen = "127.0.0.1:$ours"
external_url = "$base"
[dashboard.oidc]
issuer = "http://127.0.0.1:$idp"
client_id = "gatewatch"
client_secret = { env = "OIDC_SECRET" }
name = "oidc-provider"
roles = { operator = ["Gatewatch.Operator"] }
[dashboard.jwt]
issuer = "http://127.0.0.1:$idp"
audience = ["api://gatewatch"]
roles = { viewer = ["Gatewatch.Viewer"] }
TOML
OIDC_SECRET=$secret "$binary" run --config "$work/gatewatch.toml" --data "$work/data" >"$work/daemon.log" 2>&1 &
daemon=$!
for _ in $(seq 100); do
  curl -fso /dev/null "$base/healthz" && grep -q listening "$work/provider.log" && break
  sleep 0.2
done
(cd "$work" && node sign_in.mjs "$base" dana && node sign_in.mjs "$base" guest) || { cat "$work"/*.log; exit 1; }
token=$(curl -fsS "http://127.0.0.1:$idp/token" -d grant_type=client_credentials -d client_id=shipper \
  --data-urlencode "client_secret=$secret" -d resource=api://gatewatch -d scope=read |
  python3 -c 'import json, sys; print(json.load(sys.stdin)["access_token"])')
answers() {
  status=$(curl -so /dev/null -w '%{http_code}' -X "$2" -H "Authorization: Bearer $3" "$base$4")
  echo "$1: $status"
  [ "$status" = "$5" ]
}
answers "a program with a token of the provider" GET "$token" /api/v1/alerts 200
answers "the same, acting, which takes an operator" POST "$token" /api/v1/alerts/3f9a001122334455/acknowledge 403
answers "the same with another signature" GET "${token%????}AAAA" /api/v1/alerts 401
"$binary" audit --data "$work/data"
