#include "plugin/describe.h"

#include "base/digest.h"
#include "plugin/library.h"
#include "shalab/error.h"

namespace shalab {

namespace {

void check_fields(const FieldList& fields, const std::filesystem::path& file) {
  for (const Field& field : fields.all()) {
    const auto refuse = [&](const std::string& why) {
      throw Error(
          ErrorKind::plugin,
          "plugin " + file.string() + ": field '" + field.name + "' " + why,
          "change its declaration in the plugin's source");
    };
    if (field.meaning.empty()) refuse("says not what it means");
    if (const auto why = complaint(field, field.default_value)) {
      refuse("has a default that " + *why);
    }
  }
}

FieldList declared_fields(const PluginDescriptor& descriptor,
                          const std::filesystem::path& file) {
  FieldList fields;
  if (descriptor.declare_fields == nullptr) return fields;
  try {
    descriptor.declare_fields(fields);
  } catch (const std::exception& error) {
    throw Error(ErrorKind::plugin,
                "plugin " + file.string() +
                    ": declares its fields wrongly: " + error.what());
  }
  return fields;
}

}  // namespace

PluginInfo describe_plugin(const std::filesystem::path& file) {
  const PluginDescriptor& descriptor = load_plugin(file);
  PluginInfo info;
  info.kind = descriptor.kind;
  info.name = descriptor.name;
  info.revision = descriptor.revision;
  info.summary = descriptor.summary == nullptr ? "" : descriptor.summary;
  info.fields = declared_fields(descriptor, file);
  check_fields(info.fields, file);
  info.library = file;
  info.sha256 = sha256_file(file);
  info.sdk_hash = descriptor.sdk_hash;
  info.abi_stamp = descriptor.abi_stamp;
  return info;
}

}  // namespace shalab
