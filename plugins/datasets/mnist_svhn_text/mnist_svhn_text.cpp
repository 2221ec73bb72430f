// MNIST-SVHN-Text (Sutter et al., "Multimodal Generative Learning Utilizing
// Jensen-Shannon-Divergence", 2020): the pairs of mnist_svhn and their digit's
// word.

#include "../mnist_svhn/digit_tuples.h"

namespace {

std::unique_ptr<shalab::Dataset> make(const shalab::Settings& settings,
                                      const shalab::DatasetContext& context) {
  using namespace shalab::mnist_svhn;
  return make_digit_tuples(settings, context, Text::present);
}

}  // namespace

SHALAB_PLUGIN(dataset, 1,
              "MNIST digits paired with SVHN or Fashion-MNIST, and a word",
              shalab::mnist_svhn::declare_fields, make)
