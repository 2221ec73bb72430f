#include "shalab/nn/towers.h"

#include <c10/util/StringUtil.h>

#include "shalab/error.h"

namespace shalab {

const EncoderContext& accepted(const EncoderContext& context, bool fits,
                               const std::string& name,
                               const std::string& what) {
  if (fits) return context;
  const ModalitySpec& modality = context.modality;
  throw Error(ErrorKind::usage,
              "encoder " + name + " takes " + what + ", but modality '" +
                  modality.name + "' is " + to_string(modality.kind) + " " +
                  c10::str(at::IntArrayRef(modality.shape)),
              "choose another encoder for it, mlp fits every modality: "
              "[encoder." +
                  modality.name + "] plugin = mlp");
}

}  // namespace shalab
