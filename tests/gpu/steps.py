"""The steps that run.py does, in the order of what matters, with a limit of time each."""
import os
import shutil
import subprocess
from dataclasses import dataclass

SHAPES = "qwen2.5-7b qwen2.5-0.5b"
BATCHES = "1,16,64"
OTHER_SHAPES = "qwen2.5-1.5b qwen3-8b llama-3.1-8b"
SANITIZED = ":".join(["*RmsNorm*/cuda_bf16", "*LinearTest.Gat*/cuda_bf16", "*QkvEpilogue*/cuda_bf16", "*AttentionTest.SequencesSideBySide*/cuda_bf16", "*Graph*/cuda_bf16",
                      "*SampleState*/cuda_*", "*LinearTest.SameBitsForManyRows/cuda_bf16"])


@dataclass
class Step:
    name: str
    command: list  # with the environment that run.py makes: $FOLDER of the programs, $OUT
    seconds: float
    result: str = ""  # the file of $OUT that its standard output goes to; "": the log
    needs: tuple = ()  # programs on the path, or files of the folder, written ./NAME; "two GPUs"; "torch"
    again: bool = False  # also if it has succeeded before

    def missing(self, folder):
        """In words, what the step needs and this machine lacks; "" if nothing."""
        for need in self.needs:
            if need == "two GPUs":
                if len(subprocess.run(["nvidia-smi", "-L"], stdout=subprocess.PIPE).stdout.splitlines()) < 2:
                    return "two GPUs are needed"
            elif need == "torch":
                code = "import torch, transformers; assert torch.cuda.is_available()"
                if subprocess.run(["python3", "-c", code], stderr=subprocess.DEVNULL).returncode != 0:
                    return "python3 has no torch with CUDA, or no transformers"
            elif not (os.path.exists(os.path.join(folder, need)) if need.startswith("./") else shutil.which(need)):
                return f"{need} is absent"
        return ""


def shell(name, script, seconds, **more):
    return Step(name, ["bash", "-euo", "pipefail", "-c", script], seconds, **more)


def native(name, pattern, seconds, *needs, processes="$(( ($(nproc) + 1) / 2 ))"):
    """Native tests, in several processes, because they compute references on the CPU; it is a failure if none that fits the
    pattern was run."""
    return shell(name, f"""
export GTEST_TOTAL_SHARDS={processes}
started=()
for ((i = 0; i < GTEST_TOTAL_SHARDS; ++i)); do
  GTEST_SHARD_INDEX=$i "$FOLDER/softthinking_native_tests" --gtest_brief=1 --gtest_filter='{pattern}' --gtest_output="json:$OUT/{name}-$i.json" > "$OUT/{name}-$i.log" 2>&1 &
  started+=($!)
done
status=0
for process in "${{started[@]}}"; do wait "$process" || status=1; done
for ((i = 0; i < GTEST_TOTAL_SHARDS; ++i)); do cat "$OUT/{name}-$i.log"; rm "$OUT/{name}-$i.log"; done
grep -qh '"result": "COMPLETED"' "$OUT"/{name}-*.json
exit $status""", seconds, needs=("./softthinking_native_tests", *needs))


def bench(name, options, seconds):
    command = f'"$FOLDER/SoftThinking.Cli" bench --device cuda --json {options}'
    return shell(name, command, seconds, result=name + ".json", needs=("./SoftThinking.Cli",))


def python(name, script, seconds, **more):
    return shell(name, f"python3 tests/gpu/{script}", seconds, **more)


def table(name, script):
    return python(name, script, 10, result=name + ".md", again=True)


def check():
    """That it works here: the device, the operations, the engine, and the facts that its design rests on."""
    return [
        native("device", "CudaTest.*", 30, processes=1),
        Step("probe", ["bash", "-c", '"$FOLDER/softthinking_gpu_probe"'], 60, result="probe.jsonl", needs=("./softthinking_gpu_probe",)),
        shell("generate", '"$FOLDER/SoftThinking.Cli" generate --device cuda --prompt "What is 47 + 85 - 19?" --json', 30, needs=("./SoftThinking.Cli",)),
        native("native", "*/cuda_*", 240),
        python("same-answers", 'same.py answers', 90, needs=("./SoftThinking.Cli",)),
        python("same-hashes", 'same.py hashes', 60, needs=("./SoftThinking.Cli",)),
        native("collectives", "*/CommTest.*/cuda_*:*/*Shards*/cuda_*", 60, "two GPUs"),
        shell("managed", '"$FOLDER/SoftThinking.DeviceTests"', 120, needs=("./SoftThinking.DeviceTests",)),
        shell("build", """
cmake -S . -B "$OUT.build" -D CMAKE_BUILD_TYPE=Release -D SOFTTHINKING_CUDA=ON -D SOFTTHINKING_TESTS=OFF
cmake --build "$OUT.build" --target softthinking_cuda --parallel "$(nproc)" """, 200, needs=("cmake", "nvcc")),
        shell("native-of-build", """
export SOFTTHINKING_TEST_BACKENDS="cpu=$FOLDER/libsoftthinking_cpu.so|cuda=$OUT.build/bin/libsoftthinking_cuda.so"
"$FOLDER/softthinking_native_tests" --gtest_brief=1 --gtest_filter='*/cuda_*' """, 240, needs=("cmake", "nvcc", "./softthinking_native_tests")),
    ]


