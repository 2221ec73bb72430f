#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/terminal.h"
#include "command/commands.h"
#include "command/doctor_checks.h"
#include "shalab/error.h"

namespace shalab {

namespace {

Style style_of(Health health) {
  if (health == Health::good) return Style::green;
  return health == Health::notice ? Style::yellow : Style::red;
}

void print_text(const Findings& findings, bool colour) {
  for (const Finding& finding : findings) {
    std::string mark = to_string(finding.health);
    mark.resize(7, ' ');
    std::string subject = finding.subject;
    subject.resize(9, ' ');
    std::cout << styled(mark, style_of(finding.health), colour) << " "
              << subject << " " << finding.text << "\n";
  }
}

void print_json(const Findings& findings, bool fine) {
  auto list = nlohmann::ordered_json::array();
  for (const Finding& finding : findings) {
    list.push_back({{"health", to_string(finding.health)},
                    {"subject", finding.subject},
                    {"text", finding.text}});
  }
  const nlohmann::ordered_json json = {
      {"schema", 1}, {"fine", fine}, {"findings", list}};
  std::cout << json.dump(2) << "\n";
}

}  // namespace

int command_doctor(const Invocation& invocation) {
  const GlobalOptions& options = invocation.options;
  Findings findings;
  check_programs(findings);
  check_plugins(options, findings);
  check_database(options, invocation.has("--fix"), findings);
  check_data(options, findings);
  check_machine(options, findings);
  const bool fine =
      std::ranges::count(findings, Health::bad, &Finding::health) == 0;
  if (options.json) {
    print_json(findings, fine);
  } else {
    print_text(findings, use_colour(options.colour, 1));
  }
  return fine ? 0 : static_cast<int>(ErrorKind::no);
}

}  // namespace shalab
