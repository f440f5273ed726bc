/* The contract between the host and a backend, and the manual of every operation.
 *
 * A backend is a shared library that exports one function, st_get_api. It returns a table of functions, or NULL when
 * the library does not speak the version that is asked for.
 *
 * Rules that hold for every function of the table:
 *  - It returns ST_OK or an error; on an error last_error() of the same thread says what was wrong, in one sentence.
 *    Nothing throws across this boundary, aborts or prints.
 *  - Structs that grow begin with `size` = sizeof(the struct): a backend refuses a size it does not know.
 *  - The caller allocates. Pointers named "device" come from memory_alloc of the same device (on the CPU backend that
 * is ordinary memory and any pointer serves); pointers named "host" are ordinary memory.
 *  - Operations (those that take a stream) check their scalar arguments, start the work on the stream and return. They
 *    neither allocate nor wait. Work on one stream is done in order; a stream is used by one thread at a time. What was
 *    written is readable by the host, and what was read may be changed by it, after stream_synchronize, or after
 *    event_synchronize of an event recorded behind it. An error that only the work itself can find (an id beyond the
 *    vocabulary in an array, say) is told there, too, and the work behind it is left out. A device that does not look
 *    for such errors makes the rows concerned NaN instead, and their sampling step ST_STEP_BAD_LOGITS.
 *  - Every output element is reduced in one order that its shape alone fixes. The number of rows that stand beside a
 * row and the number of threads never change a bit of it, unless st_linear.fast permits that.
 *  - Activations are row-major with rows adjacent, of the type st_device_info.activation_dtype (f32 on the CPU).
 *
 * Notation: [a, b] is an array of a rows of b elements. V vocabulary, H hidden size, D head dimension.
 */
#ifndef SOFTTHINKING_BACKEND_H
#define SOFTTHINKING_BACKEND_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ST_ABI_VERSION 5u
#define ST_BLOCK_POSITIONS 16 /* positions of one KV block */
#define ST_MAX_TOPK 1024      /* most entries of a concept token */
#define ST_MAX_MARKER 16      /* most ids of a marker that starts or ends a thought */
#define ST_MAX_FORCED 80      /* most forced ids: the rest of an end marker, then the text that follows it */
#define ST_MAX_LOG_PROBS 20   /* most alternatives whose log-probability is told */
#define ST_MAX_HEAD_DIM 512

#if defined(_WIN32)
#define ST_EXPORT __declspec(dllexport)
#else
#define ST_EXPORT __attribute__((visibility("default")))
#endif

typedef enum st_status {
  ST_OK = 0,
  ST_INVALID_ARGUMENT = 1, /* the caller's mistake: a size, a pointer, a range */
  ST_OUT_OF_MEMORY = 2,
  ST_UNSUPPORTED = 3, /* this backend or this machine cannot do it */
  ST_INTERNAL = 4     /* the backend's own fault, or the device's */
} st_status;

typedef enum st_dtype {
  ST_F32 = 0,
  ST_F16 = 1,
  ST_BF16 = 2,
  ST_INT8 = 3 /* weights only: blocks of 32 inputs of an output, integers -127..127 times an f16 scale, max |w| / 127 */
} st_dtype;

typedef struct st_device st_device;
typedef struct st_stream st_stream;
typedef struct st_event st_event;
typedef struct st_graph st_graph;

/* Which type activations have: 1 + st_dtype, or what the backend is made for: bf16 on CUDA, f32 on the CPU. */
enum { ST_ACTIVATIONS_DEFAULT = 0, ST_ACTIVATIONS_F32 = 1, ST_ACTIVATIONS_F16 = 2, ST_ACTIVATIONS_BF16 = 3 };

