#pragma once
// The commands that need tensors. Each returns the exit code.

#include "command/options.h"

namespace shalab {

int command_run(const Invocation& invocation);
int command_resume(const Invocation& invocation);
int command_evaluate(const Invocation& invocation);
int command_sample(const Invocation& invocation);
int command_encode(const Invocation& invocation);
int command_judge(const Invocation& invocation);
int command_bench(const Invocation& invocation);
int command_score(const Invocation& invocation);
int command_data_prepare(const Invocation& invocation);
int command_data_export(const Invocation& invocation);

}  // namespace shalab
