/* The interface between the host and a backend, and the documentation of every operation.
 *
 * A backend is a shared library that exports one function, st_get_api. It returns a function table, or NULL if the
 * library does not support the requested version.
 *
 * Rules for every function of the table:
 *  - It returns ST_OK or an error; after an error last_error() of the same thread describes it in one sentence.
 *    Nothing throws across this boundary, aborts or prints.
 *  - Structs that may grow start with `size` = sizeof(the struct): a backend refuses a size it does not know.
 *  - A device is shared with other code of the process. On CUDA everything happens in the primary context of the
 *    ordinal, whichever context is current on the calling thread, and that one is current again when a function
 *    returns. Nothing resets or destroys the context: after a kernel has failed, it is unusable until the application,
 *    which alone knows who else uses it, resets it or ends.
 *  - The caller allocates. Pointers named "device" come from memory_alloc of the same device (on the CPU backend this
 *    is ordinary memory, and any pointer works); pointers named "host" are ordinary memory.
 *  - Operations (functions with a stream) check their scalar arguments, launch the work on the stream and return. They
 *    neither allocate nor wait. Work on one stream is executed in order; a stream is used by one thread at a time. The
 *    host may read outputs and overwrite inputs after stream_synchronize, or after event_synchronize of an event
 *    recorded after the work. Errors that only the work itself can detect (for example, an id beyond the vocabulary in
 *    an array) are reported there too, and the work queued after them is skipped. A device that does not detect them
 *    makes the affected rows NaN instead, and their samples ST_STEP_BAD_LOGITS.
 *  - Operations are batch-invariant: every output element is reduced in an order that depends only on its shape. The
 *    other rows of the batch and the number of threads never change a bit of it, unless st_linear.fast permits that.
 *  - Activations are row-major without padding, of the type st_device_info.activation_dtype (f32 on the CPU).
 *
 * Several devices compute one model together as the ranks of a communicator; each holds a part of the weights. Sums
 * that they share are balanced binary trees over 8 parts, ((p0 + p1) + (p2 + p3)) + ((p4 + p5) + (p6 + p7)): of the
 * columns of a product (st_linear.total_cols) and of the vocabulary of an embedding (st_embed). The parts of a rank are
 * a subtree if there are 1, 2, 4 or 8 ranks, so its partial sum is an inner node, and all_sum, which adds the nodes by
 * the same tree, returns the bits of one device.
 *
 * Notation: [a, b] is an array of a rows of b elements. V vocabulary, H hidden size, D head dimension, N ranks.
 */
#ifndef SOFTTHINKING_BACKEND_H
#define SOFTTHINKING_BACKEND_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ST_ABI_VERSION 10u
#define ST_BLOCK_POSITIONS 16 /* positions per KV block */
#define ST_MAX_TOPK 1024      /* maximum entries of a concept token */
#define ST_MAX_MARKER 16      /* maximum ids of a marker that starts or ends a thought */
#define ST_MAX_FORCED 240     /* maximum forced ids of all queues of a slot: three texts of 64 and three markers */
#define ST_MAX_WINDOW 65536   /* maximum values of a mean of confidences */
#define ST_MAX_LOG_PROBS 20   /* maximum alternatives whose log-probability is reported */
#define ST_MAX_HEAD_DIM 512
#define ST_MAX_EXPERTS 1024  /* maximum experts of a layer */
#define ST_MAX_RANKS 64      /* maximum devices that compute one model together */
#define ST_COMM_ID_BYTES 128 /* bytes of the id of a communicator */

#if defined(_WIN32)
#define ST_EXPORT __declspec(dllexport)
#else
#define ST_EXPORT __attribute__((visibility("default")))
#endif

typedef enum st_status {
  ST_OK = 0,
  ST_INVALID_ARGUMENT = 1, /* an error of the caller: a size, a pointer, a range */
  ST_OUT_OF_MEMORY = 2,
  ST_UNSUPPORTED = 3, /* not supported by this backend or this machine */
  ST_INTERNAL = 4     /* an error of the backend or of the device */
} st_status;

typedef enum st_dtype {
  ST_F32 = 0,
  ST_F16 = 1,
  ST_BF16 = 2,
  /* Weights: blocks of 32 inputs of an output, integers -127..127 times an f16 scale, max |w| / 127. KV cache: see
   * st_kv_cache. */
  ST_INT8 = 3,
  /* Weights only, not of an embedding: blocks of 128 inputs of an output, e4m3 times an f32 scale. e4m3: sign, 4 bits
   * of exponent (bias 7; 0: m / 8 * 2^-6), 3 of mantissa m; 0x7f and 0xff are no numbers. */
  ST_FP8 = 4
} st_dtype;

typedef struct st_device st_device;
typedef struct st_stream st_stream;
typedef struct st_event st_event;
typedef struct st_graph st_graph;
typedef struct st_comm st_comm;

/* Type of the activations: 1 + st_dtype, or the backend's default: bf16 on CUDA, f32 on the CPU. */
enum { ST_ACTIVATIONS_DEFAULT = 0, ST_ACTIVATIONS_F32 = 1, ST_ACTIVATIONS_F16 = 2, ST_ACTIVATIONS_BF16 = 3 };

typedef struct st_device_options {
  uint32_t size;
  int32_t ordinal;        /* index of the device; 0 on the CPU */
  int32_t threads;        /* CPU: 1..1024 threads per operation, the caller's included; 0 = one for each
                             physical core that the process may use */
  int32_t activations;    /* ST_ACTIVATIONS_*; the CPU has f32 only */
  int32_t fast_products;  /* 1: open the vendor's matmul library, for st_linear.fast. It is not an error if there is
                             none: st_device_info reports it. Needs memory per stream (64 MiB on CUDA) */
  int32_t blocking_waits; /* 1: a thread that waits for the device sleeps; 0: it spins, which takes a core and returns
                             some microseconds earlier. Without effect on the CPU */
} st_device_options;

