#include "config/resolve.h"

#include <gtest/gtest.h>

#include <fstream>

#include "config/cross_check.h"
#include "example.h"

namespace shalab {
namespace resolve_test {

namespace fs = std::filesystem;

std::string origin_of(const ResolvedConfig& config, const std::string& section,
                      const std::string& key) {
  return config.at(section).origins.at(key).text();
}

TEST(Resolve, FillsHostSectionsWithDefaults) {
  const ResolvedConfig config = resolved("");
  EXPECT_EQ(config.settings("train").integer("batch_size"), 128);
  EXPECT_EQ(config.settings("evaluate").integer("max_samples"), 10000);
  EXPECT_EQ(config.settings("latent").integer("private"), 0);
  EXPECT_EQ(origin_of(config, "train", "batch_size"), "default");
  EXPECT_TRUE(config.notices.empty());
}

TEST(Resolve, JoinsPluginAndHostKeysOfASection) {
  const ResolvedConfig config = resolved("");
  const ResolvedSection& encoder = config.at("encoder");
  EXPECT_EQ(encoder.plugin, "conv28");
  EXPECT_EQ(encoder.plugin_kind, "encoder");
  EXPECT_EQ(encoder.settings.text("plugin"), "conv28");
  EXPECT_EQ(encoder.settings.integer("width"), 64);
  EXPECT_EQ(encoder.settings.integer("features"), 128);
  EXPECT_EQ(origin_of(config, "encoder", "plugin"), "exp.ini:4");
}

class Precedence : public testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::path(testing::TempDir()) /
            testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::create_directories(root_);
    write("base.ini", kExample +
                          "[train]\nepochs = 1\nbatch_size = 1\n"
                          "max_steps = 1\n[metric.coherence]\n");
  }
  void TearDown() override { fs::remove_all(root_); }

  fs::path write(const std::string& name, const std::string& text) {
    std::ofstream(root_ / name) << text;
    return root_ / name;
  }

  ResolvedConfig top(const std::string& text,
                     const std::vector<std::string>& arguments = {}) {
    return resolve_file(write("top.ini", "base = base.ini\n" + text), arguments,
                        example_plugins());
  }

  fs::path root_;
};

TEST_F(Precedence, IsCommandLineThenFileThenBaseThenDefault) {
  const ResolvedConfig config =
      top("[train]\nepochs = 2\nbatch_size = 2\n", {"train.epochs=3"});
  const Settings& train = config.settings("train");
  EXPECT_EQ(train.integer("epochs"), 3);
  EXPECT_EQ(train.integer("batch_size"), 2);
  EXPECT_EQ(train.integer("max_steps"), 1);
  EXPECT_EQ(train.integer("log_every"), 50);
  EXPECT_EQ(origin_of(config, "train", "epochs"), "command line");
  EXPECT_EQ(origin_of(config, "train", "batch_size"),
            (root_ / "top.ini").string() + ":4");
  EXPECT_EQ(origin_of(config, "train", "max_steps"),
            (root_ / "base.ini").string() + ":14");
  EXPECT_EQ(origin_of(config, "train", "log_every"), "default");
}

TEST_F(Precedence, LetsAFileRemoveWhatItInherits) {
  EXPECT_TRUE(top("").has("metric.coherence"));
  EXPECT_FALSE(top("~metric.coherence\n").has("metric.coherence"));
  const ResolvedConfig replaced = top("~train\n[train]\nepochs = 2\n");
  EXPECT_EQ(replaced.settings("train").integer("epochs"), 2);
  EXPECT_EQ(replaced.settings("train").integer("batch_size"), 128);
  const std::string text = usage_error([&] { top("~metric.coherense\n"); });
  EXPECT_TRUE(contains(text, "top.ini:2: no section [metric.coherense]"));
  EXPECT_TRUE(contains(text, "did you mean 'metric.coherence'?"));
}

TEST_F(Precedence, NamesTheRunAfterItsFile) {
  EXPECT_EQ(top("").settings("run").text("name"), "top");
  EXPECT_EQ(top("[run]\nname = own\n").settings("run").text("name"), "own");
}

