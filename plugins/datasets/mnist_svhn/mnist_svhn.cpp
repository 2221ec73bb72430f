// MNIST-SVHN (Shi et al., "Variational Mixture-of-Experts Autoencoders for
// Multi-Modal Deep Generative Models", 2019): a handwritten digit and a house
// number of the same class.

#include "digit_tuples.h"

namespace {

std::unique_ptr<shalab::Dataset> make(const shalab::Settings& settings,
                                      const shalab::DatasetContext& context) {
  using namespace shalab::mnist_svhn;
  return make_digit_tuples(settings, context, Text::absent);
}

}  // namespace

SHALAB_PLUGIN(dataset, 1, "MNIST digits paired with SVHN or Fashion-MNIST",
              shalab::mnist_svhn::declare_fields, make)
