#!/usr/bin/env bash
# with-keyring.sh COMMAND...: runs a command with an empty, unlocked keyring of
# its own, on a bus of its own. The user's keyring is neither read nor written.
set -euo pipefail

if [ "${1:-}" = --on-the-bus ]; then
  shift
  exec 2>&3 3>&-
  # In the foreground, so that it is ours to end: one that goes to the background
  # outlives a short command. The password of the new keyring is an empty line.
  gnome-keyring-daemon --foreground --unlock --components=secrets \
    < <(printf '\n') >/dev/null 2>&1 &
  daemon=$!
  trap 'kill "$daemon" 2>/dev/null || true' EXIT
  for _ in $(seq 100); do
    if dbus-send --session --print-reply=literal --dest=org.freedesktop.DBus / \
      org.freedesktop.DBus.NameHasOwner string:org.freedesktop.secrets 2>/dev/null | grep -q true; then
      "$@"
      exit
    fi
    sleep 0.05
  done
  echo "with-keyring.sh: the keyring did not start within 5 s" >&2
  exit 1
fi

for program in dbus-run-session gnome-keyring-daemon; do
  command -v "$program" >/dev/null || { echo "with-keyring.sh: $program is missing: run make setup" >&2; exit 1; }
done

# Cargo keeps its own folders: only the keyring gets another home.
export CARGO_HOME=${CARGO_HOME:-$HOME/.cargo} RUSTUP_HOME=${RUSTUP_HOME:-$HOME/.rustup}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir -m 700 "$scratch/home" "$scratch/run"

# Without a display a locked keyring is an error and not a dialog that waits.
# What the bus itself says is a warning about a limit that it does not need: it
# goes nowhere, and the command writes to the error output that we were given.
env -u DISPLAY -u WAYLAND_DISPLAY -u XDG_DATA_HOME -u XDG_CONFIG_HOME -u XDG_CACHE_HOME \
  HOME="$scratch/home" XDG_RUNTIME_DIR="$scratch/run" \
  dbus-run-session -- "$0" --on-the-bus "$@" \
  3>&2 2>/dev/null
