#include <dlfcn.h>
#include <gtest/gtest.h>

#include "twins.h"

namespace shalab {
namespace library_test {

// Every symbol resolves against the CUDA build of LibTorch, GPU or none.
TEST(CudaLibrary, RegistersAKernelForEachOperator) {
  const std::string missing = gpu_tests::missing_library();
  ASSERT_FALSE(missing.starts_with("FAILED")) << missing;
  if (!missing.empty()) GTEST_SKIP() << missing;
  for (const char* name : {"biased_leaky_relu", "biased_leaky_relu_backward",
                           "event_log_density", "event_log_density_slope",
                           "gather_rows", "latent_draw", "latent_draw_backward",
                           "latent_log_density", "latent_log_density_backward",
                           "leaky_residual", "leaky_residual_backward"}) {
    const auto found = c10::Dispatcher::singleton().findSchema(
        {std::string("shalab::") + name, ""});
    ASSERT_TRUE(found.has_value()) << name;
    EXPECT_TRUE(found->hasKernelForDispatchKey(c10::DispatchKey::CUDA)) << name;
  }
  EXPECT_NE(dlsym(RTLD_DEFAULT, "shalab_make_work_graph"), nullptr);
}

TEST(CudaLibrary, LeavesTheFormulasToTheCpu) {
  const auto found =
      c10::Dispatcher::singleton().findSchema({"shalab::gather_rows", ""});
  ASSERT_TRUE(found.has_value());
  EXPECT_FALSE(found->hasKernelForDispatchKey(c10::DispatchKey::CPU));
  EXPECT_TRUE(found->hasKernelForDispatchKey(
      c10::DispatchKey::CompositeExplicitAutograd));
}

}  // namespace library_test
}  // namespace shalab
