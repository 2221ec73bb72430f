#include "tuples.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <set>

#include "shalab/error.h"
#include "shalab/pairing.h"

namespace shalab::spoken_digits {

namespace {

constexpr std::int64_t kTestTakes = 5;
constexpr std::int64_t kValidationTakes = 5;

using Names = std::vector<std::string>;

bool contains(const Names& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

void check_speakers(const std::vector<Recording>& recordings,
                    const Settings& settings) {
  std::set<std::string> present, named;
  for (const Recording& recording : recordings) {
    present.insert(recording.speaker);
  }
  for (const std::string key : {"validation_speakers", "test_speakers"}) {
    for (const std::string& name : settings.list(key)) {
      if (present.contains(name) && named.insert(name).second) continue;
      std::string there;
      for (const std::string& speaker : present) there += " " + speaker;
      throw Error(ErrorKind::usage,
                  "dataset." + key + ": '" + name +
                      "' is not one of the speakers or is named twice",
                  "the recordings are by" + there);
    }
  }
}

Split split_of(const Recording& recording, const Settings& settings) {
  if (settings.text("split") == "speaker") {
    if (contains(settings.list("test_speakers"), recording.speaker)) {
      return Split::test;
    }
    return contains(settings.list("validation_speakers"), recording.speaker)
               ? Split::validation
               : Split::train;
  }
  if (recording.take < kTestTakes) return Split::test;
  return recording.take < kTestTakes + kValidationTakes ? Split::validation
                                                        : Split::train;
}

// The recordings of one digit, round after round.
class Rounds {
 public:
  Rounds(const std::vector<std::int64_t>& rows, RecipeStream stream)
      : rows_(rows), stream_(std::move(stream)) {}

  std::int64_t next() {
    if (at_ == order_.size()) {
      const at::Tensor drawn =
          permutation(static_cast<std::int64_t>(rows_.size()), stream_);
      const auto* begin = drawn.const_data_ptr<std::int64_t>();
      order_.assign(begin, begin + drawn.numel());
      at_ = 0;
    }
    return rows_[static_cast<std::size_t>(order_[at_++])];
  }

 private:
  const std::vector<std::int64_t>& rows_;
  RecipeStream stream_;
  std::vector<std::int64_t> order_;
  std::size_t at_ = 0;
};

}  // namespace

void declare_split_fields(FieldList& fields) {
  fields.choice("split", "take", {"take", "speaker"},
                "how recordings are divided: takes 0-4 of every speaker for "
                "test and 5-9 for validation, or whole speakers");
  fields.list("validation_speakers", {"theo"},
              "split = speaker: heard in validation only");
  fields.list("test_speakers", {"yweweler"},
              "split = speaker: heard in test only");
}

std::array<Repertoire, 3> divide(const std::vector<Recording>& recordings,
                                 const Settings& settings) {
  if (settings.text("split") == "speaker") check_speakers(recordings, settings);
  std::array<Repertoire, 3> splits;
  for (std::size_t i = 0; i < recordings.size(); ++i) {
    const auto split = split_of(recordings[i], settings);
    splits[static_cast<std::size_t>(split)]
          [static_cast<std::size_t>(recordings[i].digit)]
              .push_back(static_cast<std::int64_t>(i));
  }
  return splits;
}

at::Tensor partners(const at::Tensor& labels, const Repertoire& repertoire,
                    std::uint64_t seed, Split split) {
  std::vector<Rounds> rounds;
  for (std::size_t digit = 0; digit < repertoire.size(); ++digit) {
    rounds.emplace_back(
        repertoire[digit],
        RecipeStream(seed, "spoken_digits/pairs/" + to_string(split) + "/" +
                               std::to_string(digit)));
  }
  at::Tensor result = at::empty({labels.numel()}, at::kLong);
  auto* out = result.data_ptr<std::int64_t>();
  const auto* label = labels.const_data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < labels.numel(); ++i) {
    const auto digit = static_cast<std::size_t>(label[i]);
    if (repertoire[digit].empty()) {
      throw Error(ErrorKind::data,
                  "no recording of digit " + std::to_string(digit) +
                      " is left for the " + to_string(split) + " split",
                  "take all 3,000 recordings of FSDD, or divide them otherwise "
                  "with dataset.split");
    }
    out[i] = rounds[digit].next();
  }
  return result;
}

}  // namespace shalab::spoken_digits