typedef struct st_device_info {
  uint32_t size;
  int32_t activation_dtype;
  int32_t threads;
  int32_t graphs;        /* 1: the graph functions are supported */
  uint64_t total_memory; /* bytes */
  uint64_t free_memory;  /* bytes that can be allocated now without swapping */
  char name[64];
  char instruction_set[32];
  int32_t fast_products; /* 1: st_linear.fast has an effect */
  int32_t own_memory;    /* 1: the device has its own memory; 0: it shares the host's with other programs */
  char products[88];     /* if fast_products were requested: the vendor's library and version, or why there is none */
} st_device_info;

/* Measured peak rates of a device, for benchmarks. */
typedef struct st_rates {
  uint32_t size;
  int32_t bandwidth_now;     /* in: 1: only the read bandwidth, of the median pass instead of the best, to compare with
                                a benchmark that runs at about the same time on a shared machine */
  double read_bandwidth;     /* bytes per second, from a buffer much larger than the caches */
  double multiply_adds_f32;  /* per second, with f32 operands */
  double multiply_adds_bf16; /* with bf16 operands, accumulated in f32; on CUDA by mma.sync, the instruction of these
                                kernels, on random operands; 0: not supported */
  double multiply_adds_int8; /* with 8-bit integers, accumulated in 32 bits; 0: not supported */
} st_rates;

/* A weight matrix W[rows, cols] in the backend's own layout, written by pack. y = W x. */
typedef struct st_matrix {
  const void* data; /* device, matrix_bytes(rows, cols, dtype) */
  int32_t rows;
  int32_t cols;
  int32_t dtype;
  int32_t reserved;
} st_matrix;

/* Packs columns first_col .. first_col + w.cols - 1 of source[count, source_cols], row-major, host, into the rows
 * first_row + i row_step of w. Matrices with the same input are packed into one, stacked or with their rows
 * interleaved. w.data is written; w.dtype must be source_dtype, or ST_INT8, to which any other type is rounded. A
 * source of ST_INT8 holds the blocks of each row, each with the f16 scale and 32 integers, 0 beyond the last column;
 * blocks are not cut: first_col is a multiple of 32, and so is w.cols unless the last column is among them. A source of
 * ST_FP8 holds the e4m3 of each row, and scales those of its blocks; nothing else is packed as ST_FP8. Blocks are not
 * cut either. */
typedef struct st_pack {
  uint32_t size;
  int32_t first_row;
  int32_t row_step;
  int32_t count;
  int32_t source_dtype;
  int32_t source_cols;
  int32_t first_col;
  int32_t reserved;
  st_matrix w;
  const void* source;
  const float* scales; /* host [count, ceil(source_cols / 128)], of ST_FP8; otherwise not read */
} st_pack;

/* The rows of one forward pass: prefill chunks and decode rows, those of a sequence adjacent and ascending. */
typedef struct st_batch {
  int32_t rows;
  int32_t sequences;
  int32_t blocks_per_sequence;
  int32_t tables;              /* number of block tables, where table_of is given */
  const int32_t* positions;    /* device [rows]: position of the row in its sequence; -1: an idle row, which writes no
                                  keys or values and whose attention is 0 */
  const int32_t* first_row;    /* device [sequences + 1]: sequence s owns the rows first_row[s] .. first_row[s+1]-1 */
  const int32_t* block_tables; /* device [tables, blocks_per_sequence]: block of each 16 positions */
  const int32_t* table_of;     /* device [sequences]: the table of each; null: as many tables, in the same order */
} st_batch;

/* An entry of the block tables: tables[place] = block. */
typedef struct st_table_entry {
  int64_t place;
  int32_t block;
  int32_t reserved;
} st_table_entry;

/* Writes entries of block tables that stay on the device. An entry beyond the tables is an error on the CPU, and has no
 * effect on CUDA. */
typedef struct st_set_blocks {
  uint32_t size;
  int32_t count;
  const st_table_entry* entries; /* device [count], each of another place */
  int32_t* tables;               /* device [places] */
  int64_t places;
} st_set_blocks;

/* Keys and values of one layer: kv_bytes(...) each for keys and for values, in the backend's own layout. ST_INT8: the
 * key, and the value, of a position and KV head are integers -127..127 times an f32 scale of their own, max |x| / 127,
 * so that they do not depend on the positions that are written with them. Before a key is rounded, it is multiplied by
 * a Hadamard matrix, and so are the queries, which leaves their products as they are: elements that are large in every
 * key would otherwise take the precision of the others. */
typedef struct st_kv_cache {
  void* keys;   /* device */
  void* values; /* device */
  int32_t blocks;
  int32_t dtype; /* ST_F32, ST_BF16 or ST_INT8 */
} st_kv_cache;

/* out[r] = sum over i of weights[index[r], i] * table[ids[index[r], i] - first_id], accumulated in f32: in the order of
 * i over the ids floor(s V / 8) .. floor((s + 1) V / 8) - 1 of each part s, and the 8 parts by their tree. Entries of
 * weight 0 are not read; ids outside the table's shard first_id .. first_id + table.rows - 1 contribute nothing. */
typedef struct st_embed {
  uint32_t size;
  int32_t rows;
  int32_t entries;    /* maximum entries of a concept token, 1..ST_MAX_TOPK */
  int32_t tokens;     /* rows of ids and weights */
  int32_t vocabulary; /* V */
  int32_t first_id;   /* of the table */
  int32_t out_f32;    /* 1: out is f32 regardless of the activation type (partial sums) */
  int32_t reserved;
  st_matrix table;      /* [V, H], or the rows of a shard; not of ST_FP8 */
  const int32_t* ids;   /* device [tokens, entries], each in 0..V-1 */
  const float* weights; /* device [tokens, entries] */
  const int32_t* index; /* device [rows], each in 0..tokens-1; NULL: row r uses token r */
  void* out;            /* device [rows, H] */
} st_embed;

/* out[r] = source[r], in the place of rows that embed wrote: inputs of the model that are no tokens. -0 becomes 0, as
 * in the sums of embed, so that rows of its table give the bits of their ids. */
typedef struct st_load_rows {
  uint32_t size;
  int32_t rows;
  int32_t cols;
  int32_t source_dtype; /* ST_F32, ST_F16 or ST_BF16 */
  const void* source;   /* device [rows, cols], aligned to its elements; see memory_check */
  void* out;            /* device [rows, cols], activations */
} st_load_rows;

/* residual += delta (if delta is not NULL);  out = residual / sqrt(mean(residual^2) + epsilon) * weight. */
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

