// A shared library of the vendor's, opened at run time.
#pragma once

#include <cstdio>

#if !defined(_WIN32)
#include <dlfcn.h>
#endif

namespace st::cuda {

// Closed at the end, unless it is kept. `report` is set to what failed.
class Library {
 public:
  Library(const char* name, char* report, size_t report_bytes)
      : name_(name), report_(report), report_bytes_(report_bytes) {
#if defined(_WIN32)
    snprintf(report, report_bytes, "%s: libraries are opened on Linux only", name);
#else
    handle_ = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (handle_) return;
    const char* reason = dlerror();
    snprintf(report, report_bytes, "%s", reason ? reason : name);
#endif
  }

  ~Library() {
#if !defined(_WIN32)
    if (handle_) dlclose(handle_);
#endif
  }

  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  bool is_open() const {
    return handle_ != nullptr;
  }
  void keep() {
    handle_ = nullptr;
  }

  template <typename Function>
  bool find(const char* function_name, Function* function) const {
#if !defined(_WIN32)
    *reinterpret_cast<void**>(function) = dlsym(handle_, function_name);
#endif
    if (!*function) snprintf(report_, report_bytes_, "%s has no %s", name_, function_name);
    return *function != nullptr;
  }

 private:
  const char* name_;
  char* report_;
  size_t report_bytes_;
  void* handle_ = nullptr;
};

}  // namespace st::cuda
