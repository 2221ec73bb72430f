#include "config/plugin_info.h"

#include "shalab/error.h"

namespace shalab {

const PluginInfo* PluginList::find(const std::string& kind,
                                   const std::string& name) const {
  for (const PluginInfo& info : plugins) {
    if (info.kind == kind && info.name == name) return &info;
  }
  return nullptr;
}

std::vector<std::string> PluginList::names(const std::string& kind) const {
  std::vector<std::string> found;
  for (const PluginInfo& info : plugins) {
    if (info.kind == kind) found.push_back(info.name);
  }
  return found;
}

std::vector<std::string> PluginList::kinds_of(const std::string& name) const {
  std::vector<std::string> found;
  for (const PluginInfo& info : plugins) {
    if (info.name == name) found.push_back(info.kind);
  }
  return found;
}

std::string known_names_hint(const std::string& word,
                             const std::vector<std::string>& names,
                             const std::string& what) {
  std::string hint;
  if (const auto near = nearest(word, names)) {
    hint = "did you mean '" + *near + "'? ";
  }
  hint += "known " + what + ": ";
  if (names.empty()) hint += "none";
  for (std::size_t i = 0; i < names.size(); ++i) {
    hint += (i == 0 ? "" : ", ") + names[i];
  }
  return hint;
}

const PluginInfo& require_plugin(const PluginList& plugins,
                                 const std::string& kind,
                                 const std::string& name,
                                 const std::string& where) {
  if (const PluginInfo* info = plugins.find(kind, name)) return *info;
  const std::string hint =
      known_names_hint(name, plugins.names(kind), kind + " plugins");
  std::string message = where + ": ";
  const std::vector<std::string> kinds = plugins.kinds_of(name);
  if (kinds.empty()) {
    message += "no " + kind + " plugin '" + name + "'";
  } else {
    message += "plugin '" + name + "' is of kind " + kinds.front() +
               ", not of kind " + kind;
  }
  throw Error(ErrorKind::usage, message, hint);
}

}  // namespace shalab