/* out[r] = x[r] / sqrt(mean(x[r]^2) + epsilon) * weight, or if `add`, out[r] += that: the norm of all queries or keys
 * of a row, and the norm of what a sublayer adds to the residual. out may be x; otherwise they may not overlap. */
typedef struct st_normalize {
  uint32_t size;
  int32_t rows;
  int32_t cols;
  float epsilon;
  int32_t x_stride;   /* elements from a row of x to the next, >= cols */
  int32_t out_stride; /* of out, >= cols */
  int32_t add;        /* 0 or 1 */
  int32_t reserved;
  const void* x;       /* device [rows, cols] */
  const float* weight; /* device [cols] */
  void* out;           /* device [rows, cols] */
} st_normalize;

/* y = x W^T + bias; out = y, or if `gated`, out[r, j] = silu(y[r, 2j]) y[r, 2j + 1] with silu(a) = a / (1 + e^-a).
 * Unless `exact`, a backend may round x to the type of W if that is faster; accumulation is in f32 in any case. If W is
 * ST_INT8, x is always rounded: blocks of 32 to integers -127..127 times an f32 scale, whose products are
 * summed exactly before they are scaled. If W is ST_FP8, the type to which x may be rounded is bf16, and the sums of a
 * block of 128 are multiplied by its scale. */
typedef struct st_linear {
  uint32_t size;
  int32_t rows;
  const void* x; /* device [rows, W.cols] */
  st_matrix w;
  const float* bias; /* device [W.rows] or NULL */
  void* out;         /* device [rows, W.rows], gated [rows, W.rows / 2] */
  int32_t out_f32;   /* 1: out is f32 regardless of the activation type (logits) */
  int32_t exact;     /* 1: x is not rounded */
  int32_t fast;      /* 1: on a device with fast_products, the vendor's library may compute large batches. The result is
                        then not batch-invariant */
  int32_t gated;     /* 1: the rows of W, an even number, are gates and values, interleaved */
  /* > 0: W is the columns from first_col on, a multiple of a tile, of a matrix with total_cols. Each output is the tree
   * over 8 parts of that matrix, of which those that W lacks are 0. Part s begins at tile floor(s T / 8) of T tiles of
   * 16 columns (ST_INT8: blocks of 32, ST_FP8: of 128); the last tile may be cut. 0: the order of summation is the
   * backend's own. */
  int32_t total_cols;
  int32_t first_col;
} st_linear;

/* Which experts each row of a layer uses, and which rows each expert has. p = softmax of the logits over all E experts;
 * of these the k largest, of equal ones the lower expert; the weights are p, or if `normalize` p over their sum. Rows
 * with a logit of NaN or +infinity have weights of NaN. An idle row uses no expert.
 * The device holds the experts first_expert .. first_expert + held - 1. The rows of one are its group; those of a group
 * follow one another, ascending, in places. Groups are in ascending order of their experts, those without rows last. */
typedef struct st_route {
  uint32_t size;
  int32_t rows;
  int32_t experts; /* E, 1..ST_MAX_EXPERTS */
  int32_t per_row; /* k, 1..E */
  int32_t first_expert;
  int32_t held;      /* >= 1 */
  int32_t normalize; /* 0 or 1 */
  int32_t reserved;
  const float* logits;      /* device [rows, E] */
  const int32_t* positions; /* device [rows]; -1: an idle row */
  int32_t* ids;             /* device [rows, k]: the experts of a row, ascending; -1 of an idle row */
  float* weights;           /* device [rows, k] */
  int32_t* places;          /* device [rows, k]: the place of the row in that expert's group; -1: another device's */
  int32_t* row_of;          /* device [rows k]: the row of each place; 0 beyond the last place */
  int32_t* group_experts;   /* device [held]: the expert of each group, from first_expert on: 0..held-1 */
  int32_t* group_places;    /* device [held + 1]: group g has the places group_places[g] .. group_places[g + 1] - 1 */
} st_route;

/* out[p] = W_e x[p], or gated as in linear, for the places p of every group of route and the expert e of the group. The
 * sum of an output has one order, whatever the sizes of the groups are. Of experts without rows no weights are read. */
typedef struct st_expert_linear {
  uint32_t size;
  int32_t places;  /* rows of x and out: at most rows k of route */
  int32_t experts; /* E, of all devices: how many rows a group probably has */
  int32_t held;    /* groups */
  const void* x;   /* device [places, w.cols] */
  st_matrix w;     /* of expert 0; the others follow, each matrix_bytes(rows, cols, dtype) after the one before */
  void* out;       /* device [places, w.rows], gated [places, w.rows / 2]; places of no group are left as is */
  const int32_t* group_experts; /* device [held] */
  const int32_t* group_places;  /* device [held + 1] */
  int32_t exact;                /* as in st_linear */
  int32_t gated;                /* as in st_linear */
} st_expert_linear;

/* out[r] = sum over i of weights[r, i] y[places[r, i]], accumulated in f32: in the order of i over the experts
 * floor(s E / 8) .. floor((s + 1) E / 8) - 1 of each part s, and the 8 parts by their tree. Experts of other devices
 * contribute nothing. */
typedef struct st_combine {
  uint32_t size;
  int32_t rows;
  int32_t cols;
  int32_t experts;       /* E */
  int32_t per_row;       /* k */
  int32_t out_f32;       /* 1: out is f32 regardless of the activation type (partial sums) */
  const void* y;         /* device [places, cols] */
  const int32_t* ids;    /* device [rows, k] */
  const float* weights;  /* device [rows, k] */
  const int32_t* places; /* device [rows, k] */
  void* out;             /* device [rows, cols] */
} st_combine;

/* Angles of one forward pass, shared by the layers with these frequencies: out[r] = m cos(p f_0) .. m cos(p f_{n-1}),
 * m sin(p f_0) .. m sin(p f_{n-1}) with p = positions[r], m = magnitude. Computed in double precision. */
typedef struct st_rope_angles {
  uint32_t size;
  int32_t rows;
  int32_t half; /* n: half of the elements of a head that rotate */
  int32_t reserved;
  double magnitude;
  const int32_t* positions;          /* device [rows] */
  const double* inverse_frequencies; /* device [half] */
  float* out;                        /* device [rows, 2 half] */
} st_rope_angles;

