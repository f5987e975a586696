#!/usr/bin/env bash
# All tests from a fresh clone on a bare Debian 12 with cargo. Installs what is missing (apt; pip into target/venv) and fails loudly
# when it can't: no test is skipped for want of a tool. Arguments go to `cargo test`.
set -euo pipefail
cd "$(dirname "$0")/.."

# What the tests and the build call, and the Debian package of each.
declare -A package_of=(
  [cc]=build-essential [git]=git [pdffonts]=poppler-utils [pdftoppm]=poppler-utils [pdftotext]=poppler-utils [prlimit]=util-linux
  [python3]=python3 [qpdf]=qpdf [zbarimg]=zbar-tools
)
# Packages are asked for by name where there is no command to ask for.
missing=()
for tool in "${!package_of[@]}"; do
  command -v "$tool" >/dev/null || missing+=("${package_of[$tool]}")
done
python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
if ((${#missing[@]})); then
  mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)
  echo "installing: ${missing[*]}" >&2
  as_root=()
  if ((EUID != 0)); then
    command -v sudo >/dev/null || { echo "not root and no sudo: install ${missing[*]} by hand" >&2; exit 1; }
    as_root=(sudo)
  fi
  "${as_root[@]}" apt-get update -q
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "${missing[@]}"
fi
for tool in "${!package_of[@]}"; do
  command -v "$tool" >/dev/null || { echo "$tool is still missing after installing ${package_of[$tool]}" >&2; exit 1; }
done

# The oracle: another implementation, in Python, with pinned packages.
venv=target/venv
requirements=tests/oracle/requirements.txt
if ! cmp -s "$requirements" "$venv/installed.txt"; then
  mkdir -p target
  # A venv that was made half (python there, pip missing) is made anew.
  "$venv/bin/python" -m pip --version >/dev/null 2>&1 || python3 -m venv --clear "$venv"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$requirements"
  cp "$requirements" "$venv/installed.txt"
fi
# Not a name with PIAOLIAN_: the service reads those as its configuration and refuses a key that it does not know.
ORACLE_PYTHON="$PWD/$venv/bin/python"
export ORACLE_PYTHON PATH="$PWD/$venv/bin:$PATH"

cargo test --locked "$@"
