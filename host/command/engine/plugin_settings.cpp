#include "command/engine/plugin_settings.h"

#include "config/field_check.h"
#include "shalab/error.h"

namespace shalab {

Settings plugin_settings(const Registry& registry, const std::string& kind,
                         const std::string& name,
                         const std::vector<std::string>& overrides) {
  auto settings = registry.settings_of(kind, name);
  for (const auto& text : overrides) {
    const auto equals = text.find('=');
    const auto key =
        text.substr(text.find('.') + 1, equals - text.find('.') - 1);
    const auto* field = settings.fields().find(key);
    if (text.rfind(kind + ".", 0) != 0 || field == nullptr) {
      throw Error(ErrorKind::usage,
                  "'" + text + "' sets no key of " + kind + " " + name,
                  "see shalab plugins show " + name);
    }
    const auto parsed = parse_value(*field, text.substr(equals + 1));
    if (!parsed.value) {
      throw Error(ErrorKind::usage, text + ": " + parsed.complaint,
                  describe(*field));
    }
    settings.set(key, *parsed.value);
  }
  return settings;
}

}  // namespace shalab
