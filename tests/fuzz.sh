#!/bin/bash
# Builds the fuzzers of the checker's readers and lets each run for some minutes; ends 1 where one of them fails.
#   tests/fuzz.sh MINUTES [TARGET…]     folder, ssh, postgres; all of them where none is named
# Coverage guides them: rustc's own pass marks every edge, in the crates that the checker stands on too. What they
# come upon is kept in target/fuzz/corpus, and what makes one fail in target/fuzz/failed.
set -euo pipefail
cd "$(dirname "$0")/.."
minutes=${1:?how many minutes each}
shift
targets=("$@")
[ "${#targets[@]}" -gt 0 ] || targets=(folder ssh postgres)
host=$(rustc -vV | sed -n 's/^host: //p')
work=$PWD/target/fuzz

export RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1"
# Named for a target, so that the flags are not those of build scripts.
cargo build --release --locked --manifest-path checker/fuzz/Cargo.toml --target "$host" --target-dir "$work"
[ "$minutes" != 0 ] || exit 0
mkdir -p "$work/failed"
python3 checker/fuzz/seeds.py "$work/seeds"

status=0
for target in "${targets[@]}"; do
    mkdir -p "$work/corpus/$target"
    echo "$target: $minutes minutes"
    "$work/$host/release/$target" "$work/corpus/$target" "$work/seeds/$target" -dict="checker/fuzz/$target.dict" \
        -max_total_time=$((minutes * 60)) -timeout=20 -max_len=16384 -print_final_stats=1 -verbosity=1 \
        -artifact_prefix="$work/failed/$target-" >"$work/$target.log" 2>&1 || status=1
    grep -E 'cov: ' "$work/$target.log" | tail -n 1
    grep -E 'stat::|panicked|ERROR|SUMMARY|Test unit' "$work/$target.log" || true
done
exit $status
