// Streams, events and graphs: of our own, and over those of others.

#include <algorithm>
#include <new>
#include <utility>

#include "cuda/comm.h"
#include "cuda/cublas.h"
#include "cuda/streams.h"

struct st_event {
  void* context;
  cudaEvent_t handle;
  bool adopted;
  std::shared_ptr<st::cuda::CommGroup> group;  // of the collectives that it marks
};

struct st_graph {
  void* context;
  cudaGraphExec_t handle;
  std::shared_ptr<st::cuda::CommGroup> group;  // of its collectives
};

namespace st::cuda {

// --- streams and events --------------------------------------------------------------------------------------------

void stream_destroy(st_stream* stream) {
  if (!stream) return;
  CurrentContext current(stream->device->context);
  if (stream->handle) {
    cudaStreamSynchronize(stream->handle);
    release_cublas(stream);
    if (!stream->adopted) cudaStreamDestroy(stream->handle);
  }
  if (stream->recorder) cudaStreamDestroy(stream->recorder);
  if (stream->waited) cudaEventDestroy(stream->waited);
  cudaFree(stream->scratch);
  delete stream;
}

namespace {

st_status prepare(st_stream* stream) {
  ST_ON(stream->device->context, "stream_create");
  if (!stream->adopted) ST_CHECK(cudaStreamCreateWithFlags(&stream->handle, cudaStreamNonBlocking), "stream_create");
  ST_CHECK(cudaStreamCreateWithFlags(&stream->recorder, cudaStreamNonBlocking), "stream_create");
  if (const unsigned flags = stream->device->wait_flags)
    ST_CHECK(cudaEventCreateWithFlags(&stream->waited, cudaEventDisableTiming | flags), "stream_create");
  stream->scratch_bytes = std::max(kScratchBytes, attention_scratch_bytes(*stream->device));
  st_status status = device_memory("stream_create", stream->scratch_bytes, &stream->scratch);
  if (status != ST_OK) return status;
  ST_CHECK(cudaMemsetAsync(stream->scratch, 0, kTicketBytes, stream->handle), "stream_create");
  return stream->device->cublas ? prepare_cublas(stream) : ST_OK;
}

// A stream over an adopted handle, or with nullptr over its own.
st_status make_stream(st_device* device, cudaStream_t adopted, st_stream** stream) {
  auto* made = new (std::nothrow) st_stream{device, adopted};
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

}  // namespace

st_status stream_create(st_device* device, st_stream** stream) {
  ST_REQUIRE(device && stream, "stream_create: a pointer is null");
  return make_stream(device, nullptr, stream);
}

st_status stream_adopt(st_device* device, void* native, st_stream** stream) {
  ST_REQUIRE(device && stream, "stream_adopt: a pointer is null");
  auto handle = static_cast<cudaStream_t>(native);
  ST_REQUIRE(handle && handle != cudaStreamLegacy && handle != cudaStreamPerThread,
             "stream_adopt: CUDA's default streams cannot be adopted, only one that was created");
  ST_ON(device->context, "stream_adopt");
  void* context = nullptr;
  ST_CHECK(static_cast<cudaError_t>(driver(nullptr)->context_of_stream(handle, &context)), "stream_adopt");
  ST_REQUIRE(context == device->context, "stream_adopt: the stream is not of the primary context of device %d",
             device->ordinal);
  return make_stream(device, handle, stream);
}

void* stream_native(st_stream* stream) {
  return !stream ? nullptr : stream->recording ? stream->recorder : stream->handle;
}

st_status stream_synchronize(st_stream* stream) {
  ST_REQUIRE(stream, "stream_synchronize: no stream");
  ST_ON(stream->device->context, "stream_synchronize");
  std::shared_ptr<CommGroup> group = std::move(stream->group);
  // A stream's own wait does what the context says, which is not ours to change.
  cudaError_t error = stream->waited ? cudaEventRecord(stream->waited, stream->handle) : cudaSuccess;
  if (error == cudaSuccess)
    error = stream->waited ? cudaEventSynchronize(stream->waited) : cudaStreamSynchronize(stream->handle);
  return waited("stream_synchronize", error, group);
}

st_status event_create(st_device* device, int32_t timed, st_event** event) {
  ST_REQUIRE(device && event, "event_create: a pointer is null");
  ST_ON(device->context, "event_create");
  cudaEvent_t handle;
  const unsigned flags = (timed ? cudaEventDefault : cudaEventDisableTiming) | device->wait_flags;
  ST_CHECK(cudaEventCreateWithFlags(&handle, flags), "event_create");
  *event = new (std::nothrow) st_event{device->context, handle, false, nullptr};
  if (*event) return ST_OK;
  cudaEventDestroy(handle);
  return fail(ST_OUT_OF_MEMORY, "event_create: no memory");
}

st_status event_adopt(st_device* device, void* native, st_event** event) {
  ST_REQUIRE(device && native && event, "event_adopt: a pointer is null");
  ST_ON(device->context, "event_adopt");
  auto handle = static_cast<cudaEvent_t>(native);
  cudaError_t error = cudaEventQuery(handle);
  cudaGetLastError();
  ST_REQUIRE(error == cudaSuccess || error == cudaErrorNotReady, "event_adopt: CUDA does not accept the event: %s",
             cudaGetErrorString(error));
  *event = new (std::nothrow) st_event{device->context, handle, true, nullptr};
  return *event ? ST_OK : fail(ST_OUT_OF_MEMORY, "event_adopt: no memory");
}

void event_destroy(st_event* event) {
  if (!event) return;
  CurrentContext current(event->context);
  if (!event->adopted) cudaEventDestroy(event->handle);
  delete event;
}

st_status event_record(st_stream* stream, st_event* event) {
  ST_REQUIRE(stream && event, "event_record: a pointer is null");
  ST_ON(stream->device->context, "event_record");
  event->group = stream->group;
  return checked(cudaEventRecord(event->handle, stream->handle), "event_record");
}

st_status event_wait(st_stream* stream, st_event* event) {
  ST_REQUIRE(stream && event, "event_wait: a pointer is null");
  ST_REQUIRE(!stream->recording, "event_wait: not while a graph is recorded");
  ST_ON(stream->device->context, "event_wait");
  return checked(cudaStreamWaitEvent(stream->handle, event->handle, 0), "event_wait");
}

st_status event_synchronize(st_event* event) {
  ST_REQUIRE(event, "event_synchronize: no event");
  ST_ON(event->context, "event_synchronize");
  return waited("event_synchronize", cudaEventSynchronize(event->handle), event->group);
}

st_status event_elapsed(st_event* from, st_event* to, double* seconds) {
  ST_REQUIRE(from && to && seconds, "event_elapsed: a pointer is null");
  ST_ON(from->context, "event_elapsed");
  float milliseconds = 0.0f;
  cudaError_t error = cudaEventElapsedTime(&milliseconds, from->handle, to->handle);
  if (error == cudaErrorInvalidResourceHandle) {
    cudaGetLastError();
    return fail(ST_INVALID_ARGUMENT, "event_elapsed: an event was never recorded, or is not timed");
  }
  ST_CHECK(error, "event_elapsed");
  *seconds = static_cast<double>(milliseconds) / 1e3;
  return ST_OK;
}

// --- graphs --------------------------------------------------------------------------------------------------------

namespace {

st_status exchange_recorder(const char* function, st_stream* stream) {
  std::swap(stream->handle, stream->recorder);
  stream->overlaps = false;
  int error = aim_cublas(stream);
  if (error == 0) return ST_OK;
  return fail(ST_INTERNAL, "%s: cuBLAS says: %s", function, stream->device->cublas->status_text(error));
}

}  // namespace

// Operations are recorded on a stream of their own, to which no one else can submit: a caller's work on the stream is
// never part of a graph.
st_status graph_begin(st_stream* stream) {
  ST_REQUIRE(stream, "graph_begin: no stream");
  ST_ON(stream->device->context, "graph_begin");
  ST_REQUIRE(!stream->recording, "graph_begin: the stream is being recorded");
  ST_TRY(exchange_recorder("graph_begin", stream));
  cudaError_t error = cudaStreamBeginCapture(stream->handle, cudaStreamCaptureModeThreadLocal);
  stream->recording = error == cudaSuccess;
  if (!stream->recording) exchange_recorder("graph_begin", stream);
  return checked(error, "graph_begin");
}

st_status graph_end(st_stream* stream, st_graph** graph) {
  ST_REQUIRE(stream && graph, "graph_end: a pointer is null");
  ST_ON(stream->device->context, "graph_end");
  ST_REQUIRE(stream->recording, "graph_end: nothing was begun");
  stream->recording = false;
  st_status exchanged = exchange_recorder("graph_end", stream);
  cudaGraph_t captured = nullptr;
  ST_CHECK(cudaStreamEndCapture(stream->recorder, &captured), "graph_end");
  if (exchanged != ST_OK) {
    cudaGraphDestroy(captured);
    return exchanged;
  }
  cudaGraphExec_t executable = nullptr;
  cudaError_t error = cudaGraphInstantiateWithFlags(&executable, captured, 0);
  cudaGraphDestroy(captured);
  ST_CHECK(error, "graph_end");
  *graph = new (std::nothrow) st_graph{stream->device->context, executable, stream->group};
  if (*graph) return ST_OK;
  cudaGraphExecDestroy(executable);
  return fail(ST_OUT_OF_MEMORY, "graph_end: no memory");
}

st_status graph_launch(st_stream* stream, st_graph* graph) {
  ST_REQUIRE(stream && graph, "graph_launch: a pointer is null");
  ST_ON(stream->device->context, "graph_launch");
  if (graph->group) ST_TRY(graph->group->status("graph_launch"));
  if (graph->group) stream->group = graph->group;
  return checked(cudaGraphLaunch(graph->handle, stream->handle), "graph_launch");
}

void graph_destroy(st_graph* graph) {
  if (!graph) return;
  CurrentContext current(graph->context);
  cudaGraphExecDestroy(graph->handle);
  delete graph;
}

}  // namespace st::cuda
