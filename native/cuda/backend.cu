// The function table of the CUDA backend, and all functions that are not operations: devices, memory, streams, copies.

#include <cstring>
#include <new>

#include "common/checks.h"
#include "cuda/comm.h"
#include "cuda/cublas.h"
#include "cuda/numbers.cuh"

namespace st::cuda {

st_status checked(cudaError_t error, const char* what) {
  if (error == cudaSuccess) return ST_OK;
  cudaGetLastError();  // clears it, unless the device is lost
  return fail(error == cudaErrorMemoryAllocation ? ST_OUT_OF_MEMORY : ST_INTERNAL, "%s: CUDA says: %s", what,
              cudaGetErrorString(error));
}

namespace {

#define ST_CHECK(call, what)                            \
  do {                                                  \
    st_status status_of_call = checked((call), (what)); \
    if (status_of_call != ST_OK) return status_of_call; \
  } while (0)

// --- devices -------------------------------------------------------------------------------------------------------

st_status find_device(int32_t ordinal, cudaDeviceProp* properties) {
  int driver = 0, count = 0;
  if (cudaDriverGetVersion(&driver) != cudaSuccess || driver == 0)
    return fail(ST_UNSUPPORTED, "device_open: there is no NVIDIA driver");
  cudaError_t error = cudaGetDeviceCount(&count);
  if (error == cudaErrorInsufficientDriver)
    return fail(ST_UNSUPPORTED, "device_open: the NVIDIA driver is for CUDA %d.%d, this library needs one for %d.%d",
                driver / 1000, driver % 1000 / 10, CUDART_VERSION / 1000, CUDART_VERSION % 1000 / 10);
  if (error == cudaErrorNoDevice || (error == cudaSuccess && count == 0))
    return fail(ST_UNSUPPORTED, "device_open: the NVIDIA driver finds no GPU");
  if (error != cudaSuccess)
    return fail(ST_UNSUPPORTED, "device_open: CUDA does not start: %s", cudaGetErrorString(error));
  ST_REQUIRE(ordinal >= 0 && ordinal < count, "device_open: CUDA device %d; there are %d", ordinal, count);
  error = cudaGetDeviceProperties(properties, ordinal);
  if (error != cudaSuccess) return checked(error, "device_open");
  if (properties->major < 8)
    return fail(ST_UNSUPPORTED, "device_open: %s has compute capability %d.%d, this library needs 8.0",
                properties->name, properties->major, properties->minor);
  return ST_OK;
}

st_status device_open(const st_device_options* options, st_device** device) {
  ST_TRY(check(options, device));
  cudaDeviceProp properties;
  st_status status = find_device(options->ordinal, &properties);
  if (status != ST_OK) return status;
  ST_CHECK(cudaSetDevice(options->ordinal), "device_open");
  int32_t activations = options->activations;
  int32_t dtype = activations == ST_ACTIVATIONS_DEFAULT ? ST_BF16 : activations - ST_ACTIVATIONS_F32;
  auto* made = new (std::nothrow) st_device{options->ordinal, dtype, properties.multiProcessorCount, nullptr, ""};
  if (!made) return fail(ST_OUT_OF_MEMORY, "device_open: no memory for the device");
  if (options->fast_products) made->cublas = find_cublas(made->products, sizeof made->products);
  *device = made;
  return ST_OK;
}

// CUDA keeps a kernel's error until the device is reset; afterwards a newly opened device works again.
void device_close(st_device* device) {
  if (!device) return;
  cudaSetDevice(device->ordinal);
  if (cudaDeviceSynchronize() != cudaSuccess) cudaDeviceReset();
  delete device;
}

st_status device_query(st_device* device, st_device_info* info) {
  ST_TRY(check(device, info));
  ST_CHECK(cudaSetDevice(device->ordinal), "device_query");
  cudaDeviceProp properties;
  ST_CHECK(cudaGetDeviceProperties(&properties, device->ordinal), "device_query");
  size_t free = 0, total = 0;
  ST_CHECK(cudaMemGetInfo(&free, &total), "device_query");
  info->activation_dtype = device->activation_dtype;
  info->threads = device->multiprocessors;
  info->graphs = 1;
  info->total_memory = total;
  info->free_memory = free;
  snprintf(info->name, sizeof info->name, "%.63s", properties.name);
  snprintf(info->instruction_set, sizeof info->instruction_set, "sm_%d%d", properties.major, properties.minor);
  info->fast_products = device->cublas != nullptr;
  info->own_memory = 1;
  snprintf(info->products, sizeof info->products, "%s", device->products);
  return ST_OK;
}

// --- memory --------------------------------------------------------------------------------------------------------

}  // namespace

st_status device_memory(const char* what, uint64_t bytes, void** pointer) {
  cudaError_t error = cudaMalloc(pointer, bytes);
  if (error != cudaErrorMemoryAllocation) return checked(error, what);
  cudaGetLastError();
  size_t free = 0, total = 0;
  cudaMemGetInfo(&free, &total);
  return fail(ST_OUT_OF_MEMORY, "%s: the device cannot allocate %llu bytes; %llu of %llu are free", what,
              static_cast<unsigned long long>(bytes), static_cast<unsigned long long>(free),
              static_cast<unsigned long long>(total));
}

namespace {

st_status memory_alloc(st_device* device, uint64_t bytes, void** pointer) {
  ST_REQUIRE(device && pointer, "memory_alloc: a pointer is null");
  ST_REQUIRE(bytes > 0, "memory_alloc: 0 bytes");
  ST_CHECK(cudaSetDevice(device->ordinal), "memory_alloc");
  void* memory = nullptr;
  st_status status = device_memory("memory_alloc", bytes, &memory);
  if (status != ST_OK) return status;
  cudaError_t error = cudaMemsetAsync(memory, 0, bytes, nullptr);
  if (error == cudaSuccess) error = cudaStreamSynchronize(nullptr);
  if (error != cudaSuccess) {
    cudaFree(memory);
    return checked(error, "memory_alloc");
  }
  *pointer = memory;
  return ST_OK;
}

void memory_free(st_device* device, void* pointer) {
  if (!pointer) return;
  cudaSetDevice(device->ordinal);
  cudaFree(pointer);
}

st_status host_alloc(st_device* device, uint64_t bytes, void** pointer) {
  ST_REQUIRE(device && pointer, "host_alloc: a pointer is null");
  ST_REQUIRE(bytes > 0, "host_alloc: 0 bytes");
  ST_CHECK(cudaSetDevice(device->ordinal), "host_alloc");
  void* memory = nullptr;
  if (cudaHostAlloc(&memory, bytes, cudaHostAllocDefault) != cudaSuccess) {
    cudaGetLastError();
    return fail(ST_OUT_OF_MEMORY, "host_alloc: the system cannot allocate %llu page-locked bytes",
                static_cast<unsigned long long>(bytes));
  }
  memset(memory, 0, bytes);
  *pointer = memory;
  return ST_OK;
}

void host_free(st_device* device, void* pointer) {
  if (!pointer) return;
  cudaSetDevice(device->ordinal);
  cudaFreeHost(pointer);
}

st_status copy(st_stream* stream, void* destination, const void* source, uint64_t bytes) {
  ST_REQUIRE(stream && destination && source, "copy: a pointer is null");
  if (bytes == 0) return ST_OK;
  ST_CHECK(cudaSetDevice(stream->device->ordinal), "copy");
  return checked(cudaMemcpyAsync(destination, source, bytes, cudaMemcpyDefault, stream->handle), "copy");
}

// --- streams and events --------------------------------------------------------------------------------------------

void stream_destroy(st_stream* stream) {
  if (!stream) return;
  cudaSetDevice(stream->device->ordinal);
  if (stream->handle) {
    cudaStreamSynchronize(stream->handle);
    release_cublas(stream);
    cudaStreamDestroy(stream->handle);
  }
  cudaFree(stream->scratch);
  delete stream;
}

st_status prepare(st_stream* stream) {
  ST_CHECK(cudaSetDevice(stream->device->ordinal), "stream_create");
  ST_CHECK(cudaStreamCreateWithFlags(&stream->handle, cudaStreamNonBlocking), "stream_create");
  st_status status = device_memory("stream_create", kScratchBytes, &stream->scratch);
  if (status != ST_OK) return status;
  ST_CHECK(cudaMemsetAsync(stream->scratch, 0, kTicketBytes, stream->handle), "stream_create");
  return stream->device->cublas ? prepare_cublas(stream) : ST_OK;
}

st_status stream_create(st_device* device, st_stream** stream) {
  ST_REQUIRE(device && stream, "stream_create: a pointer is null");
  auto* made = new (std::nothrow) st_stream{device, nullptr, nullptr, nullptr, nullptr, nullptr};
  if (!made) return fail(ST_OUT_OF_MEMORY, "stream_create: no memory");
  st_status status = prepare(made);
  if (status == ST_OK)
    *stream = made;
  else
    stream_destroy(made);
  return status;
}

// The status of a wait for work with collectives of a group, if it is not null: an aborted collective is no error of
// CUDA's, but has no result.
st_status waited(const char* function, cudaError_t error, const std::shared_ptr<CommGroup>& group) {
  ST_CHECK(error, function);
  return group ? group->status(function) : ST_OK;
}

st_status stream_synchronize(st_stream* stream) {
  ST_REQUIRE(stream, "stream_synchronize: no stream");
  ST_CHECK(cudaSetDevice(stream->device->ordinal), "stream_synchronize");
  std::shared_ptr<CommGroup> group = std::move(stream->group);
  return waited("stream_synchronize", cudaStreamSynchronize(stream->handle), group);
}

}  // namespace
}  // namespace st::cuda

