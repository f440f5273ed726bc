#!/usr/bin/env python3
"""Whether results do not depend on what runs at the same time: answers of the included model to 24 prompts, 1, 3 and 16 at a
time, and the hash of a benchmark's batch alone and behind another.

usage: same.py answers|hashes       with FOLDER of the programs and OUT in the environment
"""
import json
import os
import subprocess
import sys

PROGRAM = os.path.join(os.environ["FOLDER"], "SoftThinking.Cli")
OUT = os.environ["OUT"]


def output(*arguments):
    return subprocess.run([PROGRAM, *arguments], stdout=subprocess.PIPE, text=True, check=True).stdout


def question(i):
    asked = {"id": str(i), "prompt": f"What is {i * 7 % 90} + {i * 11 % 80} - {i % 10}?", "seed": i}
    return asked if i % 3 == 1 else dict(asked, temperature=1.5, top_k=0)


def answers_of(kv, batch):
    """The answers, without what a clock says of them."""
    lines = output("generate", "--device", "cuda", "--kv-dtype", kv, "--prompts", os.path.join(OUT, "questions.jsonl"), "--batch", str(batch),
                   "--max-new-tokens", "200", "--log-probs", "5").splitlines()
    found = [{key: value for key, value in json.loads(line).items() if key != "timing"} for line in lines]
    with open(os.path.join(OUT, f"answers-{kv}-{batch}.jsonl"), "w") as file:
        file.writelines(json.dumps(each) + "\n" for each in found)
    return found


def answers():
    with open(os.path.join(OUT, "questions.jsonl"), "w") as file:
        file.writelines(json.dumps(question(i)) + "\n" for i in range(24))
    for kv in ("bf16", "f32"):
        alone = answers_of(kv, 1)
        if len(alone) != 24:
            return f"{len(alone)} answers, not 24"
        for batch in (3, 16):
            if answers_of(kv, batch) != alone:
                return f"{kv}: {batch} at a time give other answers than one"
    return ""


def hashes():
    arguments = ["bench", "--device", "cuda", "--json", "--prompt", "40", "--generate", "24", "--repeat", "1", "--batch"]
    alone = json.loads(output(*arguments, "5"))
    behind = json.loads(output(*arguments, "2,5", "--concurrent", "12"))
    one, two = (report["results"][-1]["output_hash"] for report in (alone, behind))
    print(f"batch 5: {one} alone, {two} behind a batch of 2")
    if one != two:
        return "the hashes differ"
    return "" if '"same_output": true' in json.dumps(behind) else "concurrent requests give another output"


if len(sys.argv) != 2 or sys.argv[1] not in ("answers", "hashes"):
    sys.exit(__doc__)
sys.exit({"answers": answers, "hashes": hashes}[sys.argv[1]]() or 0)
