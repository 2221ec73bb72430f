#include "model/tensors_of.h"

#include <ATen/core/grad_mode.h>

#include <sstream>

#include "shalab/error.h"

namespace shalab {

namespace {

std::string shape_text(const at::Tensor& tensor) {
  std::ostringstream text;
  text << tensor.sizes();
  return text.str();
}

[[noreturn]] void refuse(const std::string& what) {
  throw Error(ErrorKind::resume, what,
              "the stored weights belong to another model; compare the run's "
              "config.ini with the one in use");
}

}  // namespace

NamedTensors tensors_of(const torch::nn::Module& module,
                        const std::string& prefix) {
  NamedTensors result;
  for (const auto& item : module.named_parameters()) {
    result[prefix + item.key()] = item.value();
  }
  for (const auto& item : module.named_buffers()) {
    if (item.value().defined()) {
      result[prefix + item.key()] = item.value();
    }
  }
  return result;
}

void load_tensors(torch::nn::Module& module, const NamedTensors& tensors,
                  const std::string& prefix) {
  const at::NoGradGuard no_grad;
  auto own = tensors_of(module, prefix);
  for (auto& [name, tensor] : own) {
    const auto found = tensors.find(name);
    if (found == tensors.end()) {
      refuse("stored weights lack '" + name + "'");
    }
    if (found->second.sizes() != tensor.sizes()) {
      refuse("stored weights '" + name + "' have shape " +
             shape_text(found->second) + ", the model has " +
             shape_text(tensor));
    }
    tensor.copy_(found->second);
  }
  for (auto it = tensors.lower_bound(prefix);
       it != tensors.end() && it->first.rfind(prefix, 0) == 0; ++it) {
    if (!own.contains(it->first)) {
      refuse("stored weights have '" + it->first + "', the model does not");
    }
  }
}

NamedTensors cloned(const NamedTensors& tensors) {
  NamedTensors result;
  for (const auto& [name, tensor] : tensors) {
    result[name] = tensor.detach().clone();
  }
  return result;
}

}  // namespace shalab