TEST_F(Precedence, DropsKeysThatAHigherPluginDoesNotKnow) {
  write("base.ini", kExample + "[latent]\n");
  write("middle.ini", "base = base.ini\n[fusion]\nhidden = 256\n");
  const auto path =
      write("top.ini", "base = middle.ini\n[fusion]\nplugin = poe\n");
  const ResolvedConfig config = resolve_file(path, {}, example_plugins());
  EXPECT_EQ(config.at("fusion").plugin, "poe");
  EXPECT_FALSE(config.settings("fusion").has("hidden"));
  ASSERT_EQ(config.notices.size(), 1U);
  EXPECT_EQ(config.notices[0],
            (root_ / "middle.ini").string() +
                ":3: key 'hidden' of [fusion] is dropped: the plugin 'poe' "
                "does not know it");
}

TEST(Resolve, DropsFileKeysWhenTheCommandLineChangesThePlugin) {
  const ResolvedConfig config = resolved(
      "[fitted_prior.small]\nplugin = diffusion\nsteps = 5\nepochs = 3\n",
      {"fitted_prior.small.plugin=gaussian_mixture",
       "fitted_prior.small.components=7"});
  const ResolvedSection& prior = config.at("fitted_prior.small");
  EXPECT_EQ(prior.settings.integer("components"), 7);
  EXPECT_EQ(config.notices.size(), 2U);
}

TEST(Resolve, StillRefusesATypoWhenThePluginChanges) {
  const std::string text = usage_error([] {
    resolve_text(
        "[dataset]\nplugin=toy\n[encoder]\nplugin=conv28\n[fusion]\n"
        "plugin=concat\nhiden=3\n[objective]\nplugin=elbo\n[prior]\n"
        "plugin=standard_normal\n",
        "exp.ini", {"fusion.plugin=poe"}, example_plugins());
  });
  EXPECT_TRUE(contains(text, "exp.ini:7: unknown key 'hiden' in [fusion]"));
}

TEST(Resolve, RefusesAKeyThatOnlyTheReplacedPluginKnows) {
  const std::string text = usage_error([] {
    resolved("", {"fusion.plugin=poe", "fusion.hidden=3"});
  });
  EXPECT_TRUE(contains(text,
                       "argument 'fusion.hidden=3': unknown key 'hidden' in "
                       "[fusion] with the plugin 'poe'"));
}

TEST(Resolve, MergesAModalitySectionOverTheGeneralOne) {
  const ResolvedConfig config = resolved(
      "[encoder.text]\nplugin = token_conv\ndropout = 0.5\n"
      "[encoder.m0]\ngated = true\n",
      {"encoder.width=16", "encoder.features=32", "encoder.gated=true"});
  const ResolvedSection& text = encoder_settings(config, "text");
  EXPECT_EQ(text.plugin, "token_conv");
  EXPECT_EQ(text.settings.integer("width"), 16);
  EXPECT_EQ(text.settings.integer("features"), 32);
  EXPECT_EQ(text.settings.real("dropout"), 0.5);
  EXPECT_FALSE(text.settings.has("gated"));
  const ResolvedSection& m0 = encoder_settings(config, "m0");
  EXPECT_EQ(m0.plugin, "conv28");
  EXPECT_EQ(m0.settings.integer("width"), 16);
  EXPECT_TRUE(m0.settings.flag("gated"));
  EXPECT_EQ(encoder_settings(config, "m1").name, "encoder");
  ASSERT_EQ(config.notices.size(), 1U);
  EXPECT_TRUE(contains(config.notices[0], "(for [encoder.text])"));
}

TEST(Resolve, LetsTheModalitySectionWinOverTheCommandLineForAll) {
  const ResolvedConfig config =
      resolved("[encoder.text]\nwidth = 8\n", {"encoder.width=16"});
  EXPECT_EQ(encoder_settings(config, "text").settings.integer("width"), 8);
  EXPECT_EQ(encoder_settings(config, "m0").settings.integer("width"), 16);
}

