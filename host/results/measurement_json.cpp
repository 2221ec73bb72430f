#include "results/measurement_json.h"

namespace shalab {

nlohmann::ordered_json measurement_json(const Measurement& row) {
  return {{"name", row.name},
          {"value", row.value},
          {"unit", row.unit},
          {"direction", to_string(row.direction)},
          {"source_subset", row.source_subset},
          {"target_modality", row.target_modality},
          {"split", row.split},
          {"num_samples", row.num_samples},
          {"spread", row.spread},
          {"protocol", row.protocol},
          {"fingerprint", row.fingerprint},
          {"latent_source", row.latent_source},
          {"generation", row.generation},
          {"nfe", row.nfe},
          {"seconds", row.seconds}};
}

}  // namespace shalab
