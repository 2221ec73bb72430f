#include "shalab/nn/sample_features.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "network_features.h"
#include "shalab/error.h"
#include "shalab/nn/inception.h"
#include "shalab/nn/measuring.h"
#include "shalab/nn/mobilenet.h"

namespace shalab {
namespace {

class JudgeFeatures final : public SampleFeatures {
 public:
  JudgeFeatures(const MetricContext& context, std::string metric)
      : context_(context), metric_(std::move(metric)) {}

  void require() override {
    for (std::size_t m = 0; m < context_.judges.judges.size(); ++m) {
      if (serves(m)) return;
    }
    throw Error(ErrorKind::data,
                "metric '" + metric_ + "' needs a judge with features",
                "make one with `shalab judge train DATASET`, or remove the "
                "metric with ~metric." +
                    metric_);
  }

  bool serves(std::size_t m) const override {
    const auto sources = context_.dataset->judge_sources();
    const bool lexicon =
        m < sources.size() && sources[m].kind == JudgeSource::Kind::lexicon;
    const auto& judges = context_.judges.judges;
    return m < judges.size() && judges[m] != nullptr && !lexicon;
  }

  at::Tensor of_real(std::size_t m, const at::Tensor& x) override {
    return context_.judges.judges[m]->judge(x).features;
  }

  at::Tensor of_generated(std::size_t m, const Generated& generated) override {
    const auto& judgements = generated.judgements;
    return m < judgements.size() ? judgements[m].features : at::Tensor();
  }

  std::string label() const override { return "judge"; }
  std::string fingerprint() const override {
    return judged_fingerprint(context_);
  }
  bool is_inception() const override { return false; }
  std::int64_t num_features() const override { return 0; }

 private:
  MetricContext context_;
  std::string metric_;
};

// Vectors of data that name no judges.
class OwnFeatures final : public SampleFeatures {
 public:
  explicit OwnFeatures(const MetricContext& context) : context_(context) {}

  void require() override {}
  bool serves(std::size_t m) const override {
    return context_.modalities[m].kind == ModalityKind::vector;
  }
  at::Tensor of_real(std::size_t, const at::Tensor& x) override { return x; }
  at::Tensor of_generated(std::size_t m, const Generated& generated) override {
    return generated.samples[m];
  }
  std::string label() const override { return "features"; }
  std::string fingerprint() const override {
    return data_fingerprint(context_);
  }
  bool is_inception() const override { return false; }
  std::int64_t num_features() const override { return 0; }

 private:
  MetricContext context_;
};

bool are_features(const MetricContext& context) {
  const auto is_vector = [](const ModalitySpec& spec) {
    return spec.kind == ModalityKind::vector;
  };
  return context.judges.judges.empty() &&
         context.dataset->judge_sources().empty() &&
         std::ranges::all_of(context.modalities, is_vector);
}

NetworkExtractor inception_extractor(const Settings& settings) {
  const InceptionResize resize =
      inception_resize_from(settings.text("inception_resize"));
  return {"inception",
          "inception resize=" + to_string(resize),
          settings.text("inception_weights"),
          "weights of Inception-v3, made by tools/convert_inception.py from "
          "pt_inception-2015-12-05-6726825d.pth",
          kInceptionFeatures,
          [resize](const std::filesystem::path& file) {
            const std::shared_ptr<Inception> network = read_inception(file);
            return FeatureNetwork{[network, resize](const at::Tensor& x) {
                                    return network->features(x, resize);
                                  },
                                  network->digest()};
          }};
}

NetworkExtractor mobilenet_extractor(const Settings& settings) {
  return {"mobilenet_v2",
          "mobilenet_v2",
          settings.text("mobilenet_weights"),
          "weights of MobileNetV2, made by tools/convert_mobilenet.py from "
          "mobilenet_v2_1.0_224_quant.tflite",
          kMobilenetFeatures,
          [](const std::filesystem::path& file) {
            const std::shared_ptr<MobilenetV2> network = read_mobilenet(file);
            return FeatureNetwork{
                [network](const at::Tensor& x) { return network->features(x); },
                network->digest()};
          }};
}

}  // namespace

SampleFeatures::~SampleFeatures() = default;

void declare_extractor_fields(FieldList& fields) {
  fields
      .choice("extractor", "judge", {"judge", "inception", "mobilenet_v2"},
              "whose features: the judges' last hidden layer (data of vectors "
              "without judges: the vectors themselves), or, of images only, "
              "the 2048 of Inception-v3 or the 1280 of MobileNetV2")
      .after_training();
  fields
      .text("inception_weights",
            "inception/pt_inception-2015-12-05.safetensors",
            "under a data folder; made by tools/convert_inception.py")
      .after_training();
  fields
      .choice("inception_resize", "pytorch_fid",
              {"pytorch_fid", "torch_fidelity"},
              "how images are brought to 299 x 299: pytorch_fid as the "
              "multimodal papers do, torch_fidelity as TensorFlow did")
      .after_training();
  fields
      .text("mobilenet_weights", "mobilenet/mobilenet_v2_1.0_224.safetensors",
            "under a data folder; made by tools/convert_mobilenet.py")
      .after_training();
}

std::unique_ptr<SampleFeatures> make_sample_features(
    const Settings& settings, const MetricContext& context,
    const std::string& metric) {
  const std::string extractor = settings.text("extractor");
  if (extractor == "inception") {
    return make_network_features(inception_extractor(settings), context,
                                 metric);
  }
  if (extractor == "mobilenet_v2") {
    return make_network_features(mobilenet_extractor(settings), context,
                                 metric);
  }
  if (are_features(context)) return std::make_unique<OwnFeatures>(context);
  return std::make_unique<JudgeFeatures>(context, metric);
}

}  // namespace shalab
