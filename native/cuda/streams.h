// Streams, events and graphs, for the function table; and what files share that call CUDA's runtime.
#pragma once

#include "cuda/context.h"
#include "cuda/device.h"

#define ST_CHECK(call, what)                            \
  do {                                                  \
    st_status status_of_call = checked((call), (what)); \
    if (status_of_call != ST_OK) return status_of_call; \
  } while (0)

// Makes a context current for the rest of the scope, or returns why it cannot be.
#define ST_ON(context, what)                        \
  CurrentContext current_context_of_scope(context); \
  ST_CHECK(current_context_of_scope.error(), what)

namespace st::cuda {

st_status stream_create(st_device* device, st_stream** stream);
st_status stream_adopt(st_device* device, void* native, st_stream** stream);
void* stream_native(st_stream* stream);
void stream_destroy(st_stream* stream);
st_status stream_synchronize(st_stream* stream);

st_status event_create(st_device* device, int32_t timed, st_event** event);
st_status event_adopt(st_device* device, void* native, st_event** event);
void event_destroy(st_event* event);
st_status event_record(st_stream* stream, st_event* event);
st_status event_wait(st_stream* stream, st_event* event);
st_status event_synchronize(st_event* event);
st_status event_elapsed(st_event* from, st_event* to, double* seconds);

st_status graph_begin(st_stream* stream);
st_status graph_end(st_stream* stream, st_graph** graph);
st_status graph_launch(st_stream* stream, st_graph* graph);
void graph_destroy(st_graph* graph);

}  // namespace st::cuda
