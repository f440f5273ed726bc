#!/usr/bin/env bash
# The check on a machine with a GPU. No network is needed, and neither a .NET SDK nor a .NET runtime.
#
#   tests/gpu/run.sh [OUT [STEP...]]        OUT: folder of the report and of the logs, default build/gpu/report
#                                           STEP: a pattern of names of steps, such as 'bench-*'; default all
#
# SOFTTHINKING_PREBUILT, where it is given, is a folder with a build of this commit from another machine
# (softthinking_native_tests, libsoftthinking_cpu.so, libsoftthinking_cuda.so); else CMake, nvcc and GoogleTest build here.
# SOFTTHINKING_PUBLISHED, where it is given, is a folder with the command line and the managed tests; they are run end to end
# and benchmarked. tests/gpu/publish.sh makes one folder that is both.
#
# OUT/report.json: device, driver, toolkit, and of every step its command, exit status and seconds; OUT/<step>.log has
# what it printed, OUT/<step>.json what `bench` found, OUT/bench.md that as a table. The exit status is 0 when every step
# that could be run succeeded. SOFTTHINKING_GPU_SHAPES and SOFTTHINKING_GPU_BATCHES replace what is benchmarked.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
out=${1:-build/gpu/report}
[ $# -eq 0 ] || shift
wanted=("$@")
mkdir -p "$out"
out=$(cd "$out" && pwd)
steps=()
failed=0

json() { printf '%s' "$1" | sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' | tr '\n\t' '  '; }

is_wanted() {
  [ ${#wanted[@]} -eq 0 ] && return 0
  local pattern
  for pattern in "${wanted[@]}"; do
    # shellcheck disable=SC2254 # it is a pattern
    case $1 in $pattern) return 0 ;; esac
  done
  return 1
}

# step NAME COMMAND...: none takes longer than a quarter of an hour.
step() {
  local name=$1 begin code
  shift
  is_wanted "$name" || { left_out "$name" "not asked for"; return 0; }
  echo "== $name: $*"
  begin=$(date +%s.%N)
  timeout 900 "$@" > "$out/$name.log" 2>&1
  code=$?
  tail -n 5 "$out/$name.log" | cut -c 1-300
  [ $code -eq 0 ] || failed=1
  steps+=("{\"name\": \"$name\", \"command\": \"$(json "$*")\", \"exit\": $code, \"seconds\": $(echo "$(date +%s.%N) $begin" | awk '{ printf "%.1f", $1 - $2 }')}")
  return $code
}

# left_out NAME REASON
left_out() {
  echo "== $1: left out: $2"
  steps+=("{\"name\": \"$1\", \"left_out\": \"$(json "$2")\"}")
}

query() { nvidia-smi --query-gpu="$1" --format=csv,noheader 2> /dev/null | head -n 1; }

command -v nvidia-smi > /dev/null || { echo "there is no NVIDIA driver here" >&2; exit 2; }
toolkit=$(nvcc --version 2> /dev/null | sed -nE 's/.*release ([0-9.]+).*/\1/p')

if [ -z "${SOFTTHINKING_PREBUILT:-}" ] && command -v cmake > /dev/null && [ -n "$toolkit" ] && [ -e /usr/include/gtest/gtest.h ]; then
  step configure cmake -S . -B build/gpu -D CMAKE_BUILD_TYPE=Release -D SOFTTHINKING_CUDA=ON -D SOFTTHINKING_TESTS=ON &&
    step build cmake --build build/gpu --target native_tests --parallel "$(nproc)"
  bin=$PWD/build/gpu/bin
else
  bin=${SOFTTHINKING_PREBUILT:?"cmake, nvcc or GoogleTest is absent: SOFTTHINKING_PREBUILT has to name a build"}
  bin=$(cd "$bin" && pwd)
  left_out build "prebuilt: $bin"
fi
export SOFTTHINKING_TEST_BACKENDS="cpu=$bin/libsoftthinking_cpu.so|cuda=$bin/libsoftthinking_cuda.so"
export SOFTTHINKING_GOLDEN=$PWD/tests/data

tests=$bin/softthinking_native_tests
step device "$tests" --gtest_filter='CudaTest.*'
step native "$tests" --gtest_filter='*/cuda_*' --gtest_output="json:$out/native.json"
small='*RmsNorm*/cuda_bf16:*LinearTest.Gat*/cuda_bf16:*QkvEpilogue*/cuda_bf16:*AttentionTest.SequencesSideBySide*/cuda_bf16:*Graph*/cuda_bf16:*SampleState*/cuda_*:*LinearTest.SameBitsForManyRows/cuda_bf16'
if [ "$(nvidia-smi -L 2> /dev/null | wc -l)" -ge 2 ]; then
  step collectives "$tests" --gtest_filter='*/CommTest.*/cuda_*:*/*Shards*/cuda_*'
else
  left_out collectives "two GPUs are needed"
fi
if command -v compute-sanitizer > /dev/null; then
  for tool in memcheck racecheck synccheck; do
    step "$tool" compute-sanitizer --tool "$tool" --error-exitcode 9 "$tests" --gtest_filter="$small"
  done
else
  left_out sanitizer "compute-sanitizer is absent"
fi

# bench_step NAME ARGUMENT...: `bench` on the GPU, its JSON in OUT/NAME.json.
bench_step() {
  local name=$1
  shift
  step "$name" bash -c '"$@" > "$0"' "$out/$name.json" "$program" bench --device cuda --json "$@"
}

# The hash of the last batch that a benchmark found.
last_hash() { sed -nE 's/.*"output_hash": "([0-9a-f]+)".*/\1/p' "$1" | tail -n 1; }

# The answers of a model to many prompts, so many at a time, without what a clock says of them.
answers() {
  "$program" generate --device cuda --kv-dtype "$2" --prompts "$out/questions.jsonl" --batch "$1" --max-new-tokens 200 --log-probs 5 |
    sed -E 's/"timing":\{[^}]*\},?//'
}

same_answers() {
  local kv batch
  for kv in bf16 f32; do
    for batch in 1 3 16; do
      answers "$batch" "$kv" > "$out/answers-$kv-$batch.jsonl" || return 1
      [ "$(wc -l < "$out/answers-$kv-$batch.jsonl")" -eq 24 ] || { echo "not 24 answers"; return 1; }
      cmp "$out/answers-$kv-1.jsonl" "$out/answers-$kv-$batch.jsonl" || return 1
    done
  done
}

same_hashes() {
  local one=$out/hash-one.json two=$out/hash-two.json
  "$program" bench --device cuda --json --batch 5 --prompt 40 --generate 24 --repeat 1 > "$one" &&
    "$program" bench --device cuda --json --batch 2,5 --prompt 40 --generate 24 --repeat 1 --concurrent 12 > "$two" || return 1
  echo "batch 5: $(last_hash "$one") alone, $(last_hash "$two") behind a batch of 2"
  [ -n "$(last_hash "$one")" ] && [ "$(last_hash "$one")" = "$(last_hash "$two")" ] && grep -q '"same_output": true' "$two"
}

if [ -n "${SOFTTHINKING_PUBLISHED:-}" ]; then
  published=$(cd "$SOFTTHINKING_PUBLISHED" && pwd)
  program=$published/SoftThinking.Cli
  [ "$bin" -ef "$published" ] || cp "$bin/libsoftthinking_cuda.so" "$bin/libsoftthinking_cpu.so" "$published/"
  export SOFTTHINKING_REPOSITORY=$PWD
  for i in $(seq 0 23); do
    printf '{"id": "%d", "prompt": "What is %d + %d - %d?", "seed": %d%s}\n' \
      "$i" $((i * 7 % 90)) $((i * 11 % 80)) $((i % 10)) "$i" "$([ $((i % 3)) -ne 1 ] || echo ', "temperature": 1.5, "top_k": 0')"
  done > "$out/questions.jsonl"
  export -f answers same_answers same_hashes last_hash
  export out program
  step managed env SOFTTHINKING_TEST_CUDA="$published/libsoftthinking_cuda.so" "$published/SoftThinking.DeviceTests"
  step generate "$program" generate --device cuda --prompt "What is 47 + 85 - 19?" --json
  step same-answers bash -c same_answers
  step same-hashes bash -c same_hashes
  bench_step bench-tiny-reasoner --greedy --prefix --concurrent 16
  for shape in ${SOFTTHINKING_GPU_SHAPES-qwen2.5-0.5b qwen2.5-1.5b qwen2.5-7b qwen3-8b llama-3.1-8b}; do
    bench_step "bench-$shape" --shape "$shape" --batch "${SOFTTHINKING_GPU_BATCHES:-1,8,32,64,128}" --prompt 2048 --generate 64 --repeat 2
    bench_step "bench-fast-prefill-$shape" --shape "$shape" --batch 1,8 --prompt 2048 --generate 8 --repeat 3 --fast-prefill
    bench_step "bench-greedy-$shape" --shape "$shape" --batch 1,64 --prompt 256 --context 2048 --generate 128 --repeat 2 --greedy
  done
  if command -v python3 > /dev/null; then
    step table bash -c 'python3 tests/gpu/table.py "$0"/bench-*.json > "$0/bench.md"' "$out"
  fi
else
  left_out end-to-end "SOFTTHINKING_PUBLISHED is not set"
fi

if python3 -c 'import torch, transformers; assert torch.cuda.is_available()' 2> /dev/null; then
  step peers python3 tests/gpu/peers.py "$out/peers"
else
  left_out peers "python3 has no torch with CUDA, or no transformers"
fi

{
  printf '{\n  "device": "%s",\n  "driver": "%s",\n  "toolkit": "%s",\n  "commit": "%s",\n  "steps": [\n' \
    "$(json "$(query name)")" "$(json "$(query driver_version)")" "$toolkit" "$(git rev-parse HEAD 2> /dev/null)"
  for i in "${!steps[@]}"; do
    printf '    %s%s\n' "${steps[$i]}" "$([ "$i" -eq $((${#steps[@]} - 1)) ] || echo ,)"
  done
  printf '  ]\n}\n'
} > "$out/report.json"
echo "report: $out/report.json"
exit $failed
