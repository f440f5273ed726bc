// linear: inputs are converted to the format that the matmul reads, then tiles and rows are distributed over the
// threads.

#include <algorithm>

#include "common/checks.h"
#include "cpu/device.h"
#include "cpu/matrix.h"
#include "cpu/stream.h"

namespace st::cpu {
namespace {

Operand operand_of(const Kernels& kernels, const st_linear& op) {
  if (op.w.dtype == ST_INT8) return Operand::kInt8;
  bool fits_bf16 = op.w.dtype == ST_BF16 || op.w.dtype == ST_FP8;
  return fits_bf16 && !op.exact && kernels.bf16_products ? Operand::kBf16 : Operand::kF32;
}

// How a matmul is split into tasks of a few tiles and rows. As large as leaves each thread several of them; rows are
// split only if there are many, or few tiles, because each task reads its weights.
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

Product rows_of(const Product& product, int64_t first, int64_t last) {
  Product part = product;
  part.x = static_cast<const char*>(product.x) + first * product.row_bytes;
  part.out = product.out + first * width_of(product);
  part.rows = last - first;
  return part;
}

void multiply(st_device& device, const Product& product) {
  if (product.rows == 0) return;
  int64_t tiles = tile_count(product.outputs);
  Cut cut = cut_product(tiles, product.rows, device.pool.threads());
  int64_t chunks = (product.rows + cut.rows - 1) / cut.rows, columns = (tiles + cut.tiles - 1) / cut.tiles;
  int64_t work = product.rows * product.outputs * product.cols;
  device.pool.parallel_for(columns * chunks, work, [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      int64_t chunk = task % chunks, tile = task / chunks * cut.tiles;
      Product part = rows_of(product, product.rows * chunk / chunks, product.rows * (chunk + 1) / chunks);
      device.kernels.linear(part, tile, std::min(tile + cut.tiles, tiles));
    }
  });
}

// Whether a thread keeps the same rows from operation to operation, so that they stay in its core's cache. Each thread
// then reads all weights, which costs little if they are cached and each thread has enough rows.
bool keeps_rows(const Product& product, int threads) {
  constexpr int64_t kSmallMatrix = 1 << 20, kFewestRows = 8;
  return product.rows >= kFewestRows * threads &&
         group_count(product.outputs) * group_bytes(product.cols, product.dtype) <= kSmallMatrix;
}

// Chunks of rows, each converted to the matmul's format and multiplied by all of W.
template <typename Make>
void multiply_rows(st_device& device, const Product& product, const Make& make) {
  constexpr int64_t kRows = 6, kMostChunks = 4;  // of a chunk; of a thread
  int64_t threads = device.pool.threads();
  int64_t chunks = threads * std::min(kMostChunks, (product.rows + threads * kRows - 1) / (threads * kRows));
  int64_t work = product.rows * product.outputs * product.cols;
  device.pool.parallel_for(chunks, work, [&](int64_t begin, int64_t end) {
    for (int64_t chunk = begin; chunk < end; ++chunk) {
      int64_t first = product.rows * chunk / chunks, last = product.rows * (chunk + 1) / chunks;
      make(first, last);
      device.kernels.linear(rows_of(product, first, last), 0, tile_count(product.outputs));
    }
  });
}

void cut_columns(const st_linear& op, Product* product) {
  product->parts = op.total_cols > 0 ? kParts : 1;
  for (int s = 0; s < product->parts && op.total_cols > 0; ++s)
    product->begins[s] = columns_of_part(op.total_cols, op.first_col, op.w.cols, op.w.dtype, s).begin;
  product->begins[product->parts] = op.w.cols;
}

void run_linear(st_device& device, const st_linear& op) {
  Operand form = operand_of(device.kernels, op);
  const float* x = static_cast<const float*>(op.x);
  float* out = static_cast<float*>(op.out);
  int64_t rows = op.rows, cols = op.w.cols, row_bytes = operand_bytes(form, cols);
  Product product = {form,    x,   row_bytes, rows,          cols, op.w.data, op.w.dtype,
                     op.bias, out, op.w.rows, op.gated == 1, 1,    {}};
  cut_columns(op, &product);
  if (form == Operand::kF32) return multiply(device, product);
  std::unique_lock<std::mutex> lock = device.workspace.lock();
  char* made = static_cast<char*>(device.workspace.memory());
  int64_t most = static_cast<int64_t>(Workspace::bytes()) / row_bytes;
  for (int64_t done = 0; done < rows; done += most) {
    product.x = made;
    product.rows = std::min(most, rows - done);
    product.out = out + done * width_of(product);
    auto make = [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r)
        device.kernels.make_operand(form, x + (done + r) * cols, cols, made + r * row_bytes);
    };
    if (keeps_rows(product, device.pool.threads())) {
      multiply_rows(device, product, make);
    } else {
      device.pool.parallel_for(product.rows, product.rows * cols * 8, make);
      multiply(device, product);
    }
  }
}

}  // namespace

st_status linear(st_stream* stream, const st_linear* op) {
  ST_TRY(check(stream, op, matrix_bytes));
  ST_REQUIRE(op->w.cols <= kMaxCols, "linear: %d columns, at most %d", op->w.cols, kMaxCols);
  return enqueue(stream, [device = stream->device, op = *op] {
    run_linear(*device, op);
    return ST_OK;
  });
}

}  // namespace st::cpu
