// linear: inputs are brought into the form that the product reads, then tiles and rows are shared among the threads.

#include <algorithm>

#include "cpu/device.h"
#include "cpu/matrix.h"
#include "cpu/stream.h"

namespace st::cpu {
namespace {

Operand operand_of(const Kernels& kernels, const st_linear& op) {
  if (op.w.dtype == ST_INT8) return Operand::kInt8;
  return op.w.dtype == ST_BF16 && !op.exact && kernels.bf16_products ? Operand::kBf16 : Operand::kF32;
}

// How a product is cut into tasks of a few tiles and rows. As large as leaves each thread several of them; rows are cut
// only where there are many, or few tiles, because each task reads its weights.
struct Cut {
  int64_t tiles, rows;
};

Cut cut_product(int64_t tiles, int64_t rows, int threads) {
  constexpr int64_t kMostRows = 96, kFewestRows = 8, kTasksPerThread = 3;
  Cut cut = {rows > kMostRows ? int64_t{8} : int64_t{4}, std::min(rows, kMostRows)};
  auto tasks = [&] { return ((tiles + cut.tiles - 1) / cut.tiles) * ((rows + cut.rows - 1) / cut.rows); };
  while (tasks() < kTasksPerThread * threads && cut.rows >= 2 * kFewestRows) cut.rows = (cut.rows + 1) / 2;
  while (tasks() < kTasksPerThread * threads && cut.tiles > 1) cut.tiles /= 2;
  return cut;
}

void run_product(st_device& device, const Product& product) {
  if (product.rows == 0) return;
  int64_t tiles = tile_count(product.outputs);
  Cut cut = cut_product(tiles, product.rows, device.pool.threads());
  int64_t chunks = (product.rows + cut.rows - 1) / cut.rows, columns = (tiles + cut.tiles - 1) / cut.tiles;
  int64_t work = product.rows * product.outputs * product.cols;
  device.pool.parallel_for(columns * chunks, work, [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      int64_t chunk = task % chunks, tile = task / chunks * cut.tiles;
      int64_t first = product.rows * chunk / chunks, last = product.rows * (chunk + 1) / chunks;
      Product part = product;
      part.x = static_cast<const char*>(product.x) + first * product.row_bytes;
      part.out = product.out + first * product.outputs;
      part.rows = last - first;
      device.kernels.linear(part, tile, std::min(tile + cut.tiles, tiles));
    }
  });
}

void run_linear(st_device& device, const st_linear& op) {
  Operand form = operand_of(device.kernels, op);
  const float* x = static_cast<const float*>(op.x);
  float* out = static_cast<float*>(op.out);
  int64_t rows = op.rows, cols = op.w.cols, outputs = op.w.rows, row_bytes = operand_bytes(form, cols);
  if (form == Operand::kF32) {
    run_product(device, {form, x, row_bytes, rows, cols, op.w.data, op.w.dtype, op.bias, out, outputs});
    return;
  }
  std::unique_lock<std::mutex> lock = device.workspace.lock();
  char* made = static_cast<char*>(device.workspace.memory());
  int64_t most = static_cast<int64_t>(Workspace::bytes()) / row_bytes;
  for (int64_t first = 0; first < rows; first += most) {
    int64_t count = std::min(most, rows - first);
    device.pool.parallel_for(count, count * cols, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r)
        device.kernels.make_operand(form, x + (first + r) * cols, cols, made + r * row_bytes);
    });
    run_product(device,
                {form, made, row_bytes, count, cols, op.w.data, op.w.dtype, op.bias, out + first * outputs, outputs});
  }
}

}  // namespace

st_status linear(st_stream* stream, const st_linear* op) {
  ST_REQUIRE_OPERATION("linear", stream, op);
  const st_matrix& w = op->w;
  ST_REQUIRE(op->rows >= 0, "linear: %d rows", op->rows);
  ST_REQUIRE(matrix_bytes(w.rows, w.cols, w.dtype) > 0, "linear: no matrix of %d x %d of type %d", w.rows, w.cols,
             w.dtype);
  ST_REQUIRE(w.cols <= kMaxCols, "linear: %d columns, at most %d", w.cols, kMaxCols);
  ST_REQUIRE(op->x && op->out && w.data, "linear: a pointer is null");
  ST_REQUIRE(op->fast == 0 || op->fast == 1, "linear: fast is %d, expected 0 or 1", op->fast);
  return enqueue(stream, [device = stream->device, op = *op] {
    run_linear(*device, op);
    return ST_OK;
  });
}

}  // namespace st::cpu
