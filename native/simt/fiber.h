// Contexts of execution that switch to one another directly. AddressSanitizer is notified of every switch.
#pragma once

#include <cstddef>

#include "simt/jump.h"

namespace st::simt {

// Where execution continues: a fiber's, or that of the code that runs fibers.
class Context {
 public:
  // Suspends this context, which must be the running one, and continues the other. Returns when something switches
  // back.
  void switch_to(Context& other);

 protected:
  struct Switch {
    Context *from, *to;
  };
  // Completes a switch on the stack where it arrives. Returns the context that runs now.
  static Context& arrive(Transfer transfer, void* fake_stack);

  Stopped position_ = nullptr;
  // For AddressSanitizer: the bounds of the stack, and its shadow while suspended.
  const void* bottom_ = nullptr;
  std::size_t size_ = 0;
  void* fake_stack_ = nullptr;
};

// A separate stack that runs one function after another.
class Fiber : public Context {
 public:
  using Function = void (*)(void* argument);

  Fiber();
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  // Runs function(argument) when the fiber is switched to next, and switches to `end` when it returns. The one before
  // must have returned.
  void start(Function function, void* argument, Context& end);
  bool returned() const { return returned_; }
  // Abandons a function that will never be continued. Its frames are dropped without calling destructors.
  void abandon();

 private:
  static void entry(Transfer transfer);
  void prepare();

  char* stack_;        // the lowest page is a guard
  std::size_t shift_;  // of the first frame, from the end
  Function function_ = nullptr;
  void* argument_ = nullptr;
  Context* end_ = nullptr;
  bool returned_ = true;
};

}  // namespace st::simt