TEST(Resolve, DropsModalityKeysWhenTheGeneralPluginChanges) {
  const ResolvedConfig config =
      resolved("[encoder.text]\ngated = true\n", {"encoder.plugin=token_conv"});
  EXPECT_EQ(encoder_settings(config, "text").plugin, "token_conv");
  EXPECT_EQ(config.notices.size(), 1U);
}

TEST(Resolve, AddsAModalitySectionFromTheCommandLine) {
  const ResolvedConfig config =
      resolved("", {"encoder.text.plugin=token_conv"});
  EXPECT_EQ(encoder_settings(config, "text").plugin, "token_conv");
}

TEST(Resolve, ChecksModalityNamesOnceTheyAreKnown) {
  const ResolvedConfig config = resolved("[encoder.txt]\n");
  EXPECT_NO_THROW(check_modalities(config, {"image", "txt"}));
  const std::string text = usage_error([&] {
    check_modalities(config, {"image", "text"});
  });
  EXPECT_TRUE(contains(text, "exp.ini:11: [encoder.txt]: the dataset has no"));
  EXPECT_TRUE(contains(text, "did you mean 'text'?"));
}

TEST(Resolve, GivesARefinerOnlyWhereOneIsNamed) {
  const ResolvedConfig none = resolved("");
  EXPECT_EQ(refiner_settings(none, "m0"), nullptr);
  const ResolvedConfig one =
      resolved("[refiner.m0]\nplugin = image_diffusion\n");
  EXPECT_NE(refiner_settings(one, "m0"), nullptr);
  EXPECT_EQ(refiner_settings(one, "m1"), nullptr);
}

TEST(Resolve, NamesAPluginByItsSectionOrByKey) {
  const ResolvedConfig config = resolved(
      "[fitted_prior.diffusion]\nsteps = 4\n"
      "[fitted_prior.small]\nplugin = diffusion\n[metric.coherence]\n");
  EXPECT_EQ(config.at("fitted_prior.diffusion").plugin, "diffusion");
  EXPECT_EQ(config.at("fitted_prior.small").plugin, "diffusion");
  EXPECT_EQ(config.at("fitted_prior.small").instance, "small");
  EXPECT_EQ(origin_of(config, "fitted_prior.diffusion", "plugin"), "default");
  EXPECT_EQ(origin_of(config, "fitted_prior.small", "plugin"), "exp.ini:14");
  EXPECT_EQ(config.of_kind("fitted_prior").size(), 2U);
}

TEST(Resolve, AddsAndRemovesFromTheCommandLine) {
  const ResolvedConfig config = resolved(
      "[metric.coherence]\n", {"~metric.coherence", "+fitted_prior.diffusion",
                               "+fitted_prior.big.plugin=gaussian_mixture",
                               "fitted_prior.diffusion.epochs=3"});
  EXPECT_FALSE(config.has("metric.coherence"));
  EXPECT_EQ(config.settings("fitted_prior.diffusion").integer("epochs"), 3);
  EXPECT_EQ(config.at("fitted_prior.big").plugin, "gaussian_mixture");
}

TEST(Resolve, GivesALatentSourceItsPriorsSamplerKeys) {
  const ResolvedConfig config = resolved(
      "[fitted_prior.diffusion]\nsteps = 4\n"
      "[latent_source.guided]\nof = diffusion\nguidance = 2\n"
      "tune = guidance\ntune_values = 1, 2, 4\n"
      "[evaluate]\nlatent_sources = training_prior, guided, diffusion, "
      "posterior\n");
  const Settings& source = config.settings("latent_source.guided");
  EXPECT_EQ(source.real("guidance"), 2.0);
  EXPECT_EQ(source.integer("steps"), 4);
  EXPECT_FALSE(source.has("epochs"));
  EXPECT_EQ(source.text("tune_by"), "joint_coherence");
  EXPECT_EQ(origin_of(config, "latent_source.guided", "steps"), "exp.ini:12");
  EXPECT_EQ(latent_source_names(config),
            (std::vector<std::string>{"training_prior", "posterior",
                                      "diffusion", "guided"}));
}

