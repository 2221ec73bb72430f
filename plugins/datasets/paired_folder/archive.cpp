// One .npz with an array for each modality.

#include <ATen/ops/ones.h>
#include <c10/util/StringUtil.h>

#include "shalab/error.h"
#include "shalab/io/tensors.h"
#include "source.h"

namespace shalab::paired_folder {

namespace fs = std::filesystem;

namespace {

constexpr std::int64_t kMostClasses = 10000;
constexpr std::int64_t kNumSplits = 3;

using Tensors = std::map<std::string, at::Tensor>;

[[noreturn]] void refuse(const fs::path& file, const std::string& what,
                         const std::string& cure) {
  throw Error(ErrorKind::data, file.string() + ": " + what, cure);
}

// Takes the member out; undefined where there is none.
at::Tensor taken(Tensors& members, const std::string& name) {
  const auto node = members.extract(name);
  return node ? node.mapped() : at::Tensor();
}

std::vector<std::string> member_names(const Tensors& members,
                                      const Settings& settings) {
  if (!settings.list("modalities").empty()) return settings.list("modalities");
  std::vector<std::string> names;
  for (const auto& [name, values] : members) names.push_back(name);
  return names;
}

void check_rows(const fs::path& file, const std::vector<Column>& columns) {
  for (const Column& column : columns) {
    const at::Tensor& first = columns.front().values;
    if (column.values.dim() > 0 && first.dim() > 0 &&
        column.values.size(0) == first.size(0)) {
      continue;
    }
    refuse(file,
           "'" + column.name + "' has shape " +
               c10::str(column.values.sizes()) + ", '" + columns.front().name +
               "' has " + c10::str(first.sizes()),
           "the first dimension counts the tuples and must be the same");
  }
}

// bool [N, M]. Its columns can only be told apart by a stated order.
at::Tensor checked_presence(const fs::path& file, const at::Tensor& presence,
                            const Settings& settings, std::int64_t tuples,
                            std::int64_t modalities) {
  if (!presence.defined()) return at::ones({tuples, modalities}, at::kBool);
  const std::int64_t shape[] = {tuples, modalities};
  if (presence.sizes() != at::IntArrayRef(shape) ||
      presence.is_floating_point()) {
    refuse(file,
           std::string("'presence' is ") +
               c10::toString(presence.scalar_type()) + " " +
               c10::str(presence.sizes()) + ", bool " +
               c10::str(at::IntArrayRef(shape)) + " expected",
           "a row for each tuple, a column for each modality");
  }
  const at::Tensor known = presence.to(at::kBool);
  if (settings.list("modalities").empty() && !known.all().item<bool>()) {
    refuse(file, "the order of the columns of 'presence' is not known",
           "list the modalities in that order: dataset.modalities");
  }
  return known;
}

// int64 [N] in 0 .. bound - 1, or undefined.
at::Tensor checked_numbers(const fs::path& file, const at::Tensor& numbers,
                           const std::string& name, std::int64_t tuples,
                           std::int64_t bound) {
  if (!numbers.defined()) return numbers;
  const bool is_fit = numbers.dim() == 1 && numbers.size(0) == tuples &&
                      tuples > 0 && !numbers.is_floating_point();
  if (!is_fit || numbers.min().item<std::int64_t>() < 0 ||
      numbers.max().item<std::int64_t>() >= bound) {
    refuse(file,
           "'" + name + "' is " + c10::toString(numbers.scalar_type()) + " " +
               c10::str(numbers.sizes()),
           "whole numbers 0 to " + std::to_string(bound - 1) + " of shape [" +
               std::to_string(tuples) + "] are expected");
  }
  return numbers.to(at::kLong);
}

void hide_absent(std::vector<Column>& columns, const at::Tensor& presence) {
  for (std::size_t m = 0; m < columns.size(); ++m) {
    Column& column = columns[m];
    column.presence =
        presence.select(1, static_cast<std::int64_t>(m)).contiguous();
    const at::Tensor absent = column.presence.logical_not().nonzero().flatten();
    column.values.index_fill_(0, absent, 0);
  }
}

}  // namespace

Source read_archive(const fs::path& file, const Settings& settings) {
  Tensors members;
  for (const auto& [name, array] : io::read_npz(file)) {
    members[name] = io::to_tensor(array);
  }
  const at::Tensor presence = taken(members, "presence");
  const at::Tensor labels = taken(members, "labels");
  const at::Tensor splits = taken(members, "splits");
  Source source;
  for (const std::string& name : member_names(members, settings)) {
    const at::Tensor values = taken(members, name);
    if (!values.defined()) {
      refuse(file, "no member '" + name + "', or it is named twice",
             "dataset.modalities lists the members that are modalities");
    }
    source.columns.push_back(
        {name, file.string() + ", member " + name, {}, values, {}});
  }
  if (source.columns.empty()) refuse(file, "no modality", "an array each");
  check_rows(file, source.columns);
  const std::int64_t tuples = source.columns.front().values.size(0);
  hide_absent(
      source.columns,
      checked_presence(file, presence, settings, tuples,
                       static_cast<std::int64_t>(source.columns.size())));
  check_source(source, file.string());
  source.labels = checked_numbers(file, labels, "labels", tuples, kMostClasses);
  source.splits = checked_numbers(file, splits, "splits", tuples, kNumSplits);
  return source;
}

}  // namespace shalab::paired_folder
