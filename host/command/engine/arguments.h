#pragma once
// Arguments of one command: positionals, overrides and its own options.

#include <map>
#include <string>
#include <vector>

namespace shalab {

// `options` maps each long option a command knows ("--count") to the word its
// value is called by; "" = a switch. Short "-o" style names are listed beside
// them. Everything is strict: an unknown option, a missing value or a repeat
// is an Error(usage) naming the nearest one.
class Arguments {
 public:
  Arguments(const std::vector<std::string>& words,
            const std::map<std::string, std::string>& options);

  const std::vector<std::string>& positionals() const { return positionals_; }
  // Words of the form section.key=value, +section..., ~section.
  const std::vector<std::string>& overrides() const { return overrides_; }
  bool has(const std::string& option) const;
  std::string text(const std::string& option,
                   const std::string& otherwise = "") const;
  std::int64_t integer(const std::string& option, std::int64_t otherwise,
                       std::int64_t minimum) const;
  double real(const std::string& option, double otherwise, double low,
              double high) const;
  const std::vector<std::string>& all(const std::string& option) const;

  // Exactly one positional called `what`; Error(usage) with `usage` otherwise.
  const std::string& only(const std::string& what,
                          const std::string& usage) const;

 private:
  std::vector<std::string> positionals_;
  std::vector<std::string> overrides_;
  std::map<std::string, std::vector<std::string>> values_;
};

}  // namespace shalab
