#pragma once
// Published numbers beside our own: the table `published`.

#include <filesystem>

#include "results/results_db.h"

namespace shalab {

// The measurement that a published metric is compared with: "coherence.joint"
// is joint_coherence, "fid.conditional" is conditional_fid, "psnr" is psnr.
std::string measurement_of(const std::string& published_metric);

// Replaces the table by a CSV file with the columns paper, place, dataset,
// model, metric, value, direction, evidence, note (any order; RFC 4180 quotes).
// Returns the number of rows. Throws Error(data) with the line: a column is
// missing, a field too many or too few, a value that is no number.
int import_published(ResultsDb& db, const std::filesystem::path& csv);

}  // namespace shalab