/* Runs between the QKV matmul and attention. Each row of qkv holds `heads` queries, then `kv_heads` keys, then
 * `kv_heads` values, D each. Queries and keys are RMS-normalized (if the weights are not NULL), and their first R
 * elements are rotated: with (a, b) the i-th elements of the halves of these, a' = a cos_i - b sin_i, b' = b cos_i +
 * a sin_i. Queries are updated in place; keys and values are written to the cache at the row's position. If the cache
 * is ST_INT8, queries and keys are last multiplied by the Hadamard matrix of n = 2 m elements, where m is the largest
 * power of two that divides D / 2, once for each n of the D elements, in f32: sums and differences of the elements i, j
 * of a half with j - i = 1, 2, 4 .. m / 2, then of i and i + D / 2. Queries are divided by n. Unless R is D, a backend
 * may permute the elements for that. */
typedef struct st_qkv_epilogue {
  uint32_t size;
  int32_t heads;
  int32_t kv_heads;
  int32_t head_dim; /* even, <= ST_MAX_HEAD_DIM */
  float epsilon;
  int32_t rotated;     /* R, even, 0..D */
  const float* q_norm; /* device [D] or NULL */
  const float* k_norm; /* device [D] or NULL */
  const float* angles; /* device [rows, R], of rope_angles; NULL if R is 0 */
  void* qkv;           /* device [rows, (heads + 2 kv_heads) D] */
  st_batch batch;
  st_kv_cache cache;
} st_qkv_epilogue;

/* out[r, h] = sum over t of softmax_t(scale q[r, h] . k[t, g]) v[t, g],  g = h / (heads / kv_heads), over the positions
 * t <= p = positions[r]; with a window W over max(0, p - W + 1) .. p.
 * The context is processed in splits of a fixed number of positions from 0, merged in a fixed order. Splits before the
 * window are not read, nor the entries of block tables for blocks before it. If the cache is bf16, a backend may round
 * queries, and the weights e^(score - maximum of the split), to bf16; accumulation is in f32. If it is ST_INT8, a
 * backend rounds queries, and the weights times the scales of their values, to bf16 or to 16-bit integers with a scale.
 */
