#pragma once
// manifest.json of a checkpoint: which bytes its files must have.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace shalab {

inline constexpr int kCheckpointVersion = 1;

// Writes <folder>/manifest.json over `files` (names in the folder). Its last
// entry is the SHA-256 of the text before it.
void write_checkpoint_manifest(const std::filesystem::path& folder,
                               std::int64_t step,
                               const std::vector<std::string>& files);

// Returns the step. Throws Error(resume) that names the file that is missing,
// of another size or of other contents: the manifest itself or one of `files`,
// which must be exactly those it lists.
std::int64_t check_checkpoint_manifest(const std::filesystem::path& folder,
                                       const std::vector<std::string>& files);

}  // namespace shalab
