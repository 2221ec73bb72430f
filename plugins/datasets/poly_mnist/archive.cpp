#include <ATen/ops/empty.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <compare>
#include <map>
#include <optional>
#include <vector>

#include "packed_folder.h"
#include "shalab/digest.h"
#include "shalab/error.h"
#include "source.h"

namespace shalab::poly_mnist {

namespace {

namespace fs = std::filesystem;

constexpr const char* kLayout =
    "expected: train/m0/{i}.{digit}.png, train/m1, ..., and test likewise";
constexpr std::array<const char*, 3> kPartNames = {"train", "val", "test"};
constexpr std::ptrdiff_t kNameEnd = 6;  // ".7.png"

struct Name {
  std::uint32_t digit = 0;
  std::uint32_t number = 0;

  auto operator<=>(const Name&) const = default;
  std::string text() const {
    return std::to_string(number) + "." + std::to_string(digit) + ".png";
  }
};

std::optional<Name> name_of(const std::string& text) {
  Name name;
  const char* end = text.data() + text.size();
  const auto [dot, failure] = std::from_chars(text.data(), end, name.number);
  if (failure != std::errc() || end - dot != kNameEnd) return std::nullopt;
  name.digit = static_cast<std::uint32_t>(dot[1] - '0');
  if (name.digit >= kClasses || name.text() != text) return std::nullopt;
  return name;
}

std::vector<Name> list_names(const fs::path& folder) {
  std::vector<Name> names;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string text = entry.path().filename().string();
    if (text.starts_with('.')) continue;
    const std::optional<Name> name = name_of(text);
    if (!name) {
      throw Error(ErrorKind::data,
                  entry.path().string() + ": not named {i}.{digit}.png",
                  "move it out of the folder; hidden files are left alone");
    }
    names.push_back(*name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

fs::path folder_of(const fs::path& part, std::size_t m) {
  return part / ("m" + std::to_string(m));
}

std::size_t count_modalities(const fs::path& part) {
  std::size_t count = 0;
  while (fs::is_directory(folder_of(part, count))) ++count;
  if (count == 0 || count > kMostModalities) {
    throw Error(ErrorKind::data,
                part.string() + " holds " + std::to_string(count) +
                    " folders m0, m1, ...",
                kLayout);
  }
  return count;
}

// No folder m7 without m6: it would be left out without a word.
void check_no_gap(const fs::path& part, std::size_t count) {
  for (std::size_t m = count + 1; m <= kMostModalities; ++m) {
    if (!fs::is_directory(folder_of(part, m))) continue;
    throw Error(ErrorKind::data,
                folder_of(part, m).string() + " is there, but not " +
                    folder_of(part, count).string(),
                kLayout);
  }
}

void check_equal(const fs::path& part, std::size_t m,
                 const std::vector<Name>& first,
                 const std::vector<Name>& names) {
  std::vector<Name> odd;
  std::set_symmetric_difference(first.begin(), first.end(), names.begin(),
                                names.end(), std::back_inserter(odd));
  if (odd.empty()) return;
  const bool in_first =
      std::binary_search(first.begin(), first.end(), odd.front());
  const fs::path there = folder_of(part, in_first ? 0 : m);
  const fs::path absent = folder_of(part, in_first ? m : 0);
  throw Error(ErrorKind::data,
              (absent / odd.front().text()).string() + " is missing, and " +
                  std::to_string(odd.size() - 1) + " more; " + there.string() +
                  " has a file of that name",
              "every folder of a part holds the same names");
}

struct PartFiles {
  fs::path folder;
  std::vector<Name> names;  // sorted; empty where there is no such part
  std::size_t num_modalities = 0;
};

PartFiles list_part(const fs::path& folder) {
  PartFiles part{folder, {}, count_modalities(folder)};
  check_no_gap(folder, part.num_modalities);
  part.names = list_names(folder_of(folder, 0));
  for (std::size_t m = 1; m < part.num_modalities; ++m) {
    check_equal(folder, m, part.names, list_names(folder_of(folder, m)));
  }
  if (!part.names.empty()) return part;
  throw Error(ErrorKind::data,
              folder_of(folder, 0).string() + " holds no picture", kLayout);
}

std::array<PartFiles, 3> list_parts(const fs::path& root) {
  std::array<PartFiles, 3> parts;
  for (std::size_t p = 0; p < parts.size(); ++p) {
    const fs::path folder = root / kPartNames[p];
    const bool is_optional = static_cast<Part>(p) == Part::validation;
    if (is_optional && !fs::is_directory(folder)) continue;
    parts[p] = list_part(folder);
    if (parts[p].num_modalities == parts[0].num_modalities) continue;
    throw Error(
        ErrorKind::data,
        folder.string() + " holds " + std::to_string(parts[p].num_modalities) +
            " modalities, train " + std::to_string(parts[0].num_modalities),
        kLayout);
  }
  return parts;
}

at::Tensor labels_of(const std::vector<Name>& names) {
  at::Tensor labels =
      at::empty({static_cast<std::int64_t>(names.size())}, at::kLong);
  std::transform(names.begin(), names.end(), labels.data_ptr<std::int64_t>(),
                 [](const Name& name) { return name.digit; });
  return labels;
}

class Archive final : public Source {
 public:
  Archive(const fs::path& root, const Services& services)
      : parts_(list_parts(root)), services_(services) {
    for (const PartFiles& part : parts_) {
      labels_.push_back(labels_of(part.names));
      digest_.add(labels_.back().const_data_ptr(), labels_.back().nbytes());
    }
  }

  std::size_t num_modalities() const override {
    return parts_[0].num_modalities;
  }
  std::string digest() const override { return digest_.hex(); }
  at::Tensor labels(Part part) const override {
    return labels_[static_cast<std::size_t>(part)];
  }

  at::Tensor images(const Selection& selection, std::size_t m) override {
    load(selection.part, m);
    return loaded_.index_select(0, selection.tuples);
  }

 private:
  // One folder at a time is in memory beside what was selected.
  void load(Part part, std::size_t m) {
    if (loaded_.defined() && loaded_part_ == part && loaded_m_ == m) return;
    loaded_ = at::Tensor();
    const PartFiles& files = parts_[static_cast<std::size_t>(part)];
    const fs::path folder = folder_of(files.folder, m);
    std::vector<fs::path> pictures;
    for (const Name& name : files.names) {
      pictures.push_back(folder / name.text());
    }
    loaded_ = packed_folder(pictures, services_);
    loaded_part_ = part;
    loaded_m_ = m;
    digest_.add(loaded_.const_data_ptr(), loaded_.nbytes());
  }

  std::array<PartFiles, 3> parts_;  // by Part
  Services services_;
  std::vector<at::Tensor> labels_;  // by Part
  Digest64 digest_;
  at::Tensor loaded_;
  Part loaded_part_ = Part::train;
  std::size_t loaded_m_ = 0;
};

}  // namespace

std::unique_ptr<Source> open_archive(const fs::path& root,
                                     const Services& services) {
  try {
    return std::make_unique<Archive>(root, services);
  } catch (const fs::filesystem_error& error) {
    throw Error(ErrorKind::data,
                error.path1().string() + ": " + error.code().message(),
                kLayout);
  }
}

}  // namespace shalab::poly_mnist
