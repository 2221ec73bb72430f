#include "command/options.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <optional>

#include "command/places.h"
#include "config/plugin_info.h"
#include "shalab/error.h"
#include "shalab/fields.h"

namespace shalab {

namespace {

using Specs = std::vector<CommandSpec>;

[[noreturn]] void refuse(const std::string& why, const std::string& hint) {
  throw Error(ErrorKind::usage, why, hint);
}

const OptionSpec* find_option(const std::vector<OptionSpec>& options,
                              const std::string& name) {
  const auto at = std::ranges::find_if(options, [&](const OptionSpec& option) {
    return option.name == name || option.letter == name;
  });
  return at == options.end() ? nullptr : &*at;
}

const CommandSpec* find_command(const Specs& specs, const std::string& name) {
  const auto at = std::ranges::find(specs, name, &CommandSpec::name);
  return at == specs.end() ? nullptr : &*at;
}

std::string first_word(const std::string& name) {
  return name.substr(0, name.find(' '));
}

// The second words of commands that begin with `group`.
std::vector<std::string> members(const Specs& specs, const std::string& group) {
  std::vector<std::string> found;
  for (const CommandSpec& spec : specs) {
    if (spec.name.rfind(group + " ", 0) == 0) {
      found.push_back(spec.name.substr(group.size() + 1));
    }
  }
  return found;
}

std::vector<std::string> first_words(const Specs& specs) {
  std::vector<std::string> found;
  for (const CommandSpec& spec : specs) {
    const std::string word = first_word(spec.name);
    if (std::ranges::count(found, word) == 0) found.push_back(word);
  }
  return found;
}

struct Typed {
  std::string name;
  std::optional<std::string> value;  // after '='
};

Typed split_option(const std::string& text) {
  const auto equals = text.find('=');
  if (text.rfind("--", 0) != 0 || equals == std::string::npos) {
    return {text, std::nullopt};
  }
  return {text.substr(0, equals), text.substr(equals + 1)};
}

bool is_option(const std::string& text) {
  return text.size() > 1 && text[0] == '-';
}

class Parser {
 public:
  Parser(int argc, const char* const* argv, const Specs& specs)
      : specs_(specs) {
    for (int i = 1; i < argc; ++i) words_.emplace_back(argv[i]);
    read_environment();
  }

  Invocation parse() {
    while (at_ < words_.size()) {
      const std::string word = words_[at_++];
      if (!options_ended_ && word == "--") {
        options_ended_ = true;
      } else if (!options_ended_ && is_option(word)) {
        take_option(word);
      } else {
        take_word(word);
      }
    }
    finish_command();
    return std::move(result_);
  }

 private:
  void read_environment() {
    if (const char* text = std::getenv("SHALAB_DB"); text && *text) {
      result_.options.db = text;
    }
    if (const char* text = std::getenv("SHALAB_RUNS"); text && *text) {
      result_.options.runs = text;
    }
  }

  void take_word(const std::string& word) {
    if (command_ != nullptr) {
      result_.arguments.push_back(word);
    } else if (!group_.empty()) {
      take_member(word);
    } else if (const CommandSpec* spec = find_command(specs_, word)) {
      set_command(*spec);
    } else if (!members(specs_, word).empty()) {
      group_ = word;
    } else {
      refuse("unknown command '" + word + "'",
             known_names_hint(word, first_words(specs_), "commands"));
    }
  }

  void take_member(const std::string& word) {
    const CommandSpec* spec = find_command(specs_, group_ + " " + word);
    if (spec == nullptr) {
      refuse("unknown command '" + group_ + " " + word + "'",
             known_names_hint(word, members(specs_, group_),
                              "commands after '" + group_ + "'"));
    }
    set_command(*spec);
  }

  void set_command(const CommandSpec& spec) {
    command_ = &spec;
    result_.command = spec.name;
    const auto space = spec.name.find(' ');
    if (spec.needs_engine && space != std::string::npos) {
      result_.arguments.push_back(spec.name.substr(space + 1));
    }
  }

  bool takes_words_as_typed() const {
    return command_ != nullptr && command_->needs_engine;
  }

  const CommandSpec* default_of_group() const {
    const auto at = std::ranges::find_if(specs_, [&](const CommandSpec& spec) {
      return spec.is_default && first_word(spec.name) == group_;
    });
    return at == specs_.end() ? nullptr : &*at;
  }

  // An option after the first word of a group belongs to its default member.
  const OptionSpec* own_option(const std::string& name) {
    const CommandSpec* spec = command_;
    if (spec == nullptr && !group_.empty()) spec = default_of_group();
    return spec == nullptr ? nullptr : find_option(spec->options, name);
  }

  void take_option(const std::string& word) {
    const Typed typed = split_option(word);
    if (takes_words_as_typed() &&
        find_option(global_options(), typed.name) == nullptr) {
      result_.arguments.push_back(word);
      return;
    }
    const OptionSpec* own = own_option(typed.name);
    const OptionSpec* option =
        own != nullptr ? own : find_option(global_options(), typed.name);
    if (option == nullptr) refuse_option(typed.name);
    const std::string value = value_of(*option, typed);
    if (own != nullptr) {
      auto& values = result_.values[option->name];
      if (!values.empty() && !option->repeats) {
        refuse("option " + option->name + " is given twice", "");
      }
      values.push_back(value);
    } else {
      set_global(option->name, value);
    }
  }

