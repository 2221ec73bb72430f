#include "plugin/gates.h"

#include <sstream>

#include "shalab/error.h"

namespace shalab {

namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse(const fs::path& file, const std::string& why,
                         const std::string& hint) {
  throw Error(ErrorKind::plugin, "plugin " + file.string() + ": " + why, hint);
}

std::string hex(std::uint64_t number) {
  std::ostringstream text;
  text << "0x" << std::hex << number;
  return text.str();
}

std::string text_of(const char* text) {
  return text == nullptr ? "(none)" : text;
}

bool everyone_may_write(const fs::perms permissions) {
  return (permissions & fs::perms::others_write) != fs::perms::none;
}

void check_layout(const PluginDescriptor& descriptor, const fs::path& file) {
  if (descriptor.magic != kPluginMagic) {
    refuse(file,
           "is not a shalab plugin (magic " + hex(descriptor.magic) +
               ", expected " + hex(kPluginMagic) + ")",
           "end its source with SHALAB_PLUGIN(...) of shalab/plugin.h");
  }
  if (descriptor.struct_size != sizeof(PluginDescriptor)) {
    refuse(file,
           "its descriptor has " + std::to_string(descriptor.struct_size) +
               " bytes, this program's has " +
               std::to_string(sizeof(PluginDescriptor)),
           "rebuild it with the SDK of this program");
  }
}

void check_stamps(const PluginDescriptor& descriptor, const fs::path& file,
                  const HostStamp& host) {
  const std::string sdk_hash = text_of(descriptor.sdk_hash);
  if (sdk_hash != host.sdk_hash) {
    refuse(file,
           "was built with other SDK headers\n  plugin: " + sdk_hash +
               "\n  shalab: " + host.sdk_hash,
           "rebuild it with the SDK of this program");
  }
  const std::string abi_stamp = text_of(descriptor.abi_stamp);
  if (abi_stamp != host.abi_stamp) {
    refuse(file,
           "was built with another ABI\n  plugin: " + abi_stamp +
               "\n  shalab: " + host.abi_stamp,
           "rebuild it with the compiler, C++ standard and LibTorch of this "
           "program");
  }
}

bool has_text(const char* text) { return text != nullptr && *text != '\0'; }

void check_contents(const PluginDescriptor& descriptor, const fs::path& file) {
  const std::string hint = "use SHALAB_PLUGIN(...) and shalab_add_plugin(...)";
  if (!has_text(descriptor.kind)) refuse(file, "names no kind", hint);
  if (!has_text(descriptor.name)) refuse(file, "has no name", hint);
  if (descriptor.make == nullptr) refuse(file, "has no factory", hint);
}

}  // namespace

const char* host_sdk_hash() { return SHALAB_SDK_HASH; }

void check_permissions(const fs::path& file) {
  std::error_code error;
  const fs::file_status status = fs::status(file, error);
  if (!fs::exists(status)) {
    refuse(file, "there is no such file",
           "check the path; `shalab plugins list` shows the known ones");
  }
  if (everyone_may_write(status.permissions())) {
    refuse(file, "everyone may write this file, so it is not loaded",
           "chmod o-w " + file.string());
  }
  const fs::path folder = fs::absolute(file).parent_path();
  const fs::perms permissions = fs::status(folder, error).permissions();
  const bool sticky = (permissions & fs::perms::sticky_bit) != fs::perms::none;
  if (everyone_may_write(permissions) && !sticky) {
    refuse(file,
           "everyone may write its folder " + folder.string() +
               ", so it is not loaded",
           "chmod o-w " + folder.string());
  }
}

void check_descriptor(const PluginDescriptor* descriptor, const fs::path& file,
                      const HostStamp& host) {
  if (descriptor == nullptr) {
    refuse(file, "is not a shalab plugin (no descriptor)",
           "end its source with SHALAB_PLUGIN(...) of shalab/plugin.h");
  }
  check_layout(*descriptor, file);
  check_stamps(*descriptor, file, host);
  check_contents(*descriptor, file);
}

}  // namespace shalab
