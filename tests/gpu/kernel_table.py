#!/usr/bin/env python3
"""Prints what the benchmarks of the kernels found, JSON lines, as a Markdown table.

usage: kernel_table.py FILE.jsonl
"""
import json
import sys

HEAD = ["operation", "case", "rows", "µs", "floor µs", "bound by", "of the floor"]


def row(line):
    bound = "memory" if line["memory_us"] >= line["arithmetic_us"] else "arithmetic"
    floor = max(line["memory_us"], line["arithmetic_us"])
    return [line["operation"], line["case"], str(line["rows"]), f"{line['us']:.2f}", f"{floor:.2f}", bound, f"{floor / line['us']:.0%}"]


if len(sys.argv) != 2:
    sys.exit(__doc__)
with open(sys.argv[1]) as file:
    lines = [json.loads(line) for line in file if line.endswith("\n")]  # the last may be cut
for cells in [HEAD, ["---"] * len(HEAD)] + [row(line) for line in lines if "us" in line]:
    print("| " + " | ".join(cells) + " |")
