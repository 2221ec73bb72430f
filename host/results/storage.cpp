#include "results/storage.h"

#include <sys/vfs.h>

#include <array>
#include <utility>

namespace shalab {

namespace {

constexpr std::array<std::pair<unsigned long, const char*>, 8> kShared = {{
    {0x6969, "NFS"},
    {0x517b, "SMB"},
    {0xff534d42, "CIFS"},
    {0xfe534d42, "SMB2"},
    {0x0bd00bd0, "Lustre"},
    {0x47504653, "GPFS"},
    {0x00c36400, "Ceph"},
    {0x19830326, "BeeGFS"},
}};

}  // namespace

std::string storage_warning(const std::filesystem::path& path) {
  struct statfs facts {};
  std::filesystem::path present = path;
  if (!std::filesystem::exists(present)) present = path.parent_path();
  if (present.empty()) present = ".";
  if (::statfs(present.c_str(), &facts) != 0) return "";
  const auto type = static_cast<unsigned long>(facts.f_type) & 0xffffffffUL;
  for (const auto& [magic, name] : kShared) {
    if (type == magic) {
      return path.string() + " lies on " + name +
             ", where file locks are not reliable: write to a local disk and "
             "collect with `shalab runs merge`";
    }
  }
  return "";
}

}  // namespace shalab