  std::string value_of(const OptionSpec& option, const Typed& typed) {
    if (option.value.empty()) {
      if (typed.value) refuse("option " + option.name + " takes no value", "");
      return "";
    }
    if (typed.value) return *typed.value;
    const bool missing =
        at_ == words_.size() || words_[at_].rfind("--", 0) == 0;
    if (missing) {
      refuse("option " + option.name + " needs a value",
             option.name + " " + option.value + ": " + option.meaning);
    }
    return words_[at_++];
  }

  [[noreturn]] void refuse_option(const std::string& name) const {
    std::vector<std::string> names;
    const auto add = [&](const std::vector<OptionSpec>& options) {
      for (const OptionSpec& option : options) {
        names.push_back(option.name);
        if (!option.letter.empty()) names.push_back(option.letter);
      }
    };
    const CommandSpec* spec = command_;
    if (spec == nullptr && !group_.empty()) spec = default_of_group();
    if (spec != nullptr) add(spec->options);
    add(global_options());
    refuse("unknown option '" + name + "'" +
               (spec != nullptr ? " of command '" + spec->name + "'" : ""),
           known_names_hint(name, names, "options"));
  }

  void set_global(const std::string& name, const std::string& value) {
    GlobalOptions& options = result_.options;
    if (name == "--db") options.db = value;
    if (name == "--runs") options.runs = value;
    if (name == "--data") options.data = value;
    if (name == "--plugins") options.plugins = value;
    if (name == "--device") options.device = value;
    if (name == "--color") options.colour = colour_mode_from(value);
    if (name == "--json") options.json = true;
    if (name == "--quiet") options.verbosity = Verbosity::quiet;
    if (name == "--verbose") options.verbosity = Verbosity::verbose;
    if (name == "--help") result_.wants_help = true;
    if (name == "--version") result_.wants_version = true;
  }

  void finish_command() {
    if (command_ == nullptr && !group_.empty()) {
      const CommandSpec* spec = default_of_group();
      if (spec == nullptr && result_.wants_help) {
        result_.command = group_;
        return;
      }
      if (spec == nullptr) {
        refuse("'" + group_ + "' needs a command",
               known_names_hint("", members(specs_, group_),
                                "commands after '" + group_ + "'"));
      }
      set_command(*spec);
    }
    if (command_ == nullptr || result_.wants_help) return;
    if (takes_words_as_typed()) return;
    const std::size_t count = result_.arguments.size();
    const std::string usage =
        "usage: shalab " + command_->name + " " + command_->arguments;
    if (count < command_->min_arguments) {
      refuse("command '" + command_->name + "' needs more arguments", usage);
    }
    if (count > command_->max_arguments) {
      refuse("unexpected argument '" +
                 result_.arguments[command_->max_arguments] + "'",
             usage);
    }
  }

  const Specs& specs_;
  std::vector<std::string> words_;
  std::size_t at_ = 0;
  bool options_ended_ = false;
  std::string group_;
  const CommandSpec* command_ = nullptr;
  Invocation result_;
};

}  // namespace

bool Invocation::has(const std::string& option) const {
  return values.count(option) > 0;
}

std::string Invocation::value(const std::string& option,
                              const std::string& otherwise) const {
  const auto at = values.find(option);
  return at == values.end() ? otherwise : at->second.back();
}

const std::vector<OptionSpec>& global_options() {
  static const std::vector<OptionSpec> options = {
      {"--db", "", "FILE", "results database (SHALAB_DB, shalab.db)"},
      {"--runs", "", "DIR", "folder of run folders (SHALAB_RUNS, runs)"},
      {"--data", "", "DIR[:DIR]", "data folders (SHALAB_DATA)"},
      {"--plugins", "", "DIR[:DIR]", "plugin folders (SHALAB_PLUGINS)"},
      {"--device", "", "NAME", "auto, cpu, cuda or cuda:n"},
      {"--json", "", "", "print JSON instead of text"},
      {"--quiet", "-q", "", "warnings and errors only"},
      {"--verbose", "-v", "", "say more"},
      {"--color", "", "WHEN", "auto, always or never (NO_COLOR)"},
      {"--help", "-h", "", "help for the program or a command"},
      {"--version", "", "", "version and build facts"},
  };
  return options;
}

Invocation parse_invocation(int argc, const char* const* argv,
                            const std::vector<CommandSpec>& specs) {
  return Parser(argc, argv, specs).parse();
}

Services services_folders(const GlobalOptions& options) {
  Services services = quiet_services();
  services.data_folders.clear();
  for (const std::filesystem::path& place : data_places(options)) {
    std::error_code error;
    if (std::filesystem::is_directory(place, error)) {
      services.data_folders.push_back(place);
    }
  }
  services.cache_folder = cache_place();
  return services;
}

std::int64_t whole_number(const std::string& option, const std::string& text,
                          std::int64_t minimum) {
  std::int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  if (parsed.ec != std::errc() || parsed.ptr != end || number < minimum) {
    refuse(option + ": '" + text + "' is no whole number of at least " +
               std::to_string(minimum),
           "");
  }
  return number;
}

}  // namespace shalab