def kernels():
    """Every operation against its floor."""
    return [
        Step("probe", ["bash", "-c", '"$FOLDER/softthinking_gpu_probe"'], 60, result="probe.jsonl", needs=("./softthinking_gpu_probe",)),
        Step("kernels", ["bash", "-c", '"$FOLDER/softthinking_gpu_benchmarks" "$FOLDER/libsoftthinking_cuda.so"'], 420, result="kernels.jsonl", needs=("./softthinking_gpu_benchmarks",)),
        table("kernels-table", 'kernel_table.py "$OUT/kernels.jsonl"'),
        shell("counters", """
ncu --set basic --clock-control none --launch-skip 20 --launch-count 10 "$FOLDER/softthinking_gpu_benchmarks" "$FOLDER/libsoftthinking_cuda.so" --only linear""", 60, needs=("ncu", "./softthinking_gpu_benchmarks")),
    ]


def benchmarks():
    """Whole steps, soft and greedy, with the model's own limit of positions and with the fewest that the work needs; and where
    the time of a step goes, kernel by kernel."""
    shapes = os.environ.get("SOFTTHINKING_GPU_SHAPES", SHAPES).split()
    work = f"--batch {BATCHES} --greedy --repeat 2 --prompt 2048 --generate 64"
    steps = [bench(f"bench-{shape}", f"--shape {shape} {work} --context-limit 131072", 120) for shape in shapes]
    steps += [of_step(f"step-{shape}-{batch}", f"--shape {shape} --batch {batch} --prompt 64", 4000) for shape in shapes for batch in (1, 64)]
    steps += [of_step(f"prompt-{shape}", f"--shape {shape} --batch 1 --prompt 2048", 1500) for shape in shapes]
    steps += [bench(f"bench-few-positions-{shape}", f"--shape {shape} {work}", 120) for shape in shapes]
    return steps + [table("bench-table", 'table.py "$OUT"/bench-*.json')]


def of_step(name, work, skip):
    """The time of each kernel of some engine steps, after `skip` kernels, as ncu reads it, one kernel at a time."""
    return shell(name, f"""
ncu --metrics gpu__time_duration.sum,dram__bytes_read.sum --clock-control none --cache-control none --graph-profiling node \
  --csv --print-units base --log-file "$OUT/{name}.csv" --launch-skip {skip} --launch-count 1000 \
  "$FOLDER/SoftThinking.Cli" bench --device cuda --json {work} --repeat 1 --generate 32 > /dev/null
python3 tests/gpu/step_table.py "$OUT/{name}.csv" > "$OUT/{name}.md" """, 90, needs=("ncu", "./SoftThinking.Cli"))


def others():
    """What takes longer than a short lease has: prompts by cuBLAS, sanitizers, other software."""
    steps = [bench("bench-tiny-reasoner", "--greedy --prefix --concurrent 16", 300)]
    for shape in (SHAPES + " " + OTHER_SHAPES).split():
        steps.append(bench(f"bench-all-{shape}", f"--shape {shape} --batch 1,8,32,64,128 --prompt 2048 --generate 64 --repeat 2", 600))
        steps.append(bench(f"bench-fast-prefill-{shape}", f"--shape {shape} --batch 1,8 --prompt 2048 --generate 8 --repeat 3 --fast-prefill", 300))
    for tool in ("memcheck", "racecheck", "synccheck"):
        steps.append(shell(tool, f'compute-sanitizer --tool {tool} --error-exitcode 9 "$FOLDER/softthinking_native_tests" --gtest_filter="{SANITIZED}"', 900, needs=("compute-sanitizer",)))
    return steps + [python("peers", 'peers.py "$OUT/peers"', 900, needs=("torch",)), table("bench-table-of-all", 'table.py "$OUT"/bench-*.json')]


PRESETS = {"check": check, "kernels": kernels, "bench": benchmarks, "all": lambda: check() + kernels()[1:] + benchmarks() + others()}
