#!/usr/bin/env bash
# Prepares .venv with the pinned packages and the program itself (editable).
#   PYTHON  the interpreter to build on (default: the first suitable one found)
#   TORCH   another build of torch, for example "torch==2.13.0+cu126"
#   PIP     further options for pip install
set -euo pipefail
cd "$(dirname "$0")/../.."

pins=resources/setup/pins.txt
venv=.venv

is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
  local candidate
  for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11 python}; do
    if command -v "$candidate" >/dev/null && is_new_enough "$candidate"; then
      command -v "$candidate"
      return
    fi
  done
  echo "Python 3.11 or newer is needed; none was found. Name one with PYTHON=/path/to/python3." >&2
  exit 1
}

ensure_venv_module() {
  local python=$1 package
  "$python" -c 'import ensurepip, venv' 2>/dev/null && return
  package=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
  if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    echo "Installing $package"
    export DEBIAN_FRONTEND=noninteractive
    apt-get install -y --no-install-recommends "$package" >/dev/null 2>&1 || {
      apt-get update
      apt-get install -y --no-install-recommends "$package"
    }
  else
    echo "Python's venv module is missing. Please run:" >&2
    echo "  sudo apt-get install --no-install-recommends $package" >&2
    exit 1
  fi
}

if ! { [ -x $venv/bin/python ] && is_new_enough $venv/bin/python \
  && $venv/bin/python -m pip --version >/dev/null 2>&1; }; then
  python=$(find_python)
  ensure_venv_module "$python"
  "$python" -m venv --clear $venv
fi

others=$venv/pins-without-torch.txt
grep -v '^torch==' $pins >$others
torch=${TORCH:-$(grep '^torch==' $pins)}

install() {
  # shellcheck disable=SC2086 # PIP is a list of options
  $venv/bin/python -m pip install --quiet --disable-pip-version-check ${PIP:-} -c $others "$@"
}

echo "Installing $torch"
install "$torch"
echo "Installing the other packages"
install hatchling editables
install --no-build-isolation --editable '.[dev,oracle]'
