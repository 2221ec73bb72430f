#include "network_features.h"

#include <ATen/ATen.h>

#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "shalab/error.h"
#include "shalab/nn/measuring.h"

namespace shalab {
namespace {

constexpr std::size_t kDigestLength = 12;

class SharedNetwork {
 public:
  explicit SharedNetwork(FeatureNetwork network)
      : network_(std::move(network)) {}

  static std::shared_ptr<SharedNetwork> of(const NetworkExtractor& extractor,
                                           const std::filesystem::path& file);

  const std::string& digest() const { return network_.digest; }

  at::Tensor features(const at::Tensor& x) {
    std::erase_if(known_,
                  [](const Known& known) { return known.samples.expired(); });
    for (const Known& known : known_) {
      if (known.samples.lock().get() == x.unsafeGetTensorImpl()) {
        return known.features;
      }
    }
    known_.push_back({WeakTensor(x.getIntrusivePtr()), network_.features(x)});
    return known_.back().features;
  }

 private:
  using WeakTensor =
      c10::weak_intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>;
  struct Known {
    WeakTensor samples;
    at::Tensor features;
  };

  FeatureNetwork network_;
  std::vector<Known> known_;
};

std::shared_ptr<SharedNetwork> SharedNetwork::of(
    const NetworkExtractor& extractor, const std::filesystem::path& file) {
  static std::mutex mutex;
  static std::map<std::string, std::weak_ptr<SharedNetwork>> all;
  const std::lock_guard lock(mutex);
  auto& place =
      all[extractor.label + '\n' + std::filesystem::absolute(file).string()];
  std::shared_ptr<SharedNetwork> network = place.lock();
  if (network == nullptr) {
    network = std::make_shared<SharedNetwork>(extractor.read(file));
    place = network;
  }
  return network;
}

class NetworkFeatures final : public SampleFeatures {
 public:
  NetworkFeatures(NetworkExtractor extractor, const MetricContext& context,
                  std::string metric)
      : extractor_(std::move(extractor)),
        context_(context),
        metric_(std::move(metric)) {}

  void require() override {
    for (std::size_t m = 0; m < context_.modalities.size(); ++m) {
      if (!serves(m)) continue;
      network();
      return;
    }
    throw Error(
        ErrorKind::data,
        "metric '" + metric_ + "' with extractor = " + extractor_.name +
            " needs a modality of grey or RGB images",
        "use extractor = judge, or remove the metric with ~metric." + metric_);
  }

  bool serves(std::size_t m) const override {
    const ModalitySpec& spec = context_.modalities[m];
    return spec.kind == ModalityKind::image && spec.shape.size() == 3 &&
           (spec.shape[0] == 1 || spec.shape[0] == 3);
  }

  at::Tensor of_real(std::size_t, const at::Tensor& x) override {
    return network().features(x);
  }

  at::Tensor of_generated(std::size_t m, const Generated& generated) override {
    return network().features(generated.samples[m]);
  }

  std::string label() const override { return extractor_.label; }

  std::string fingerprint() const override {
    SHALAB_CHECK(network_ != nullptr, "no features were taken yet");
    return extractor_.name + "=" + network_->digest().substr(0, kDigestLength) +
           " " + data_fingerprint(context_);
  }

  bool is_inception() const override { return extractor_.name == "inception"; }
  std::int64_t num_features() const override { return extractor_.num_features; }

 private:
  SharedNetwork& network() {
    if (network_ == nullptr) {
      network_ = SharedNetwork::of(
          extractor_,
          context_.services.find_data(extractor_.file, extractor_.purpose));
    }
    return *network_;
  }

  NetworkExtractor extractor_;
  MetricContext context_;
  std::string metric_;
  std::shared_ptr<SharedNetwork> network_;
};

}  // namespace

std::unique_ptr<SampleFeatures> make_network_features(
    NetworkExtractor extractor, const MetricContext& context,
    const std::string& metric) {
  return std::make_unique<NetworkFeatures>(std::move(extractor), context,
                                           metric);
}

}  // namespace shalab