TEST(Resolve, LetsTuningBeTurnedOffBeforeItsValues) {
  const ResolvedConfig config = resolved(
      "[fitted_prior.diffusion]\n"
      "[latent_source.guided]\nof = diffusion\n"
      "tune =\ntune_values = 1, 2, 4\n");
  EXPECT_EQ(config.settings("latent_source.guided").text("tune"), "");
}

struct Refusal {
  std::string more;      // after kExample, which has 10 lines
  std::string argument;  // "" for none
  std::string expected;
};

class Refused : public testing::TestWithParam<Refusal> {};

TEST_P(Refused, WithPlaceAndReason) {
  const auto& [more, argument, expected] = GetParam();
  std::vector<std::string> arguments;
  if (!argument.empty()) arguments.push_back(argument);
  const std::string text = usage_error([&] { resolved(more, arguments); });
  EXPECT_TRUE(contains(text, expected)) << "got: " << text;
}

INSTANTIATE_TEST_SUITE_P(
    Sections, Refused,
    testing::Values(
        Refusal{"[trian]\n", "", "exp.ini:11: unknown section [trian]"},
        Refusal{"[trian]\n", "", "did you mean [train]?"},
        Refusal{"[fitted_priors.a]\n", "", "did you mean [fitted_prior.a]?"},
        Refusal{"[train.a]\n", "", "[train] stands alone"},
        Refusal{"[metric]\n", "", "section [metric] needs a name"},
        Refusal{"[metric.a.b]\n", "", "has too many parts"},
        Refusal{"[refiner]\n", "", "exp.ini:11: [refiner] names no plugin"},
        Refusal{"", "~fusion",
                "exp.ini: the required section [fusion] is missing"},
        Refusal{"", "~fusion", "known fusion plugins: concat, poe"},
        Refusal{"", "~dataset", "the required section [dataset] is missing"},
        Refusal{"", "~encoder", "the required section [encoder] is missing"},
        Refusal{"", "~objective", "required section [objective] is missing"},
        Refusal{"", "~prior", "the required section [prior] is missing"},
        Refusal{"", "~metric.kid",
                "argument '~metric.kid': no section [metric.kid] to remove"},
        Refusal{"", "metric.coherence.judge=a",
                "the config has no section [metric.coherence]"},
        Refusal{"", "metric.coherence.judge=a",
                "to add it, write +metric.coherence.judge=a"},
        Refusal{"", "tran.epochs=3", "the config has no section [tran]"}));

INSTANTIATE_TEST_SUITE_P(
    Keys, Refused,
    testing::Values(
        Refusal{"[train]\nepoch = 3\n", "",
                "exp.ini:12: unknown key 'epoch' in [train]"},
        Refusal{"[train]\nepoch = 3\n", "", "did you mean 'epochs'?"},
        Refusal{"", "train.epoch=3",
                "argument 'train.epoch=3': unknown key 'epoch' in [train]"},
        Refusal{"[train]\nepochs = many\n", "",
                "exp.ini:12: train.epochs must be an integer, got 'many'"},
        Refusal{"[train]\nepochs = -1\n", "",
                "exp.ini:12: train.epochs must be at least 0, got -1"},
        Refusal{"[train]\nlearning_rate = nan\n", "",
                "train.learning_rate must be a finite number, got nan"},
        Refusal{"", "train.learning_rate=inf",
                "argument 'train.learning_rate=inf': train.learning_rate must "
                "be a finite number"},
        Refusal{"[train]\nepochs =\n", "",
                "exp.ini:12: train.epochs must not be empty"},
        Refusal{"[train]\noptimiser = sgd\n", "",
                "must be one of adam, adamw, amsgrad, got 'sgd'"},
        Refusal{"[train]\nema = 1\n", "", "train.ema must be at most"},
        Refusal{"[run]\ndevice = gpu\n", "",
                "exp.ini:12: run.device must be auto, cpu, cuda or cuda:n"},
        Refusal{"[run]\ndevice = cuda:x\n", "", "run.device must be auto"},
        Refusal{"[train]\nplugin = elbo\n", "",
                "exp.ini:12: [train] has no plugin"},
        Refusal{"", "fusion.order=c",
                "unknown key 'order' in [fusion] with the plugin 'concat'"},
        Refusal{"[metric.coherence]\njudge =\n", "",
                "exp.ini:12: metric.coherence.judge must not be empty"}));

