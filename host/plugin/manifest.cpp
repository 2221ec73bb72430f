#include "plugin/manifest.h"

#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "shalab/error.h"

namespace shalab {

namespace {

using nlohmann::json;

[[noreturn]] void refuse(const std::string& message) {
  throw Error(ErrorKind::plugin, message,
              "build the plugin again: the build writes this file");
}

// The members of one object, each of which must be taken once.
class Reader {
 public:
  Reader(const json& object, std::string where)
      : object_(object), where_(std::move(where)) {
    if (!object_.is_object()) refuse(where_ + " is no object");
  }

  const json& take(const std::string& key) {
    taken_.insert(key);
    const auto at = object_.find(key);
    if (at == object_.end()) refuse(where_ + " has no key '" + key + "'");
    return *at;
  }

  std::string text(const std::string& key) {
    const json& value = take(key);
    if (!value.is_string()) wrong(key, "a text");
    return value.get<std::string>();
  }

  bool flag(const std::string& key) {
    const json& value = take(key);
    if (!value.is_boolean()) wrong(key, "true or false");
    return value.get<bool>();
  }

  std::optional<double> bound(const std::string& key) {
    const json& value = take(key);
    if (value.is_null()) return std::nullopt;
    if (!value.is_number()) wrong(key, "a number or null");
    return value.get<double>();
  }

  std::vector<std::string> texts(const std::string& key) {
    const json& value = take(key);
    if (!value.is_array()) wrong(key, "a list of texts");
    std::vector<std::string> items;
    for (const json& item : value) {
      if (!item.is_string()) wrong(key, "a list of texts");
      items.push_back(item.get<std::string>());
    }
    return items;
  }

  void finish() const {
    for (const auto& [key, value] : object_.items()) {
      if (taken_.count(key) == 0) refuse(where_ + " has unknown '" + key + "'");
    }
  }

  [[noreturn]] void wrong(const std::string& key, const std::string& what) {
    refuse(where_ + ": '" + key + "' must be " + what);
  }

 private:
  const json& object_;
  std::string where_;
  std::set<std::string> taken_;
};

FieldType type_from(Reader& reader) {
  const std::string text = reader.text("type");
  for (const FieldType type :
       {FieldType::flag, FieldType::integer, FieldType::real, FieldType::text,
        FieldType::choice, FieldType::list}) {
    if (to_string(type) == text) return type;
  }
  reader.wrong("type", "a field type, got '" + text + "'");
}

FieldValue default_from(Reader& reader, FieldType type) {
  const json& value = reader.take("default");
  switch (type) {
    case FieldType::flag:
      return reader.flag("default");
    case FieldType::integer:
      if (!value.is_number_integer()) reader.wrong("default", "an integer");
      return value.get<std::int64_t>();
    case FieldType::real:
      if (!value.is_number()) reader.wrong("default", "a number");
      return value.get<double>();
    case FieldType::list:
      return reader.texts("default");
    case FieldType::text:
    case FieldType::choice:
      break;
  }
  return reader.text("default");
}

Field field_from(const json& object, const std::string& where) {
  Reader reader(object, where);
  Field field;
  field.name = reader.text("name");
  if (field.name.empty()) reader.wrong("name", "a name");
  field.type = type_from(reader);
  field.default_value = default_from(reader, field.type);
  field.minimum = reader.bound("minimum");
  field.maximum = reader.bound("maximum");
  field.minimum_excluded = reader.flag("minimum_excluded");
  field.choices = reader.texts("choices");
  field.unit = reader.text("unit");
  field.meaning = reader.text("meaning");
  field.changes_after_training = reader.flag("after_training");
  reader.finish();
  if (const auto why = complaint(field, field.default_value)) {
    refuse(where + " (" + field.name + "): the default " + *why);
  }
  return field;
}

json to_json_value(const FieldValue& value) {
  return std::visit([](const auto& typed) { return json(typed); }, value);
}

json to_json_field(const Field& field) {
  json object = {{"name", field.name},
                 {"type", to_string(field.type)},
                 {"default", to_json_value(field.default_value)},
                 {"minimum", nullptr},
                 {"maximum", nullptr},
                 {"minimum_excluded", field.minimum_excluded},
                 {"choices", field.choices},
                 {"unit", field.unit},
                 {"meaning", field.meaning},
                 {"after_training", field.changes_after_training}};
  if (field.minimum) object["minimum"] = *field.minimum;
  if (field.maximum) object["maximum"] = *field.maximum;
  return object;
}

FieldList fields_from(Reader& reader) {
  const json& array = reader.take("fields");
  if (!array.is_array()) reader.wrong("fields", "a list");
  FieldList fields;
  for (std::size_t i = 0; i < array.size(); ++i) {
    const std::string where = "field " + std::to_string(i);
    Field field = field_from(array[i], where);
    if (fields.find(field.name) != nullptr) {
      refuse(where + " repeats the name '" + field.name + "'");
    }
    fields.add(std::move(field));
  }
  return fields;
}

std::int32_t revision_from(Reader& reader) {
  const json& value = reader.take("revision");
  const bool fits =
      value.is_number_integer() && value.get<double>() >= 0 &&
      value.get<double>() <= std::numeric_limits<std::int32_t>::max();
  if (!fits) reader.wrong("revision", "an integer of at least 0");
  return value.get<std::int32_t>();
}

std::string file_from(Reader& reader) {
  const std::string file = reader.text("file");
  const bool plain = !file.empty() && file != "." && file != ".." &&
                     file.find('/') == std::string::npos;
  if (!plain) reader.wrong("file", "a file name without a folder");
  return file;
}

}  // namespace

nlohmann::json to_json(const FieldList& fields) {
  json array = json::array();
  for (const Field& field : fields.all()) array.push_back(to_json_field(field));
  return array;
}

nlohmann::json to_json(const PluginInfo& info) {
  return {{"kind", info.kind},
          {"name", info.name},
          {"revision", info.revision},
          {"summary", info.summary},
          {"sdk_hash", info.sdk_hash},
          {"abi_stamp", info.abi_stamp},
          {"file", info.library.filename().string()},
          {"sha256", info.sha256},
          {"fields", to_json(info.fields)}};
}

PluginInfo plugin_info_from_json(const nlohmann::json& object,
                                 const std::filesystem::path& folder) {
  Reader reader(object, "plugin metadata");
  PluginInfo info;
  info.kind = reader.text("kind");
  info.name = reader.text("name");
  if (info.kind.empty()) reader.wrong("kind", "a kind");
  if (info.name.empty()) reader.wrong("name", "a name");
  info.revision = revision_from(reader);
  info.summary = reader.text("summary");
  info.sdk_hash = reader.text("sdk_hash");
  info.abi_stamp = reader.text("abi_stamp");
  info.library = folder / file_from(reader);
  info.sha256 = reader.text("sha256");
  info.fields = fields_from(reader);
  reader.finish();
  return info;
}

PluginInfo read_plugin_info(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) refuse("cannot read " + path.string());
  const json object = json::parse(file, nullptr, false);
  if (object.is_discarded()) refuse(path.string() + " is no JSON");
  try {
    return plugin_info_from_json(object, path.parent_path());
  } catch (const Error& error) {
    throw Error(error.kind(), path.string() + ": " + error.message(),
                error.hint());
  }
}

}  // namespace shalab
