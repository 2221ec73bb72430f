#include "real_features.h"

#include <ATen/ATen.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <vector>

#include "shalab/digest.h"
#include "shalab/error.h"
#include "shalab/io/tensors.h"
#include "shalab/nn/measuring.h"

namespace shalab {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kTuplesAtOnce = 1000;

void visit_computed(const MetricContext& context, SampleFeatures& features,
                    c10::Device device, const VisitFeatures& visit) {
  const std::int64_t count = num_tuples(context);
  for (std::int64_t first = 0; first < count; first += kTuplesAtOnce) {
    const std::int64_t last = std::min(count, first + kTuplesAtOnce);
    const at::Tensor indices =
        at::arange(first, last, at::TensorOptions(at::kLong).device(device));
    const Batch batch = context.dataset->gather(context.split, indices);
    for (std::size_t m = 0; m < context.modalities.size(); ++m) {
      if (!features.serves(m)) continue;
      const at::Tensor present =
          batch.presence.select(1, static_cast<std::int64_t>(m));
      const at::Tensor all = features.of_real(m, batch.data[m]);
      if (all.defined()) visit(m, all.index({present}));
    }
  }
}

class FeatureCache {
 public:
  FeatureCache(const MetricContext& context, const SampleFeatures& features)
      : context_(context),
        folder_(context.services.cache_folder / "features"),
        num_features_(features.num_features()) {
    key_ = Digest64()
               .add(context.dataset->fingerprint())
               .add(to_string(context.split))
               .add(std::to_string(num_tuples(context)))
               .add(features.label())
               .add(features.fingerprint())
               .hex();
  }

  fs::path file(std::size_t m) const {
    return folder_ / (key_ + "_" + std::to_string(m) + ".npy");
  }

  bool holds(std::size_t m) const {
    std::error_code error;
    return fs::exists(file(m), error);
  }

  at::Tensor read(std::size_t m) const {
    const at::Tensor x = io::to_tensor(io::read_npy(file(m)));
    if (x.scalar_type() == at::kFloat && x.dim() == 2 &&
        x.size(1) == num_features_ && x.size(0) <= num_tuples(context_)) {
      return x;
    }
    throw Error(ErrorKind::data,
                file(m).string() + ": no features [N, " +
                    std::to_string(num_features_) + "] of float32",
                "delete the file: it is made anew");
  }

  // A cache that cannot be written costs time, not the measurement.
  void write(std::size_t m, const at::Tensor& x) const {
    const fs::path part =
        file(m).string() + ".part" + std::to_string(::getpid());
    try {
      fs::create_directories(folder_);
      io::write_npy(part, io::to_array(x));
      fs::rename(part, file(m));
    } catch (const std::exception& error) {
      context_.services.logger->warn(
          std::string("features of the real side are not kept: ") +
          error.what());
    }
  }

 private:
  const MetricContext& context_;
  fs::path folder_;
  std::int64_t num_features_;
  std::string key_;
};

}  // namespace

void visit_real_features(const MetricContext& context, SampleFeatures& features,
                         c10::Device device, const VisitFeatures& visit) {
  if (features.num_features() == 0) {
    visit_computed(context, features, device, visit);
    return;
  }
  const FeatureCache cache(context, features);
  std::vector<std::size_t> served;
  for (std::size_t m = 0; m < context.modalities.size(); ++m) {
    if (features.serves(m)) served.push_back(m);
  }
  if (std::ranges::all_of(served, [&](auto m) { return cache.holds(m); })) {
    for (const std::size_t m : served) visit(m, cache.read(m).to(device));
    return;
  }
  std::map<std::size_t, std::vector<at::Tensor>> parts;
  visit_computed(context, features, device,
                 [&parts](std::size_t m, const at::Tensor& x) {
                   parts[m].push_back(x.cpu());
                 });
  for (const auto& [m, blocks] : parts) {
    const at::Tensor x = at::cat(blocks);
    cache.write(m, x);
    visit(m, x.to(device));
  }
}

}  // namespace shalab
