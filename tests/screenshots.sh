#!/bin/bash
# Opens the report in headless Chromium at phone and desktop width, light and dark, and leaves a PNG of each.
#   tests/screenshots.sh FOLDER        docs/report.png is the desktop's light one
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$(realpath -m "${1:?the folder for the pictures}")
mkdir -p "$folder"
VIVARIUM_REPORTS=$folder cargo test -q -p vivarium-checker --test explain_fixes
profile=$(mktemp -d)
trap 'rm -rf "$profile"' EXIT

shot() {
  local page=$1 name=$2 width=$3 height=$4
  shift 4
  # A window narrower than 500 is not given: the phone is a frame of its width, in a page that holds nothing else.
  timeout 120 chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
    --disable-background-networking --disable-component-update --disable-sync --hide-scrollbars \
    --user-data-dir="$profile" --window-size="$width,$height" --screenshot="$folder/$name.png" "$@" \
    "file://$page" 2>"$folder/chromium.log" >&2 || { cat "$folder/chromium.log" >&2; exit 1; }
}

# shellcheck disable=SC2034  # both are used by name, below
dark=(--blink-settings=preferredColorScheme=0)
# shellcheck disable=SC2034
light=(--blink-settings=preferredColorScheme=1)
for report in report healthy; do
  phone=$folder/$report-phone.html
  printf '<!doctype html><body style="margin:0"><iframe src="%s.html" style="border:0;width:375px;height:2600px">' \
    "$report" >"$phone"
  for scheme in light dark; do
    declare -n flags=$scheme
    shot "$folder/$report.html" "$report-desktop-$scheme" 1280 1500 "${flags[@]}"
    shot "$phone" "$report-phone-$scheme" 500 2600 "${flags[@]}"
  done
done
cp "$folder/report-desktop-light.png" docs/report.png
