// A separate stack that runs one function after another and can be suspended in the middle of one. Switches with
// Boost.Context; AddressSanitizer is notified of every switch.
#pragma once

#include <boost/context/detail/fcontext.hpp>
#include <cstddef>

namespace st::simt {

class Fiber {
 public:
  using Function = void (*)(void* argument);

  Fiber();
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  // Runs function(argument) here when the fiber is resumed next. The one before must have returned.
  void start(Function function, void* argument);
  // Called from outside: resumes the fiber; returns when it is suspended again. True if its function has
  // returned.
  bool resume();
  // Called on the fiber: suspends it, and returns to its resumer.
  void leave();
  // Abandons a function that will never be resumed. Its frames are dropped without calling destructors.
  void abandon();

 private:
  static void entry(boost::context::detail::transfer_t transfer);
  void begin_switch(void** fake_stack, const void* bottom, std::size_t size);
  void end_switch(void* fake_stack, const void** bottom, std::size_t* size);
  void prepare();

  char* stack_;  // the lowest page is a guard
  boost::context::detail::fcontext_t inside_ = nullptr, outside_ = nullptr;
  Function function_ = nullptr;
  void* argument_ = nullptr;
  bool returned_ = true;
  // For AddressSanitizer: its shadow of this stack while away, and the stack of its resumer.
  void* fake_stack_ = nullptr;
  const void* outside_bottom_ = nullptr;
  std::size_t outside_size_ = 0;
};

}  // namespace st::simt
