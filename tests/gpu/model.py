#!/usr/bin/env python3
"""The time that a step should take, by a model of bytes, operations and latencies: what the kernels are built for, to be
compared with what `run.sh` measures. Prints a table for docs/cuda.md.

A kernel takes START, twice the latency of memory (a first load; the sums that blocks exchange), and the largest of
  - bytes from memory / what the loads in flight can draw: min(read bandwidth, bytes in flight / latency)
  - bytes from the second-level cache / L2
  - multiply-adds / the rate of mma.sync
times the share of the busiest multiprocessor over the mean. The plans of matmuls are those of linear_plan.h, and the
rates of a device are assumptions until one is measured.
"""
import math
from dataclasses import dataclass

MULTIPROCESSORS = 132
LATENCY = 0.8e-6
START = 1.3e-6  # of a node of a graph
L2 = 6e12
MMA_SYNC = 300e12  # multiply-adds a second
DEVICES = {"H100": 3.0e12, "H200": 4.3e12}  # bytes a second
PARTS = 8


@dataclass
class Shape:
    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    ffn: int
    vocabulary: int

    def matmuls(self):
        """Outputs and columns of the matmuls of a layer."""
        queries = self.heads * self.head_dim
        return [(queries + 2 * self.kv_heads * self.head_dim, self.hidden), (self.hidden, queries), (2 * self.ffn, self.hidden), (self.hidden, self.ffn)]

    def weight_bytes(self):
        return 2 * (self.layers * sum(n * k for n, k in self.matmuls()) + self.vocabulary * self.hidden)

    def kv_bytes(self, positions):
        return 4 * self.layers * self.kv_heads * self.head_dim * positions


SHAPES = {
    "Qwen2.5-0.5B": Shape(896, 24, 14, 2, 64, 4864, 151936),
    "Qwen2.5-1.5B": Shape(1536, 28, 12, 2, 128, 8960, 151936),
    "Qwen2.5-7B": Shape(3584, 28, 28, 4, 128, 18944, 152064),
}


def kernel(bandwidth, memory, l2=0.0, multiply_adds=0.0, in_flight=math.inf, imbalance=1.0, latencies=2):
    drawn = min(bandwidth, in_flight / LATENCY)
    return START + latencies * LATENCY + imbalance * max(memory / drawn, l2 / L2, multiply_adds / MMA_SYNC)


def matmul(bandwidth, rows, outputs, cols):
    # outputs and rows of a block; bytes of weights that a block has in flight; blocks of a multiprocessor
    block_outputs, block_rows, flying, resident = next(
        shape for shape in [(16, 8, 48e3, 2), (32, 16, 48e3, 2), (64, 32, 48e3, 2), (64, 64, 48e3, 1), (128, 128, 16e3, 1)] if rows <= shape[1] or shape[1] == 128)
    tiles = math.ceil(outputs / block_outputs) * math.ceil(rows / block_rows)
    turns = 2 if block_rows >= 64 else 1

    def busiest(splits):
        return math.ceil(tiles * splits / MULTIPROCESSORS) / splits

    splits = 1
    if tiles < turns * MULTIPROCESSORS:
        allowed = [s for s in (1, 2, 4, 8) if s == 1 or block_outputs * cols * 2 / s >= 32 << 10]
        splits = min(allowed, key=lambda s: busiest(s) + s / 50)
    blocks = tiles * splits
    at_once = min(blocks, resident * MULTIPROCESSORS)
    # Of memory-bound blocks the busiest multiprocessor matters only in the last turn: the others draw its bandwidth.
    imbalance = 1.0 if block_rows < 128 else busiest(splits) * MULTIPROCESSORS / tiles
    return kernel(bandwidth, 2.0 * outputs * cols, 2.0 * outputs * cols * math.ceil(rows / block_rows) + tiles * block_rows * cols * 2.0,
                  float(math.ceil(rows / block_rows) * block_rows) * outputs * cols, at_once * flying, imbalance, 3 if splits > 1 else 2)


def row_kernel(bandwidth, rows, width):
    return kernel(bandwidth, 0, 3 * 2.0 * rows * width)


def sampler(bandwidth, rows, vocabulary):
    tiles = kernel(bandwidth, 4.0 * rows * vocabulary)
    sums = kernel(bandwidth, 0, 4.0 * rows * vocabulary, latencies=3) + rows * vocabulary * 33 / (MULTIPROCESSORS * 4 * 32 * 1.7e9)
    return tiles + sums + kernel(bandwidth, 0, latencies=8)


