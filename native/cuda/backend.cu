// The function table of the CUDA backend, and the functions for devices and memory.

#include <cstring>
#include <new>

#include "common/checks.h"
#include "cuda/cublas.h"
#include "cuda/launch.cuh"
#include "cuda/numbers.cuh"
#include "cuda/streams.h"

namespace st::cuda {

st_status checked(cudaError_t error, const char* what) {
  if (error == cudaSuccess) return ST_OK;
  cudaGetLastError();  // clears it, unless the device is lost
  return fail(error == cudaErrorMemoryAllocation ? ST_OUT_OF_MEMORY : ST_INTERNAL, "%s: CUDA says: %s", what,
              cudaGetErrorString(error));
}

namespace {

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

// The context that the runtime uses for the ordinal. As the runtime does, this keeps it until the process ends.
st_status retain_context(st_device* device) {
  const char* missing = "";
  const Driver* functions = driver(&missing);
  if (!functions) return fail(ST_UNSUPPORTED, "device_open: the NVIDIA driver has no %s", missing);
  int handle = 0;
  int error = functions->device(&handle, device->ordinal);
  if (error == 0) error = functions->retain_primary(&device->context, handle);
  return checked(static_cast<cudaError_t>(error), "device_open");
}

st_status load_kernels(const st_device& device) {
  ST_ON(device.context, "device_open");
  cudaFuncAttributes attributes;
  for (const void* kernel : kernels()) ST_CHECK(cudaFuncGetAttributes(&attributes, kernel), "device_open");
  return ST_OK;
}

st_status device_open(const st_device_options* options, st_device** device) {
  ST_TRY(check(options, device));
  cudaDeviceProp properties;
  st_status status = find_device(options->ordinal, &properties);
  if (status != ST_OK) return status;
  int32_t activations = options->activations;
  int32_t dtype = activations == ST_ACTIVATIONS_DEFAULT ? ST_BF16 : activations - ST_ACTIVATIONS_F32;
  auto* made = new (std::nothrow) st_device{};
  if (!made) return fail(ST_OUT_OF_MEMORY, "device_open: no memory for the device");
  made->ordinal = options->ordinal;
  made->activation_dtype = dtype;
  made->multiprocessors = properties.multiProcessorCount;
  made->shared_bytes = properties.sharedMemPerMultiprocessor;
  made->overlaps = properties.major >= 9;
  made->wait_flags = options->blocking_waits ? cudaEventBlockingSync : 0;
  status = retain_context(made);
  if (status == ST_OK) status = load_kernels(*made);
  if (status != ST_OK) {
    delete made;
    return status;
  }
  if (options->fast_products) made->cublas = find_cublas(made->products, sizeof made->products);
  *device = made;
  return ST_OK;
}

// Others may use the primary context, so it is neither reset nor, with a last reference, destroyed. Streams have waited
// for their work, so there is nothing to wait for, least of all work of others. CUDA keeps a kernel's error in the
// context: every later call fails there, cudaFree, too, and a device that is opened again has the same error. The
// memory of this engine then stays allocated until the application resets the context or ends.
void device_close(st_device* device) {
  delete device;
}

st_status device_query(st_device* device, st_device_info* info) {
  ST_TRY(check(device, info));
  ST_ON(device->context, "device_query");
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

// CUDA rounds sizes up, so that the largest would wrap around: more than there is in all is not tried.
st_status device_memory(const char* what, uint64_t bytes, void** pointer) {
  size_t free = 0, total = 0;
  ST_CHECK(cudaMemGetInfo(&free, &total), what);
  cudaError_t error = bytes > total ? cudaErrorMemoryAllocation : cudaMalloc(pointer, bytes);
  if (error != cudaErrorMemoryAllocation) return checked(error, what);
  cudaGetLastError();
  return fail(ST_OUT_OF_MEMORY, "%s: the device cannot allocate %llu bytes; %llu of %llu are free", what,
              static_cast<unsigned long long>(bytes), static_cast<unsigned long long>(free),
              static_cast<unsigned long long>(total));
}

namespace {

st_status memory_alloc(st_device* device, uint64_t bytes, void** pointer) {
  ST_REQUIRE(device && pointer, "memory_alloc: a pointer is null");
  ST_REQUIRE(bytes > 0, "memory_alloc: 0 bytes");
  ST_ON(device->context, "memory_alloc");
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
  CurrentContext current(device->context);
  cudaFree(pointer);
}

// In words, why operations cannot read the byte at an address; nullptr if they can.
const char* why_unreadable(const st_device* device, const char* address) {
  cudaPointerAttributes attributes = {};
  cudaError_t error = cudaPointerGetAttributes(&attributes, address);
  cudaGetLastError();
  if (error != cudaSuccess || attributes.type == cudaMemoryTypeUnregistered) return "is no memory that CUDA knows";
  if (attributes.type != cudaMemoryTypeDevice) return nullptr;
  if (attributes.device != device->ordinal) return "is memory of another device";
  constexpr int kContext = 1;  // CU_POINTER_ATTRIBUTE_CONTEXT; memory of a pool has none
  void* context = nullptr;
  if (driver(nullptr)->pointer_attribute(&context, kContext, reinterpret_cast<uintptr_t>(address)) != 0) return nullptr;
  return !context || context == device->context ? nullptr : "is memory of another context";
}

st_status memory_check(st_device* device, const void* memory, uint64_t bytes) {
  ST_REQUIRE(device && memory, "memory_check: a pointer is null");
  ST_REQUIRE(bytes > 0, "memory_check: 0 bytes");
  ST_ON(device->context, "memory_check");
  const char* first = static_cast<const char*>(memory);
  for (const char* address : {first, first + (bytes - 1)})
    if (const char* problem = why_unreadable(device, address))
      return fail(ST_INVALID_ARGUMENT, "memory_check: the address %p %s", static_cast<const void*>(address), problem);
  return ST_OK;
}

st_status host_alloc(st_device* device, uint64_t bytes, void** pointer) {
  ST_REQUIRE(device && pointer, "host_alloc: a pointer is null");
  ST_REQUIRE(bytes > 0, "host_alloc: 0 bytes");
  ST_ON(device->context, "host_alloc");
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
  CurrentContext current(device->context);
  cudaFreeHost(pointer);
}

st_status copy(st_stream* stream, void* destination, const void* source, uint64_t bytes) {
  ST_REQUIRE(stream && destination && source, "copy: a pointer is null");
  if (bytes == 0) return ST_OK;
  ST_ON(stream->device->context, "copy");
  return checked(cudaMemcpyAsync(destination, source, bytes, cudaMemcpyDefault, stream->for_other_work()), "copy");
}

st_status measure_device(st_device* device, st_rates* rates) {
  ST_TRY(check(device, rates));
  ST_ON(device->context, "measure");
  st_stream* stream = nullptr;
  st_status status = stream_create(device, &stream);
  if (status != ST_OK) return status;
  status = measure(stream, rates);
  stream_destroy(stream);
  return status;
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
  api.memory_check = memory_check;
  api.host_alloc = host_alloc;
  api.host_free = host_free;
  api.stream_create = stream_create;
  api.stream_adopt = stream_adopt;
  api.stream_native = stream_native;
  api.stream_destroy = stream_destroy;
  api.stream_synchronize = stream_synchronize;
  api.event_create = event_create;
  api.event_adopt = event_adopt;
  api.event_destroy = event_destroy;
  api.event_record = event_record;
  api.event_wait = event_wait;
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
  api.load_rows = load_rows;
  api.rms_norm = rms_norm;
  api.normalize = normalize;
  api.linear = linear;
  api.route = route;
  api.expert_linear = expert_linear;
  api.combine = combine;
  api.rope_angles = rope_angles;
  api.set_blocks = set_blocks;
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
