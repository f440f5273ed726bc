#!/usr/bin/env bash
# Runs the tests of damaged checkpoints on a CPU backend with AddressSanitizer and UndefinedBehaviorSanitizer.
# usage: tests/mutations.sh [NUMBER OF DAMAGED FILES OF EACH CASE]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cmake --preset sanitize -DSOFTTHINKING_CUDA=OFF > /dev/null
cmake --build --preset sanitize --target softthinking_cpu
cp -r tests/SoftThinking.Tests/bin/Release/net10.0/. "$folder"
cp -L build/Sanitize/bin/libsoftthinking_cpu.so "$folder"

# .NET handles SIGSEGV itself: it is how it finds null references.
export ASAN_OPTIONS=detect_leaks=0:handle_segv=0:handle_sigbus=0:handle_sigfpe=0:use_sigaltstack=0:abort_on_error=1
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
export SOFTTHINKING_REPOSITORY=$PWD SOFTTHINKING_MUTATIONS=${1:-5600} DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
LD_PRELOAD=$(gcc -print-file-name=libasan.so):$(gcc -print-file-name=libubsan.so) \
  dotnet vstest "$folder/SoftThinking.Tests.dll" --TestCaseFilter:FullyQualifiedName~CheckpointMutationTests "--logger:console;verbosity=detailed"
