// route and combine: which experts a row has, and the sum of what they computed.

#include "common/experts.h"

#include <algorithm>
#include <cstring>
#include <functional>

#include "common/checks.h"
#include "cpu/device.h"
#include "cpu/stream.h"
#include "cpu/stretch.h"

namespace st::cpu {
namespace {

// The experts and weights of a row.
void choose(const st_route& op, int64_t r) {
  const float* logits = op.logits + r * op.experts;
  int32_t* ids = op.ids + r * op.per_row;
  float* weights = op.weights + r * op.per_row;
  if (op.positions[r] < 0) {
    std::fill_n(ids, op.per_row, -1);
    std::fill_n(weights, op.per_row, 0.0f);
    return;
  }
  uint64_t keys[ST_MAX_EXPERTS], sorted[ST_MAX_EXPERTS];
  for (int e = 0; e < op.experts; ++e) keys[e] = expert_key(logits[e], e);
  std::copy_n(keys, op.experts, sorted);
  std::nth_element(sorted, sorted + op.per_row - 1, sorted + op.experts, std::greater<>());
  uint64_t last = sorted[op.per_row - 1];
  float largest = logits[expert_of(*std::max_element(keys, keys + op.experts))], all = 0.0f, chosen = 0.0f;
  for (int e = 0, i = 0; e < op.experts; ++e) {
    float mass = exp32(logits[e] - largest);
    all += mass;
    if (keys[e] < last) continue;
    chosen += mass;
    ids[i] = e;
    weights[i++] = mass;
  }
  for (int i = 0; i < op.per_row; ++i) weights[i] = expert_weight(weights[i], all, chosen, op.normalize == 1);
}

// The groups, by counting.
void group(const st_route& op) {
  int64_t pairs = int64_t{op.rows} * op.per_row;
  int32_t counts[ST_MAX_EXPERTS] = {}, next[ST_MAX_EXPERTS];
  auto is_held = [&](int32_t id) { return id >= op.first_expert && id < op.first_expert + op.held; };
  for (int64_t i = 0; i < pairs; ++i)
    if (is_held(op.ids[i])) ++counts[op.ids[i] - op.first_expert];
  int32_t g = 0, place = 0;
  for (bool used : {true, false}) {
    for (int32_t e = 0; e < op.held; ++e) {
      if ((counts[e] > 0) != used) continue;
      op.group_experts[g] = e;
      op.group_places[g++] = next[e] = place;
      place += counts[e];
    }
  }
  op.group_places[op.held] = place;
  for (int64_t i = 0; i < pairs; ++i) {
    op.places[i] = is_held(op.ids[i]) ? next[op.ids[i] - op.first_expert]++ : -1;
    if (op.places[i] >= 0) op.row_of[op.places[i]] = static_cast<int32_t>(i / op.per_row);
  }
  std::fill(op.row_of + place, op.row_of + pairs, 0);
}

// Columns first .. first + count - 1 of a row.
void combine_stretch(const st_combine& op, int64_t r, int64_t first, int64_t count) {
  Stretch sums[kParts] = {};
  for (int64_t i = r * op.per_row; i < (r + 1) * op.per_row; ++i) {
    if (op.places[i] < 0) continue;
    const float* y = static_cast<const float*>(op.y) + int64_t{op.places[i]} * op.cols + first;
    float* sum = sums[part_of(op.experts, op.ids[i])].at;
    for (int64_t k = 0; k < count; ++k) sum[k] += op.weights[i] * y[k];
  }
  Stretch sum = tree_sum<Stretch>(kParts, [&](int s) { return sums[s]; });
  memcpy(static_cast<float*>(op.out) + r * op.cols + first, sum.at, sizeof(float) * static_cast<size_t>(count));
}

}  // namespace

st_status route(st_stream* stream, const st_route* op) {
  ST_TRY(check(stream, op));
  return enqueue(stream, [device = stream->device, op = *op] {
    device->pool.parallel_for(op.rows, int64_t{op.rows} * op.experts * 64, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) choose(op, r);
    });
    group(op);
    return ST_OK;
  });
}

st_status combine(st_stream* stream, const st_combine* op) {
  ST_TRY(check(stream, op));
  return enqueue(stream, [device = stream->device, op = *op] {
    int64_t stretches = (op.cols + kStretch - 1) / kStretch;
    device->pool.parallel_for(
        op.rows * stretches, int64_t{op.rows} * op.per_row * op.cols, [&](int64_t begin, int64_t end) {
          for (int64_t task = begin; task < end; ++task) {
            int64_t first = task % stretches * kStretch;
            combine_stretch(op, task / stretches, first, std::min<int64_t>(kStretch, op.cols - first));
          }
        });
    return ST_OK;
  });
}

}  // namespace st::cpu
