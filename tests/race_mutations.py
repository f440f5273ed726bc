#!/usr/bin/env python3
"""Deletes each fence, barrier and wait of some kernels in turn, in a copy, and says what the race detector reports.

usage: tests/race_mutations.py BUILD SOURCE... [--in FILE...] [--lines LINE...] [--tests FILTER]

BUILD is a build folder with softthinking_simt_races, softthinking_cpu and softthinking_native_tests; SOURCE are files of
native/cuda that are compiled again, with the deletion in them or in the headers that --in names.
"""
import argparse, json, os, pathlib, re, shlex, shutil, subprocess, sys, tempfile

CALL = re.compile(r"__threadfence\(\);|__syncthreads\(\);|__syncwarp\(\);|copy_async_wait<[^>]*>\(\);")
ROOT = pathlib.Path(__file__).resolve().parent.parent


def commands(build, target):
    output = subprocess.run(["ninja", "-C", build, "-t", "commands", target], check=True, capture_output=True, text=True)
    return output.stdout.splitlines()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("sources", nargs="+")
    parser.add_argument("--in", dest="files", nargs="+")
    parser.add_argument("--lines", nargs="+", type=int, help="only these lines of the files")
    parser.add_argument("--tests", default="*/simt_bf16")
    arguments = parser.parse_args()
    build = os.path.abspath(arguments.build)
    library = f"{build}/tests/libsoftthinking_simt_races.so"
    all_commands = commands(build, library[len(build) + 1:])

    with tempfile.TemporaryDirectory() as scratch:
        shutil.copytree(ROOT / "native", f"{scratch}/native")
        changed, mutant = {}, f"{scratch}/mutant.so"
        link = all_commands[-1].replace(library[len(build) + 1:], mutant, 1)
        compiles = []
        for source in arguments.sources:
            name = f"{source}.o"
            command = next(c for c in all_commands if c.endswith(f"/{source}") and "softthinking_simt_races.dir" in c)
            words = shlex.split(command)
            # First: of inline functions, which others have as they are, the linker takes the first.
            link = link.replace(f" {words[words.index('-o') + 1]} ", " ").replace(" -shared ", f" -shared {scratch}/{name} ", 1)
            words[words.index("-o") + 1] = f"{scratch}/{name}"
            compiles.append([word.replace(str(ROOT / "native"), f"{scratch}/native") for word in words])

        def outcome():
            for command in compiles:
                if subprocess.run(command, cwd=build).returncode != 0:
                    return "does not compile"
            subprocess.run(link, shell=True, check=True, cwd=build)
            backends = f"cpu={build}/bin/libsoftthinking_cpu.so|simt={mutant}"
            try:
                run = subprocess.run(
                    [f"{build}/bin/softthinking_native_tests", "--gtest_fail_fast", f"--gtest_filter={arguments.tests}"],
                    env={**os.environ, "SOFTTHINKING_TEST_BACKENDS": backends}, capture_output=True, text=True, timeout=600)
            except subprocess.TimeoutExpired:
                return "hangs"
            if run.returncode == 0:
                return "NOT REPORTED"
            found = re.search(r"a race in [^\n\"]*", run.stdout)
            if found:
                return found.group()
            found = re.search(r"a kernel failed:[^\n\"]*|Failure\n[^\n]*", run.stdout)
            return "fails otherwise: " + (found.group().replace("\n", " ") if found else "a test")

        print("as it is:", outcome(), flush=True)
        for file in arguments.files or arguments.sources:
            path = pathlib.Path(f"{scratch}/native/cuda/{file}")
            text = path.read_text()
            for call in CALL.finditer(text):
                line = text.count("\n", 0, call.start()) + 1
                if arguments.lines and line not in arguments.lines:
                    continue
                path.write_text(text[:call.start()] + "static_cast<void>(0);" + text[call.end():])
                print(f"{file}:{line} without {call.group()} {outcome()}", flush=True)
            path.write_text(text)


if __name__ == "__main__":
    sys.exit(main())