INSTANTIATE_TEST_SUITE_P(
    Plugins, Refused,
    testing::Values(
        Refusal{"", "fusion.plugin=conact",
                "argument 'fusion.plugin=conact': [fusion]: no fusion plugin "
                "'conact'"},
        Refusal{"", "fusion.plugin=conact",
                "did you mean 'concat'? known fusion plugins: concat, poe"},
        Refusal{"", "fusion.plugin=elbo",
                "plugin 'elbo' is of kind objective, not of kind fusion"},
        Refusal{"", "fusion.plugin=", "[fusion] names no plugin"},
        Refusal{"[fitted_prior.difusion]\n", "",
                "exp.ini:11: [fitted_prior.difusion]: no prior plugin"},
        Refusal{"[metric.diffusion]\n", "",
                "plugin 'diffusion' is of kind prior, not of kind metric"}));

INSTANTIATE_TEST_SUITE_P(
    LatentSources, Refused,
    testing::Values(
        Refusal{"[evaluate]\nlatent_sources = difusion\n"
                "[fitted_prior.diffusion]\n",
                "",
                "exp.ini:12: evaluate.latent_sources: no latent source is "
                "called 'difusion'"},
        Refusal{"[evaluate]\nlatent_sources = difusion\n"
                "[fitted_prior.diffusion]\n",
                "", "did you mean 'diffusion'?"},
        Refusal{"", "evaluate.latent_sources=posterior, posterior",
                "names 'posterior' twice"},
        Refusal{"[fitted_prior.posterior]\nplugin = diffusion\n", "",
                "another source of latents is called 'posterior'"},
        Refusal{"[fitted_prior.diffusion]\n"
                "[latent_source.diffusion]\nof = diffusion\n",
                "", "exp.ini:12: [latent_source.diffusion]: another source"},
        Refusal{"[latent_source.a]\n", "", "does not say which fitted prior"},
        Refusal{"[latent_source.a]\nof = b\n", "",
                "exp.ini:12: latent_source.a.of: the config has no "
                "[fitted_prior.b]"},
        Refusal{"[fitted_prior.diffusion]\n"
                "[latent_source.a]\nof = diffusion\nepochs = 3\n",
                "", "key 'epochs' of [latent_source.a] cannot change after"},
        Refusal{"[fitted_prior.diffusion]\n"
                "[latent_source.a]\nof = diffusion\nstep = 3\n",
                "", "exp.ini:14: unknown key 'step' in [latent_source.a]"},
        Refusal{"[fitted_prior.diffusion]\n"
                "[latent_source.a]\nof = diffusion\nplugin = diffusion\n",
                "", "takes its plugin from the fitted prior"},
        Refusal{"[fitted_prior.diffusion]\n[latent_source.a]\n"
                "of = diffusion\ntune = epochs\ntune_values = 1\n",
                "", "latent_source.a.tune: 'epochs' cannot be tuned"},
        Refusal{"[fitted_prior.diffusion]\n[latent_source.a]\n"
                "of = diffusion\ntune = steps\n",
                "", "latent_source.a.tune without tune_values"},
        Refusal{"[fitted_prior.diffusion]\n[latent_source.a]\n"
                "of = diffusion\ntune_values = 1\n",
                "", "latent_source.a.tune_values without tune"},
        Refusal{"[fitted_prior.diffusion]\n[latent_source.a]\n"
                "of = diffusion\ntune = steps\ntune_values = 5, 0\n",
                "", "tune_values: steps must be at least 1, got 0"}));

TEST(Resolve, RefusesABaseInAStoredText) {
  EXPECT_TRUE(contains(usage_error([] {
                         resolve_text("base = a.ini\n", "stored", {},
                                      example_plugins());
                       }),
                       "stored:1: a base is not possible here"));
}

}  // namespace resolve_test
}  // namespace shalab
