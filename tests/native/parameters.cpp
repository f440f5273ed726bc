#include "parameters.h"

#include <algorithm>
#include <cctype>
#include <sstream>
#include <stdexcept>

namespace st::test {

Parameters::Parameters(const std::string& json) {
  std::string prefix, name, word;
  bool in_text = false, in_array = false, named = false;
  auto store = [&] {
    if (named) values_[prefix + name] = word;
    word.clear();
    named = false;
  };
  for (char each : json) {
    if (each == '"') {
      in_text = !in_text;
    } else if (in_text || (each != ' ' && !std::ispunct(static_cast<unsigned char>(each))) || each == '-' ||
               each == '+' || each == '.') {
      word += each;
    } else if (each == ':') {
      name = word;
      word.clear();
      named = true;
    } else if (each == '[' || each == ']') {
      in_array = each == '[';
    } else if (each == ',' && in_array) {
      word += ' ';
    } else if (each == ',') {
      store();
    } else if (each == '{') {
      if (named) prefix = name + ".";
      named = false;
    } else if (each == '}') {
      store();
      prefix.clear();
    }
  }
}

float Parameters::number(const std::string& name, float absent) const {
  return has(name) ? std::stof(text(name)) : absent;
}

int32_t Parameters::integer(const std::string& name, int32_t absent) const {
  if (!has(name)) return absent;
  return text(name) == "true" ? 1 : text(name) == "false" ? 0 : std::stoi(text(name));
}

std::vector<double> Parameters::numbers(const std::string& name) const {
  std::vector<double> values;
  std::istringstream words(has(name) ? text(name) : "");
  for (double each; words >> each;) values.push_back(each);
  return values;
}

std::vector<int32_t> Parameters::ids(const std::string& name) const {
  std::vector<double> values = numbers(name);
  return {values.begin(), values.end()};
}

st_filter Parameters::filter(const std::string& name) const {
  return {number(name + ".temperature"), number(name + ".top_p"), number(name + ".min_p"), integer(name + ".top_k")};
}

}  // namespace st::test
