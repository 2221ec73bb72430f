#pragma once
// Floating-point operations of one operator call, from its inputs.

#include <ATen/core/ivalue.h>

#include <string>

namespace shalab {

// 2 per multiply-add. Convolutions (transposed ones and their backward, which
// counts each gradient asked for) and matrix products; 0 for any other name.
double op_flop(const std::string& name, c10::ArrayRef<const c10::IValue> in);

}  // namespace shalab