struct st_event {
  int ordinal;
  cudaEvent_t handle;
  std::shared_ptr<st::cuda::CommGroup> group;  // of the collectives that it marks
};

struct st_graph {
  int ordinal;
  cudaGraphExec_t handle;
  std::shared_ptr<st::cuda::CommGroup> group;  // of its collectives
};

namespace st::cuda {
namespace {

st_status event_create(st_device* device, st_event** event) {
  ST_REQUIRE(device && event, "event_create: a pointer is null");
  ST_CHECK(cudaSetDevice(device->ordinal), "event_create");
  cudaEvent_t handle;
  ST_CHECK(cudaEventCreate(&handle), "event_create");
  *event = new (std::nothrow) st_event{device->ordinal, handle, nullptr};
  if (*event) return ST_OK;
  cudaEventDestroy(handle);
  return fail(ST_OUT_OF_MEMORY, "event_create: no memory");
}

void event_destroy(st_event* event) {
  if (!event) return;
  cudaSetDevice(event->ordinal);
  cudaEventDestroy(event->handle);
  delete event;
}

st_status event_record(st_stream* stream, st_event* event) {
  ST_REQUIRE(stream && event, "event_record: a pointer is null");
  ST_CHECK(cudaSetDevice(stream->device->ordinal), "event_record");
  event->group = stream->group;
  return checked(cudaEventRecord(event->handle, stream->handle), "event_record");
}

st_status event_synchronize(st_event* event) {
  ST_REQUIRE(event, "event_synchronize: no event");
  ST_CHECK(cudaSetDevice(event->ordinal), "event_synchronize");
  return waited("event_synchronize", cudaEventSynchronize(event->handle), event->group);
}

st_status event_elapsed(st_event* from, st_event* to, double* seconds) {
  ST_REQUIRE(from && to && seconds, "event_elapsed: a pointer is null");
  ST_CHECK(cudaSetDevice(from->ordinal), "event_elapsed");
  float milliseconds = 0.0f;
  cudaError_t error = cudaEventElapsedTime(&milliseconds, from->handle, to->handle);
  if (error == cudaErrorInvalidResourceHandle) {
    cudaGetLastError();
    return fail(ST_INVALID_ARGUMENT, "event_elapsed: an event was never recorded");
  }
  ST_CHECK(error, "event_elapsed");
  *seconds = static_cast<double>(milliseconds) / 1e3;
  return ST_OK;
}

st_status measure_device(st_device* device, st_rates* rates) {
  ST_TRY(check(device, rates));
  st_stream* stream = nullptr;
  st_status status = stream_create(device, &stream);
  if (status != ST_OK) return status;
  status = measure(stream, rates);
  stream_destroy(stream);
  return status;
}

// --- graphs --------------------------------------------------------------------------------------------------------

st_status graph_begin(st_stream* stream) {
  ST_REQUIRE(stream, "graph_begin: no stream");
  ST_CHECK(cudaSetDevice(stream->device->ordinal), "graph_begin");
  return checked(cudaStreamBeginCapture(stream->handle, cudaStreamCaptureModeThreadLocal), "graph_begin");
}

st_status graph_end(st_stream* stream, st_graph** graph) {
  ST_REQUIRE(stream && graph, "graph_end: a pointer is null");
  ST_CHECK(cudaSetDevice(stream->device->ordinal), "graph_end");
  cudaGraph_t captured = nullptr;
  ST_CHECK(cudaStreamEndCapture(stream->handle, &captured), "graph_end");
  cudaGraphExec_t executable = nullptr;
  cudaError_t error = cudaGraphInstantiateWithFlags(&executable, captured, 0);
  cudaGraphDestroy(captured);
  ST_CHECK(error, "graph_end");
  *graph = new (std::nothrow) st_graph{stream->device->ordinal, executable, stream->group};
  if (*graph) return ST_OK;
  cudaGraphExecDestroy(executable);
  return fail(ST_OUT_OF_MEMORY, "graph_end: no memory");
}

st_status graph_launch(st_stream* stream, st_graph* graph) {
  ST_REQUIRE(stream && graph, "graph_launch: a pointer is null");
  ST_CHECK(cudaSetDevice(stream->device->ordinal), "graph_launch");
  if (graph->group) ST_TRY(graph->group->status("graph_launch"));
  if (graph->group) stream->group = graph->group;
  return checked(cudaGraphLaunch(graph->handle, stream->handle), "graph_launch");
}

void graph_destroy(st_graph* graph) {
  if (!graph) return;
  cudaSetDevice(graph->ordinal);
  cudaGraphExecDestroy(graph->handle);
  delete graph;
}

const char* last_error() {
  return error_text();
}

st_api make_api() {
  st_api api = {};
  api.version = ST_ABI_VERSION;
  api.size = sizeof api;
  api.backend = ST_BACKEND_NAME;
  api.last_error = last_error;
  api.device_open = device_open;
  api.device_close = device_close;
  api.device_query = device_query;
  api.memory_alloc = memory_alloc;
  api.memory_free = memory_free;
  api.host_alloc = host_alloc;
  api.host_free = host_free;
  api.stream_create = stream_create;
  api.stream_destroy = stream_destroy;
  api.stream_synchronize = stream_synchronize;
  api.event_create = event_create;
  api.event_destroy = event_destroy;
  api.event_record = event_record;
  api.event_synchronize = event_synchronize;
  api.event_elapsed = event_elapsed;
  api.matrix_bytes = matrix_bytes;
  api.kv_bytes = kv_bytes;
  api.sample_workspace_bytes = sample_workspace_bytes;
  api.comm_id = comm_id;
  api.comm_create = comm_create;
  api.comm_abort = comm_abort;
  api.comm_destroy = comm_destroy;
  api.pack = pack;
  api.convert_to_f32 = convert_to_f32;
  api.copy = copy;
  api.embed = embed;
  api.rms_norm = rms_norm;
  api.linear = linear;
  api.rope_angles = rope_angles;
  api.qkv_epilogue = qkv_epilogue;
  api.attention = attention;
  api.gather_rows = gather_rows;
  api.penalize = penalize;
  api.sample = sample;
  api.probe = probe;
  api.score = score;
  api.log_probs = log_probs;
  api.all_gather = all_gather;
  api.all_sum = all_sum;
  api.measure = measure_device;
  api.graph_begin = graph_begin;
  api.graph_end = graph_end;
  api.graph_launch = graph_launch;
  api.graph_destroy = graph_destroy;
  return api;
}

}  // namespace
}  // namespace st::cuda

const st_api* st_get_api(uint32_t version) {
  static const st_api api = st::cuda::make_api();
  return version == ST_ABI_VERSION ? &api : nullptr;
}
