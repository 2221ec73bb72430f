#pragma once
// The picture sets that meet: MNIST, and SVHN or what stands in for it.

#include <array>
#include <string>
#include <vector>

#include "labelled_images.h"
#include "shalab/dataset.h"
#include "shalab/digest.h"
#include "shalab/fields.h"

namespace shalab::mnist_svhn {

struct Source {
  ModalitySpec modality;
  JudgeSource judge;
  std::array<LabelledImages, 2> parts;  // training, test
  std::string note;                     // Dataset::note of pairs with it
};

// Declares `second` and `folder`.
void declare_source_fields(FieldList& fields);

// Both read their files and add what they read to `digest`. Error(data) with
// the file that is missing or wrong, and where to get it.
Source read_mnist(const Services& services, Digest64& digest);
Source read_second(const Settings& settings, const Services& services,
                   Digest64& digest);

}  // namespace shalab::mnist_svhn
