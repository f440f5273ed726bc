// The `parameters` of a golden file: JSON of numbers, booleans, strings, arrays of numbers, and objects of these, whose
// members are named "object.member".
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "softthinking/backend.h"

namespace st::test {

class Parameters {
 public:
  explicit Parameters(const std::string& json);

  bool has(const std::string& name) const { return values_.count(name) != 0; }
  const std::string& text(const std::string& name) const { return values_.at(name); }
  float number(const std::string& name, float absent = 0.0f) const;
  int32_t integer(const std::string& name, int32_t absent = 0) const;
  uint64_t seed() const { return std::stoull(text("seed")); }
  std::vector<double> numbers(const std::string& name) const;  // empty where absent
  std::vector<int32_t> ids(const std::string& name) const;
  st_filter filter(const std::string& name) const;

 private:
  std::map<std::string, std::string> values_;  // arrays as their numbers, separated by spaces
};

}  // namespace st::test
