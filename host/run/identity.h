#pragma once
// What a checkpoint was trained on: data, plugins and config, by digests.

#include <nlohmann/json_fwd.hpp>

#include "run/experiment.h"

namespace shalab {

// {"dataset": fingerprint, "plugins": {"kind/name": SHA-256},
//  "config": {"section": SHA-256 of its settings}} (section_hashes)
nlohmann::json identity_of(const Experiment& experiment);

// What may differ from the checkpoint: `resume --force` takes rebuilt plugins,
// commands on a trained run also other settings (checked by
// check_after_training).
struct IdentityRule {
  bool other_plugins = false;
  bool other_config = false;
};

// Throws Error(resume) naming what differs beyond `rule`.
void check_identity(const nlohmann::json& stored, const nlohmann::json& own,
                    const IdentityRule& rule);

// For first_stage.run: the same data, and the same settings in every section
// that shapes the first stage. Throws Error(resume) naming what differs.
void check_same_first_stage(const nlohmann::json& stored,
                            const nlohmann::json& own);

}  // namespace shalab
