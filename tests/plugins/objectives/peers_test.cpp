// Loss terms of MultiVae (multivae.json, written by tools/peers/loss_terms.py)
// for the same networks, weights and batch, every draw replaced by the mean.

#include <gtest/gtest.h>

#include "peer_model.h"

namespace shalab::peers {
namespace peers_test {

constexpr double kTolerance = 1e-4;

class Peers : public testing::TestWithParam<std::string> {};

TEST_P(Peers, LossTermsEqualMultiVae) {
  const json golden =
      read_json(kFolder + "multivae.json").at("systems").at(GetParam());
  const NamedNumbers terms = fixture_terms(description(), GetParam());
  EXPECT_EQ(terms.size(), golden.size());
  for (const auto& [name, value] : terms) {
    ASSERT_TRUE(golden.contains(name)) << name;
    const double reference = golden.at(name);
    EXPECT_LT(relative_difference(value, reference), kTolerance)
        << name << ": " << value << ", MultiVae has " << reference;
  }
}

INSTANTIATE_TEST_SUITE_P(Systems, Peers,
                         testing::Values("mvae", "mmvae", "mopoe", "mvtcae",
                                         "mmvae_plus", "cmvae"),
                         [](const auto& system) { return system.param; });

TEST(PeerTerms, DifferWhereAKeyDiffers) {
  json all = description();
  all["systems"]["mopoe"]["objective"]["kl_weight"] = 2.6;
  const double golden =
      read_json(kFolder + "multivae.json").at("systems").at("mopoe").at("loss");
  const double loss = fixture_terms(all, "mopoe").front().second;
  EXPECT_GT(relative_difference(loss, golden), kTolerance);
}

}  // namespace peers_test
}  // namespace shalab::peers
