#!/usr/bin/env bash
# check-schemas.sh FOLDER: what stand-ins kept there (TILL_TRANSCRIPTS), one of each
# shape, held against the schemas that Stripe publishes. Skipped, by name, where those
# are not. Fails where something is not as published, or nothing was kept.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$1
schemas=../shared/stripe

# The system's Python has the system's package, another may stand before it.
python=
for candidate in python3 /usr/bin/python3; do
  if "$candidate" -c 'import jsonschema' 2>/dev/null; then
    python=$candidate
    break
  fi
done
missing=
[ -n "$python" ] || missing="python3 with jsonschema is not here"
[ -e "$schemas/check_form.py" ] && [ -e "$schemas/check_response.py" ] || missing="$schemas is not here"
if [ -n "$missing" ]; then
  for check in check_form.py check_response.py; do
    said="skipped: $check, what all tests sent and were answered against Stripe's schemas ($missing)"
    echo "$said"
    # Again under the table that `make test` ends with.
    [ ! -e target/steps.txt ] || printf '%5s    %s\n' - "$said" >>target/steps.txt
  done
  exit 0
fi

# KIND of line, its CHECKER and what that is called with.
check() {
  local kind=$1
  shift
  awk -F'\t' -v kind="$kind" '$1 == kind && !seen[$2]++ { sub(/^[^\t]*\t[^\t]*\t/, ""); print }' \
    "$folder"/*.tsv >"$folder/$kind.lines"
  local count bad
  count=$(wc -l <"$folder/$kind.lines")
  if [ "$count" = 0 ]; then
    echo "no $kind was kept: the tests did not meet the stand-in" >&2
    return 1
  fi
  "$python" "$@" <"$folder/$kind.lines" >"$folder/$kind.said" || true
  bad=$(grep -c '^bad' "$folder/$kind.said" || true)
  echo "$count shapes of $kind: $bad not as Stripe publishes them"
  if [ "$bad" != 0 ] || [ "$(wc -l <"$folder/$kind.said")" != "$count" ]; then
    grep '^bad' "$folder/$kind.said" | sort | uniq -c | sort -rn | head -20 >&2
    return 1
  fi
}

check request "$schemas/check_form.py"
check answer "$schemas/check_response.py" --strict
