#include "config/canonical.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "config/cross_check.h"
#include "example.h"

namespace shalab {
namespace canonical_test {

const std::string kFull =
    "[encoder.text]\nplugin = token_conv\ndropout = 0.1\n"
    "[encoder.m0]\ngated = true\n"
    "[refiner.m0]\nplugin = image_diffusion\n"
    "[fitted_prior.small]\nplugin = diffusion\nsteps = 4\n"
    "[fitted_prior.gaussian_mixture]\n"
    "[latent_source.tuned]\nof = small\ntune = guidance\n"
    "tune_values = 1, 2.5\n"
    "[evaluate]\nlatent_sources = tuned, training_prior\n"
    "[metric.coherence]\n[train]\nlearning_rate = 0.0003\n";

std::string hash_with(const std::string& argument) {
  return config_hash(resolved(kFull, {argument}));
}

TEST(Canonical, TextResolvesToTheSameConfig) {
  const ResolvedConfig first =
      resolved(kFull, {"encoder.gated=true", "run.seed=7"});
  const std::string text = canonical_text(first);
  const ResolvedConfig second =
      resolve_text(text, "config.ini", {}, example_plugins());
  EXPECT_EQ(canonical_text(second), text);
  EXPECT_EQ(config_hash(second), config_hash(first));
  ASSERT_EQ(second.sections.size(), first.sections.size());
  for (std::size_t i = 0; i < first.sections.size(); ++i) {
    const ResolvedSection& a = first.sections[i];
    const ResolvedSection& b = second.sections[i];
    EXPECT_EQ(a.name, b.name);
    EXPECT_EQ(a.plugin, b.plugin);
    for (const Field& field : a.settings.fields().all()) {
      EXPECT_EQ(a.settings.value(field.name), b.settings.value(field.name));
    }
  }
}

TEST(Canonical, AnyAcceptedTextRoundTripsAndAnyOtherIsAUsageError) {
  const std::string alphabet =
      "[]~=#.,+- \n\r\t\x01\xC3\xA9"
      "aen019_";
  const std::string good = kExample + kFull;
  std::mt19937 random(1);
  const auto pick = [&](std::size_t n) { return random() % n; };
  const PluginList plugins = example_plugins();
  int accepted = 0;
  for (int trial = 0; trial < 3000; ++trial) {
    std::string text = good;
    for (std::size_t edits = 1 + pick(2); edits > 0; --edits) {
      const std::string letter(1, alphabet[pick(alphabet.size())]);
      text.replace(pick(text.size()), pick(3), letter);
    }
    try {
      const auto config = resolve_text(text, "exp.ini", {}, plugins);
      const std::string canonical = canonical_text(config);
      const auto again = resolve_text(canonical, "config.ini", {}, plugins);
      ASSERT_EQ(canonical_text(again), canonical) << text;
      ++accepted;
    } catch (const Error& error) {
      ASSERT_EQ(error.kind(), ErrorKind::usage) << text << error.what();
      ASSERT_TRUE(error.message().starts_with("exp.ini")) << error.what();
    }
  }
  EXPECT_GT(accepted, 30);
  EXPECT_LT(accepted, 2000);
}

TEST(Canonical, TextHasEveryKeyOnce) {
  const std::string text = canonical_text(resolved(""));
  EXPECT_TRUE(contains(text,
                       "[fusion]\nplugin = concat\nhidden = 512\n"
                       "[objective]\nplugin = elbo\n"));
  EXPECT_TRUE(contains(text, "[first_stage]\nrun =\n"));
  EXPECT_FALSE(contains(text, "#"));
}

TEST(Canonical, TextIsTheSameFromDefaultsAsFromTypedDefaults) {
  EXPECT_EQ(canonical_text(resolved("[train]\nepochs = 10\n")),
            canonical_text(resolved("")));
}

TEST(Canonical, CheckTextIsAConfigAgain) {
  const ResolvedConfig first = resolved(kFull);
  const ResolvedConfig second =
      resolve_text(check_text(first), "check", {}, example_plugins());
  EXPECT_EQ(canonical_text(second), canonical_text(first));
}

TEST(Canonical, CheckTextAlignsOrigins) {
  const std::string text =
      check_text(resolved("[train]\nepochs = 3\n", {"train.batch_size=64"}));
  std::set<std::size_t> columns;
  for (const char* origin :
       {"  # exp.ini:12\n", "  # command line\n", "  # default\n"}) {
    const std::size_t at = text.find(origin);
    ASSERT_NE(at, std::string::npos) << origin;
    columns.insert(at - text.rfind('\n', at));
  }
  EXPECT_EQ(columns.size(), 1U);
}

TEST(ConfigHash, IgnoresSeedNameDeviceThreadsAndDataOnly) {
  const std::string hash = config_hash(resolved(kFull));
  EXPECT_EQ(hash.size(), 64U);
  for (const char* same :
       {"run.seed=9", "run.name=other", "run.device=cpu", "run.threads=2",
        "run.data=mapped", "run.graph=false", "run.branches=true"}) {
    EXPECT_EQ(hash_with(same), hash) << same;
    EXPECT_NE(full_hash(resolved(kFull, {same})), full_hash(resolved(kFull)));
  }
}

TEST(ConfigHash, SeesEveryOtherKey) {
  const ResolvedConfig config = resolved(kFull);
  const std::set<std::string> ignored = {
      "run.seed",          "run.name", "run.device", "run.threads",
      "run.memory_format", "run.data", "run.graph", "run.branches"};
  const std::string hash = config_hash(config);
  for (std::size_t i = 0; i < config.sections.size(); ++i) {
    for (const Field& field : config.sections[i].settings.fields().all()) {
      ResolvedConfig other = config;
      ResolvedSection& section = other.sections[i];
      Settings changed = section.settings;
      const FieldValue& value = changed.value(field.name);
      if (field.type == FieldType::flag) {
        changed.set(field.name, !std::get<bool>(value));
      } else if (field.type == FieldType::integer) {
        changed.set(field.name, std::get<std::int64_t>(value) + 1);
      } else if (field.type == FieldType::real) {
        changed.set(field.name, std::get<double>(value) * 0.5 + 0.25);
      } else if (field.type == FieldType::choice) {
        changed.set(field.name, field.choices.back() == to_text(value)
                                    ? field.choices.front()
                                    : field.choices.back());
      } else if (field.type == FieldType::list) {
        changed.set(field.name, std::vector<std::string>{"another"});
      } else {
        changed.set(field.name, std::string("another"));
      }
      section.settings = changed;
      const std::string key = section.name + "." + field.name;
      EXPECT_EQ(config_hash(other) == hash, ignored.count(key) > 0) << key;
    }
  }
}

TEST(ConfigHash, SeesAnEmptySectionButNotTheOrderOfMetrics) {
  const std::string a = "[metric.coherence]\n";
  const std::string b = "[metric.second]\nplugin = coherence\n";
  EXPECT_EQ(config_hash(resolved(a + b)), config_hash(resolved(b + a)));
  EXPECT_NE(config_hash(resolved(a)), config_hash(resolved("")));
}

TEST(CheckAfterTraining, AllowsEvaluationAndSamplerKeys) {
  const ResolvedConfig trained = resolved(kFull);
  const ResolvedConfig wanted = resolved(
      kFull, {"evaluate.split=validation", "~metric.coherence",
              "+metric.again.plugin=coherence", "fitted_prior.small.steps=20",
              "run.device=cpu", "run.threads=2", "run.precision=tf32",
              "latent_source.tuned.guidance=3", "+latent_source.new.of=small"});
  EXPECT_NO_THROW(check_after_training(trained, wanted));
}

TEST(CheckAfterTraining, NamesEveryOtherChange) {
  const ResolvedConfig trained = resolved(kFull);
  const ResolvedConfig wanted = resolved(
      kFull, {"train.epochs=3", "run.seed=2", "fitted_prior.small.epochs=1",
              "fusion.plugin=poe", "~refiner.m0", "+fitted_prior.diffusion"});
  const std::string text =
      usage_error([&] { check_after_training(trained, wanted); });
  EXPECT_TRUE(contains(
      text,
      "a trained model cannot change: run.seed, ~refiner.m0, fusion.plugin, "
      "train.epochs, fitted_prior.small.epochs, +fitted_prior.diffusion\n"))
      << text;
}

}  // namespace canonical_test
}  // namespace shalab
