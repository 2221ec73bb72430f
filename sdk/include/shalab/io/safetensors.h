#pragma once
// Named tensors in a safetensors file: nothing in it can be executed.
//
//   header length (8 bytes, little-endian) | JSON header | tensors, no gaps
//
// docs/checkpoint_format.md says which part of the format is used.

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <string>

namespace shalab::io {

struct Safetensors {
  std::map<std::string, at::Tensor> tensors;
  std::map<std::string, std::string> metadata;
};

// Types: F64 F32 F16 BF16 I64 I32 I16 I8 U8 BOOL; any device and strides. Every
// tensor begins at a multiple of 8 bytes or of its element size. The file is
// new and unsynced. Throws Error(data) when it cannot be written, Error(run)
// for a tensor of another type, an undefined one, or a name or text that is not
// UTF-8.
void write_safetensors(const std::filesystem::path& file,
                       const std::map<std::string, at::Tensor>& tensors,
                       const std::map<std::string, std::string>& metadata = {});

// CPU tensors of their own memory. Files of strangers are safe to read: the
// header is at most 100 MB and lies in the file, shapes do not overflow and fit
// their offsets, tensors follow each other without gaps or overlap and end
// where the file ends, truth values are 0 or 1. Whether numbers are finite is
// not checked. Throws Error(data) naming the file and what is wrong.
Safetensors read_safetensors(const std::filesystem::path& file);

}  // namespace shalab::io