typedef struct st_device_options {
  uint32_t size;
  int32_t ordinal;       /* which device of the kind; 0 on the CPU */
  int32_t threads;       /* CPU: 1..1024 threads that work on an operation, the caller's included; 0 = one for each
                            physical core that the process may use */
  int32_t activations;   /* ST_ACTIVATIONS_*; the CPU has f32 only */
  int32_t fast_products; /* 1: open the vendor's library of matrix products, for st_linear.fast. That there is none is
                            no error: st_device_info tells. It takes memory of each stream (64 MiB on CUDA) */
} st_device_options;

typedef struct st_device_info {
  uint32_t size;
  int32_t activation_dtype;
  int32_t threads;
  int32_t graphs;        /* 1: graph_begin and its companions work */
  uint64_t total_memory; /* bytes */
  uint64_t free_memory;  /* bytes that could be allocated now without pushing anything out */
  char name[64];
  char instruction_set[32];
  int32_t fast_products; /* 1: st_linear.fast has an effect */
  int32_t own_memory;    /* 1: the memory is the device's; 0: the machine's, of which other programs need some, too */
  char products[88]; /* where fast_products were asked for: the vendor's library and version, or why there is none */
} st_device_info;

/* What a device can do at most, measured on it: the ceilings that benchmarks print fractions of. */
typedef struct st_rates {
  uint32_t size;
  int32_t bandwidth_now;    /* in: 1: only the read bandwidth, of the median pass instead of the best, for what is timed
                               right beside it while others use the machine */
  double read_bandwidth;    /* bytes per second, read from memory well beyond the caches */
  double multiply_adds_f32; /* per second, of operands of f32 */
  double multiply_adds_bf16; /* of bf16, summed in f32; 0: no such instruction */
  double multiply_adds_int8; /* of 8-bit integers, summed in 32 bits; 0: no such instruction */
} st_rates;

/* A weight matrix W[rows, cols] in the backend's own layout, made by pack. y = W x. */
typedef struct st_matrix {
  const void* data; /* device, matrix_bytes(rows, cols, dtype) */
  int32_t rows;
  int32_t cols;
  int32_t dtype;
  int32_t reserved;
} st_matrix;

/* The rows of one forward pass: prefill chunks and decodes side by side, rows of a sequence adjacent and ascending. */
typedef struct st_batch {
  int32_t rows;
  int32_t sequences;
  int32_t blocks_per_sequence;
  int32_t reserved;
  const int32_t* positions;    /* device [rows]: position of the row in its sequence; -1: an idle row, which writes no
                                  keys or values and whose attention is 0 */
  const int32_t* first_row;    /* device [sequences + 1]: sequence s owns the rows first_row[s] .. first_row[s+1]-1 */
  const int32_t* block_tables; /* device [sequences, blocks_per_sequence]: block of each 16 positions */
} st_batch;

/* Keys and values of one layer: kv_bytes(...) each for keys and for values, in the backend's own layout. */
typedef struct st_kv_cache {
  void* keys;   /* device */
  void* values; /* device */
  int32_t blocks;
  int32_t dtype; /* ST_F32 or ST_BF16 */
} st_kv_cache;

/* out[r] = sum over i of weights[index[r], i] * table[ids[index[r], i]], accumulated in f32 in the order of i.
 * Entries of weight 0 are not read. */
typedef struct st_embed {
  uint32_t size;
  int32_t rows;
  int32_t entries;      /* places of a concept token, 1..ST_MAX_TOPK */
  int32_t tokens;       /* rows of ids and weights */
  st_matrix table;      /* [V, H] */
  const int32_t* ids;   /* device [tokens, entries], each in 0..V-1 */
  const float* weights; /* device [tokens, entries] */
  const int32_t* index; /* device [rows], each in 0..tokens-1; NULL: row r takes token r */
  void* out;            /* device [rows, H] */
} st_embed;

/* residual += delta (when delta is not NULL);  out = residual / sqrt(mean(residual^2) + epsilon) * weight. */
typedef struct st_rms_norm {
  uint32_t size;
  int32_t rows;
  int32_t cols;
  float epsilon;
  const void* delta;   /* device [rows, cols] or NULL */
  void* residual;      /* device [rows, cols], read and written */
  const float* weight; /* device [cols] */
  void* out;           /* device [rows, cols], may not overlap */
} st_rms_norm;

