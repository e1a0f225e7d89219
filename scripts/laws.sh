#!/usr/bin/env bash
# laws.sh CASES: every property of the money engine over so many cases, optimised
# and with overflow checks. Says how many cases a second that was. One million
# takes minutes, ten million a night's share of one.
#
# A failure names its basket, and leaves its seed in crates/domain/tests, from where
# every later run tries it first.
set -euo pipefail
cd "$(dirname "$0")/.."
cases=$1
run=(cargo test --locked --profile laws -p till-domain)
"${run[@]}" --test laws --test refunds --no-run
laws=0
before=$SECONDS
for suite in 'laws' 'refunds refund'; do
  # A filter is the second word: the other tests of refunds are tables.
  read -r test filter <<<"$suite"
  log=$(PROPTEST_CASES=$cases "${run[@]}" --test "$test" -- ${filter:+"$filter"} | tee >(cat >&2))
  laws=$((laws + $(grep -c ' \.\.\. ok$' <<<"$log")))
done
took=$((SECONDS - before))
printf '%d laws, %d cases each, in %d s: %d cases a second\n' \
  "$laws" "$cases" "$took" "$((laws * cases / (took > 0 ? took : 1)))"
