#!/usr/bin/env bash
# mutants.sh [LIMIT] [NAME...]: breaks the core in the ways of tests/mutants/*.patch,
# one at a time, in a copy, and says after how many schedules the simulation notices.
# Fails when it misses one within LIMIT (20,000) schedules.
#
# The first line of a patch says what it breaks. The copy has a target folder of its
# own: Cargo takes a package at the same place of two workspaces for one, and in a
# shared folder it would serve the broken core to whoever builds next.
set -euo pipefail
cd "$(dirname "$0")/.."
limit=${1:-20000}
shift || true
root=$PWD
copy=$root/target/mutants/copy
export CARGO_TARGET_DIR=$root/target/mutants/target
rm -rf "$copy"
mkdir -p "$copy"
git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -p -t "$copy"
cd "$copy"

build() {
  cargo build --quiet --locked --profile test -p till-tests --bin sim --message-format short
}

missed=0
count=0
printf '%-30s %10s  %s\n' mutant schedules 'what noticed'
for patch in "$root"/tests/mutants/*.patch; do
  name=$(basename "$patch" .patch)
  if [ $# -gt 0 ] && [[ " $* " != *" $name "* ]]; then continue; fi
  count=$((count + 1))
  patch --quiet -p1 <"$patch"
  if ! build 2>target.log; then
    printf '%-30s %10s  %s\n' "$name" - 'DOES NOT BUILD'
    cat target.log
    missed=$((missed + 1))
  else
    said=$("$CARGO_TARGET_DIR/debug/sim" "$limit" --most 1 --tersely || true)
    printf '%-30s %10s  %s\n' "$name" "$(sed -n 's/^after //p' <<<"$said")" \
      "$(sed -n 's/^rule //p' <<<"$said")"
    if ! grep -q '^rule ' <<<"$said"; then
      missed=$((missed + 1))
    fi
  fi
  patch --quiet --reverse -p1 <"$patch"
done
echo "$count mutants, $missed missed within $limit schedules"
[ "$missed" = 0 ]