/* y = x W^T + bias; out = y, or where `gated`, out[r, j] = silu(y[r, 2j]) y[r, 2j + 1] with silu(a) = a / (1 + e^-a).
 * Unless `exact`, a backend may first round x to the type of W, where that is faster; sums are of f32 all the same. For
 * a W of ST_INT8 x is always rounded: each 32 of a row to integers -127..127 times an f32 scale, whose products are
 * summed exactly before they are scaled. */
typedef struct st_linear {
  uint32_t size;
  int32_t rows;
  const void* x; /* device [rows, W.cols] */
  st_matrix w;
  const float* bias; /* device [W.rows] or NULL */
  void* out;         /* device [rows, W.rows], gated [rows, W.rows / 2] */
  int32_t out_f32;   /* 1: out is f32 whatever the activations are (logits) */
  int32_t exact;     /* 1: x is multiplied as it is */
  int32_t fast;      /* 1: many rows may be given to the vendor's library of a device with fast_products. The bits of a
                        row may then depend on the rows beside it */
  int32_t gated;     /* 1: the rows of W, an even number, are gates and their values by turns */
} st_linear;

/* Angles of one forward pass, used by every layer: out[r] = cos(p f_0) .. cos(p f_{n-1}), sin(p f_0) .. sin(p f_{n-1})
 * with p = positions[r]. Computed in double precision. */
typedef struct st_rope_angles {
  uint32_t size;
  int32_t rows;
  int32_t half; /* n = D / 2 */
  int32_t reserved;
  const int32_t* positions;          /* device [rows] */
  const double* inverse_frequencies; /* device [half] */
  float* out;                        /* device [rows, 2 half] */
} st_rope_angles;

/* Between the QKV product and attention. Each row of qkv holds `heads` queries, then `kv_heads` keys, then `kv_heads`
 * values, D each. Queries and keys are RMS-normalised (where the weights are given) and rotated: with (a, b) the i-th
 * elements of the halves, a' = a cos_i - b sin_i, b' = b cos_i + a sin_i. Queries stay in qkv; keys and values go to
 * the cache at the row's position. */
typedef struct st_qkv_epilogue {
  uint32_t size;
  int32_t heads;
  int32_t kv_heads;
  int32_t head_dim; /* even, <= ST_MAX_HEAD_DIM */
  float epsilon;
  int32_t reserved;
  const float* q_norm; /* device [D] or NULL */
  const float* k_norm; /* device [D] or NULL */
  const float* angles; /* device [rows, D], of rope_angles */
  void* qkv;           /* device [rows, (heads + 2 kv_heads) D] */
  st_batch batch;
  st_kv_cache cache;
} st_qkv_epilogue;

/* out[r, h] = sum over t <= positions[r] of softmax_t(scale q[r, h] . k[t, g]) v[t, g],  g = h / (heads / kv_heads).
 * The context is walked in splits of 256 positions from 0, merged in order. Where the cache is of bf16, a backend may
 * round queries, and the weights e^(score - maximum of the split), to bf16; sums are of f32. */
typedef struct st_attention {
  uint32_t size;
  int32_t heads;
  int32_t kv_heads;
  int32_t head_dim;
  float scale;
  int32_t reserved;
  const void* qkv; /* device, as st_qkv_epilogue left it */
  void* out;       /* device [rows, heads D] */
  st_batch batch;
  st_kv_cache cache;
} st_attention;

/* out[i] = in[index[i]]. */
typedef struct st_gather_rows {
  uint32_t size;
  int32_t rows; /* of out */
  int32_t cols;
  int32_t reserved;
  const int32_t* index; /* device [rows] */
  const void* in;       /* device, activations */
  void* out;            /* device [rows, cols] */
} st_gather_rows;

