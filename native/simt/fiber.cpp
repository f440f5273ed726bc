#include "simt/fiber.h"

#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <new>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace st::simt {

namespace {

constexpr std::size_t kStackBytes = 256 * 1024;  // touched as far as it is used
constexpr std::size_t kCacheLine = 64, kShifts = 64;

std::size_t page_bytes() {
  static const auto bytes = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return bytes;
}

#if defined(__SANITIZE_ADDRESS__)
void begin_switch(void** fake_stack, const void* bottom, std::size_t size) {
  __sanitizer_start_switch_fiber(fake_stack, bottom, size);
}
void end_switch(void* fake_stack, const void** bottom, std::size_t* size) {
  __sanitizer_finish_switch_fiber(fake_stack, bottom, size);
}
#else
void begin_switch(void**, const void*, std::size_t) {}
void end_switch(void*, const void**, std::size_t*) {}
#endif

}  // namespace

void Context::switch_to(Context& other) {
  Switch here{this, &other};
  begin_switch(&fake_stack_, other.bottom_, other.size_);
  arrive(jump(other.position_, &here), fake_stack_);
}

Context& Context::arrive(Transfer transfer, void* fake_stack) {
  Switch done = *static_cast<Switch*>(transfer.data);
  done.from->position_ = transfer.fctx;
  end_switch(fake_stack, &done.from->bottom_, &done.from->size_);
  return *done.to;
}

Fiber::Fiber() {
  std::size_t guard = page_bytes();
  void* memory = mmap(nullptr, guard + kStackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  stack_ = static_cast<char*>(memory);
  mprotect(stack_, guard, PROT_NONE);
  // Frames at the same place of a page in all stacks would share few sets of the processor's cache.
  static std::atomic<std::size_t> count{0};
  shift_ = count.fetch_add(1) * 25 % kShifts * kCacheLine;
  prepare();
}

Fiber::~Fiber() {
  munmap(stack_, page_bytes() + kStackBytes);
}

void Fiber::prepare() {
  bottom_ = stack_ + page_bytes();
  size_ = kStackBytes;
#if defined(__SANITIZE_ADDRESS__)
  __asan_unpoison_memory_region(bottom_, size_);
#endif
  position_ = begin_stack(stack_ + page_bytes() + kStackBytes - shift_, kStackBytes - shift_, &Fiber::entry);
  fake_stack_ = nullptr;
  returned_ = true;
}

void Fiber::start(Function function, void* argument, Context& end) {
  function_ = function;
  argument_ = argument;
  end_ = &end;
  returned_ = false;
}

void Fiber::abandon() {
  prepare();
}

void Fiber::entry(Transfer transfer) {
  Fiber& self = static_cast<Fiber&>(arrive(transfer, nullptr));
  for (;;) {
    self.function_(self.argument_);
    self.returned_ = true;
    self.switch_to(*self.end_);
  }
}

}  // namespace st::simt
