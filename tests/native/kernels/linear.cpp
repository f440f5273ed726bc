// linear: the products of a layer and the LM head.
#include <algorithm>

#include "bench.h"

namespace st::kernels {
namespace {

struct Product {
  const char* name;
  int32_t outputs, inputs;
  int32_t gated, out_f32;
  int32_t dtype = ST_BF16;
};

}  // namespace

// Few rows are bound by reading the weights, many by arithmetic.
void bench_linear(Bench& bench, const Shape& shape) {
  if (!bench.wanted("linear")) return;
  std::vector<Product> products = {
      {"qkv", shape.qkv(), shape.hidden, 0, 0},       {"o", shape.hidden, shape.heads * shape.head_dim, 0, 0},
      {"gate-up", 2 * shape.ffn, shape.hidden, 1, 0}, {"down", shape.hidden, shape.ffn, 0, 0},
      {"head", shape.vocabulary, shape.hidden, 0, 1},
  };
  if (bench.api->matrix_bytes(1, 1, ST_FP8) > 0) {
    products.push_back({"gate-up fp8", 2 * shape.ffn, shape.hidden, 1, 0, ST_FP8});
    products.push_back({"down fp8", shape.hidden, shape.ffn, 0, 0, ST_FP8});
  }
  const std::vector<int32_t> rows =
      bench.tiny() ? std::vector<int32_t>{1, 65} : std::vector<int32_t>{1, 2, 4, 8, 16, 32, 64, 65, 96, 128, 192, 256};
  const auto most_rows = static_cast<uint64_t>(rows.back());
  uint64_t widest = 0, largest = 0;
  for (const Product& p : products) {
    widest = std::max<uint64_t>({widest, static_cast<uint64_t>(p.inputs), static_cast<uint64_t>(p.outputs)});
    largest = std::max(largest, bench.api->matrix_bytes(p.outputs, p.inputs, p.dtype));
  }
  void* const weights = bench.random_memory(bench.beyond_caches() + 2 * largest);
  void* const x = bench.random_memory(most_rows * widest * 2);
  void* const out = bench.memory(most_rows * widest * 4);
  for (const Product& p : products) {
    const uint64_t bytes = bench.api->matrix_bytes(p.outputs, p.inputs, p.dtype);
    const uint64_t places = bench.beyond_caches() / bytes + 1;
    for (int32_t r : rows) {
      const Case what = {"linear", std::string(shape.name) + " " + p.name, r, static_cast<double>(bytes),
                         static_cast<double>(r) * p.outputs * p.inputs};
      bench.measure(what, [&](uint64_t i) {
        st_linear op = {};
        op.size = sizeof op;
        op.rows = r;
        op.x = x;
        op.w = {static_cast<const char*>(weights) + i % places * bytes, p.outputs, p.inputs, p.dtype, 0};
        op.out = out;
        op.out_f32 = p.out_f32;
        op.gated = p.gated;
        bench.check(bench.api->linear(bench.stream, &op));
      });
    }
  }
  for (void* each : {weights, x, out}) bench.api->memory_free(bench.device, each);
}

}  // namespace st::kernels
