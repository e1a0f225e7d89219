#!/usr/bin/env bash
# rust-tests.sh all|quick|keyring: nextest where it is installed, else `cargo test`.
#
# Always with a keyring of their own: on a desktop the tests of it would write to
# the user's, and on a machine without one they would test nothing.
#
# `all` and `keyring` select the whole workspace: a smaller selection would unify
# features anew and compile for minutes what is there already.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/env.sh"

# What all tests together ask of the stand-in and are answered is held against Stripe's
# schemas at the end.
if [ "$1" = all ]; then
  export TILL_TRANSCRIPTS=$PWD/target/transcripts
  rm -rf "$TILL_TRANSCRIPTS"
  mkdir -p "$TILL_TRANSCRIPTS"
fi

with_keyring=scripts/with-keyring.sh
if cargo nextest --version >/dev/null 2>&1; then
  case $1 in
    all) $with_keyring cargo nextest run --locked --workspace ;;
    quick) $with_keyring cargo quick --locked ;;
    keyring) $with_keyring cargo nextest run --locked --workspace -E 'test(/keyring/)' ;;
  esac
else
  echo "cargo-nextest is not installed: running cargo test, which is slower and says the same."
  case $1 in
    all) $with_keyring cargo test --locked --workspace --lib --bins --tests ;;
    quick) $with_keyring cargo test --locked --workspace --exclude evertill --lib --bins --tests ;;
    keyring) $with_keyring cargo test --locked --workspace --lib --bins --tests keyring ;;
  esac
fi

if [ "$1" = all ]; then
  scripts/check-schemas.sh "$TILL_TRANSCRIPTS"
fi
