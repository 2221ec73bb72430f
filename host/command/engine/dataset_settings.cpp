#include "command/engine/dataset_settings.h"

#include "config/field_check.h"
#include "shalab/error.h"

namespace shalab {

Settings dataset_settings(const Registry& registry, const std::string& name,
                          const std::vector<std::string>& overrides) {
  auto settings = registry.settings_of("dataset", name);
  for (const auto& text : overrides) {
    const auto equals = text.find('=');
    const auto key =
        text.substr(text.find('.') + 1, equals - text.find('.') - 1);
    const auto* field = settings.fields().find(key);
    if (text.rfind("dataset.", 0) != 0 || field == nullptr) {
      throw Error(ErrorKind::usage,
                  "'" + text + "' sets no key of dataset " + name,
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
