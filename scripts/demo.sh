#!/usr/bin/env bash
# The sample shop in the terminal: builds neither the window nor what it needs.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/env.sh"
scripts/setup.sh rust
exec cargo run --release --locked -p till-cli -- demo "$@"
