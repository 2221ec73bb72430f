#pragma once
// Modalities and subsets of them, by name. No tensors.

#include <cstdint>
#include <string>
#include <vector>

namespace shalab {

enum class ModalityKind { image, tokens, vector };
std::string to_string(ModalityKind kind);

// One observed variable x_m.
struct ModalitySpec {
  std::string name;  // as typed in configs: "photo", "m0"
  ModalityKind kind = ModalityKind::vector;
  // image: [C, H, W], values in [0, 1]; tokens: [T], values in 0..V-1;
  // vector: [D], any real.
  std::vector<std::int64_t> shape;
  std::vector<std::string> vocabulary;  // tokens: the V symbols, in order
  std::string default_likelihood;       // "normal", "laplace", "categorical"

  std::int64_t numel() const;
  std::int64_t vocabulary_size() const {
    return static_cast<std::int64_t>(vocabulary.size());
  }
};

// A set S of modalities out of at most 64, by index in declared order.
class ModalitySubset {
 public:
  ModalitySubset() = default;
  static ModalitySubset none() { return {}; }
  static ModalitySubset all(std::size_t num_modalities);
  static ModalitySubset only(std::size_t index);
  // Text "image+text", in any order, each name once; "" and "none" are empty,
  // "all" is full. Throws Error(usage) with the nearest name on an unknown one.
  static ModalitySubset parse(const std::string& text,
                              const std::vector<ModalitySpec>& modalities);

  bool contains(std::size_t index) const { return (bits_ >> index) & 1U; }
  bool empty() const { return bits_ == 0; }
  std::size_t size() const;
  std::vector<std::size_t> indices() const;
  ModalitySubset with(std::size_t index) const;
  ModalitySubset without(std::size_t index) const;
  std::uint64_t bits() const { return bits_; }

  // Inverse of parse: names joined by '+' in declared order; "" when empty.
  std::string text(const std::vector<ModalitySpec>& modalities) const;

  bool operator==(const ModalitySubset&) const = default;
  auto operator<=>(const ModalitySubset&) const = default;

 private:
  std::uint64_t bits_ = 0;
};

// Index of the modality called `name`; throws Error(usage) naming `where`
// and the nearest name.
std::size_t modality_index(const std::vector<ModalitySpec>& modalities,
                           const std::string& name, const std::string& where);

}  // namespace shalab