/* Where a slot stands. The host sets it at admission; the sample operation advances it. */
typedef struct st_sequence_state {
  int32_t thinking;          /* 1 while the sequence thinks */
  int32_t low_entropy_steps; /* steps in a row below the entropy threshold */
  int32_t thinking_steps;    /* thoughts so far */
  int32_t forced_next;       /* next place in st_sampling.forced, -1: none is pending */
  uint32_t step;             /* steps sampled so far: the counter of the random numbers */
  int32_t opening; /* ids of think_start that the output began with; -1: the model can no longer open a thought */
  int32_t ending;  /* ids of think_end that the latest thoughts end with */
  int32_t reserved;
} st_sequence_state;

/* What penalize does to the logits of a slot. With c the number of times that an id was emitted in the output:
 * repetition (> 0, 1 = off) divides a positive logit and multiplies a negative one, for ids of the prompt and of the
 * output; then logit -= frequency * c + (c > 0 ? presence : 0); then the biases are added; then, while fewer than
 * min_tokens steps were sampled, the logits of the held ids become -inf. */
typedef struct st_penalties {
  float repetition;
  float frequency;
  float presence;
  int32_t bias_count;
  int32_t held_count;
  uint32_t min_tokens;
  const int32_t* bias_ids;  /* device [bias_count + held_count], each in 0..V-1: biased ids, then held ids */
  const float* bias_values; /* device [bias_count] */
} st_penalties;

#define ST_COUNT_IN_PROMPT 0x40000000 /* added to a count: the id stands in the prompt */

typedef struct st_penalize {
  uint32_t size;
  int32_t rows;
  int32_t vocabulary;
  int32_t reserved;
  float* logits;                   /* device [rows, V], read and written */
  const int32_t* slots;            /* device [rows]: which slot each row belongs to */
  const st_penalties* penalties;   /* device [slots] */
  const int32_t* counts;           /* device [slots, V]: emitted ids of the output, plus ST_COUNT_IN_PROMPT */
  const st_sequence_state* states; /* device [slots] */
} st_penalize;

/* One set of filters. */
typedef struct st_filter {
  float temperature; /* 0 = greedy */
  float top_p;       /* >= 1 = off */
  float min_p;       /* 0 = off */
  int32_t top_k;     /* <= 0 or >= V = off */
} st_filter;

/* How a slot samples: written by the host when a sequence is admitted, read at every step. */
typedef struct st_sampling {
  st_filter thinking; /* while the step is soft */
  st_filter after;    /* otherwise */
  uint64_t seed;
  int32_t soft;                     /* 1: thoughts are mixtures; 0: every step draws one id */
  int32_t max_topk;                 /* entries of a mixture, 1..entries of the sample operation */
  float entropy_threshold;          /* nats; <= 0: no cold stop */
  int32_t length_threshold;         /* low-entropy steps in a row that stop, >= 1 */
  int32_t cold_stop_after_thinking; /* 1: the same count finishes the sequence after thinking */
  int32_t max_thinking_tokens;      /* thoughts before the end of thinking is forced; -1: no budget */
  float dirichlet_alpha;            /* <= 0: off */
  float gumbel_temperature;         /* <= 0: off */
  int32_t think_start_count;        /* ids of the marker that starts a thought, 0 (none) .. ST_MAX_MARKER */
  int32_t think_end_count;          /* ids of the marker that ends it */
  int32_t forced_count;             /* 0..ST_MAX_FORCED */
  int32_t reserved;
  int32_t think_start[ST_MAX_MARKER];
  int32_t think_end[ST_MAX_MARKER];
  int32_t forced[ST_MAX_FORCED]; /* what follows the first id of a forced end: the rest of think_end, then more ids */
} st_sampling;

