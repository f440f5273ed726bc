#!/usr/bin/env python3
"""Prints what `bench --json` found as a Markdown table. GB/s and TMAC/s, a trillion multiply-adds, are the device's ceilings.

usage: table.py FILE.json...
"""
import json
import sys

HEAD = ["device", "GB/s", "bf16 TMAC/s", "model", "batch", "context", "prefill tokens/s", "of arithmetic", "step ms", "decode tokens/s", "of bandwidth", "soft over greedy", "hash"]


def cell(value, form):
    return "–" if value is None else form.format(value)


def rows(path):
    with open(path) as file:
        report = json.load(file)
    model, machine = report["model"], report["machine"]
    name = model["name"] + (" (" + model["fast_prefill"] + ")" if model["fast_prefill"] else "")
    for result in report["results"]:
        rate = result["decode_tokens_per_second"]
        yield [
            machine["device"], f"{machine['read_bandwidth_gbps']:,.0f}", f"{machine['multiply_adds_bf16_per_second'] / 1e12:,.1f}",
            name, str(result["batch"]), str(result["context"]),
            cell(result["prefill_tokens_per_second"], "{:,.0f}"), cell(result["prefill_arithmetic_fraction"], "{:.1%}"),
            cell(1000 * result["batch"] / rate if rate else None, "{:.3f}"), cell(rate, "{:,.0f}"),
            cell(result["decode_bandwidth_fraction"], "{:.1%}"), cell(result.get("soft_cost_fraction"), "{:+.1%}"),
            result["output_hash"],
        ]


def line(cells):
    print("| " + " | ".join(cells) + " |")


def main(paths):
    line(HEAD)
    line(["---"] * len(HEAD))
    for path in paths:
        try:
            for cells in rows(path):
                line(cells)
        except (ValueError, KeyError):
            print(f"{path} holds no result", file=sys.stderr)


if len(sys.argv) < 2:
    sys.exit(__doc__)
main(sys.argv[1:])
