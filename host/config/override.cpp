#include "config/override.h"

#include "shalab/error.h"

namespace shalab {

namespace {

constexpr const char* kForms =
    "write section.key=value, +section, +section.key=value or ~section";

[[noreturn]] void refuse(const Override& entry, const std::string& message) {
  throw Error(ErrorKind::usage, entry.origin.place() + ": " + message, kForms);
}

Override::Action action_of(char sign) {
  if (sign == '+') return Override::Action::add;
  if (sign == '~') return Override::Action::remove;
  return Override::Action::set;
}

void check_value(const Override& entry) {
  const std::string why = unwritable(entry.text);
  if (!why.empty()) refuse(entry, why);
  const bool comment = entry.text.starts_with('#') ||
                       entry.text.find(" #") != std::string::npos ||
                       entry.text.find("\t#") != std::string::npos;
  if (comment) refuse(entry, "'#' after a space would start a comment");
}

void take_section(Override& entry, const std::string& body) {
  if (entry.action == Override::Action::set) refuse(entry, "has no '='");
  entry.section = trimmed(body);
  if (!is_section_name(entry.section)) {
    refuse(entry, "'" + entry.section + "' is no section name");
  }
}

void take_key(Override& entry, const std::string& body, std::size_t equals) {
  if (entry.action == Override::Action::remove) {
    refuse(entry, "only a whole section can be removed");
  }
  const std::string path = trimmed(body.substr(0, equals));
  entry.text = trimmed(body.substr(equals + 1));
  const std::size_t dot = path.rfind('.');
  if (dot == std::string::npos) {
    refuse(entry, "'" + path + "' names no section");
  }
  entry.section = path.substr(0, dot);
  entry.key = path.substr(dot + 1);
  if (!is_section_name(entry.section)) {
    refuse(entry, "'" + entry.section + "' is no section name");
  }
  if (entry.key.empty()) refuse(entry, "the key before '=' is empty");
  if (!is_key_name(entry.key)) {
    refuse(entry, "'" + entry.key + "' is no key name");
  }
  check_value(entry);
}

}  // namespace

Override parse_override(const std::string& argument) {
  Override entry;
  entry.origin = {Origin::Kind::command_line, "", 0, argument};
  if (argument.empty()) refuse(entry, "is empty");
  entry.action = action_of(argument.front());
  const bool has_sign = entry.action != Override::Action::set;
  const std::string body = argument.substr(has_sign ? 1 : 0);
  const std::size_t equals = body.find('=');
  if (equals == std::string::npos) {
    take_section(entry, body);
  } else {
    take_key(entry, body, equals);
  }
  return entry;
}

std::vector<Override> parse_overrides(
    const std::vector<std::string>& arguments) {
  std::vector<Override> entries;
  for (const std::string& argument : arguments) {
    Override entry = parse_override(argument);
    for (const Override& other : entries) {
      const bool same = !entry.key.empty() && other.key == entry.key &&
                        other.section == entry.section;
      if (same) refuse(entry, "sets what " + other.origin.place() + " sets");
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

bool looks_like_override(const std::string& argument) {
  if (argument.starts_with('+') || argument.starts_with('~')) return true;
  const std::size_t equals = argument.find('=');
  return !argument.starts_with('-') && equals != std::string::npos &&
         argument.substr(0, equals).find('.') != std::string::npos &&
         argument.substr(0, equals).find('/') == std::string::npos;
}

}  // namespace shalab
