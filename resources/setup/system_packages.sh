#!/usr/bin/env bash
# Makes sure that the system libraries Qt and Mesa need are there.
# Installs them through apt when root; otherwise prints the exact command.
# Exits 0 when everything is there, 1 when something is still missing.
set -euo pipefail
export PATH="$PATH:/usr/sbin:/sbin"

[ "$(uname -s)" = Linux ] || exit 0 # on macOS and Windows the wheels bring all they need

# What is looked for, and the Debian package that has it.
libraries="
libGL.so.1           libgl1
libEGL.so.1          libegl1
libglib-2.0.so.0     libglib2.0-0
libxkbcommon-x11.so.0 libxkbcommon-x11-0
libdbus-1.so.3       libdbus-1-3
libfontconfig.so.1   libfontconfig1
libxcb-cursor.so.0   libxcb-cursor0
libxcb-icccm.so.4    libxcb-icccm4
libxcb-keysyms.so.1  libxcb-keysyms1
libxcb-shape.so.0    libxcb-shape0
"
commands="
Xvfb  xvfb
xauth xauth
"

missing_packages() {
  local known name package
  known=$(ldconfig -p 2>/dev/null || true)
  while read -r name package; do
    [ -z "$name" ] || [[ $known == *"$name"* ]] || printf '%s ' "$package"
  done <<<"$libraries"
  while read -r name package; do
    [ -z "$name" ] || command -v "$name" >/dev/null || printf '%s ' "$package"
  done <<<"$commands"
}

missing=$(missing_packages)
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
  echo "These system libraries seem to be missing (Debian's names): $missing" >&2
  echo "Please install what provides them on this system, then run the command again." >&2
  exit 1
fi
if [ "$(id -u)" != 0 ]; then
  echo "Some system libraries are missing. Please run:" >&2
  echo "  sudo apt-get install --no-install-recommends $missing" >&2
  exit 1
fi

export DEBIAN_FRONTEND=noninteractive
echo "Installing system libraries: $missing"
# shellcheck disable=SC2086 # a list of words
apt-get install -y --no-install-recommends $missing >/dev/null 2>&1 || {
  apt-get update
  apt-get install -y --no-install-recommends $missing
}
missing=$(missing_packages)
[ -z "$missing" ] || { echo "Still missing after the installation: $missing" >&2; exit 1; }
