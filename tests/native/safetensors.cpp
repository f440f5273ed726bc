#include "safetensors.h"

#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace st::test {
namespace {

// As much of JSON as the header of such a file has: objects, arrays of numbers, strings without escapes but for
// quotes and backslashes.
class Header {
 public:
  explicit Header(std::string text) : text_(std::move(text)) {}

  // Calls member(key) at the value of every member.
  template <typename Member>
  void object(Member member) {
    expect('{');
    while (!accept('}')) {
      std::string key = string();
      expect(':');
      member(key);
      accept(',');
    }
  }

  std::string string() {
    expect('"');
    std::string value;
    for (; at_ < text_.size() && text_[at_] != '"'; ++at_) {
      if (text_[at_] == '\\' && ++at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\\') fail();
      value += text_[at_];
    }
    if (at_++ >= text_.size()) fail();
    return value;
  }

  std::vector<size_t> numbers() {
    std::vector<size_t> values;
    expect('[');
    while (!accept(']')) {
      size_t used = 0;
      values.push_back(std::stoull(text_.substr(at_, 20), &used));
      at_ += used;
      accept(',');
    }
    return values;
  }

 private:
  bool accept(char wanted) {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
    if (at_ >= text_.size()) fail();
    if (text_[at_] != wanted) return false;
    ++at_;
    return true;
  }
  void expect(char wanted) {
    if (!accept(wanted)) fail();
  }
  [[noreturn]] void fail() const {
    throw std::runtime_error("a header that is not understood, at byte " + std::to_string(at_));
  }

  std::string text_;
  size_t at_ = 0;
};

}  // namespace

Safetensors::Safetensors(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  uint64_t length = 0;
  if (!file.read(reinterpret_cast<char*>(&length), sizeof length) || length > (1u << 20))
    throw std::runtime_error(path + " cannot be read");
  std::string text(length, ' ');
  file.read(text.data(), static_cast<std::streamsize>(length));
  data_.assign(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  Header header(std::move(text));
  header.object([&](const std::string& name) {
    if (name == "__metadata__") {
      header.object([&](const std::string& key) { metadata_[key] = header.string(); });
      return;
    }
    Tensor tensor;
    header.object([&](const std::string& key) {
      if (key == "dtype") {
        tensor.dtype = header.string();
      } else {
        std::vector<size_t> values = header.numbers();
        if (key == "shape")
          tensor.shape = values;
        else
          tensor.begin = values.at(0), tensor.end = values.at(1);
      }
    });
    if (tensor.begin > tensor.end || tensor.end > data_.size()) throw std::runtime_error(path + " is too short");
    tensors_[name] = tensor;
  });
}

const Safetensors::Tensor& Safetensors::find(const std::string& name, const std::string& dtype) const {
  auto found = tensors_.find(name);
  if (found == tensors_.end()) throw std::runtime_error("no tensor " + name);
  if (!dtype.empty() && found->second.dtype != dtype) throw std::runtime_error(name + " is not " + dtype);
  return found->second;
}

std::vector<float> Safetensors::f32(const std::string& name) const {
  const Tensor& tensor = find(name, "F32");
  std::vector<float> values((tensor.end - tensor.begin) / sizeof(float));
  if (!values.empty()) memcpy(values.data(), data_.data() + tensor.begin, values.size() * sizeof(float));
  return values;
}

std::vector<uint8_t> Safetensors::u8(const std::string& name) const {
  const Tensor& tensor = find(name, "U8");
  return {data_.begin() + static_cast<std::ptrdiff_t>(tensor.begin),
          data_.begin() + static_cast<std::ptrdiff_t>(tensor.end)};
}

std::vector<int32_t> Safetensors::i32(const std::string& name) const {
  const Tensor& tensor = find(name, "I32");
  std::vector<int32_t> values((tensor.end - tensor.begin) / sizeof(int32_t));
  if (!values.empty()) memcpy(values.data(), data_.data() + tensor.begin, values.size() * sizeof(int32_t));
  return values;
}

}  // namespace st::test
