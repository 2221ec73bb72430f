#pragma once
// `shalab score`: a metric on one's own files, without model or dataset.

#include <filesystem>
#include <string>
#include <vector>

#include "shalab/measurement.h"

namespace shalab {

// Metrics that `score` knows, in the order help lists them.
std::vector<std::string> scorable_metrics();

// Measures `generated` against `real` with the numerics of the plugin of the
// same name. Each side is a .npy, a .npz with one array, or a folder of PNG
// and JPEG pictures in the order of their names.
//   psnr_ssim         pairs of pictures of equal size; arrays [N, H, W],
//                     [N, C, H, W] or [N, H, W, C], u8 or real in [0, 1]
//   reconstruction    pairs of anything of equal shape, u8 scaled to [0, 1]:
//                     mse; integers: token_accuracy
//   frechet_distance, kid, precision_recall
//                     features as they are: arrays [N, F], any order; with
//                     the default keys of the plugins
// The fingerprint is a digest of the real side. Errors: Error(usage) for an
// unknown metric or sides that it cannot compare, Error(data) for a file that
// cannot be read. [main]
std::vector<Measurement> score(const std::string& metric,
                               const std::filesystem::path& real,
                               const std::filesystem::path& generated);

}  // namespace shalab