def attention(bandwidth, shape, batch, positions):
    splits = batch * shape.kv_heads * math.ceil(positions / 128)
    flying = min(splits, 3 * MULTIPROCESSORS) * 128 * shape.head_dim * 4
    return kernel(bandwidth / 1.05, batch * shape.kv_bytes(positions) / shape.layers, in_flight=flying, latencies=4)


def kernels_of(bandwidth, shape, batch, positions):
    """Of each kernel of a decode step its name, how often it runs, its time and its bytes of weights, keys and values."""
    names = ("matmul of q, k and v", "matmul of the output", "matmul of gate and up", "matmul of down")
    kernels = [(name, shape.layers, matmul(bandwidth, batch, n, k), 2.0 * n * k) for name, (n, k) in zip(names, shape.matmuls())]
    return kernels + [
        ("attention", shape.layers, attention(bandwidth, shape, batch, positions), batch * shape.kv_bytes(positions) / shape.layers),
        ("rms_norm", 2 * shape.layers, row_kernel(bandwidth, batch, shape.hidden), 0),
        ("qkv_epilogue", shape.layers, row_kernel(bandwidth, batch, (shape.heads + 2 * shape.kv_heads) * shape.head_dim), 0),
        ("LM head", 1, matmul(bandwidth, batch, shape.vocabulary, shape.hidden), 2.0 * shape.vocabulary * shape.hidden),
        ("sampler", 1, sampler(bandwidth, batch, shape.vocabulary), 0),
        ("embed, rope_angles, last norm, gather_rows", 4, START + LATENCY, 0),
    ]


def decode(bandwidth, shape, batch, positions):
    return sum(count * seconds for _, count, seconds, _ in kernels_of(bandwidth, shape, batch, positions))


def prefill(bandwidth, shape, rows):
    layer = sum(matmul(bandwidth, rows, n, k) for n, k in shape.matmuls()) + 3 * row_kernel(bandwidth, rows, shape.hidden)
    pairs = rows * rows / 2 * shape.heads * shape.head_dim * 2
    return shape.layers * (layer + kernel(bandwidth, 0, 0, 2 * pairs))


def main():
    goals = {("Qwen2.5-7B", 1): 85, ("Qwen2.5-1.5B", 1): 63, ("Qwen2.5-0.5B", 1): 42, ("Qwen2.5-7B", 64): 78}
    print("| step, 2,048 positions | " + " | ".join(f"{name}: model / floor, ms" for name in DEVICES) + " | of the floor | goal (H200) |")
    print("| --- | " + "--- | " * (len(DEVICES) + 2))
    for name, shape in SHAPES.items():
        for batch in (1, 16, 64):
            floor = shape.weight_bytes() + batch * shape.kv_bytes(2048)
            times = {device: (decode(rate, shape, batch, 2048), floor / rate) for device, rate in DEVICES.items()}
            line(f"{name}, {batch} sequence{'s' * (batch > 1)}", times, goals.get((name, batch)))
    seven = SHAPES["Qwen2.5-7B"]
    operations = 2048 * sum(n * k for n, k in seven.matmuls()) * seven.layers
    line("Qwen2.5-7B, prompt of 2,048", {device: (prefill(rate, seven, 2048), operations / 395e12) for device, rate in DEVICES.items()}, 70)
    print()
    print("| kernel, Qwen2.5-7B, H200 | a step has | 1 sequence: µs each, of the floor | 64 sequences |")
    print("| --- | --- | --- | --- |")
    for one, many in zip(kernels_of(DEVICES["H200"], seven, 1, 2048), kernels_of(DEVICES["H200"], seven, 64, 2048)):
        cells = [f"{seconds * 1e6:.1f}" + (f", {100 * moved / DEVICES['H200'] / seconds:.0f} %" if moved else "") for _, _, seconds, moved in (one, many)]
        print(f"| {one[0]} | {one[1]} | {cells[0]} | {cells[1]} |")
    print()
    print("| sampler, V = 151,936 | " + " | ".join(DEVICES) + " | goal (H200) |")
    print("| --- | " + "--- | " * (len(DEVICES) + 1))
    for batch, goal in ((1, 12), (32, 16), (64, 22), (128, 34)):
        print(f"| {batch} row{'s' * (batch > 1)} | " + " | ".join(f"{sampler(rate, batch, 151936) * 1e6:.0f} µs" for rate in DEVICES.values()) + f" | {goal} µs |")


def line(name, times, goal):
    columns = " | ".join(f"{taken * 1e3:.2f} / {floor * 1e3:.2f}" for taken, floor in times.values())
    fractions = ", ".join(f"{100 * floor / taken:.0f} %" for taken, floor in times.values())
    print(f"| {name} | {columns} | {fractions} | {f'{goal} %' if goal else ''} |")


if __name__ == "__main__":
    main()
