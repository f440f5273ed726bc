// The function table of the CPU backend, and all functions that are not operations: devices, memory, streams, copies.

#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <new>

#include "common/checks.h"
#include "common/formats.h"
#include "cpu/cores.h"
#include "cpu/device.h"
#include "cpu/stream.h"

namespace st::cpu {
namespace {

st_status device_open(const st_device_options* options, st_device** device) {
  ST_TRY(check(options, device));
  ST_REQUIRE(options->ordinal == 0, "device_open: CPU %d; there is only 0", options->ordinal);
  if (options->activations > ST_ACTIVATIONS_F32)
    return fail(ST_UNSUPPORTED, "device_open: activations are f32 on the CPU");
  const char* problem = "";
  const Kernels* kernels = choose_kernels(&problem);
  if (!kernels) return fail(ST_UNSUPPORTED, "%s", problem);
  try {
    *device = new st_device{ThreadPool(options->threads > 0 ? options->threads : allowed_threads()), *kernels};
  } catch (const std::bad_alloc&) {
    return fail(ST_OUT_OF_MEMORY, "device_open: no memory for the device");
  } catch (const std::exception& error) {
    return fail(ST_INTERNAL, "device_open: threads do not start: %s", error.what());
  }
  return ST_OK;
}

void device_close(st_device* device) {
  delete device;
}

// MemAvailable counts what the system can allocate without swapping; a container may allow less than the machine has.
uint64_t available_memory() {
  uint64_t available = static_cast<uint64_t>(sysconf(_SC_AVPHYS_PAGES)) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  if (FILE* file = fopen("/proc/meminfo", "r")) {
    char line[128];
    unsigned long long kilobytes = 0;
    while (fgets(line, sizeof line, file))
      if (sscanf(line, "MemAvailable: %llu kB", &kilobytes) == 1) available = kilobytes * 1024;
    fclose(file);
  }
  unsigned long long limit = 0, used = 0;
  FILE* limit_file = fopen("/sys/fs/cgroup/memory.max", "r");
  FILE* used_file = fopen("/sys/fs/cgroup/memory.current", "r");
  if (limit_file && used_file && fscanf(limit_file, "%llu", &limit) == 1 && fscanf(used_file, "%llu", &used) == 1) {
    uint64_t rest = limit > used ? limit - used : 0;
    if (rest < available) available = rest;
  }
  if (limit_file) fclose(limit_file);
  if (used_file) fclose(used_file);
  return available;
}

st_status device_query(st_device* device, st_device_info* info) {
  ST_TRY(check(device, info));
  info->activation_dtype = ST_F32;
  info->graphs = 0;
  info->threads = device->pool.threads();
  info->total_memory = static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  info->free_memory = available_memory();
  snprintf(info->name, sizeof info->name, "CPU");
  snprintf(info->instruction_set, sizeof info->instruction_set, "%s", device->kernels.name);
  info->fast_products = 0;
  info->own_memory = 0;
  snprintf(info->products, sizeof info->products, "the CPU has its own products only");
  return ST_OK;
}

st_status memory_check(st_device* device, const void* memory, uint64_t) {
  ST_REQUIRE(device && memory, "memory_check: a pointer is null");
  return ST_OK;
}

st_status stream_create(st_device* device, st_stream** stream) {
  ST_REQUIRE(device && stream, "stream_create: a pointer is null");
  try {
    *stream = new st_stream(device);
  } catch (const std::bad_alloc&) {
    return fail(ST_OUT_OF_MEMORY, "stream_create: no memory");
  } catch (const std::exception& error) {
    return fail(ST_INTERNAL, "stream_create: the thread does not start: %s", error.what());
  }
  return ST_OK;
}

st_status stream_adopt(st_device*, void*, st_stream**) {
  return fail(ST_UNSUPPORTED, "stream_adopt: the CPU backend knows no streams but its own");
}

void* stream_native(st_stream*) {
  return nullptr;
}

void stream_destroy(st_stream* stream) {
  delete stream;
}

st_status stream_synchronize(st_stream* stream) {
  ST_REQUIRE(stream, "stream_synchronize: no stream");
  return stream->queue.wait(stream->queue.pushed());
}

st_status event_create(st_device* device, int32_t timed, st_event** event) {
  ST_REQUIRE(device && event, "event_create: a pointer is null");
  *event = new (std::nothrow) st_event;
  if (*event) (*event)->timed = timed != 0;
  return *event ? ST_OK : fail(ST_OUT_OF_MEMORY, "event_create: no memory");
}

st_status event_adopt(st_device*, void*, st_event**) {
  return fail(ST_UNSUPPORTED, "event_adopt: the CPU backend knows no events but its own");
}

void event_destroy(st_event* event) {
  if (event) event->release();
}

st_status event_record(st_stream* stream, st_event* event) {
  ST_REQUIRE(stream && event, "event_record: a pointer is null");
  event->owners.fetch_add(1, std::memory_order_relaxed);
  auto note_time = [event, mark = ++event->marks] {
    event->reached = std::chrono::steady_clock::now();
    event->passed.store(mark, std::memory_order_release);
    event->passed.notify_all();
    event->release();
    return ST_OK;
  };
  stream->queue.push(note_time, true);
  event->stream = stream;
  event->commands = stream->queue.pushed();
  return ST_OK;
}

st_status event_synchronize(st_event* event) {
  ST_REQUIRE(event, "event_synchronize: no event");
  return event->stream ? event->stream->queue.wait(event->commands) : ST_OK;
}

st_status event_wait(st_stream* stream, st_event* event) {
  ST_REQUIRE(stream && event, "event_wait: a pointer is null");
  if (!event->stream || event->stream == stream) return ST_OK;
  event->owners.fetch_add(1, std::memory_order_relaxed);
  auto wait = [event, mark = event->marks] {
    for (uint64_t passed; (passed = event->passed.load(std::memory_order_acquire)) < mark;) event->passed.wait(passed);
    event->release();
    return ST_OK;
  };
  stream->queue.push(wait, true);
  return ST_OK;
}

st_status event_elapsed(st_event* from, st_event* to, double* seconds) {
  ST_REQUIRE(from && to && seconds, "event_elapsed: a pointer is null");
  ST_REQUIRE(from->stream && to->stream && from->timed && to->timed,
             "event_elapsed: an event was never recorded, or is not timed");
  *seconds = std::chrono::duration<double>(to->reached - from->reached).count();
  return ST_OK;
}

// Elements of a mapped file need not be aligned.
uint16_t half_at(const void* source, int64_t i) {
  uint16_t value;
  memcpy(&value, static_cast<const char*>(source) + i * 2, sizeof value);
  return value;
}

st_status convert_to_f32(st_stream* stream, float* destination, const void* source, int32_t source_dtype,
                         int64_t count) {
  ST_REQUIRE(stream && destination && source && count >= 0, "convert_to_f32: a pointer is null or the count negative");
  switch (source_dtype) {
    case ST_F32:
      return enqueue(stream, [=] {
        memcpy(destination, source, sizeof(float) * static_cast<size_t>(count));
        return ST_OK;
      });
    case ST_F16:
      return enqueue(stream, [=] {
        for (int64_t i = 0; i < count; ++i) destination[i] = f16_to_float(half_at(source, i));
        return ST_OK;
      });
    case ST_BF16:
      return enqueue(stream, [=] {
        for (int64_t i = 0; i < count; ++i) destination[i] = bf16_to_float(half_at(source, i));
        return ST_OK;
      });
    default:
      return fail(ST_INVALID_ARGUMENT, "convert_to_f32: no type %d", source_dtype);
  }
}

st_status copy(st_stream* stream, void* destination, const void* source, uint64_t bytes) {
  ST_REQUIRE(stream && destination && source, "copy: a pointer is null");
  return enqueue(stream, [=] {
    memcpy(destination, source, bytes);
    return ST_OK;
  });
}

st_status graph_begin(st_stream*) {
  return fail(ST_UNSUPPORTED, "graph_begin: the CPU backend has no graphs");
}

st_status graph_end(st_stream*, st_graph**) {
  return fail(ST_UNSUPPORTED, "graph_end: the CPU backend has no graphs");
}

st_status graph_launch(st_stream*, st_graph*) {
  return fail(ST_UNSUPPORTED, "graph_launch: the CPU backend has no graphs");
}

void graph_destroy(st_graph*) {}

const char* last_error() {
  return error_text();
}

constexpr st_api kApi = {
    .version = ST_ABI_VERSION,
    .size = sizeof(st_api),
    .backend = "cpu",
    .last_error = last_error,
    .device_open = device_open,
    .device_close = device_close,
    .device_query = device_query,
    .memory_alloc = memory_alloc,
    .memory_free = memory_free,
    .memory_check = memory_check,
    .host_alloc = memory_alloc,
    .host_free = memory_free,
    .stream_create = stream_create,
    .stream_adopt = stream_adopt,
    .stream_native = stream_native,
    .stream_destroy = stream_destroy,
    .stream_synchronize = stream_synchronize,
    .event_create = event_create,
    .event_adopt = event_adopt,
    .event_destroy = event_destroy,
    .event_record = event_record,
    .event_wait = event_wait,
    .event_synchronize = event_synchronize,
    .event_elapsed = event_elapsed,
    .graph_begin = graph_begin,
    .graph_end = graph_end,
    .graph_launch = graph_launch,
    .graph_destroy = graph_destroy,
    .comm_id = comm_id,
    .comm_create = comm_create,
    .comm_abort = comm_abort,
    .comm_destroy = comm_destroy,
    .matrix_bytes = matrix_bytes,
    .kv_bytes = kv_bytes,
    .sample_workspace_bytes = sample_workspace_bytes,
    .pack = pack,
    .convert_to_f32 = convert_to_f32,
    .copy = copy,
    .embed = embed,
    .load_rows = load_rows,
    .rms_norm = rms_norm,
    .normalize = normalize,
    .linear = linear,
    .route = route,
    .expert_linear = expert_linear,
    .combine = combine,
    .rope_angles = rope_angles,
    .set_blocks = set_blocks,
    .qkv_epilogue = qkv_epilogue,
    .attention = attention,
    .gather_rows = gather_rows,
    .penalize = penalize,
    .sample = sample,
    .probe = probe,
    .score = score,
    .log_probs = log_probs,
    .all_gather = all_gather,
    .all_sum = all_sum,
    .measure = measure,
};

}  // namespace
}  // namespace st::cpu

const st_api* st_get_api(uint32_t version) {
  return version == ST_ABI_VERSION ? &st::cpu::kApi : nullptr;
}
