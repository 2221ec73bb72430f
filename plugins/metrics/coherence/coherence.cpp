// Coherence: do the judges, pretrained classifiers, find the intended content
// in generated samples?
//   joint_coherence        share of joint draws in which all judges give one
//                          equal label; a judgement of -1 (no class) never
//                          agrees
//   conditional_coherence  share of draws given x_S whose modality t outside S
//                          is judged to be of the class of the tuple
// Protocol mmvaeplus: MMVAE+ (methods 9.4); protocol multivae: MultiVae's
// evaluator (methods 17.1).

#include <charconv>

#include "by_subset.h"
#include "given_one.h"
#include "shalab/error.h"

namespace shalab {
namespace {

void declare_fields(FieldList& fields) {
  fields
      .choice("protocol", "mmvaeplus", {"mmvaeplus", "multivae"},
              "mmvaeplus: one source modality, shares of tuples; multivae: "
              "every proper subset as the source, class-averaged shares; both: "
              "one draw per tuple, targets outside the source")
      .after_training();
  fields
      .flag("include_self_targets", false,
            "mmvaeplus: also measure the source modality itself: "
            "self_coherence and conditional_coherence_with_self")
      .after_training();
  fields
      .list("source_sizes", {},
            "multivae: numbers of source modalities to measure; empty = 1 to "
            "all but one")
      .after_training();
}

std::size_t size_from(const std::string& text, std::size_t num_modalities) {
  std::size_t size = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, size);
  if (parsed.ec != std::errc() || parsed.ptr != end || size < 1 ||
      size >= num_modalities) {
    throw Error(ErrorKind::usage,
                "source_sizes of metric 'coherence': '" + text +
                    "' is no number of source modalities here",
                "give whole numbers from 1 to " +
                    std::to_string(num_modalities - 1));
  }
  return size;
}

std::unique_ptr<Metric> make(const Settings& settings,
                             const MetricContext& context) {
  if (settings.text("protocol") == "mmvaeplus") {
    return coherence_given_one(context, settings.flag("include_self_targets"));
  }
  std::vector<std::size_t> sizes;
  for (const std::string& text : settings.list("source_sizes")) {
    sizes.push_back(size_from(text, context.modalities.size()));
  }
  return coherence_by_subset(context, sizes);
}

}  // namespace
}  // namespace shalab

SHALAB_PLUGIN(metric, 1,
              "do judges find the intended class in generated samples",
              shalab::declare_fields, shalab::make)
