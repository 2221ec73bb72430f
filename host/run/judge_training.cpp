#include <ATen/TensorOperators.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/randperm.h>
#include <torch/optim/adam.h>

#include <sstream>

#include "run/judge_files.h"
#include "run/judges.h"
#include "shalab/error.h"
#include "shalab/nn/judges.h"
#include "shalab/random.h"

namespace shalab {

namespace {

struct Trainee {
  std::size_t modality_index = 0;
  std::shared_ptr<JudgeNetwork> network;
};

std::vector<Trainee> make_trainees(const Dataset& dataset,
                                   const std::string& dataset_name,
                                   const JudgeTraining& training) {
  std::vector<Trainee> trainees;
  const std::vector<JudgeSource> sources = dataset.judge_sources();
  for (std::size_t m = 0; m < sources.size(); ++m) {
    if (sources[m].kind != JudgeSource::Kind::trained) continue;
    const ModalitySpec& modality = dataset.modalities()[m];
    if (modality.kind != ModalityKind::image || dataset.num_classes() < 2) {
      throw Error(ErrorKind::data, "no judge can be trained for modality " +
                                       modality.name + " of " + dataset_name +
                                       ": only labelled images are judged so");
    }
    trainees.push_back(
        {m, make_conv_judge_network(
                modality.shape, dataset.num_classes(),
                derive_seed(training.seed, "judge/" + modality.name))});
    trainees.back().network->to(training.device);
  }
  if (trainees.empty()) {
    throw Error(ErrorKind::usage,
                "dataset " + dataset_name + " has no judge to train",
                "its judges are published, spelt out, or absent");
  }
  return trainees;
}

at::Tensor loss_of(const std::vector<Trainee>& trainees, const Batch& batch) {
  at::Tensor loss;
  for (const Trainee& trainee : trainees) {
    JudgeNetwork& network = *trainee.network;
    const at::Tensor logits =
        network.logits(network.features(batch.data[trainee.modality_index]));
    const at::Tensor term = at::cross_entropy_loss(logits, batch.labels);
    loss = loss.defined() ? loss + term : term;
  }
  return loss;
}

void check_not_cancelled(const Services& services) {
  if (services.cancel != nullptr && services.cancel->cancelled()) {
    throw Error(ErrorKind::run, "judge training was cancelled",
                "start it again; nothing was stored");
  }
}

// The judges see the same batches but share no weight, so one optimiser over
// all of them equals one each.
void fit(const std::vector<Trainee>& trainees, const Dataset& dataset,
         const Services& services, const JudgeTraining& training) {
  std::vector<at::Tensor> parameters;
  for (const Trainee& trainee : trainees) {
    for (const at::Tensor& parameter : trainee.network->parameters()) {
      parameters.push_back(parameter);
    }
  }
  torch::optim::Adam optimiser(
      parameters, torch::optim::AdamOptions(training.learning_rate));
  at::Generator generator = make_generator(training.seed, "judge/order");
  const std::int64_t size = dataset.size(Split::train);
  for (std::int64_t epoch = 0; epoch < training.epochs; ++epoch) {
    const at::Tensor order =
        at::randperm(size, generator, at::kLong).to(training.device);
    std::int64_t done = epoch * size;
    for (const at::Tensor& indices : order.split(training.batch_size)) {
      check_not_cancelled(services);
      const Batch batch = dataset.gather(Split::train, indices);
      optimiser.zero_grad();
      loss_of(trainees, batch).backward();
      optimiser.step();
      done += indices.size(0);
      services.progress->report("judge samples", done, training.epochs * size);
    }
  }
}

std::map<std::string, std::string> facts_of(const Dataset& dataset,
                                            const JudgeTraining& training,
                                            double accuracy) {
  std::ostringstream accuracy_text;
  accuracy_text << accuracy;
  return {{"data", dataset.judge_key()},
          {"test_accuracy", accuracy_text.str()},
          {"train_tuples", std::to_string(dataset.size(Split::train))},
          {"epochs", std::to_string(training.epochs)},
          {"batch_size", std::to_string(training.batch_size)},
          {"seed", std::to_string(training.seed)}};
}

}  // namespace

std::vector<double> train_judges(const Dataset& dataset,
                                 const std::string& dataset_name,
                                 const Services& services,
                                 const JudgeTraining& training) {
  const std::vector<Trainee> trainees =
      make_trainees(dataset, dataset_name, training);
  fit(trainees, dataset, services, training);
  JudgeBank bank;
  bank.judges.resize(dataset.modalities().size());
  for (const Trainee& trainee : trainees) {
    bank.judges[trainee.modality_index] =
        make_network_judge(trainee.network, kTrainedArchitecture);
  }
  const std::vector<double> accuracies =
      judge_accuracies(bank, dataset, Split::test, training.device);
  const std::filesystem::path folder =
      judge_folder(dataset, dataset_name, services);
  for (const Trainee& trainee : trainees) {
    const std::size_t m = trainee.modality_index;
    const ModalitySpec& modality = dataset.modalities()[m];
    write_trained_judge(folder, modality, *trainee.network,
                        facts_of(dataset, training, accuracies[m]));
    std::ostringstream line;
    line << "judge of " << modality.name << ": accuracy " << accuracies[m]
         << " on the test split";
    services.logger->info(line.str());
  }
  return accuracies;
}

}  // namespace shalab
