#include "simt/fiber.h"

#include <sys/mman.h>
#include <unistd.h>

#include <new>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace st::simt {

namespace context = boost::context::detail;

namespace {

constexpr std::size_t kStackBytes = 256 * 1024;  // touched as far as it is used

std::size_t page_bytes() {
  static const auto bytes = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return bytes;
}

}  // namespace

Fiber::Fiber() {
  std::size_t guard = page_bytes();
  void* memory = mmap(nullptr, guard + kStackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  stack_ = static_cast<char*>(memory);
  mprotect(stack_, guard, PROT_NONE);
  prepare();
}

Fiber::~Fiber() {
  munmap(stack_, page_bytes() + kStackBytes);
}

void Fiber::prepare() {
#if defined(__SANITIZE_ADDRESS__)
  __asan_unpoison_memory_region(stack_ + page_bytes(), kStackBytes);
#endif
  inside_ = context::make_fcontext(stack_ + page_bytes() + kStackBytes, kStackBytes, &Fiber::entry);
  fake_stack_ = nullptr;
  returned_ = true;
}

void Fiber::start(Function function, void* argument) {
  function_ = function;
  argument_ = argument;
  returned_ = false;
}

bool Fiber::resume() {
  void* fake_stack = nullptr;
  begin_switch(&fake_stack, stack_ + page_bytes(), kStackBytes);
  inside_ = context::jump_fcontext(inside_, this).fctx;
  end_switch(fake_stack, nullptr, nullptr);
  return returned_;
}

void Fiber::leave() {
  begin_switch(&fake_stack_, outside_bottom_, outside_size_);
  outside_ = context::jump_fcontext(outside_, nullptr).fctx;
  end_switch(fake_stack_, &outside_bottom_, &outside_size_);
}

void Fiber::abandon() {
  prepare();
}

void Fiber::entry(context::transfer_t transfer) {
  auto* self = static_cast<Fiber*>(transfer.data);
  self->outside_ = transfer.fctx;
  self->end_switch(nullptr, &self->outside_bottom_, &self->outside_size_);
  for (;;) {
    self->function_(self->argument_);
    self->returned_ = true;
    self->leave();
  }
}

#if defined(__SANITIZE_ADDRESS__)
void Fiber::begin_switch(void** fake_stack, const void* bottom, std::size_t size) {
  __sanitizer_start_switch_fiber(fake_stack, bottom, size);
}
void Fiber::end_switch(void* fake_stack, const void** bottom, std::size_t* size) {
  __sanitizer_finish_switch_fiber(fake_stack, bottom, size);
}
#else
void Fiber::begin_switch(void**, const void*, std::size_t) {}
void Fiber::end_switch(void*, const void**, std::size_t*) {}
#endif

}  // namespace st::simt
