#!/usr/bin/env python3
"""Prints, as a Markdown table, what a rank receives in one step of a model over N devices, counted from the shapes:
the least time for it on some links, next to the least time to read the rank's weights. Nothing is measured.

usage: collective_bytes.py
"""
from dataclasses import dataclass

WEIGHTS = 3.35e12  # bytes per second: the memory of an H100
LINKS = {"NVLink 4": 450e9, "PCIe 5": 64e9, "PCIe 4": 32e9}  # bytes per second in one direction; x16
LATENCY = 10e-6  # seconds for a collective without bytes: assumed
WORTH_SHARING = 4 << 20  # bytes that are worth a second collective: adds_shares in native/cuda/all_sum.cu
ACTIVATION = 2  # bytes: bf16

HEAD = ["model", "N", "rows", "weights ms", "sums MB", "logits MB", *(f"{link} ms" for link in LINKS), "latency ms", "ring, bf16: sums MB"]


@dataclass(frozen=True)
class Model:
    name: str
    hidden: int
    layers: int
    heads: int
    kv_heads: int
    ffn: int
    vocabulary: int
    head_dim: int = 128

    def weight_bytes(self, ranks):
        """Matrices that a decode step reads, in bf16; of the embedding it reads only some rows."""
        attention = self.hidden * self.head_dim * (2 * self.heads + 2 * self.kv_heads)
        layer = attention + 3 * self.hidden * self.ffn
        return 2 * (self.layers * layer + self.vocabulary * self.hidden) // ranks

    def sums(self):
        """Summed over the ranks: the embedding, and in each layer what attention and MLP add."""
        return 2 * self.layers + 1


# DeepSeek-R1-Distill-Qwen.
MODELS = [
    Model("7B", 3584, 28, 28, 4, 18944, 152064),
    Model("32B", 5120, 64, 40, 8, 27648, 152064),
]


def sum_bytes(ranks, count):
    """Bytes that a rank receives for a sum of `count` elements, and its collectives: every rank adds all, or its share."""
    all_of_it = 4 * (ranks - 1) * count
    share = (4 + ACTIVATION) * (ranks - 1) * count // ranks
    return (share, 2) if all_of_it - share >= WORTH_SHARING else (all_of_it, 1)


def row(model, ranks, rows):
    one, collectives = sum_bytes(ranks, rows * model.hidden)
    sums = model.sums() * one
    sampled = rows if rows <= 64 else 1  # more are a prompt
    logits = sampled * model.vocabulary * 4 * (ranks - 1) // ranks
    ring = model.sums() * 2 * (ranks - 1) * rows * model.hidden * 2 // ranks
    return [
        model.name, ranks, rows, f"{1e3 * model.weight_bytes(ranks) / WEIGHTS:.2f}", f"{sums / 1e6:.1f}", f"{logits / 1e6:.1f}",
        *(f"{1e3 * (sums + logits) / speed:.2f}" for speed in LINKS.values()),
        f"{1e3 * LATENCY * (collectives * model.sums() + 1):.2f}", f"{ring / 1e6:.1f}",
    ]


def table():
    yield HEAD
    yield ["---"] * 2 + ["---:"] * (len(HEAD) - 2)
    for model in MODELS:
        for ranks in (2, 4, 8):
            if model.kv_heads % ranks == 0:
                yield from (row(model, ranks, rows) for rows in (1, 16, 64, 512))


for cells in table():
    print("| " + " | ".join(map(str, cells)) + " |")
