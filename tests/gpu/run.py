#!/usr/bin/env python3
"""Checks and measures this commit on a machine with a GPU that is there for some minutes only. No network is needed, and
neither a .NET SDK nor a .NET runtime: tests/gpu/publish.sh makes, elsewhere, the folder of programs that is run here.

What is done is a list of steps, those that matter most first. OUT/report.json says after every step what was done: it is
whole at any time, also if this program is killed. OUT/<step>.log is what a step printed, OUT/<step>.json or .jsonl what
it found. OUT.tar.gz is all of it, written after every step. A step that has succeeded for this build is not done again in
the same OUT. The exit status is 0 when no step failed, 1 when one did, 2 when nothing can be run, 3 when none failed but
the budget was too short for all.
"""
import argparse
import fnmatch
import glob
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time

from steps import PRESETS

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
LEAST = 5.0  # seconds: with less left, a step is not begun
FOR_ARCHIVE = 3.0  # seconds of the budget that are kept for the report and the archive


def first_line(*command):
    """The first line that a command prints; "" where it does not work."""
    try:
        out = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT, text=True, timeout=30).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return out.split("\n")[0].strip()


def replace(path, write):
    """Writes a file so that at any time it is the old one or the new one."""
    write(path + ".part")
    os.replace(path + ".part", path)


class Report:
    """What was done so far, by this run and by those before it in the same folder for the same build."""

    def __init__(self, out, facts):
        self.out, self.path = out, os.path.join(out, "report.json")
        self.content = dict(facts, steps={})
        try:
            with open(self.path) as file:
                before = json.load(file)
            if before["build"] == facts["build"]:
                self.content["steps"] = before["steps"]
        except (OSError, ValueError, KeyError):
            pass

    def succeeded(self, name):
        return self.content["steps"].get(name, {}).get("state") == "succeeded"

    def say(self, name, **what):
        self.content["steps"][name] = what

        def write(path):
            with open(path, "w") as file:
                json.dump(self.content, file, indent=1)

        replace(self.path, write)

    def archive(self):
        def write(path):
            with tarfile.open(path, "w:gz", compresslevel=3) as tar:
                tar.add(self.out, arcname=os.path.basename(self.out))

        replace(self.out + ".tar.gz", write)


class Interrupted(Exception):
    pass


def interrupt(number, _):
    raise Interrupted(number)


