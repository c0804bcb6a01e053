#!/bin/sh
# Cargo's RUSTC_WRAPPER for what is given away: whatever folder it is built in, no path of this machine gets into the
# programs, nor into the names that the compiler makes of its options.
#
#   VIVARIUM_ROOT      the repository
#   VIVARIUM_TARGETS   where cargo puts what it builds
#   VIVARIUM_REGISTRY  where cargo keeps the sources of crates
#   VIVARIUM_SYSROOT   a sysroot for another processor; nothing where the compiler has its library
set -eu
rustc=$1
shift
previous='' target=''
for word in "$@"; do
    [ "$previous" != --target ] || target=$word
    previous=$word
done
if [ -n "$target" ] && [ -n "${VIVARIUM_SYSROOT:-}" ]; then
    set -- "$@" --sysroot "$VIVARIUM_SYSROOT"
fi
exec "$rustc" "$@" \
    --remap-path-prefix "$VIVARIUM_ROOT=/vivarium" \
    --remap-path-prefix "$VIVARIUM_TARGETS=/target" \
    --remap-path-prefix "$VIVARIUM_REGISTRY=/cargo"
