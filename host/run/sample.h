#pragma once
// Samples for people: joint, conditional, interpolation, style transfer and
// views of objects.

#include <map>
#include <string>
#include <vector>

#include "run/generate.h"
#include "run/picture.h"

namespace shalab {

struct SampleRequest {
  // joint | conditional | interpolate | style | views
  std::string kind = "joint";
  ModalitySubset given;      // but joint, interpolate: what the source sees
  std::int64_t count = 16;   // views: objects
  double noise_level = 0.5;  // style: share of the time diffused
  // Own inputs by modality index, like Batch::data with one row (repeated
  // `count` times); empty = the first tuples of the test split. Not for views.
  std::map<std::size_t, at::Tensor> inputs;
};

struct SampleSet {
  std::string name;                 // "joint", "photo_to_all", ...
  std::vector<GridRow> rows;        // as drawn
  std::vector<at::Tensor> samples;  // generated, by modality
  at::Tensor latents;               // [N, D]
  // What there was to see, by name in the file: given.<modality>, and for views
  // truth.<modality> of the others.
  std::map<std::string, at::Tensor> originals;
};

// Randomness: a generator of the purpose "sample/<kind>/<source>". Errors:
// Error(usage) when the source cannot do what is asked, with what could.
SampleSet make_samples(const GenerationView& view, const LatentSource& source,
                       const SampleRequest& request);

// <folder>/<name>.png (if any modality can be drawn) and <name>.npz with
// `latents`, one array a modality and the originals. Returns the files.
std::vector<std::filesystem::path> write_samples(
    const SampleSet& set, const std::vector<ModalitySpec>& modalities,
    const std::filesystem::path& folder);

// What a user typed after --input: a picture file for an image (resized if
// need be), text for tokens. One row, like Batch::data. Errors: Error(data)
// or Error(usage) naming the file or the symbol.
at::Tensor read_input(const std::string& text, const ModalitySpec& modality);

}  // namespace shalab
