// Reads the golden files: flat tensors of F32, I32 and U8, and the strings of __metadata__.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace st::test {

class Safetensors {
 public:
  explicit Safetensors(const std::string& path);

  bool has(const std::string& name) const { return tensors_.count(name) != 0; }
  const std::vector<size_t>& shape(const std::string& name) const { return find(name, "").shape; }
  std::vector<float> f32(const std::string& name) const;
  std::vector<int32_t> i32(const std::string& name) const;
  std::vector<uint8_t> u8(const std::string& name) const;
  const std::string& metadata(const std::string& name) const { return metadata_.at(name); }

 private:
  struct Tensor {
    std::string dtype;
    std::vector<size_t> shape;
    size_t begin = 0, end = 0;  // in data_
  };

  const Tensor& find(const std::string& name, const std::string& dtype) const;

  std::map<std::string, Tensor> tensors_;
  std::map<std::string, std::string> metadata_;
  std::vector<uint8_t> data_;
};

}  // namespace st::test
