#!/usr/bin/env bash
# Makes what tests/gpu/run.sh takes to a machine with a GPU that has no .NET, and perhaps no compiler. It needs the .NET SDK,
# CMake, nvcc and GoogleTest here.
#
#   tests/gpu/publish.sh [OUT]        OUT: the folder, default build/gpu/published; emptied first
#
# OUT holds the native tests, the benchmarks of the kernels, the probe, the backends, and self-contained the command line and
# the managed tests of the CUDA kernels; OUT.tar.xz the same. There: tests/gpu/run.sh --programs OUT
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
out=${1:-build/gpu/published}
rm -rf "$out" "$out.tar.xz"
mkdir -p "$out"

dotnet publish tests/SoftThinking.DeviceTests -c Release -r linux-x64 --self-contained -o "$out"
cmake -D SOURCE="$PWD" -D BUILD="$PWD/build/Release" -D BUILD_TYPE=Release -D TARGET=native_tests -P cmake/BuildLocked.cmake
cp build/Release/bin/softthinking_native_tests build/Release/bin/softthinking_gpu_* build/Release/bin/libsoftthinking_*.so "$out/"
[ -e "$out/libsoftthinking_cuda.so" ] || { echo "the CUDA backend was not built: nvcc is absent" >&2; exit 1; }
git rev-parse HEAD > "$out/commit"

XZ_OPT=-T0 tar -C "$(dirname "$out")" -cJf "$out.tar.xz" "$(basename "$out")"
bytes=$(stat -c %s "$out.tar.xz")
echo "$out.tar.xz: $((bytes >> 20)) MiB"
[ "$bytes" -lt $((36 << 20)) ] || { echo "it must stay below 36 MiB, to be sent with the repository" >&2; exit 1; }
