#!/usr/bin/env python3
"""Sums up, as a Markdown table, what ncu --csv read of each kernel of some steps: launches, time and bytes from memory.

usage: step_table.py FILE.csv
"""
import csv
import re
import sys
from collections import defaultdict

if len(sys.argv) != 2:
    sys.exit(__doc__)
with open(sys.argv[1]) as file:
    lines = [line for line in file if line.startswith('"')]  # ncu also says what it does
kernels = defaultdict(lambda: defaultdict(list))
for row in csv.DictReader(lines):
    name = re.sub(r"\(.*", "", row["Kernel Name"]) + " " + row["Grid Size"]
    kernels[name][row["Metric Name"]].append(float(row["Metric Value"].replace(",", "")))
print("| kernel, grid | launches | median us | all us | MB read | GB/s |")
print("| --- | --- | --- | --- | --- | --- |")
for name, metrics in sorted(kernels.items(), key=lambda each: -sum(each[1]["gpu__time_duration.sum"])):
    times, read = sorted(metrics["gpu__time_duration.sum"]), metrics["dram__bytes_read.sum"]
    print(f"| {name} | {len(times)} | {times[len(times) // 2] / 1e3:.2f} | {sum(times) / 1e3:.1f} | {sum(read) / len(read) / 1e6:.3f} | {sum(read) / sum(times):.0f} |")
