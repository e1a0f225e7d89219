# Sourced by the other scripts: where the tools are.
# shellcheck shell=bash disable=SC2034

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1

# Tools live outside the checkout, a folder for each version: a second checkout
# and a `cargo clean` cost nothing, and nothing of the user's own is replaced.
TOOLS=${TILL_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/evertill/tools}

CARGO_DENY=0.20.2
TAURI_DRIVER=2.1.0
TYPOS=1.52.0
TAPLO=0.9.3
NODE_AT_LEAST=20.19
NODE_WHEEL=24.19.0

NODE_DIR=$TOOLS/node-$NODE_WHEEL
PY_TOOLS=$TOOLS/python-typos-$TYPOS-taplo-$TAPLO

# Rust's own folder is last, for a shell that has not read the profile that rustup wrote.
PATH=$TOOLS/cargo-deny-$CARGO_DENY/bin:$TOOLS/tauri-driver-$TAURI_DRIVER/bin:$PY_TOOLS/bin:$PATH:${CARGO_HOME:-$HOME/.cargo}/bin
if [ -d "$NODE_DIR/bin" ]; then PATH=$NODE_DIR/bin:$PATH; fi
export PATH

die() {
  printf '\n%s\n' "$@" >&2
  exit 1
}

# at_least HAVE WANT: compares versions such as 20.19.3.
at_least() {
  [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}

# has_display: GTK panics without one; every script asks before it builds for minutes.
has_display() {
  [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]
}
