#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>

#include "command/engine/arguments.h"
#include "command/engine/commands.h"
#include "command/engine/plugin_settings.h"
#include "command/engine/session.h"
#include "run/judges.h"
#include "shalab/error.h"
#include "shalab/random.h"

namespace shalab {

namespace {

constexpr const char* kJudgeUsage =
    "shalab judge train DATASET [dataset.key=value ...] [--epochs N] "
    "[--seed N]";

void print(const Dataset& dataset, const JudgeBank& bank, bool json) {
  nlohmann::json list = nlohmann::json::array();
  for (std::size_t m = 0; m < bank.judges.size(); ++m) {
    const auto& name = dataset.modalities()[m].name;
    if (json) {
      list.push_back({{"modality", name}, {"accuracy", bank.accuracies[m]}});
    } else {
      std::printf("%-12s accuracy %.4f on the test split\n", name.c_str(),
                  bank.accuracies[m]);
    }
  }
  if (json) {
    std::cout << nlohmann::json{{"judges", list}}.dump(2) << '\n';
  }
}

}  // namespace

int command_judge(const Invocation& invocation) {
  const Arguments arguments(invocation.arguments,
                            {{"--epochs", "N"}, {"--seed", "N"}});
  const auto& words = arguments.positionals();
  if (words.size() != 2 || words[0] != "train") {
    throw Error(ErrorKind::usage, "judge needs 'train' and a dataset",
                std::string("usage: ") + kJudgeUsage);
  }
  const auto& name = words[1];
  Session session(invocation.options);
  const auto settings = plugin_settings(session.registry(), "dataset", name,
                                        arguments.overrides());
  const auto device = open_device(
      invocation.options.device.empty() ? "auto" : invocation.options.device,
      session.log());
  apply({});
  auto dataset =
      session.registry().make_dataset(name, settings, {session.services()});
  dataset->to(device);
  JudgeTraining training;
  training.epochs = arguments.integer("--epochs", training.epochs, 1);
  training.seed = static_cast<std::uint64_t>(arguments.integer("--seed", 1, 0));
  training.device = device;
  train_judges(*dataset, name, session.services(), training);
  print(*dataset, make_judge_bank(*dataset, name, session.services(), device),
        invocation.options.json);
  return 0;
}

}  // namespace shalab
