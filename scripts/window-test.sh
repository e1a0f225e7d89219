#!/usr/bin/env bash
# The real window on a screen of its own: builds the application as the tests
# have built it (the same features, so nothing is compiled twice) and lets
# tests/window/run.mjs drive it through tauri-driver.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/env.sh"
test=tests/window/run.mjs
[ -f "$test" ] || die "There is no $test to run."

cargo build --locked --workspace --bins --tests
export EVERTILL_APP=${EVERTILL_APP:-$PWD/target/debug/evertill}
[ -x "$EVERTILL_APP" ] || die "$EVERTILL_APP was not built."

# Do not set WEBKIT_DISABLE_COMPOSITING_MODE or WEBKIT_DISABLE_DMABUF_RENDERER:
# with either, taking a screenshot hangs.
# The limit ends a driver that waits for a window which never comes.
timeout --kill-after=10 600 \
  xvfb-run -a -s "-screen 0 1280x800x24" \
  node --test --test-reporter=spec "$test"
