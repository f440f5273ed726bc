// Of embed: the table's types that have kernels of their own.
#pragma once

#include "cuda/device.h"

namespace st::cuda {

// With a table of ST_INT8.
st_status embed_int8(st_stream* stream, const st_embed& op);

}  // namespace st::cuda
