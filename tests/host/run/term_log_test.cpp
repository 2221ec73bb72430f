#include "run/term_log.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "shalab/error.h"

namespace shalab {
namespace term_log_test {

Terms terms(double photo, double kl) {
  Terms result;
  result.loss = at::scalar_tensor(kl - photo);
  result.named = {{"log_likelihood.photo", at::scalar_tensor(photo)},
                  {"kl", at::scalar_tensor(kl)}};
  return result;
}

std::string refusal(TermLog& log, std::int64_t step) {
  try {
    log.take(step);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::run);
    return error.what();
  }
  return "";
}

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

TEST(TermLog, AveragesSinceTheLastLook) {
  TermLog log("first_stage");
  log.add(terms(-1.0, 2.0));
  log.add(terms(-3.0, 4.0));
  const auto points = log.take(2);
  ASSERT_EQ(points.size(), 3U);
  EXPECT_EQ(points[0].name, "loss");
  EXPECT_FLOAT_EQ(static_cast<float>(points[0].value), 5.0F);
  EXPECT_EQ(points[1].name, "log_likelihood.photo");
  EXPECT_FLOAT_EQ(static_cast<float>(points[1].value), -2.0F);
  EXPECT_TRUE(log.take(2).empty());
  log.add(terms(-7.0, 1.0));
  EXPECT_FLOAT_EQ(static_cast<float>(log.take(3)[1].value), -7.0F);
}

TEST(TermLog, NamesTheTermAndTheStepThatTurnedBadFirst) {
  TermLog log("first_stage");
  log.add(terms(-1.0, 2.0));
  log.take(1);
  log.add(terms(-1.0, 2.0));
  log.add(terms(kNan, 2.0));
  log.add(terms(kNan, kNan));
  const std::string said = refusal(log, 4);
  EXPECT_NE(said.find("first_stage: not finite in step 3: "
                      "log_likelihood.photo"),
            std::string::npos)
      << said;
  EXPECT_EQ(said.find("kl"), std::string::npos) << said;
}

TEST(TermLog, NamesAllThatTurnedBadTogether) {
  TermLog log("first_stage");
  log.add(terms(std::numeric_limits<double>::infinity(), kNan));
  EXPECT_NE(refusal(log, 1).find("step 1: log_likelihood.photo, kl"),
            std::string::npos);
}

TEST(TermLog, NamesTheLossWhereNothingElseIsBad) {
  TermLog log("fitted_prior.diffusion");
  Terms only;
  only.loss = at::scalar_tensor(kNan);
  log.add(only);
  EXPECT_NE(refusal(log, 1).find("step 1: loss"), std::string::npos);
}

}  // namespace term_log_test
}  // namespace shalab
