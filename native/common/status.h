// Error text of the calling thread, and the checks at the start of every operation.
#pragma once

#include <cstdarg>
#include <cstdio>

#include "softthinking/backend.h"

namespace st {

inline char* error_text() {
  static thread_local char text[512] = "";
  return text;
}

__attribute__((format(printf, 2, 3))) inline st_status fail(st_status status, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(error_text(), 512, format, arguments);
  va_end(arguments);
  return status;
}

// Returns from the enclosing function with an error that names the operation and the condition in words.
#define ST_REQUIRE(condition, ...)                                         \
  do {                                                                     \
    if (!(condition)) return ::st::fail(ST_INVALID_ARGUMENT, __VA_ARGS__); \
  } while (0)

// Returns the status of a call from the enclosing function if it is an error.
#define ST_TRY(call)                        \
  do {                                      \
    ::st_status st_tried = (call);          \
    if (st_tried != ST_OK) return st_tried; \
  } while (0)

// The first checks of every operation: its stream, its struct, and the struct's size.
#define ST_REQUIRE_OPERATION(name, stream, operation)                                                                 \
  do {                                                                                                                \
    ST_REQUIRE((stream) != nullptr, name ": no stream");                                                              \
    ST_REQUIRE((operation) != nullptr, name ": no operation");                                                        \
    ST_REQUIRE((operation)->size == sizeof(*(operation)), name ": the struct has %u bytes, this backend expects %zu", \
               (operation)->size, sizeof(*(operation)));                                                              \
  } while (0)

}  // namespace st
