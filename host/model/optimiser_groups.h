#pragma once
// The optimisers of one stage: that of the stage, and those of parameters with
// settings of their own.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "model/optimiser.h"
#include "shalab/parameter_group.h"

namespace shalab {

// Each parameter belongs to exactly one optimiser: its group's, or the
// stage's. [main; training]
class OptimiserGroups {
 public:
  // A group may only hold tensors of `parameters` (failed check otherwise).
  OptimiserGroups(std::vector<at::Tensor> parameters,
                  const OptimiserOptions& options,
                  const std::vector<ParameterGroup>& groups);

  void zero_grad();
  // One update of each, its own learning rate times factor.
  void step(double factor);
  void step(const at::Tensor& factor);  // as Optimiser's

  // As Optimiser's; the names of group i carry "group.<i>." in front.
  std::map<std::string, at::Tensor> state() const;
  void load(const std::map<std::string, at::Tensor>& state);

  std::int64_t num_parameters() const;

 private:
  std::vector<Optimiser> optimisers_;  // the stage's, then by group
};

}  // namespace shalab