def end(process):
    """Ends a step with everything that it has started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(timeout=2)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            pass


def execute(step, out, environment, seconds):
    """Runs a step; returns its state and its exit status. What it prints goes to its log, and where the step has a
    result, its standard output goes there."""
    log_path = os.path.join(out, step.name + ".log")
    with open(log_path, "w") as log:
        result = open(os.path.join(out, step.result), "w") if step.result else log
        process = subprocess.Popen(step.command, stdin=subprocess.DEVNULL, stdout=result, stderr=log, cwd=ROOT, env=environment, preexec_fn=os.setpgrp)
        try:
            code = process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            end(process)
            return "ended", None
        except Interrupted:
            end(process)
            raise
        finally:
            if step.result:
                result.close()
    return ("succeeded" if code == 0 else "failed"), code


def tail(path, lines=4):
    with open(path, errors="replace") as file:
        return "".join(line[:300] for line in file.readlines()[-lines:])


class Run:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.out = os.path.abspath(options.out)
        self.deadline = time.monotonic() + options.budget - FOR_ARCHIVE
        os.makedirs(self.out, exist_ok=True)
        library = os.path.join(folder, "libsoftthinking_cuda.so")
        with open(library, "rb") as file:
            digest = hashlib.sha256(file.read()).hexdigest()[:16]
        self.report = Report(self.out, {
            "device": first_line("nvidia-smi", "--query-gpu=name", "--format=csv,noheader"),
            "driver": first_line("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"),
            "toolkit": first_line("bash", "-c", "nvcc --version | sed -nE 's/.*release ([0-9.]+).*/\\1/p'"),
            "commit": first_line("cat", os.path.join(folder, "commit")) or first_line("git", "rev-parse", "HEAD"),
            "build": digest,
        })
        self.environment = dict(os.environ, FOLDER=folder, OUT=self.out, SOFTTHINKING_REPOSITORY=ROOT, SOFTTHINKING_GOLDEN=os.path.join(ROOT, "tests", "data"),
                                SOFTTHINKING_TEST_CUDA=library, SOFTTHINKING_TEST_BACKENDS=f"cpu={folder}/libsoftthinking_cpu.so|cuda={library}")

    def left(self):
        return self.deadline - time.monotonic()

    def all(self, steps):
        """Runs the steps; returns their states."""
        states = []
        for step in steps:
            if any(fnmatch.fnmatch(step.name, pattern) for pattern in self.options.steps or ["*"]):
                states.append(self.one(step))
                self.report.archive()
        return states

    def one(self, step):
        if self.report.succeeded(step.name) and not step.again:
            print(f"== {step.name}: has succeeded before", flush=True)
            return "succeeded"
        missing = step.missing(self.folder)
        if missing:
            return self.leave_out(step, "left out", missing)
        if self.left() < min(LEAST, step.seconds / 10):
            return self.leave_out(step, "no time", "the budget is spent")
        seconds = min(step.seconds, self.left())
        print(f"== {step.name}: at most {seconds:.0f} s: {' '.join(step.command[-1].split())[:200]}", flush=True)
        begin = time.monotonic()
        self.report.say(step.name, state="running", command=step.command)
        try:
            state, code = execute(step, self.out, self.environment, seconds)
        except Interrupted:
            self.report.say(step.name, state="interrupted", command=step.command, seconds=round(time.monotonic() - begin, 1))
            raise
        if state == "ended" and seconds < step.seconds:
            state = "no time"  # it was given less than it may take
        self.report.say(step.name, state=state, exit=code, command=step.command, seconds=round(time.monotonic() - begin, 1), limit=round(seconds, 1))
        print(tail(os.path.join(self.out, step.name + ".log")) + f"   {state}", flush=True)
        return state

    def leave_out(self, step, state, why):
        print(f"== {step.name}: {state}: {why}", flush=True)
        self.report.say(step.name, state=state, why=why)
        return state


def programs(path):
    """The folder of programs; where only its archive is there, that is unpacked. None where there is neither."""
    if not os.path.isdir(path) and os.path.exists(path + ".tar.xz"):
        with tarfile.open(path + ".tar.xz") as tar:
            tar.extractall(os.path.dirname(path))
    return path if os.path.exists(os.path.join(path, "libsoftthinking_cuda.so")) else None


def read_options():
    parser = argparse.ArgumentParser(prog="run.sh", description=__doc__.split("\n\n")[0], epilog=__doc__.split("\n\n")[1], formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", choices=sorted(PRESETS), default="all", help="the list of steps; default all of them")
    parser.add_argument("--budget", type=float, metavar="SECONDS", help="default 480, and for all of them three hours")
    parser.add_argument("--programs", default=os.environ.get("SOFTTHINKING_PUBLISHED") or os.path.join(ROOT, "build", "gpu", "published"), metavar="FOLDER",
                        help="what publish.sh made, or without .tar.xz the name of its archive; default SOFTTHINKING_PUBLISHED, else build/gpu/published")
    parser.add_argument("out", nargs="?", default=os.path.join(ROOT, "build", "gpu", "report"), metavar="OUT", help="default build/gpu/report")
    parser.add_argument("steps", nargs="*", metavar="STEP", help="patterns of names of steps, such as 'bench-*'; default all of the preset")
    options = parser.parse_args()
    if options.budget is None:
        options.budget = 3 * 3600 if options.preset == "all" else 480
    return options


def main():
    options = read_options()
    if not shutil.which("nvidia-smi"):
        print("there is no NVIDIA driver here", file=sys.stderr)
        return 2
    folder = programs(os.path.abspath(options.programs))
    if not folder:
        print(f"{options.programs} has no libsoftthinking_cuda.so: tests/gpu/publish.sh makes such a folder", file=sys.stderr)
        return 2
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, interrupt)
    run = Run(options, folder)
    try:
        states = run.all(PRESETS[options.preset]())
    except Interrupted as signalled:
        run.report.archive()
        return 128 + signalled.args[0]
    print(f"report: {run.report.path}, archive: {run.out}.tar.gz")
    return 1 if {"failed", "ended"} & set(states) else 3 if "no time" in states else 0


if __name__ == "__main__":
    sys.exit(main())
