// Events of the emulated devices.

#include <chrono>

#include "simt/state.h"

struct CUevent_st {
  bool timed;
  st::simt::Stream stream;  // null: never recorded
  uint64_t position = 0;    // operations of the stream up to it
  std::shared_ptr<std::chrono::steady_clock::time_point> reached;
};

using namespace st::simt;

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
  *event = new CUevent_st;
  (*event)->timed = (flags & cudaEventDisableTiming) == 0;
  std::lock_guard<std::mutex> lock(state().mutex);
  state().events.insert(*event);
  return cudaSuccess;
}

cudaError_t cudaEventCreate(cudaEvent_t* event) {
  return cudaEventCreateWithFlags(event, cudaEventDefault);
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  {
    std::lock_guard<std::mutex> lock(state().mutex);
    state().events.erase(event);
  }
  delete event;
  return cudaSuccess;
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  if (breaks_capture()) return cudaErrorStreamCaptureUnsupported;
  {
    std::lock_guard<std::mutex> lock(state().mutex);
    if (state().events.count(event) == 0) return cudaErrorInvalidResourceHandle;
  }
  if (!event->stream) return cudaSuccess;
  std::lock_guard<std::mutex> lock(event->stream->mutex);
  return event->stream->done >= event->position ? cudaSuccess : cudaErrorNotReady;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  {
    std::lock_guard<std::mutex> lock(stream->mutex);
    if (stream->capture) return cudaErrorStreamCaptureUnsupported;  // CUDA's event would belong to the graph
  }
  auto reached = std::make_shared<std::chrono::steady_clock::time_point>();
  cudaError_t error = give(stream, [reached] {
    *reached = std::chrono::steady_clock::now();
    return cudaSuccess;
  });
  if (error != cudaSuccess) return error;
  event->reached = reached;
  event->stream = stream_of(stream);
  std::lock_guard<std::mutex> lock(stream->mutex);
  event->position = stream->given;
  return cudaSuccess;
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  {
    std::lock_guard<std::mutex> lock(stream->mutex);
    if (stream->capture) return cudaErrorStreamCaptureUnsupported;  // as the event is of no graph
  }
  if (!event->stream) return cudaSuccess;
  return give(stream, [before = event->stream, position = event->position] { return drain(before, position); });
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  if (breaks_capture()) return cudaErrorStreamCaptureUnsupported;
  return event->stream ? drain(event->stream, event->position) : cudaSuccess;
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t from, cudaEvent_t to) {
  if (!from->stream || !to->stream || !from->timed || !to->timed) return cudaErrorInvalidResourceHandle;
  *milliseconds = std::chrono::duration<float, std::milli>(*to->reached - *from->reached).count();
  return cudaSuccess;
}
