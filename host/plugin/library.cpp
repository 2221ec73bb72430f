#include "plugin/library.h"

// Boost.DLL 1.74 with std::filesystem needs <string> before its own headers.
#include <dlfcn.h>

#include <boost/dll/shared_library.hpp>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <system_error>

#include "plugin/gates.h"
#include "shalab/error.h"

namespace shalab {

namespace {

namespace fs = std::filesystem;

struct Loaded {
  fs::path file;
  const PluginDescriptor* descriptor;
};

// Leaked on purpose: no library may be closed when the process ends.
struct Libraries {
  std::mutex mutex;
  std::list<boost::dll::shared_library> handles;
  std::map<fs::path, const PluginDescriptor*> by_file;
  std::map<std::string, Loaded> by_name;  // "kind/name"
};

Libraries& libraries() {
  static auto* const all = new Libraries;
  return *all;
}

std::string open_hint(const std::string& reason) {
  if (reason.find("undefined symbol") != std::string::npos) {
    return "build it with shalab_add_plugin, which refuses undefined symbols "
           "at link time";
  }
  if (reason.find("invalid ELF header") != std::string::npos ||
      reason.find("file too short") != std::string::npos) {
    return "this is not a shared library; build the plugin again";
  }
  return "`ldd -r` on the file shows what it misses";
}

boost::dll::shared_library open_library(const fs::path& file) {
  using boost::dll::load_mode::rtld_local;
  using boost::dll::load_mode::rtld_now;
  boost::dll::shared_library library;
  std::error_code error;
  library.load(file, rtld_now | rtld_local, error);
  if (!error) return library;
  const char* words = dlerror();
  const std::string reason = words == nullptr ? error.message() : words;
  throw Error(ErrorKind::plugin,
              "cannot open plugin " + file.string() + ": " + reason,
              open_hint(reason));
}

const PluginDescriptor* descriptor_of(const boost::dll::shared_library& library,
                                      const fs::path& file) {
  if (!library.has(kPluginSymbol)) {
    throw Error(ErrorKind::plugin,
                "plugin " + file.string() + ": exports no symbol '" +
                    kPluginSymbol + "'",
                "end its source with SHALAB_PLUGIN(...) of shalab/plugin.h");
  }
  return library.get<const PluginDescriptor*()>(kPluginSymbol)();
}

void check_unique(const Libraries& all, const std::string& key,
                  const fs::path& file) {
  const auto other = all.by_name.find(key);
  if (other == all.by_name.end()) return;
  throw Error(ErrorKind::plugin,
              "two plugins are called " + key + "\n  loaded: " +
                  other->second.file.string() + "\n  refused: " + file.string(),
              "rename one of them, or take its folder from --plugins");
}

}  // namespace

const PluginDescriptor& load_plugin(const fs::path& file) {
  check_permissions(file);
  const fs::path canonical = fs::canonical(file);
  Libraries& all = libraries();
  const std::lock_guard lock(all.mutex);
  const auto known = all.by_file.find(canonical);
  if (known != all.by_file.end()) return *known->second;
  all.handles.push_back(open_library(canonical));
  const PluginDescriptor* descriptor =
      descriptor_of(all.handles.back(), canonical);
  check_descriptor(descriptor, canonical);
  const std::string key =
      std::string(descriptor->kind) + "/" + descriptor->name;
  check_unique(all, key, canonical);
  all.by_name.emplace(key, Loaded{canonical, descriptor});
  all.by_file.emplace(canonical, descriptor);
  return *descriptor;
}

}  // namespace shalab
