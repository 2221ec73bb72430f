#pragma once
// MNIST digits with pictures of another set and, in one of the two data sets,
// the digit's word: mnist_svhn and mnist_svhn_text are this with equal pairs.

#include <memory>

#include "shalab/dataset.h"
#include "shalab/fields.h"

namespace shalab::mnist_svhn {

enum class Text { absent, present };

void declare_fields(FieldList& fields);

// Modalities mnist, svhn (or fashion) and text. Training and validation pair
// pictures of the training files, test those of the test files. Validation is
// one round of pairs of pictures that training never sees; training and test
// are `dm` rounds. What a pair's word looks like is part of the data: unlike
// the published recipe it is not drawn anew at every access.
std::unique_ptr<Dataset> make_digit_tuples(const Settings& settings,
                                           const DatasetContext& context,
                                           Text text);

}  // namespace shalab::mnist_svhn
