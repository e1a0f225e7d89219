#!/usr/bin/env bash
# measure-window.sh [RUNS]: how long the release application takes from its start
# to the first paint, and how much memory all its processes hold together.
#
# Memory is PSS: a page that several processes share is counted once, as parts.
# RSS would count the web view's libraries once for each process.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/env.sh"
runs=${1:-5}

if ! has_display; then
  command -v xvfb-run >/dev/null || die "xvfb-run is missing: run make setup"
  exec xvfb-run -a -s "-screen 0 1280x800x24" "$0" "$runs"
fi

app=${EVERTILL_APP:-$PWD/target/release/evertill}
[ -x "$app" ] || die "$app is not built: run make bench"

scratch=$(mktemp -d)
pid=
finish() {
  if [ -n "$pid" ]; then kill "$pid" 2>/dev/null || true; fi
  rm -rf "$scratch"
}
trap finish EXIT

# tree PID: the process and all that it started, however deep.
tree() {
  echo "$1"
  local child
  # shellcheck disable=SC2013  # numbers, all on one line
  for child in $(cat /proc/"$1"/task/*/children 2>/dev/null); do tree "$child"; done
}

# pss_mib PID: a process may end while it is being read.
pss_mib() {
  local one
  for one in $(tree "$1"); do
    cat "/proc/$one/smaps_rollup" 2>/dev/null || true
  done | awk '$1 == "Pss:" { kib += $2 } END { printf "%.0f", kib / 1024 }'
}

middle() { sort -n "$1" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
most() { sort -n "$1" | tail -n 1; }

# Run 0 makes the sample shop, which a till does once in its life: not counted.
for run in $(seq 0 "$runs"); do
  : >"$scratch/err"
  "$app" --measure --sample --data "$scratch/shop" >/dev/null 2>"$scratch/err" &
  pid=$!
  painted=
  for _ in $(seq 300); do
    painted=$(sed -n 's/.*painted_ms=\([0-9]\{1,\}\).*/\1/p' "$scratch/err" | head -n 1)
    if [ -n "$painted" ] || ! kill -0 "$pid" 2>/dev/null; then break; fi
    sleep 0.1
  done
  if [ -z "$painted" ]; then
    tail -n 20 "$scratch/err" >&2
    die "run $run: the window ended, or said no painted_ms within 30 s"
  fi
  if [ "$run" = 0 ]; then
    kill "$pid"
    wait "$pid" 2>/dev/null || true
    pid=
    continue
  fi
  # What it allocates right after the first paint belongs to the figure.
  sleep 2
  pss=$(pss_mib "$pid")
  processes=$(tree "$pid" | wc -l)
  kill "$pid"
  wait "$pid" 2>/dev/null || true
  pid=
  echo "$painted" >>"$scratch/painted"
  echo "$pss" >>"$scratch/pss"
  echo "run $run: painted after $painted ms; $pss MiB PSS in $processes processes"
done

echo "window, $runs runs: painted_ms median=$(middle "$scratch/painted") max=$(most "$scratch/painted")" \
  "pss_mib median=$(middle "$scratch/pss") max=$(most "$scratch/pss")"
