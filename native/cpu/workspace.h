// Memory of a device that operations use while they run.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <new>

namespace st::cpu {

// From calloc: untouched pages use no memory, so the size is only an upper bound. Work that needs more is done in
// several passes.
class Workspace {
 public:
  static constexpr size_t kBytes = size_t{32} << 20;

  Workspace() : memory_(std::calloc(1, kBytes)) {
    if (!memory_) throw std::bad_alloc();
  }
  ~Workspace() { std::free(memory_); }
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;

  // Aligned to 64 bytes; used only while holding the lock. Streams of one device share its threads anyway.
  void* memory() const {
    size_t space = kBytes;
    void* aligned = memory_;
    return std::align(64, kBytes - 64, aligned, space);
  }
  static constexpr size_t bytes() { return kBytes - 64; }
  std::unique_lock<std::mutex> lock() { return std::unique_lock(mutex_); }

 private:
  void* memory_;
  std::mutex mutex_;
};

}  // namespace st::cpu
