#pragma once
// What a run needs to go on, as a folder that is whole and true or does not
// count. docs/checkpoint_format.md describes it independent of this code.
//
//   checkpoints/0000001200/model.safetensors      weights, EMA, best weights
//                          optimiser.safetensors  moments, generator states
//                          state.json             stage, step, identity, best
//                          manifest.json          sizes and SHA-256 of these

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace shalab {

struct Checkpoint {
  std::map<std::string, at::Tensor> model;
  std::map<std::string, at::Tensor> optimiser;
  nlohmann::json state;
};

struct LoadedCheckpoint {
  std::int64_t step = 0;
  Checkpoint checkpoint;
  std::filesystem::path path;
  // Newer ones that are damaged, newest first: "<path>: reason".
  std::vector<std::string> skipped;
};

// Writes `root`/<step, 10 digits> in one step, replacing one of that name, and
// syncs it; removes what a killed save left. `step` counts over all stages, so
// the largest is the newest; 0 <= step < 10^10. Returns the folder. Throws
// Error(run) when the disk is too full for it (nothing is written, older
// checkpoints stay), when a number in the state is not finite or a text is not
// UTF-8; Error(data) when writing fails. [main]
std::filesystem::path save_checkpoint(const std::filesystem::path& root,
                                      std::int64_t step,
                                      const Checkpoint& checkpoint);

// Throws Error(resume) that names the file in which any bit differs from what
// was saved. [any thread]
LoadedCheckpoint load_checkpoint(const std::filesystem::path& folder);

// The newest valid one. Nothing when there is none at all (no folder, or no
// name of 10 digits in it); Error(resume) with every reason when there are some
// and each is damaged: starting over must be the user's decision.
std::optional<LoadedCheckpoint> load_newest(const std::filesystem::path& root);

// Sizes and digests, without reading tensors. Returns the step. Throws as
// load_checkpoint.
std::int64_t verify_checkpoint(const std::filesystem::path& folder);

// Keeps the newest `keep` (at least 1) that are valid, and the steps of
// `keep_also`; removes what is older than those. While fewer than `keep` are
// valid, nothing is removed.
void prune(const std::filesystem::path& root, std::int64_t keep,
           const std::set<std::int64_t>& keep_also);

}  // namespace shalab
