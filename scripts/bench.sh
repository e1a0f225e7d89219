#!/usr/bin/env bash
# What the till costs: the figures of the core, then those of the window.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/env.sh"
make ui/dist/index.html
cargo build --release --locked --workspace --bin bench --bin evertill
target/release/bench "$@"
scripts/measure-window.sh
