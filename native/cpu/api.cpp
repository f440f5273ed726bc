#include "softthinking/backend.h"

static constexpr st_api kApi{.version = 1};

const st_api* st_get_api(uint32_t version) {
  return version == kApi.version ? &kApi : nullptr;
}
