#include "model/optimiser_groups.h"

#include <algorithm>

#include "shalab/error.h"

namespace shalab {

namespace {

std::string prefix_of(std::size_t optimiser) {
  return optimiser == 0 ? "" : "group." + std::to_string(optimiser - 1) + ".";
}

OptimiserOptions options_of(const ParameterGroup& group) {
  OptimiserOptions options;
  options.learning_rate = group.learning_rate;
  options.beta1 = group.beta1;
  options.beta2 = group.beta2;
  options.clip_norm = group.clip_norm;
  return options;
}

void take(std::vector<at::Tensor>& from, const at::Tensor& parameter) {
  const auto found = std::find_if(
      from.begin(), from.end(),
      [&](const at::Tensor& other) { return other.is_same(parameter); });
  SHALAB_CHECK(found != from.end(),
               "a parameter group holds a tensor that the stage does not "
               "train, or that another group has");
  from.erase(found);
}

}  // namespace

OptimiserGroups::OptimiserGroups(std::vector<at::Tensor> parameters,
                                 const OptimiserOptions& options,
                                 const std::vector<ParameterGroup>& groups) {
  for (const auto& group : groups) {
    for (const auto& parameter : group.parameters) {
      take(parameters, parameter);
    }
  }
  optimisers_.emplace_back(std::move(parameters), options);
  for (const auto& group : groups) {
    optimisers_.emplace_back(group.parameters, options_of(group));
  }
}

void OptimiserGroups::zero_grad() {
  for (auto& optimiser : optimisers_) {
    optimiser.zero_grad();
  }
}

void OptimiserGroups::step(double factor) {
  for (auto& optimiser : optimisers_) {
    optimiser.step(factor);
  }
}

void OptimiserGroups::step(const at::Tensor& factor) {
  for (auto& optimiser : optimisers_) {
    optimiser.step(factor);
  }
}

std::map<std::string, at::Tensor> OptimiserGroups::state() const {
  std::map<std::string, at::Tensor> result;
  for (std::size_t i = 0; i < optimisers_.size(); ++i) {
    for (const auto& [name, tensor] : optimisers_[i].state()) {
      result[prefix_of(i) + name] = tensor;
    }
  }
  return result;
}

void OptimiserGroups::load(const std::map<std::string, at::Tensor>& state) {
  for (std::size_t i = 0; i < optimisers_.size(); ++i) {
    const auto prefix = prefix_of(i);
    std::map<std::string, at::Tensor> own;
    for (const auto& [name, tensor] : state) {
      if (name.starts_with(prefix)) {
        own[name.substr(prefix.size())] = tensor;
      }
    }
    optimisers_[i].load(own);
  }
}

std::int64_t OptimiserGroups::num_parameters() const {
  std::int64_t count = 0;
  for (const auto& optimiser : optimisers_) {
    count += optimiser.num_parameters();
  }
  return count;
}

}  // namespace shalab
