#include "shalab/modality.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <numeric>

#include "shalab/error.h"
#include "shalab/fields.h"
#include "trimmed.h"

namespace shalab {

namespace {

constexpr std::size_t kMaxModalities = 64;

std::vector<std::string> names_of(const std::vector<ModalitySpec>& modalities) {
  std::vector<std::string> names;
  for (const ModalitySpec& spec : modalities) names.push_back(spec.name);
  return names;
}

void check_index(std::size_t index) {
  SHALAB_CHECK(index < kMaxModalities,
               "modality index " + std::to_string(index) + " of at most 63");
}

}  // namespace

std::string to_string(ModalityKind kind) {
  switch (kind) {
    case ModalityKind::image:
      return "image";
    case ModalityKind::tokens:
      return "tokens";
    case ModalityKind::vector:
      return "vector";
  }
  return "unknown";
}

std::int64_t ModalitySpec::numel() const {
  return std::accumulate(shape.begin(), shape.end(), std::int64_t{1},
                         std::multiplies<>());
}

ModalitySubset ModalitySubset::all(std::size_t num_modalities) {
  SHALAB_CHECK(
      num_modalities <= kMaxModalities,
      std::to_string(num_modalities) + " modalities, at most 64 are possible");
  ModalitySubset subset;
  subset.bits_ = num_modalities == kMaxModalities
                     ? ~std::uint64_t{0}
                     : (std::uint64_t{1} << num_modalities) - 1;
  return subset;
}

ModalitySubset ModalitySubset::only(std::size_t index) {
  return none().with(index);
}

ModalitySubset ModalitySubset::parse(
    const std::string& text, const std::vector<ModalitySpec>& modalities) {
  const std::string whole = trimmed(text);
  if (whole.empty() || whole == "none") return none();
  if (whole == "all") return all(modalities.size());
  const std::string where = "modality subset '" + whole + "'";
  ModalitySubset subset;
  for (std::size_t start = 0; start <= whole.size();) {
    const std::size_t plus = std::min(whole.find('+', start), whole.size());
    const std::string name = trimmed(whole.substr(start, plus - start));
    const std::size_t index = modality_index(modalities, name, where);
    if (subset.contains(index)) {
      throw Error(ErrorKind::usage, where + " names '" + name + "' twice");
    }
    subset = subset.with(index);
    start = plus + 1;
  }
  return subset;
}

std::size_t ModalitySubset::size() const {
  return static_cast<std::size_t>(std::popcount(bits_));
}

std::vector<std::size_t> ModalitySubset::indices() const {
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < kMaxModalities; ++i) {
    if (contains(i)) found.push_back(i);
  }
  return found;
}

ModalitySubset ModalitySubset::with(std::size_t index) const {
  check_index(index);
  ModalitySubset subset = *this;
  subset.bits_ |= std::uint64_t{1} << index;
  return subset;
}

ModalitySubset ModalitySubset::without(std::size_t index) const {
  check_index(index);
  ModalitySubset subset = *this;
  subset.bits_ &= ~(std::uint64_t{1} << index);
  return subset;
}

std::string ModalitySubset::text(
    const std::vector<ModalitySpec>& modalities) const {
  std::string joined;
  for (const std::size_t index : indices()) {
    SHALAB_CHECK(index < modalities.size(),
                 "modality index " + std::to_string(index) + " of " +
                     std::to_string(modalities.size()) + " modalities");
    joined += (joined.empty() ? "" : "+") + modalities[index].name;
  }
  return joined;
}

std::size_t modality_index(const std::vector<ModalitySpec>& modalities,
                           const std::string& name, const std::string& where) {
  for (std::size_t i = 0; i < modalities.size(); ++i) {
    if (modalities[i].name == name) return i;
  }
  const std::vector<std::string> names = names_of(modalities);
  std::string hint;
  if (const auto near = nearest(name, names)) {
    hint = "did you mean '" + *near + "'? ";
  }
  hint += "modalities:";
  for (const std::string& known : names) hint += " " + known;
  throw Error(ErrorKind::usage, where + ": no modality '" + name + "'", hint);
}

}  // namespace shalab