enum {
  ST_STEP_SOFT = 1,            /* the row was thinking softly when it was sampled */
  ST_STEP_COLD_STOP = 2,       /* low entropy forced the end of thinking */
  ST_STEP_BUDGET = 4,          /* the thinking budget forced it */
  ST_STEP_FORCED = 8,          /* the id was forced, not chosen */
  ST_STEP_THINKING_ENDED = 16, /* thinking ended at this step */
  ST_STEP_FINISHED = 32,       /* low entropy after thinking finished the sequence */
  ST_STEP_BAD_LOGITS = 64,     /* NaN, +inf or no finite logit: nothing was sampled, the state did not move */
  ST_STEP_THINKING = 128       /* the token belongs to a thought, the markers that open and end it included */
};

typedef struct st_step_info {
  int32_t flags;
  float entropy; /* nats, of the distribution at the step's temperature before any filter */
  int32_t token; /* the emitted id: what is shown, counted by penalties and matched against markers and stops */
  int32_t count; /* entries of the concept token, 1..entries; 0 for bad logits */
} st_step_info;

/* One sampling step per row. The result is the concept token: ids and weights, descending, unused places (0, 0.0);
 * its emitted id is the first one.
 * It is written twice: to the slot, where the next embed finds it, and to the output, for the host to read later. */
typedef struct st_sample {
  uint32_t size;
  int32_t rows;
  int32_t vocabulary;
  int32_t entries;             /* places of a concept token, 1..ST_MAX_TOPK */
  const float* logits;         /* device [rows, V] */
  const int32_t* slots;        /* device [rows], distinct; -1: an idle row */
  const st_sampling* sampling; /* device [slots] */
  st_sequence_state* states;   /* device [slots] */
  int32_t* counts;             /* device [slots, V] or NULL: the emitted id's count is raised */
  int32_t* slot_ids;           /* device [slots, entries] */
  float* slot_weights;         /* device [slots, entries] */
  int32_t* out_ids;            /* device [rows, entries] */
  float* out_weights;          /* device [rows, entries] */
  st_step_info* out_info;      /* device [rows] */
  void* workspace;             /* device, sample_workspace_bytes(rows, V) */
} st_sample;

/* Log-probabilities under the logits, at temperature 1 and before any filter: of the head that was sampled, and of the
 * `count` likeliest ids. Sums as in sample, so the bits are the same everywhere. Rows with bad logits get 0. */
typedef struct st_log_probs {
  uint32_t size;
  int32_t rows;
  int32_t vocabulary;
  int32_t entries; /* places of a concept token in ids */
  int32_t count;   /* 0..ST_MAX_LOG_PROBS */
  int32_t reserved;
  const float* logits;  /* device [rows, V], as sample read them */
  const int32_t* slots; /* device [rows]; -1: a row that is left out */
  const int32_t* ids;   /* device [rows, entries]: st_sample.out_ids */
  float* head;          /* device [rows] */
  int32_t* top_ids;     /* device [rows, count], likeliest first, ties by lower id */
  float* top;           /* device [rows, count] */
  void* workspace;      /* device, sample_workspace_bytes(rows, V) */
} st_log_probs;

