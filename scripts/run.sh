#!/usr/bin/env bash
# Builds the till and opens it on the sample shop; where there is no screen, shows
# the same shop in the terminal. Arguments go to the till instead of `--sample`.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/env.sh"

if ! has_display; then
  echo "There is no screen here (neither DISPLAY nor WAYLAND_DISPLAY is set), so no window can open."
  echo "This is the same till in the terminal. To see the window, run make run in a desktop session."
  exec scripts/demo.sh
fi

scripts/setup.sh rust window ui
make ui/dist/index.html
cargo build --release --locked --workspace --bin evertill
if [ $# = 0 ]; then set -- --sample; fi
exec target/release/evertill "$@"
