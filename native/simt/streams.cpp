// Streams and graphs of the emulated devices. A stream is a queue that runs only when it is waited for; runtime.cpp
// says more.

#include <random>

#include "simt/state.h"

struct CUgraphExec_st {
  std::vector<Operation> operations;
};

namespace st::simt {
namespace {

thread_local Stream capturing;  // the stream that this thread captures

// Runs the next operation of a stream that no thread runs; false if there is none.
bool run_next(CUstream_st& stream, std::unique_lock<std::mutex>& lock, cudaError_t* error) {
  if (stream.running || stream.queue.empty()) return false;
  Operation operation = std::move(stream.queue.front());
  stream.queue.pop_front();
  stream.running = true;
  lock.unlock();
  *error = operation();
  lock.lock();
  stream.running = false;
  ++stream.done;
  stream.changed.notify_all();
  return true;
}

// Lets streams of the device run a few operations, if the test wants that.
void run_ahead(int device) {
  uint64_t seed = environment_number("SOFTTHINKING_SIMT_STREAMS", 0);
  static thread_local bool inside = false;
  if (seed == 0 || inside) return;
  std::vector<Stream> drawn;
  {
    static std::mt19937 order;
    static uint64_t order_seed = 0;
    std::lock_guard<std::mutex> lock(state().mutex);
    if (order_seed != seed) order.seed(static_cast<unsigned>(order_seed = seed));
    std::vector<Stream> streams;
    for (const auto& [handle, stream] : state().streams)
      if (stream->device == device) streams.push_back(stream);
    for (auto count = order() % 4; count > 0; --count) drawn.push_back(streams[order() % streams.size()]);
  }
  inside = true;
  for (const Stream& stream : drawn) {
    std::unique_lock<std::mutex> lock(stream->mutex);
    cudaError_t error = cudaSuccess;
    if (!stream->capture) run_next(*stream, lock, &error);
  }
  inside = false;
}

}  // namespace

Stream stream_of(cudaStream_t handle) {
  std::lock_guard<std::mutex> lock(state().mutex);
  auto found = state().streams.find(handle);
  return found == state().streams.end() ? nullptr : found->second;
}

cudaError_t drain(const Stream& stream, uint64_t until) {
  if (!stream) return sticky_error(current_device());
  std::unique_lock<std::mutex> lock(stream->mutex);
  if (stream->capture) {
    stream->capture_broken = true;
    return cudaErrorStreamCaptureUnsupported;
  }
  cudaError_t first = sticky_error(stream->device), error = cudaSuccess;
  while (stream->done < until && (stream->running || !stream->queue.empty())) {
    if (stream->running)
      stream->changed.wait(lock);
    else if (run_next(*stream, lock, &error) && first == cudaSuccess)
      first = error;
  }
  return first == cudaSuccess ? sticky_error(stream->device) : first;
}

cudaError_t give(cudaStream_t stream, Operation operation) {
  if (!stream) return operation();
  {
    std::lock_guard<std::mutex> lock(stream->mutex);
    if (stream->capture) {
      stream->capture->operations.push_back(std::move(operation));
      return cudaSuccess;
    }
    stream->queue.push_back(std::move(operation));
    ++stream->given;
  }
  run_ahead(stream->device);
  return cudaSuccess;
}

bool breaks_capture() {
  if (!capturing) return false;
  std::lock_guard<std::mutex> lock(capturing->mutex);
  return capturing->capture_broken = true;
}

CUctx_st* context_of(cudaStream_t handle) {
  Stream stream = stream_of(handle);
  return stream ? stream->context : nullptr;
}

}  // namespace st::simt

using namespace st::simt;

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  auto made = std::make_shared<CUstream_st>(context_for_runtime());
  *stream = made.get();
  std::lock_guard<std::mutex> lock(state().mutex);
  state().streams[*stream] = std::move(made);
  return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t handle) {
  Stream stream = stream_of(handle);
  {
    std::lock_guard<std::mutex> lock(state().mutex);
    state().streams.erase(handle);
  }
  if (capturing == stream) capturing.reset();
  drain(stream, UINT64_MAX);
  return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  return drain(stream_of(stream), UINT64_MAX);
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  std::lock_guard<std::mutex> lock(stream->mutex);
  if (stream->capture || capturing) return cudaErrorStreamCaptureUnsupported;
  stream->capture = std::make_unique<CUgraph_st>();
  stream->capture_broken = false;
  capturing = stream_of(stream);
  return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  std::lock_guard<std::mutex> lock(stream->mutex);
  if (!stream->capture || capturing.get() != stream) return cudaErrorInvalidValue;
  capturing.reset();
  std::unique_ptr<CUgraph_st> captured = std::move(stream->capture);
  if (stream->capture_broken) return cudaErrorStreamCaptureInvalidated;
  *graph = captured.release();
  return cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}

cudaError_t cudaGraphInstantiateWithFlags(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long) {
  *executable = new CUgraphExec_st{graph->operations};
  return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  delete executable;
  return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
  for (const Operation& operation : executable->operations) {
    cudaError_t error = give(stream, operation);
    if (error != cudaSuccess) return error;
  }
  return cudaSuccess;
}
