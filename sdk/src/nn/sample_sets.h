#pragma once
// Two sets of samples that are compared: checked, and cut at random.

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

namespace shalab {

// A failed check where the sets [N, F] differ in F; Error(run) that names
// `number` and the side where N < 2.
void require_sample_sets(const at::Tensor& real, const at::Tensor& generated,
                         const std::string& number);

// `size` different rows of x [N, F] in random order; x itself where that is
// all. `generator` is a CPU one.
at::Tensor random_rows(const at::Tensor& x, std::int64_t size,
                       at::Generator& generator);

}  // namespace shalab
