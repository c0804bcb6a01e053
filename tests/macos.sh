#!/bin/bash
# Type-checks the checker for macOS, on any machine with rustup. Nothing is linked, so that no SDK of Apple's is needed:
# the C that crates bring is not compiled, a script in the compiler's place makes empty files.
set -euo pipefail

target=aarch64-apple-darwin
cd "$(dirname "$0")/.."
if ! command -v rustup > /dev/null; then
    echo 'tests/macos.sh: rustup is needed for the standard library of macOS; Debian has none' >&2
    exit 1
fi
rustup --quiet target add "$target"

stand_in=$(mktemp -d)
trap 'rm -rf "$stand_in"' EXIT
cat > "$stand_in/cc" << 'END'
#!/bin/sh
before=
for word in "$@"; do
    [ "$before" != -o ] || : > "$word"
    before=$word
done
END
cat > "$stand_in/ar" << 'END'
#!/bin/sh
for word in "$@"; do
    case $word in *.a) printf '!<arch>\n' > "$word" ;; esac
done
END
chmod +x "$stand_in/cc" "$stand_in/ar"

CC_aarch64_apple_darwin=$stand_in/cc AR_aarch64_apple_darwin=$stand_in/ar SDKROOT=$stand_in \
    cargo check -p vivarium-checker --target "$target"
