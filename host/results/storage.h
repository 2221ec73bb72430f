#pragma once
// Where a results database should not lie.

#include <filesystem>
#include <string>

namespace shalab {

// A sentence of warning where `path` (or its folder, if it does not exist yet)
// lies on a file system on which SQLite's locks are not reliable: NFS, SMB,
// Lustre and the like. Empty otherwise. [any thread]
std::string storage_warning(const std::filesystem::path& path);

}  // namespace shalab
