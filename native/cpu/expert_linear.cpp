// expert_linear: the products of all groups are one list of tasks, a few tiles and rows each, in the order of the
// groups: with one row each thread reads its part of the experts' weights as it would read one large matrix.

#include <algorithm>

#include "common/checks.h"
#include "cpu/device.h"
#include "cpu/products.h"
#include "cpu/stream.h"

namespace st::cpu {
namespace {

constexpr int64_t kMostRows = 96;  // of a task

// Places of group g within a pass over the places [first, end).
struct Places {
  int64_t first, end;
};
Places places_of(const st_expert_linear& op, Places pass, int64_t g) {
  return {std::max<int64_t>(op.group_places[g], pass.first), std::min<int64_t>(op.group_places[g + 1], pass.end)};
}

// The tasks of all groups.
struct Tasks {
  int64_t tiles, task_tiles;          // of a matrix, of a task
  int64_t begin[ST_MAX_EXPERTS + 1];  // of each group; the end

  int64_t columns() const { return (tiles + task_tiles - 1) / task_tiles; }
  static int64_t chunks(Places places) {
    return places.end > places.first ? (places.end - places.first + kMostRows - 1) / kMostRows : 0;
  }

  Tasks(const st_expert_linear& op, Places pass, int threads) : tiles(tile_count(op.w.rows)), task_tiles(4) {
    constexpr int64_t kTasksPerThread = 3;
    int64_t blocks = 0;
    for (int64_t g = 0; g < op.held; ++g) blocks += chunks(places_of(op, pass, g));
    while (blocks * columns() < kTasksPerThread * threads && task_tiles > 1) task_tiles /= 2;
    begin[0] = 0;
    for (int64_t g = 0; g < op.held; ++g) begin[g + 1] = begin[g] + chunks(places_of(op, pass, g)) * columns();
  }
};

// Multiplies the places of a pass, whose first row of x and out `product` has.
void multiply(st_device& device, const st_expert_linear& op, Places pass, const Product& product) {
  Tasks tasks(op, pass, device.pool.threads());
  auto matrix_size = static_cast<int64_t>(matrix_bytes(op.w.rows, op.w.cols, op.w.dtype));
  int64_t work = (pass.end - pass.first) * product.outputs * product.cols;
  device.pool.parallel_for(tasks.begin[op.held], work, [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      int64_t g = std::upper_bound(tasks.begin, tasks.begin + op.held + 1, task) - tasks.begin - 1;
      Places places = places_of(op, pass, g);
      int64_t rows = places.end - places.first, chunks = Tasks::chunks(places),
              chunk = (task - tasks.begin[g]) % chunks;
      int64_t tile = (task - tasks.begin[g]) / chunks * tasks.task_tiles, first = places.first - pass.first;
      Product part = rows_of(product, first + rows * chunk / chunks, first + rows * (chunk + 1) / chunks);
      part.w = static_cast<const char*>(op.w.data) + op.group_experts[g] * matrix_size;
      device.kernels.linear(part, tile, std::min(tile + tasks.task_tiles, tasks.tiles));
    }
  });
}

void run_expert_linear(st_device& device, const st_expert_linear& op) {
  Operand form = operand_of(device.kernels, op.w.dtype, op.exact != 0);
  const float* x = static_cast<const float*>(op.x);
  float* out = static_cast<float*>(op.out);
  int64_t cols = op.w.cols, row_bytes = operand_bytes(form, cols), places = op.group_places[op.held];
  Product product = {form,    x,   row_bytes, places,        cols, op.w.data,     op.w.dtype,
                     nullptr, out, op.w.rows, op.gated == 1, 1,    {0, op.w.cols}};
  if (form == Operand::kF32) return multiply(device, op, {0, places}, product);
  std::unique_lock<std::mutex> lock = device.workspace.lock();
  char* made = static_cast<char*>(device.workspace.memory());
  product.x = made;
  int64_t most = static_cast<int64_t>(Workspace::bytes()) / row_bytes;
  for (int64_t done = 0; done < places; done += most) {
    int64_t rows = std::min(most, places - done);
    device.pool.parallel_for(rows, rows * cols * 8, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r)
        device.kernels.make_operand(form, x + (done + r) * cols, cols, made + r * row_bytes);
    });
    product.out = out + done * width_of(product);
    multiply(device, op, {done, done + rows}, product);
  }
}

}  // namespace

st_status expert_linear(st_stream* stream, const st_expert_linear* op) {
  ST_TRY(check(stream, op, matrix_bytes));
  ST_REQUIRE(op->w.cols <= kMaxCols, "expert_linear: %d columns, at most %d", op->w.cols, kMaxCols);
  return enqueue(stream, [device = stream->device, op = *op] {
    run_expert_linear(*device, op);
    return ST_OK;
  });
}

}  // namespace st::cpu
