#!/usr/bin/env bash
# The check on a machine with a GPU. No network is needed, and neither a .NET SDK nor a .NET runtime.
#
#   tests/gpu/run.sh [OUT]        OUT: folder of the report and of the logs, default build/gpu/report
#
# Builds with CMake, nvcc and GoogleTest where they are there. Else SOFTTHINKING_PREBUILT has to name the folder `bin` of a
# build of this commit on another machine (softthinking_native_tests, libsoftthinking_cpu.so, libsoftthinking_cuda.so).
# SOFTTHINKING_PUBLISHED, where it is given, is the self-contained folder of the command line (`dotnet publish
# managed/SoftThinking.Cli -c Release -r linux-x64 --self-contained`), which is run end to end and benchmarked.
#
# OUT/report.json: device, driver, toolkit, and of every step its command, exit status and seconds; OUT/<step>.log has
# what it printed. The exit status is 0 when every step that could be run succeeded.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
out=${1:-build/gpu/report}
mkdir -p "$out"
out=$(cd "$out" && pwd)
steps=()
failed=0

json() { printf '%s' "$1" | sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' | tr '\n\t' '  '; }

# step NAME COMMAND...
step() {
  local name=$1 begin code
  shift
  echo "== $name: $*"
  begin=$(date +%s.%N)
  "$@" > "$out/$name.log" 2>&1
  code=$?
  tail -n 5 "$out/$name.log"
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

if command -v cmake > /dev/null && [ -n "$toolkit" ] && [ -e /usr/include/gtest/gtest.h ]; then
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
small='*RmsNorm*/cuda_bf16:*SiluMul*/cuda_bf16:*QkvEpilogue*/cuda_bf16:AttentionTest.SequencesSideBySide*/cuda_bf16:*Graph*/cuda_bf16:*SampleState*/cuda_*:*LinearTest.SameBitsForManyRows/cuda_bf16'
if command -v compute-sanitizer > /dev/null; then
  for tool in memcheck racecheck synccheck; do
    step "$tool" compute-sanitizer --tool "$tool" --error-exitcode 9 "$tests" --gtest_filter="$small"
  done
else
  left_out sanitizer "compute-sanitizer is absent"
fi

if [ -n "${SOFTTHINKING_PUBLISHED:-}" ]; then
  cp "$bin/libsoftthinking_cuda.so" "$SOFTTHINKING_PUBLISHED/"
  program=$(find "$SOFTTHINKING_PUBLISHED" -maxdepth 1 -type f -perm -u+x -iname 'softthinking*' ! -name '*.so' ! -name '*.dll' | head -n 1)
  step generate "$program" generate --device cuda --model models/tiny-reasoner --prompt "What is 7 * 8?" --json
  step bench "$program" bench --device cuda --json
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