typedef struct st_attention {
  uint32_t size;
  int32_t heads;
  int32_t kv_heads;
  int32_t head_dim;
  float scale;
  int32_t window;  /* positions that a row attends to, its own included; 0: all up to its own */
  const void* qkv; /* device, as written by st_qkv_epilogue */
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

/* State of a slot. The host sets it at admission; sample and probe advance it. Together with st_deepconf.values it is
 * all that a sequence needs to be resumed in another slot. */
typedef struct st_sequence_state {
  int32_t thinking;          /* 1 while the sequence is thinking */
  int32_t low_entropy_steps; /* consecutive tokens below the entropy threshold */
  int32_t thinking_steps;    /* thoughts so far */
  int32_t forced_next;       /* next index in st_sampling.forced, -1: none is pending */
  uint32_t step;             /* tokens sampled so far: the counter of the random numbers */
  int32_t opening;    /* ids of think_start at the start of the output; -1: the model can no longer open a thought */
  int32_t ending;     /* ids of think_end matched at the end of the output */
  int32_t forced_end; /* end of the pending queue in st_sampling.forced */
  int32_t token;      /* emitted last */

  /* Swireasoning. */
  int32_t mode;        /* 0: soft, 1: hard */
  int32_t stay;        /* steps since the mode changed */
  int32_t switches;    /* changes to hard so far */
  int32_t answer_left; /* tokens until the sequence finishes; -1: no limit */
  float h_ref;         /* nats at T = 1 when the mode changed */

  /* Early exits. */
  float cusum;           /* S */
  int32_t cusum_count;   /* values of the warm-up so far */
  double cusum_sum;      /* of the entropies of the warm-up */
  double confidence_sum; /* of the values in the window of deepconf */
  float eat_mean;        /* m */
  float eat_variance;    /* v */
  int32_t eat_probes;    /* probes made */
  int32_t eat_stop;      /* 1: the next step that looks at exits stops thinking */
  int32_t deer_probes;   /* probes begun */
  int32_t deer_tokens;   /* tokens of the current probe so far */
  int32_t deer_ending;   /* ids of think_end matched at its end */
  int32_t waiting;       /* ST_PROBE_*: probes without which no step is sampled */
  double deer_sum;       /* of ln p_1, or of p_1, over its tokens from the second on */
} st_sequence_state;

/* Parameters of penalize for a slot. With c the number of times that an id was emitted in the output:
 * repetition (> 0, 1 = off) divides a positive logit and multiplies a negative one, for ids of the prompt and of the
 * output; then logit -= frequency * c + (c > 0 ? presence : 0); then the biases are added; then, while fewer than
 * min_tokens tokens were sampled, the logits of the held ids become -inf. */
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

#define ST_COUNT_IN_PROMPT 0x40000000 /* added to a count: the id occurs in the prompt */

typedef struct st_penalize {
  uint32_t size;
  int32_t rows;
  int32_t vocabulary;
  int32_t reserved;
  float* logits;                   /* device [rows, V], read and written */
  const int32_t* slots;            /* device [rows]: slot of each row */
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

/* What a soft thought feeds to the next step. y and y_j are ids drawn with the filters of `thinking`; n is max_topk;
 * p_1 is the softmax of the logits at temperature 1 without filters. A strategy whose rule chooses one id makes a plain
 * token of it: (id, 1.0). */
enum {
  ST_STRATEGY_SOFT = 0,         /* the first n kept entries, with the noise of dirichlet_alpha and gumbel_temperature */
  ST_STRATEGY_MIXTURE = 1,      /* mixture of inputs: y and the first 20 of p_1; up to 21 entries whatever n is */
  ST_STRATEGY_MULTIPLEX = 2,    /* y_0 .. y_(n-1), n <= 64 */
  ST_STRATEGY_SWIREASONING = 3, /* y, or the first n of p_1 and an entry for a marker, n <= ST_MAX_TOPK - 1 */
  ST_STRATEGY_THINK_ROUTER = 4, /* soft if the largest probability reaches router_threshold, else y */
  ST_STRATEGY_LATENT_SFT = 5,   /* the first n of p_1 */
  ST_STRATEGY_LATENT_GRPO =
      6,                    /* the n largest of ln p_1 + noise among the first of p_1, weights softmax(score / tau) */
  ST_STRATEGY_SOFT_GRPO = 7 /* the entries of soft, weights softmax((ln(w + 1e-6) + noise) / tau) */
};

/* Noise of latent-grpo and soft-grpo: scale clamp(g), or if one-sided, scale (clamp(g) - low), with a standard Gumbel
 * variable g for each id and clamp(g) = min(max(g, low), high). tau is st_sampling.gumbel_temperature, > 0. */
typedef struct st_noise {
  float scale; /* 0: no noise */
  float low;
  float high;
  int32_t one_sided; /* latent-grpo only */
} st_noise;

/* Mixture of inputs: w_i = (h q_i + (beta + 1 - h) [id_i = y]) / (beta + 1), q the first 20 of p_1, normalised, and h
 * their entropy divided by the largest possible one. */
typedef struct st_mixture {
  float beta;
  int32_t direct; /* 1: w = q, and only the emitted id is y */
  int32_t after;  /* 1: tokens after thinking are mixed too, around an id drawn with the filters of `after` */
} st_mixture;

typedef struct st_multiplex {
  int32_t uniform;      /* 1: weights 1/n, 0: proportional to the probabilities */
  float mask_threshold; /* a thought whose kept distribution has at most this entropy is plain; < 0: off */
} st_multiplex;

/* Switches between soft and hard thoughts by the entropy at temperature 1. */
typedef struct st_swireasoning {
  int32_t window; /* steps in hard mode before it may turn soft, >= 1 */
  float alpha_0;  /* share of the mixture next to the marker that starts a thought, of the first token; rises to 1 */
  float beta_0;   /* the same next to the marker that ends it */
  int32_t max_tokens;       /* tokens of the whole request, >= 1: where the shares reach 1 */
  int32_t start_blend_id;   /* gets a tenth of the first thought; -1: none */
  int32_t max_switch_count; /* K: after K changes to hard `converge` is forced, after 2K `conclude`; 0: off */
  int32_t final_tokens;     /* tokens after the step that queues `conclude`, >= 1 */
  int32_t hard_count;
  const int32_t* hard_ids; /* device [hard_count], ascending: as y they make a soft thought plain */
} st_swireasoning;

/* S = max(0, S + mu - H_1 - drift) reaches above the threshold. */
typedef struct st_cusum {
  float mu;
  int32_t warmup; /* > 0: mu is the mean of that many first values of H_1, during which S stays 0 */
  float drift;
  float threshold; /* <= 0: off */
} st_cusum;

/* The mean of the last `window` confidences, of thoughts and other tokens, is below the bar: the sequence finishes. */
typedef struct st_deepconf {
  int32_t window; /* 1..ST_MAX_WINDOW; 0: off. On from the first token of the sequence or never */
  float bar;
  int32_t eos; /* the id that is emitted then; -1: none, the token stays as it is */
  int32_t reserved;
  float* values; /* device [window]: the value of step s is at s % window */
} st_deepconf;

/* The moving variance of H_1 after a text that ends the thought stays small. A probe follows a thought. */
typedef struct st_eat {
  int32_t on;
  int32_t interval; /* > 0: a probe each so many thoughts; 0: after the trigger ids */
  float alpha;      /* m = alpha x + (1 - alpha) m, v = alpha (x - m)^2 + (1 - alpha) v */
  float delta;      /* stops when v is below */
  int32_t min_probes;
  int32_t trigger_count;
  const int32_t* trigger_ids; /* device [trigger_count], ascending */
} st_eat;

/* The model answers with confidence in place of a trigger id. */
typedef struct st_deer {
  int32_t max_probes; /* 0: off */
  int32_t tokens;     /* maximum tokens of a probe, >= 1 */
  float threshold;
  int32_t arithmetic;  /* mean of the probabilities: 1: arithmetic, 0: geometric */
  int32_t require_end; /* 1: a probe that does not end with think_end has confidence 0 */
  int32_t trigger_count;
  const int32_t* trigger_ids; /* device [trigger_count], ascending */
} st_deer;

/* Ids begin .. end - 1 of st_sampling.forced, emitted one after another; begin = end: none. */
typedef struct st_queue {
  int32_t begin;
  int32_t end;
} st_queue;

#define ST_MAY_END 0x40000000 /* added to a forced id: it may end the thinking */

/* Sampling parameters of a slot: written by the host when a sequence is admitted, read for every token. All ids are in
 * 0..V-1. Queues may overlap. */
typedef struct st_sampling {
  st_filter thinking; /* for soft thoughts */
  st_filter after;    /* otherwise */
  uint64_t seed;
  int32_t soft;                     /* 1: thoughts are mixtures; 0: every token is a single drawn id */
  int32_t strategy;                 /* ST_STRATEGY_* */
  int32_t max_topk;                 /* entries of a mixture, 1..entries of the sample operation */
  int32_t record;                   /* 1: the optional outputs of sample are written for this slot */
  float entropy_threshold;          /* nats; <= 0: no cold stop */
  int32_t length_threshold;         /* consecutive low-entropy tokens that trigger the stop, >= 1 */
  int32_t cold_stop_after_thinking; /* 1: the same count finishes the sequence after thinking */
  int32_t max_thinking_tokens;      /* thoughts before the end of thinking is forced; -1: no budget */
  float dirichlet_alpha;            /* of soft; <= 0: off */
  float gumbel_temperature;         /* of soft; <= 0: off. Of latent-grpo and soft-grpo: tau */
  float router_threshold;           /* of think-router */
  st_noise noise;
  st_mixture mixture;
  st_multiplex multiplex;
  st_swireasoning swireasoning;
  st_cusum cusum;
  st_deepconf deepconf;
  st_eat eat;
  st_deer deer;
  st_queue end;       /* after the first id of think_end, which a stop forces: its rest, then the text after it */
  st_queue converge;  /* of swireasoning */
  st_queue conclude;  /* of swireasoning */
  st_queue deer_exit; /* instead of the thought: a text, think_end, the text after it; not empty with deer */
  int32_t think_start_count; /* ids of the marker that starts a thought, 0 (none) .. ST_MAX_MARKER */
  int32_t think_end_count;   /* ids of the marker that ends it. If a marker has several ids, no entry stands for it */
  int32_t think_start[ST_MAX_MARKER];
  int32_t think_end[ST_MAX_MARKER];
  int32_t forced[ST_MAX_FORCED]; /* ids of the queues, each plus ST_MAY_END or not */
} st_sampling;

enum {
  ST_STEP_SOFT = 1,              /* the token is a soft thought */
  ST_STEP_COLD_STOP = 2,         /* low entropy forced the end of thinking. One stop at most forces it in a step */
  ST_STEP_BUDGET = 4,            /* the thinking budget forced it */
  ST_STEP_FORCED = 8,            /* the id was forced, not chosen */
  ST_STEP_THINKING_ENDED = 16,   /* thinking ended with this token */
  ST_STEP_FINISHED = 32,         /* low entropy after thinking finished the sequence */
  ST_STEP_BAD_LOGITS = 64,       /* NaN, +inf or no finite logit: nothing was sampled, the state is unchanged */
  ST_STEP_THINKING = 128,        /* the token belongs to a thought, including the markers that open and end it */
  ST_STEP_MIXED = 256,           /* the entries come from a mixture, of which one may be left */
  ST_STEP_CUSUM = 512,           /* the cumulative sum forced the end of thinking */
  ST_STEP_EAT = 1024,            /* the variance of the probes forced it */
  ST_STEP_DEER = 2048,           /* a confident probe replaced the thought */
  ST_STEP_LOW_CONFIDENCE = 4096, /* deepconf finished the sequence */
  ST_STEP_ANSWER_SPENT = 8192,   /* answer_left reached 0: the sequence is finished, as if by its length */
  ST_STEP_TO_HARD = 16384,       /* the mode of swireasoning changed to hard */
  ST_STEP_TO_SOFT = 32768,       /* it changed to soft */
  ST_STEP_AWAITS_EAT = 65536,    /* a probe of eat has to follow */
  ST_STEP_AWAITS_DEER = 131072,  /* a probe of deer has to follow, before one of eat */
  ST_STEP_WAITING = 262144       /* the slot waits for a probe: nothing was sampled, the state is unchanged */
};

typedef struct st_step_info {
  int32_t flags;
  float entropy; /* nats, of the distribution at the token's temperature before any filter */
  int32_t token; /* the emitted id: displayed, counted by penalties and matched against markers and stops */
  int32_t count; /* entries of the concept token, 1..entries; 0 for bad logits and waiting slots */
} st_step_info;

/* Statistics of a row, natural logarithms. p_T is the softmax at the row's temperature (1 if that is 0), before any
 * filter; of p_1 at temperature 1. */
typedef struct st_step_record {
  float entropy;       /* H_T */
  float entropy_1;     /* H_1 */
  float p_max;         /* the largest p_T */
  float p_max_1;       /* the largest p_1 */
  float lse;           /* ln of the sum of e^(l/T): ln p_T(i) = l_i/T - lse */
  float lse_1;         /* the same at T = 1 */
  float confidence;    /* -(1/m) times the sum of ln p_1 over the first m = min(20, finite logits) ids */
  float entropy_top20; /* entropy of the softmax of those m logits at T = 1, divided by ln m; 0 if m = 1 */
  float entropy_kept;  /* entropy of what the filters keep, normalised; 0 if T = 0 */
  float token_log_p1;  /* ln p_1 of the emitted id */
  float log_prob;      /* of the step, as its strategy defines it for reinforcement learning; 0 for forced ids */
  float exit_log_p1;   /* ln p_1 of the first id of deer_exit, which a probe may put in the token's place; 0 without */
  float exit_log_pt;   /* ln p_T of the same */
  int32_t scored;      /* 1: the entries have scores */
} st_step_record;

/* Samples one token per row. The result is the concept token: `count` ids with weights that sum to 1, then (0, 0.0).
 * Its emitted id is st_step_info.token, which need not be among them. It is written twice: to the slot, for the next
 * embed, and to the output, for the host. The optional outputs are for rows whose st_sampling.record is 1; others are
 * left as they are. */
typedef struct st_sample {
  uint32_t size;
  int32_t rows;
  int32_t vocabulary;
  int32_t entries;             /* maximum entries of a concept token, 1..ST_MAX_TOPK */
  const float* logits;         /* device [rows, V] */
  const int32_t* slots;        /* device [rows], distinct; -1: an idle row */
  const st_sampling* sampling; /* device [slots] */
  st_sequence_state* states;   /* device [slots] */
  int32_t* counts;             /* device [slots, V] or NULL: the emitted id's count is incremented */
  int32_t* slot_ids;           /* device [slots, entries] */
  float* slot_weights;         /* device [slots, entries] */
  int32_t* out_ids;            /* device [rows, entries] */
  float* out_weights;          /* device [rows, entries] */
  st_step_info* out_info;      /* device [rows] */
  st_step_record* out_record;  /* device [rows] or NULL */
  float* out_scores;           /* device [rows, entries] or NULL: of the entries, where the strategy scores them */
  float* out_log_p1;           /* device [rows, entries] or NULL: ln p_1 of the entries */
  float* out_log_pt;           /* device [rows, entries] or NULL: ln p_T of the entries */
  void* workspace;             /* device, sample_workspace_bytes(rows, V) */
} st_sample;

enum { ST_PROBE_EAT = 1, ST_PROBE_DEER = 2 };

typedef struct st_probe_info {
  int32_t flags;    /* of the step that waited, as changed: 0, or with deer ST_STEP_DEER | ST_STEP_FORCED | ... */
  int32_t done;     /* 1: the probe is complete and the slot no longer waits for it. 0: deer goes on with `token`, or
                       the slot did not wait for such a probe */
  int32_t token;    /* the most likely id, ties by lower id */
  int32_t emitted;  /* with ST_STEP_DEER: the id that replaces the thought's; else -1 */
  float log_p1;     /* ln p_1 of token */
  float entropy_1;  /* H_1 */
  float confidence; /* of a complete probe of deer */
  int32_t stop; /* 1: eat will stop thinking at the next step that looks at exits, or deer has replaced the thought */
} st_probe_info;

/* Applies probes to slots that wait for them. The logits of a row, without penalties and biases, are those after the
 * last id of an eat probe (think_end and the probe's text), or those of a deer probe: after its text, then after each
 * token that it emits. The next token of a deer probe is written as a plain token, for the next embed. If deer exits,
 * the first id of deer_exit replaces the slot's token: in slot_ids, in counts, and as if it had been emitted at once. A
 * probe changes nothing else. */
typedef struct st_probe {
  uint32_t size;
  int32_t rows;
  int32_t vocabulary;
  int32_t entries;             /* as in st_sample */
  const float* logits;         /* device [rows, V] */
  const int32_t* slots;        /* device [rows], distinct; -1: an idle row */
  const int32_t* kinds;        /* device [rows]: ST_PROBE_* */
  const st_sampling* sampling; /* device [slots] */
  st_sequence_state* states;   /* device [slots] */
  int32_t* counts;             /* device [slots, V] or NULL */
  int32_t* slot_ids;           /* device [slots, entries] */
  float* slot_weights;         /* device [slots, entries] */
  int32_t* probe_ids;          /* device [slots, entries]: the next token of a deer probe */
  float* probe_weights;        /* device [slots, entries] */
  st_probe_info* out_info;     /* device [rows] */
  void* workspace;             /* device, sample_workspace_bytes(rows, V) */
} st_probe;

/* Log-probabilities of given ids under the logits, without penalties and filters: ln p_1, and ln p_T with a temperature
 * per row (0: as 1). Ids that a step records get the bits of the record. NaN for rows with bad logits. */
typedef struct st_score {
  uint32_t size;
  int32_t rows;
  int32_t vocabulary;
  int32_t count;             /* maximum ids of a row, >= 1 */
  const float* logits;       /* device [rows, V] */
  const float* temperatures; /* device [rows] */
  const int32_t* counts;     /* device [rows]: ids of each row, 0..count; what is beyond them is left as it is */
  const int32_t* ids;        /* device [rows, count], each in 0..V-1 */
  float* log_p1;             /* device [rows, count] */
  float* log_pt;             /* device [rows, count] */
  void* workspace;           /* device, sample_workspace_bytes(rows, V) */
} st_score;

/* Log-probabilities under the logits, at temperature 1 and before any filter: of the emitted id, and of the `count`
 * most likely ids. Sums as in sample, so all backends return the same bits. 0 for rows with bad logits. */
typedef struct st_log_probs {
  uint32_t size;
  int32_t rows;
  int32_t vocabulary;
  int32_t count;            /* 0..ST_MAX_LOG_PROBS */
  const float* logits;      /* device [rows, V], as sample read them */
  const int32_t* slots;     /* device [rows]; -1: the row is skipped */
  const st_step_info* info; /* device [rows]: st_sample.out_info, for the emitted id */
  float* head;              /* device [rows]: of the emitted id */
  int32_t* top_ids;         /* device [rows, count], most likely first, ties by lower id */
  float* top;               /* device [rows, count] */
  void* workspace;          /* device, sample_workspace_bytes(rows, V) */
} st_log_probs;

/* Collectives between processes, for a backend that has none of its own (the CPU). */
typedef struct st_transport {
  void* context;
  /* out[N, bytes] = the in[bytes] of every rank. Waits for all ranks, at most timeout_ms; returns NULL, or what failed
   * in one sentence, valid until the thread's next call. Called by one thread at a time. */
  const char* (*all_gather)(void* context, const void* in, void* out, uint64_t bytes, uint32_t timeout_ms);
} st_transport;

typedef struct st_comm_options {
  uint32_t size;
  int32_t rank;        /* 0..ranks-1 */
  int32_t ranks;       /* 1..ST_MAX_RANKS */
  uint32_t timeout_ms; /* that a rank waits for the others in one operation, and in comm_create; then both fail */
  const st_transport* transport; /* must outlive the communicator; NULL: the backend's own, between devices of this
                                    process, or of any if the vendor's library can do so */
  uint8_t id[ST_COMM_ID_BYTES];  /* from comm_id of one rank, the same on all */
} st_comm_options;

/* out[r] = the rows r of all ranks side by side: rank k holds the columns floor(k cols / N) .. floor((k + 1) cols / N)
 * - 1. */
typedef struct st_all_gather {
  uint32_t size;
  int32_t rows;
  int32_t cols; /* of out, >= N */
  int32_t reserved;
  st_comm* comm;
  const float* in; /* device [rows, columns of this rank] */
  float* out;      /* device [rows, cols] */
} st_all_gather;

/* out = (sum over the ranks of in) + bias. The ranks are added by a balanced binary tree: the first P of N > 1 ranks, P
 * the largest power of two below N, and the others, each likewise. */
typedef struct st_all_sum {
  uint32_t size;
  int32_t rows;
  int32_t cols;
  int32_t reserved;
  st_comm* comm;
  const float* in;   /* device [rows, cols] */
  const float* bias; /* device [cols] or NULL */
  void* out;         /* device [rows, cols], activations; may not overlap */
} st_all_sum;

typedef struct st_api {
  uint32_t version;
  uint32_t size;
  const char* backend; /* "cpu", "cuda", ... */

  const char* (*last_error)(void); /* of the calling thread; "" if nothing failed */

  st_status (*device_open)(const st_device_options* options, st_device** device);
  void (*device_close)(st_device* device); /* after its streams; NULL is fine */
  st_status (*device_query)(st_device* device, st_device_info* info);
  st_status (*memory_alloc)(st_device* device, uint64_t bytes, void** pointer); /* zeroed, aligned to 64 bytes */
  void (*memory_free)(st_device* device, void* pointer);                        /* NULL is fine */
  /* Whether operations of the device can read so many bytes of a caller's memory, as far as the backend knows: on
   * CUDA, whether it is memory of the device's primary context, managed, or page-locked. On the CPU any is. */
  st_status (*memory_check)(st_device* device, const void* memory, uint64_t bytes);
  /* Page-locked host memory (ordinary memory on the CPU). */
  st_status (*host_alloc)(st_device* device, uint64_t bytes, void** pointer); /* zeroed, aligned to 64 bytes */
  void (*host_free)(st_device* device, void* pointer);                        /* NULL is fine */
  st_status (*stream_create)(st_device* device, st_stream** stream);
  /* A stream over a caller's: a CUstream of the device's primary context, but not one of CUDA's default streams. Its
   * owner may submit work to it at any time, from any thread; it must outlive the st_stream, whose end waits for its
   * work and leaves it alone. ST_UNSUPPORTED on the CPU. */
  st_status (*stream_adopt)(st_device* device, void* native, st_stream** stream);
  /* The CUstream of a stream, to which a caller may submit work, too; NULL on the CPU. */
  void* (*stream_native)(st_stream* stream);
  void (*stream_destroy)(st_stream* stream); /* after its work; NULL is fine */
  st_status (*stream_synchronize)(st_stream* stream);
  /* timed, 0 or 1: whether event_elapsed accepts it, which costs the device a little each time it is recorded. */
  st_status (*event_create)(st_device* device, int32_t timed, st_event** event);
  /* An event over a caller's CUevent of the device's primary context, which must outlive it and is left alone.
   * ST_UNSUPPORTED on the CPU. */
  st_status (*event_adopt)(st_device* device, void* native, st_event** event);
  void (*event_destroy)(st_event* event); /* NULL is fine */
  /* Marks all work submitted to the stream so far. */
  st_status (*event_record)(st_stream* stream, st_event* event);
  /* What is submitted to the stream from now on waits for the work that was marked last, which may be another stream's
   * of the same device; without effect if there is none. The host does not wait. An error of that work is its own
   * stream's. Not while a graph is recorded. */
  st_status (*event_wait)(st_stream* stream, st_event* event);
  /* Waits for the work that was marked last; returns immediately if there is none. The stream must still exist. */
  st_status (*event_synchronize)(st_event* event);
  /* Seconds from when the device reached one mark until it reached the other. Both must have completed. */
  st_status (*event_elapsed)(st_event* from, st_event* to, double* seconds);

  /* If st_device_info.graphs is 1: work submitted between graph_begin and graph_end is not executed but recorded, with
   * the arguments of every operation, and executed by each graph_launch, in stream order. Only operations and copies
   * between device memory and memory of host_alloc can be recorded; the stream must not be synchronized meanwhile. What
   * others submit to its CUstream meanwhile is executed, not recorded. A failed graph_end leaves the stream as it was
   * before graph_begin. A graph is launched on the stream that it was recorded on. */
  st_status (*graph_begin)(st_stream* stream);
  st_status (*graph_end)(st_stream* stream, st_graph** graph);
  st_status (*graph_launch)(st_stream* stream, st_graph* graph);
  void (*graph_destroy)(st_graph* graph); /* after its work; NULL is fine */

  /* Communicators. A rank is a device; all ranks call comm_create at about the same time, each from a thread of its
   * own, and then the same collective operations in the same order, each on one stream of its device. The collective of
   * a rank whose earlier work failed fails on all ranks. Graphs may contain them. */
  st_status (*comm_id)(st_device* device, uint8_t* id); /* a new id[ST_COMM_ID_BYTES], unique in the world */
  st_status (*comm_create)(st_device* device, const st_comm_options* options, st_comm** comm);
  /* Makes the collectives that wait or follow fail with `reason`, on all ranks of this process. From any thread. */
  void (*comm_abort)(st_comm* comm, const char* reason);
  void (*comm_destroy)(st_comm* comm); /* after its work; NULL is fine */

  /* Sizes in bytes; 0 for invalid shapes and for types that the backend does not support. */
  uint64_t (*matrix_bytes)(int32_t rows, int32_t cols, int32_t dtype);
  uint64_t (*kv_bytes)(int32_t blocks, int32_t kv_heads, int32_t head_dim, int32_t dtype);
  uint64_t (*sample_workspace_bytes)(int32_t rows, int32_t vocabulary);

  st_status (*pack)(st_stream* stream, const st_pack* operation);
  /* destination[count] = source[count] as f32; destination device, source host. */
  st_status (*convert_to_f32)(st_stream* stream, float* destination, const void* source, int32_t source_dtype,
                              int64_t count);
  /* Between host and device or within a device; no overlap. */
  st_status (*copy)(st_stream* stream, void* destination, const void* source, uint64_t bytes);

  st_status (*embed)(st_stream* stream, const st_embed* operation);
  st_status (*load_rows)(st_stream* stream, const st_load_rows* operation);
  st_status (*rms_norm)(st_stream* stream, const st_rms_norm* operation);
  st_status (*normalize)(st_stream* stream, const st_normalize* operation);
  st_status (*linear)(st_stream* stream, const st_linear* operation);
  st_status (*route)(st_stream* stream, const st_route* operation);
  st_status (*expert_linear)(st_stream* stream, const st_expert_linear* operation);
  st_status (*combine)(st_stream* stream, const st_combine* operation);
  st_status (*rope_angles)(st_stream* stream, const st_rope_angles* operation);
  st_status (*set_blocks)(st_stream* stream, const st_set_blocks* operation);
  st_status (*qkv_epilogue)(st_stream* stream, const st_qkv_epilogue* operation);
  st_status (*attention)(st_stream* stream, const st_attention* operation);
  st_status (*gather_rows)(st_stream* stream, const st_gather_rows* operation);
  st_status (*penalize)(st_stream* stream, const st_penalize* operation);
  st_status (*sample)(st_stream* stream, const st_sample* operation);
  st_status (*probe)(st_stream* stream, const st_probe* operation);
  st_status (*score)(st_stream* stream, const st_score* operation);
  st_status (*log_probs)(st_stream* stream, const st_log_probs* operation);
  st_status (*all_gather)(st_stream* stream, const st_all_gather* operation);
  st_status (*all_sum)(st_stream* stream, const st_all_sum* operation);

  /* Needs up to a second, and half a gigabyte of memory; all threads of the device, best of several passes. */
  st_status (*measure)(st_device* device, st_rates* rates);
} st_api;

ST_EXPORT const st_api* st_get_api(uint32_t version);

#ifdef __cplusplus
}
#endif
#endif
