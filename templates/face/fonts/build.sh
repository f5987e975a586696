#!/usr/bin/env bash
# Makes the font files of the invoice face again from packages by name, on Debian 12: bash templates/face/fonts/build.sh [FOLDER]
# (without FOLDER: over the committed ones). Everything is fetched into target/fonts, nothing is installed on the machine; about two
# minutes on two cores. The result is the committed files, byte for byte. The build of the service never runs this.
set -euo pipefail
cd "$(dirname "$0")/../../.."
into=$(realpath "${1:-templates/face/fonts}")
from=target/fonts
mkdir -p "$from" "$into"

noto=fonts-noto-cjk=1:20220127+repack1-1
wenkai=fonts-lxgw-wenkai=1.250+repack-1
courier=@expo-google-fonts/courier-prime@0.4.1
for package in "$noto" "$wenkai"; do
  if ! compgen -G "$from/${package%%=*}_*.deb" >/dev/null; then
    (cd "$from" && apt-get download -q "$package")
  fi
  dpkg -x "$from/${package%%=*}"_*.deb "$from"
done
if [[ ! -d $from/package ]]; then
  (cd "$from" && npm pack --silent "$courier" && tar -xzf expo-google-fonts-courier-prime-*.tgz)
fi
[[ -x $from/venv/bin/python ]] || python3 -m venv "$from/venv"
"$from/venv/bin/python" -m pip install --quiet --disable-pip-version-check fonttools==4.68.0

"$from/venv/bin/python" templates/face/fonts/build.py "$from" "$(find "$from/package" -name '*CourierPrime_400Regular.ttf')" "$into"
