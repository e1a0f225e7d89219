#!/usr/bin/env bash
# step.sh NAME COMMAND...: runs one step of a check under a heading and says how
# long it took. `step.sh --list` repeats the times of all steps since `--start`.
set -euo pipefail
cd "$(dirname "$0")/.."
steps=target/steps.txt

case $1 in
  --start)
    mkdir -p target
    : >"$steps"
    exit ;;
  --list)
    printf '\n'
    cat "$steps"
    awk '{ s += $1 } END { printf "%5d s  all steps\n", s }' "$steps"
    exit ;;
esac

name=$1
shift
printf '\n=== %s\n' "$name"
before=$SECONDS
status=0
"$@" || status=$?
took=$((SECONDS - before))
mkdir -p target
if [ "$status" = 0 ]; then
  printf -- '--- %s: ok, %d s\n' "$name" "$took"
  printf '%5d s  %s\n' "$took" "$name" >>"$steps"
else
  printf -- '--- %s: FAILED, %d s\n' "$name" "$took"
  exit "$status"
fi