typedef struct st_api {
  uint32_t version;
  uint32_t size;
  const char* backend; /* "cpu", "cuda", ... */

  const char* (*last_error)(void); /* of the calling thread; "" when nothing failed */

  st_status (*device_open)(const st_device_options* options, st_device** device);
  void (*device_close)(st_device* device); /* after its streams; NULL is fine */
  st_status (*device_query)(st_device* device, st_device_info* info);
  st_status (*memory_alloc)(st_device* device, uint64_t bytes, void** pointer); /* zeroed, aligned to 64 bytes */
  void (*memory_free)(st_device* device, void* pointer);                        /* NULL is fine */
  /* Host memory that copies reach without a detour (page-locked where that means something). */
  st_status (*host_alloc)(st_device* device, uint64_t bytes, void** pointer); /* zeroed, aligned to 64 bytes */
  void (*host_free)(st_device* device, void* pointer);                        /* NULL is fine */
  st_status (*stream_create)(st_device* device, st_stream** stream);
  void (*stream_destroy)(st_stream* stream); /* after its work; NULL is fine */
  st_status (*stream_synchronize)(st_stream* stream);
  st_status (*event_create)(st_device* device, st_event** event);
  void (*event_destroy)(st_event* event); /* NULL is fine */
  /* Marks all work given to the stream so far. */
  st_status (*event_record)(st_stream* stream, st_event* event);
  /* Waits for the work that was marked last; at once when there is none. The stream must still be there. */
  st_status (*event_synchronize)(st_event* event);
  /* Seconds from when the device reached one mark until it reached the other. Both must have been waited for. */
  st_status (*event_elapsed)(st_event* from, st_event* to, double* seconds);

  /* Where st_device_info.graphs is 1: what is given to the stream from graph_begin to graph_end is not done but
   * recorded, with the pointers and numbers of every operation, and done as often as graph_launch says, in stream
   * order. Operations and copies between memory of the device and of host_alloc can be recorded, nothing else; a stream
   * must not be waited for meanwhile. A failed graph_end leaves the stream as it was before graph_begin. A graph is
   * launched on the stream that it was recorded from. */
  st_status (*graph_begin)(st_stream* stream);
  st_status (*graph_end)(st_stream* stream, st_graph** graph);
  st_status (*graph_launch)(st_stream* stream, st_graph* graph);
  void (*graph_destroy)(st_graph* graph); /* after its work; NULL is fine */

  /* Sizes in bytes; 0 for shapes that make no sense and for types that the backend has not. */
  uint64_t (*matrix_bytes)(int32_t rows, int32_t cols, int32_t dtype);
  uint64_t (*kv_bytes)(int32_t blocks, int32_t kv_heads, int32_t head_dim, int32_t dtype);
  uint64_t (*sample_workspace_bytes)(int32_t rows, int32_t vocabulary);

  /* Puts source[count, w->cols], row-major, host, into the rows first_row + i row_step of w. Matrices that are
   * multiplied by the same input are packed below one another, or row by row between one another. w->data is written;
   * w->dtype must be source_dtype, or ST_INT8, to which any other type is rounded. A source of ST_INT8 holds for each
   * row its blocks one after another, each the f16 scale and 32 integers, 0 beyond the last column. */
  st_status (*pack)(st_stream* stream, const st_matrix* w, int32_t first_row, int32_t row_step, int32_t count,
                    const void* source, int32_t source_dtype);
  /* destination[count] = source[count] as f32; destination device, source host. */
  st_status (*convert_to_f32)(st_stream* stream, float* destination, const void* source, int32_t source_dtype,
                              int64_t count);
  /* Between host and device or within a device; no overlap. */
  st_status (*copy)(st_stream* stream, void* destination, const void* source, uint64_t bytes);

  st_status (*embed)(st_stream* stream, const st_embed* operation);
  st_status (*rms_norm)(st_stream* stream, const st_rms_norm* operation);
  st_status (*linear)(st_stream* stream, const st_linear* operation);
  st_status (*rope_angles)(st_stream* stream, const st_rope_angles* operation);
  st_status (*qkv_epilogue)(st_stream* stream, const st_qkv_epilogue* operation);
  st_status (*attention)(st_stream* stream, const st_attention* operation);
  st_status (*gather_rows)(st_stream* stream, const st_gather_rows* operation);
  st_status (*penalize)(st_stream* stream, const st_penalize* operation);
  st_status (*sample)(st_stream* stream, const st_sample* operation);
  st_status (*log_probs)(st_stream* stream, const st_log_probs* operation);

  /* Takes up to a second, and half a gigabyte of memory; all threads of the device, best of several passes. */
  st_status (*measure)(st_device* device, st_rates* rates);
} st_api;

ST_EXPORT const st_api* st_get_api(uint32_t version);

#ifdef __cplusplus
}
#endif
#endif
