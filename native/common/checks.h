// Checks of the scalar arguments and pointers of every operation, shared by all backends. Matrix sizes depend on the
// backend, which passes the function that returns them.
#pragma once

#include <cmath>

#include "common/formats.h"
#include "common/kv.h"
#include "common/parts.h"
#include "common/status.h"

namespace st {

using MatrixBytes = uint64_t (*)(int32_t rows, int32_t cols, int32_t dtype);

// Checks a struct that starts with its size; `function` is the function that it was passed to.
template <typename Struct>
st_status check_size(const char* function, const Struct& s) {
  ST_REQUIRE(s.size == sizeof s, "%s: the struct has %u bytes, this backend expects %zu", function, s.size, sizeof s);
  return ST_OK;
}

inline st_status check(const st_device_options* options, st_device** device) {
  ST_REQUIRE(options && device, "device_open: a pointer is null");
  ST_TRY(check_size("device_open", *options));
  ST_REQUIRE(options->threads >= 0 && options->threads <= 1024, "device_open: %d threads, expected 1..1024, or 0",
             options->threads);
  ST_REQUIRE(options->activations >= ST_ACTIVATIONS_DEFAULT && options->activations <= ST_ACTIVATIONS_BF16,
             "device_open: no type %d of activations", options->activations);
  ST_REQUIRE(options->fast_products == 0 || options->fast_products == 1,
             "device_open: fast_products is %d, expected 0 or 1", options->fast_products);
  ST_REQUIRE(options->blocking_waits == 0 || options->blocking_waits == 1,
             "device_open: blocking_waits is %d, expected 0 or 1", options->blocking_waits);
  return ST_OK;
}

inline st_status check(st_device* device, st_device_info* info) {
  ST_REQUIRE(device && info, "device_query: a pointer is null");
  return check_size("device_query", *info);
}

inline st_status check(st_device* device, st_rates* rates) {
  ST_REQUIRE(device && rates, "measure: a pointer is null");
  return check_size("measure", *rates);
}

inline st_status check(st_stream* stream, const st_pack* op, MatrixBytes matrix_bytes) {
  ST_REQUIRE_OPERATION("pack", stream, op);
  const st_matrix& w = op->w;
  ST_REQUIRE(w.data && op->source, "pack: a pointer is null");
  ST_REQUIRE(matrix_bytes(w.rows, w.cols, w.dtype) > 0, "pack: no matrix of %d x %d of type %d", w.rows, w.cols,
             w.dtype);
  ST_REQUIRE(op->first_row >= 0 && op->row_step > 0 && op->count > 0 && op->first_row < w.rows &&
                 (int64_t{op->count} - 1) * op->row_step < int64_t{w.rows} - op->first_row,
             "pack: %d rows from %d on, one of every %d, of %d", op->count, op->first_row, op->row_step, w.rows);
  ST_REQUIRE(op->first_col >= 0 && int64_t{op->first_col} + w.cols <= op->source_cols,
             "pack: %d columns from %d on, of %d", w.cols, op->first_col, op->source_cols);
  bool rounds = w.dtype == ST_INT8 && element_bytes(op->source_dtype) > 0;
  ST_REQUIRE(rounds || op->source_dtype == w.dtype, "pack: source type %d, matrix type %d", op->source_dtype, w.dtype);
  ST_REQUIRE(w.dtype != ST_FP8 || op->scales, "pack: the scales are null");
  int tile = tile_cols(w.dtype);
  bool cut = op->first_col % tile != 0 || (w.cols % tile != 0 && op->first_col + w.cols != op->source_cols);
  ST_REQUIRE((w.dtype != ST_INT8 && w.dtype != ST_FP8) || !cut, "pack: %d columns from %d on, of %d, cut a block of %d",
             w.cols, op->first_col, op->source_cols, tile);
  return ST_OK;
}

inline st_status check(st_stream* stream, const st_embed* op, MatrixBytes matrix_bytes) {
  ST_REQUIRE_OPERATION("embed", stream, op);
  const st_matrix& table = op->table;
  ST_REQUIRE(op->rows >= 0 && op->tokens >= 0, "embed: %d rows of %d tokens", op->rows, op->tokens);
  ST_REQUIRE(op->entries >= 1 && op->entries <= ST_MAX_TOPK, "embed: %d entries, expected 1..%d", op->entries,
             ST_MAX_TOPK);
  ST_REQUIRE(matrix_bytes(table.rows, table.cols, table.dtype) > 0 && table.dtype != ST_FP8,
             "embed: no table of %d x %d of type %d", table.rows, table.cols, table.dtype);
  ST_REQUIRE(op->first_id >= 0 && int64_t{op->first_id} + table.rows <= op->vocabulary,
             "embed: %d ids from %d on, of %d", table.rows, op->first_id, op->vocabulary);
  ST_REQUIRE(op->out_f32 == 0 || op->out_f32 == 1, "embed: out_f32 is %d, expected 0 or 1", op->out_f32);
  ST_REQUIRE(table.data && op->ids && op->weights && op->out, "embed: a pointer is null");
  return ST_OK;
}

inline st_status check(st_stream* stream, const st_rms_norm* op) {
  ST_REQUIRE_OPERATION("rms_norm", stream, op);
  ST_REQUIRE(op->rows >= 0 && op->cols > 0, "rms_norm: %d x %d", op->rows, op->cols);
  ST_REQUIRE(op->residual && op->weight && op->out, "rms_norm: a pointer is null");
  return ST_OK;
}

inline st_status check(st_stream* stream, const st_normalize* op) {
  ST_REQUIRE_OPERATION("normalize", stream, op);
  ST_REQUIRE(op->rows >= 0 && op->cols > 0 && op->x_stride >= op->cols && op->out_stride >= op->cols,
             "normalize: %d x %d, rows %d and %d apart", op->rows, op->cols, op->x_stride, op->out_stride);
  ST_REQUIRE(op->add == 0 || op->add == 1, "normalize: add is %d, expected 0 or 1", op->add);
  ST_REQUIRE(op->x && op->weight && op->out, "normalize: a pointer is null");
  return ST_OK;
}

inline st_status check(st_stream* stream, const st_linear* op, MatrixBytes matrix_bytes) {
  ST_REQUIRE_OPERATION("linear", stream, op);
  const st_matrix& w = op->w;
  ST_REQUIRE(op->rows >= 0, "linear: %d rows", op->rows);
  ST_REQUIRE(matrix_bytes(w.rows, w.cols, w.dtype) > 0, "linear: no matrix of %d x %d of type %d", w.rows, w.cols,
             w.dtype);
  ST_REQUIRE(op->x && op->out && w.data, "linear: a pointer is null");
  ST_REQUIRE(op->gated == 0 || (op->gated == 1 && w.rows % 2 == 0), "linear: gated is %d with %d rows", op->gated,
             w.rows);
  ST_REQUIRE(op->fast == 0 || op->fast == 1, "linear: fast is %d, expected 0 or 1", op->fast);
  ST_REQUIRE(op->total_cols >= 0 && op->first_col >= 0 && op->first_col % tile_cols(w.dtype) == 0 &&
                 (op->total_cols == 0 ? op->first_col == 0 : int64_t{op->first_col} + w.cols <= op->total_cols),
             "linear: %d columns from %d on, of %d", w.cols, op->first_col, op->total_cols);
  return ST_OK;
}

inline st_status check(st_stream* stream, const st_route* op) {
  ST_REQUIRE_OPERATION("route", stream, op);
  ST_REQUIRE(op->rows >= 0, "route: %d rows", op->rows);
  ST_REQUIRE(op->experts >= 1 && op->experts <= ST_MAX_EXPERTS && op->per_row >= 1 && op->per_row <= op->experts &&
                 int64_t{op->rows} * op->per_row <= INT32_MAX,
             "route: %d rows, %d experts of %d, at most %d", op->rows, op->per_row, op->experts, ST_MAX_EXPERTS);
  ST_REQUIRE(op->first_expert >= 0 && op->held >= 1 && op->held <= op->experts - op->first_expert,
             "route: %d experts from %d on, of %d", op->held, op->first_expert, op->experts);
  ST_REQUIRE(op->normalize == 0 || op->normalize == 1, "route: normalize is %d, expected 0 or 1", op->normalize);
  ST_REQUIRE(op->logits && op->positions && op->ids && op->weights && op->places && op->row_of && op->group_experts &&
                 op->group_places,
             "route: a pointer is null");
  return ST_OK;
}

inline st_status check(st_stream* stream, const st_expert_linear* op, MatrixBytes matrix_bytes) {
  ST_REQUIRE_OPERATION("expert_linear", stream, op);
  const st_matrix& w = op->w;
  ST_REQUIRE(op->places >= 0, "expert_linear: %d places", op->places);
  ST_REQUIRE(op->held >= 1 && op->held <= op->experts && op->experts <= ST_MAX_EXPERTS,
             "expert_linear: %d experts of %d", op->held, op->experts);
  ST_REQUIRE(matrix_bytes(w.rows, w.cols, w.dtype) > 0, "expert_linear: no matrix of %d x %d of type %d", w.rows,
             w.cols, w.dtype);
  ST_REQUIRE(op->gated == 0 || (op->gated == 1 && w.rows % 2 == 0), "expert_linear: gated is %d with %d rows",
             op->gated, w.rows);
  ST_REQUIRE(op->x && op->out && w.data && op->group_experts && op->group_places, "expert_linear: a pointer is null");
  return ST_OK;
}

inline st_status check(st_stream* stream, const st_combine* op) {
  ST_REQUIRE_OPERATION("combine", stream, op);
  ST_REQUIRE(op->rows >= 0 && op->cols > 0, "combine: %d x %d", op->rows, op->cols);
  ST_REQUIRE(op->experts >= 1 && op->experts <= ST_MAX_EXPERTS && op->per_row >= 1 && op->per_row <= op->experts,
             "combine: %d experts of %d", op->per_row, op->experts);
  ST_REQUIRE(op->out_f32 == 0 || op->out_f32 == 1, "combine: out_f32 is %d, expected 0 or 1", op->out_f32);
  ST_REQUIRE(op->y && op->ids && op->weights && op->places && op->out, "combine: a pointer is null");
  return ST_OK;
}

inline st_status check(st_stream* stream, const st_rope_angles* op) {
  ST_REQUIRE_OPERATION("rope_angles", stream, op);
  ST_REQUIRE(op->rows >= 0 && op->half > 0 && op->half <= ST_MAX_HEAD_DIM / 2, "rope_angles: %d x %d", op->rows,
             op->half);
  ST_REQUIRE(std::isfinite(op->magnitude), "rope_angles: the magnitude is %f", op->magnitude);
  ST_REQUIRE(op->positions && op->inverse_frequencies && op->out, "rope_angles: a pointer is null");
  return ST_OK;
}

inline st_status check(st_stream* stream, const st_set_blocks* op) {
  ST_REQUIRE_OPERATION("set_blocks", stream, op);
  ST_REQUIRE(op->count >= 0 && op->places >= 0, "set_blocks: %d entries, %lld places", op->count,
             static_cast<long long>(op->places));
  ST_REQUIRE(op->entries && op->tables, "set_blocks: a pointer is null");
  return ST_OK;
}

// Checks shared by qkv_epilogue and attention.
template <typename Operation>
st_status check_batch(const char* name, const Operation& op) {
  const st_batch& batch = op.batch;
  const st_kv_cache& cache = op.cache;
  ST_REQUIRE(op.heads > 0 && op.kv_heads > 0 && op.heads % op.kv_heads == 0, "%s: %d heads over %d KV heads", name,
             op.heads, op.kv_heads);
  ST_REQUIRE(op.head_dim > 0 && op.head_dim % 2 == 0 && op.head_dim <= ST_MAX_HEAD_DIM,
             "%s: head_dim %d, expected an even number up to %d", name, op.head_dim, ST_MAX_HEAD_DIM);
  ST_REQUIRE((int64_t{op.heads} + 2 * int64_t{op.kv_heads}) * op.head_dim <= INT32_MAX, "%s: %d and %d heads of %d",
             name, op.heads, op.kv_heads, op.head_dim);
  ST_REQUIRE(cache.keys && cache.values && kv_bytes(cache.blocks, op.kv_heads, op.head_dim, cache.dtype) > 0,
             "%s: no KV cache of %d blocks of type %d", name, cache.blocks, cache.dtype);
  ST_REQUIRE(batch.rows >= 0 && batch.sequences >= 0 && batch.blocks_per_sequence > 0,
             "%s: a batch of %d rows, %d sequences, %d blocks each", name, batch.rows, batch.sequences,
             batch.blocks_per_sequence);
  ST_REQUIRE(batch.rows == 0 || (batch.sequences > 0 && batch.positions && batch.first_row && batch.block_tables),
             "%s: a pointer of the batch is null", name);
  return ST_OK;
}

inline st_status check(st_stream* stream, const st_qkv_epilogue* op) {
  ST_REQUIRE_OPERATION("qkv_epilogue", stream, op);
  ST_TRY(check_batch("qkv_epilogue", *op));
  ST_REQUIRE(op->rotated >= 0 && op->rotated <= op->head_dim && op->rotated % 2 == 0,
             "qkv_epilogue: %d elements rotate, expected an even number up to %d", op->rotated, op->head_dim);
  ST_REQUIRE(op->qkv && (op->angles || op->rotated == 0), "qkv_epilogue: a pointer is null");
  return ST_OK;
}

inline st_status check(st_stream* stream, const st_attention* op) {
  ST_REQUIRE_OPERATION("attention", stream, op);
  ST_REQUIRE(op->qkv && op->out, "attention: a pointer is null");
  ST_REQUIRE(op->window >= 0, "attention: a window of %d positions", op->window);
  return check_batch("attention", *op);
}

inline st_status check(st_stream* stream, const st_load_rows* op) {
  ST_REQUIRE_OPERATION("load_rows", stream, op);
  ST_REQUIRE(op->rows >= 0 && op->cols > 0, "load_rows: %d x %d", op->rows, op->cols);
  uint64_t bytes = element_bytes(op->source_dtype);
  ST_REQUIRE(bytes > 0, "load_rows: no rows of type %d", op->source_dtype);
  ST_REQUIRE(op->source && op->out, "load_rows: a pointer is null");
  ST_REQUIRE(reinterpret_cast<uintptr_t>(op->source) % bytes == 0, "load_rows: the source is not aligned to %d bytes",
             static_cast<int>(bytes));
  return ST_OK;
}

inline st_status check(st_stream* stream, const st_gather_rows* op) {
  ST_REQUIRE_OPERATION("gather_rows", stream, op);
  ST_REQUIRE(op->rows >= 0 && op->cols > 0, "gather_rows: %d x %d", op->rows, op->cols);
  ST_REQUIRE(op->index && op->in && op->out, "gather_rows: a pointer is null");
  return ST_OK;
}

inline st_status check(st_stream* stream, const st_penalize* op) {
  ST_REQUIRE_OPERATION("penalize", stream, op);
  ST_REQUIRE(op->rows >= 0 && op->vocabulary > 0, "penalize: %d x %d", op->rows, op->vocabulary);
  ST_REQUIRE(op->logits && op->slots && op->penalties && op->counts && op->states, "penalize: a pointer is null");
  return ST_OK;
}

inline st_status check(st_stream* stream, const st_sample* op) {
  ST_REQUIRE_OPERATION("sample", stream, op);
  ST_REQUIRE(op->rows >= 0 && op->vocabulary > 0, "sample: %d x %d", op->rows, op->vocabulary);
  ST_REQUIRE(op->entries >= 1 && op->entries <= ST_MAX_TOPK, "sample: %d entries, expected 1..%d", op->entries,
             ST_MAX_TOPK);
  ST_REQUIRE(op->logits && op->slots && op->sampling && op->states && op->slot_ids && op->slot_weights && op->out_ids &&
                 op->out_weights && op->out_info && op->workspace,
             "sample: a pointer is null");
  return ST_OK;
}

inline st_status check(st_stream* stream, const st_probe* op) {
  ST_REQUIRE_OPERATION("probe", stream, op);
  ST_REQUIRE(op->rows >= 0 && op->vocabulary > 0, "probe: %d x %d", op->rows, op->vocabulary);
  ST_REQUIRE(op->entries >= 1 && op->entries <= ST_MAX_TOPK, "probe: %d entries, expected 1..%d", op->entries,
             ST_MAX_TOPK);
  ST_REQUIRE(op->logits && op->slots && op->kinds && op->sampling && op->states && op->slot_ids && op->slot_weights &&
                 op->probe_ids && op->probe_weights && op->out_info && op->workspace,
             "probe: a pointer is null");
  return ST_OK;
}

inline st_status check(st_stream* stream, const st_score* op) {
  ST_REQUIRE_OPERATION("score", stream, op);
  ST_REQUIRE(op->rows >= 0 && op->vocabulary > 0 && op->count >= 1, "score: %d x %d, %d ids", op->rows, op->vocabulary,
             op->count);
  ST_REQUIRE(op->logits && op->temperatures && op->counts && op->ids && op->log_p1 && op->log_pt && op->workspace,
             "score: a pointer is null");
  return ST_OK;
}

inline st_status check(st_stream* stream, const st_log_probs* op) {
  ST_REQUIRE_OPERATION("log_probs", stream, op);
  ST_REQUIRE(op->rows >= 0 && op->vocabulary > 0, "log_probs: %d x %d", op->rows, op->vocabulary);
  ST_REQUIRE(op->count >= 0 && op->count <= ST_MAX_LOG_PROBS, "log_probs: %d ids, expected 0..%d", op->count,
             ST_MAX_LOG_PROBS);
  ST_REQUIRE(op->logits && op->slots && op->info && op->head && op->workspace, "log_probs: a pointer is null");
  ST_REQUIRE(op->count == 0 || (op->top_ids && op->top), "log_probs: a pointer is null");
  return ST_OK;
}

inline st_status check(st_device* device, const st_comm_options* options, st_comm** comm) {
  ST_REQUIRE(device && options && comm, "comm_create: a pointer is null");
  ST_TRY(check_size("comm_create", *options));
  ST_REQUIRE(options->ranks >= 1 && options->ranks <= ST_MAX_RANKS, "comm_create: %d ranks, expected 1..%d",
             options->ranks, ST_MAX_RANKS);
  ST_REQUIRE(options->rank >= 0 && options->rank < options->ranks, "comm_create: rank %d of %d", options->rank,
             options->ranks);
  ST_REQUIRE(options->timeout_ms > 0, "comm_create: a time limit of 0");
  return ST_OK;
}

inline st_status check(st_stream* stream, const st_all_gather* op) {
  ST_REQUIRE_OPERATION("all_gather", stream, op);
  ST_REQUIRE(op->rows >= 0 && op->cols > 0, "all_gather: %d x %d", op->rows, op->cols);
  ST_REQUIRE(op->comm && op->in && op->out, "all_gather: a pointer is null");
  return ST_OK;
}

inline st_status check(st_stream* stream, const st_all_sum* op) {
  ST_REQUIRE_OPERATION("all_sum", stream, op);
  ST_REQUIRE(op->rows >= 0 && op->cols > 0, "all_sum: %d x %d", op->rows, op->cols);
  ST_REQUIRE(op->comm && op->in && op->out, "all_sum: a pointer is null");
  return ST_OK;
}

}  // namespace st
