#!/usr/bin/env bash
# Fuzzes every decoder that an outsider can reach, two targets at a time: tests/fuzz/run.sh [SECONDS [TARGET...]], 60
# seconds each unless said. Installs what is missing (apt; cargo-fuzz into target/tools) and works with stable Rust: there
# is no unsafe code to watch with a sanitizer, but debug assertions and overflow checks are on. Fails when an input crashes
# a target, takes over 10 s or over 2 GiB.
#
# What a run finds stays in target/fuzz/corpus. The corpus in tests/fuzz/corpus is small and committed; to take finds over
# into it: tests/fuzz/run.sh --minimise [TARGET...]. An input that crashed belongs into tests/fuzz/regressions/TARGET,
# which is run through first.
set -euo pipefail
cd "$(dirname "$0")/../.."

fuzz=tests/fuzz
binaries=target/fuzz/$(rustc -vV | sed -n 's/^host: //p')/release
bytes_max=$((200 * 1024))
inputs_max=40
# One input's size: above it there is more of the same to find in a document.
length_max=8192

# seconds, or --minimise
what=${1:-60}
shift || true
mapfile -t every < <(sed -n 's|^path = "targets/\(.*\)\.rs"$|\1|p' "$fuzz/Cargo.toml")
targets=("${every[@]}")
if (($#)); then
  targets=("$@")
fi

if ! command -v c++ >/dev/null || ! command -v python3 >/dev/null; then
  as_root=()
  if ((EUID != 0)); then
    as_root=(sudo)
  fi
  "${as_root[@]}" apt-get update -q
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends build-essential python3
fi
# It only calls cargo: how fast it is itself does not matter.
if [[ $(target/tools/bin/cargo-fuzz --version 2>/dev/null) != "cargo-fuzz 0.13.2" ]]; then
  CARGO_TARGET_DIR=target/fuzz/tools cargo install --quiet --debug --locked --root target/tools cargo-fuzz@0.13.2
fi

build() {
  CARGO_TARGET_DIR="$PWD/target/fuzz" \
    target/tools/bin/cargo-fuzz fuzz build --fuzz-dir "$fuzz" --sanitizer none --codegen-units 16
}

built=$SECONDS
# cargo-fuzz has no --locked of its own.
cargo fetch --quiet --locked --manifest-path "$fuzz/Cargo.toml"
build
echo "built in $((SECONDS - built)) s"

seeds=target/fuzz/seeds
rm -rf "$seeds"
python3 "$fuzz/seed.py" "$seeds"

bytes_of() {
  find "$@" -type f -printf '%s\n' | awk '{ sum += $1 } END { print sum + 0 }'
}

dictionary_of() {
  local dictionary=$fuzz/dictionaries/$1.dict
  [[ -f $dictionary ]] || dictionary=$fuzz/dictionaries/documents.dict
  echo "$dictionary"
}

# In the place of the committed inputs: of those and the finds the ones that reach most of what the seeds do not, as many as there is
# room for.
minimise() {
  local target=$1 least=target/fuzz/least/$1 folder file size kept=0 room=$((bytes_max / ${#every[@]} - 1024))
  local from=()
  for folder in "$fuzz/corpus/$target" "target/fuzz/corpus/$target"; do
    if [[ -d $folder ]]; then
      from+=("$folder")
    fi
  done
  rm -rf "$least"
  mkdir -p "$least" "$seeds/$target"
  cp -r "$seeds/$target/." "$least"
  "$binaries/$target" -set_cover_merge=1 -use_counters=0 -max_len="$length_max" "$least" "${from[@]}" \
    >"target/fuzz/$target.merge.log" 2>&1
  rm -rf "${fuzz:?}/corpus/$target"
  mkdir -p "$fuzz/corpus/$target"
  # They are written in the order in which they were chosen: what reaches most first.
  while read -r _ size file; do
    if ((size < room && kept < inputs_max)) && [[ ! -f $seeds/$target/$file ]]; then
      mv "$least/$file" "$fuzz/corpus/$target/$file"
      room=$((room - size)) kept=$((kept + 1))
    fi
  done < <(find "$least" -type f -size -3k -printf '%T@ %s %f\n' | sort -n)
  folder=$fuzz/corpus/$target
  echo "fuzz $target: $kept inputs, $(bytes_of "$folder") bytes"
}

run() {
  local target=$1 log=target/fuzz/$1.log folder
  local from=()
  for folder in "$fuzz/regressions/$target" "$fuzz/corpus/$target" "$seeds/$target"; do
    if [[ -d $folder ]]; then
      from+=("$folder")
    fi
  done
  mkdir -p "target/fuzz/corpus/$target" "target/fuzz/artifacts/$target"
  "$binaries/$target" -max_total_time="$what" -timeout=10 -rss_limit_mb=2048 -max_len="$length_max" -mutate_depth=2 \
    -print_final_stats=1 -dict="$(dictionary_of "$target")" -artifact_prefix="target/fuzz/artifacts/$target/" \
    "target/fuzz/corpus/$target" "${from[@]}" >"$log" 2>&1
}

stat() {
  sed -n "s/^stat::$2: *//p" "target/fuzz/$1.log"
}

report() {
  local target=$1 status=$2 last
  if ((status)); then
    echo "fuzz $target: FAILED, see target/fuzz/$target.log and the input in target/fuzz/artifacts/$target" >&2
    grep -A 3 ' panicked at ' "target/fuzz/$target.log" >&2 || true
    tail -n 4 "target/fuzz/$target.log" >&2
    return 1
  fi
  last=$(grep -o 'cov: .*' "target/fuzz/$target.log" | tail -n 1)
  printf 'fuzz %-11s %9d runs, %6d/s, coverage %5d, corpus %4d inputs of %s\n' \
    "$target" "$(stat "$target" number_of_executed_units)" "$(stat "$target" average_exec_per_sec)" \
    $(sed 's|cov: \([0-9]*\) .* corp: \([0-9]*\)/\([0-9A-Za-z]*\).*|\1 \2 \3|' <<<"$last")
}

if [[ $what == --minimise ]]; then
  for target in "${targets[@]}"; do
    minimise "$target"
  done
fi
committed=$(bytes_of "$fuzz/corpus" "$fuzz/regressions")
if ((committed > bytes_max)); then
  echo "corpus and regressions have $committed bytes, more than $bytes_max" >&2
  exit 1
fi
if [[ $what == --minimise ]]; then
  exit
fi

# Each in a shell of its own, so that xargs can run two; what they leave are the lines of those that passed.
one() {
  set -euo pipefail
  local status=0
  run "$1" || status=$?
  report "$1" "$status"
}
export fuzz binaries seeds what length_max
export -f one run report stat dictionary_of
lines=$(mktemp)
trap 'rm -f "$lines"' EXIT
printf '%s\n' "${targets[@]}" | xargs -P 2 -I TARGET bash -c 'one TARGET' | tee "$lines" || true
passed=$(wc -l <"$lines")
failed=$((${#targets[@]} - passed))
echo "fuzz: $passed passed, $failed failed"
((failed == 0))
