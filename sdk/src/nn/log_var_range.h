#pragma once
// What heads hold the log variance of a posterior within: a guard against
// overflow, far from what trained heads give.

namespace shalab {

inline constexpr double kMinLogVar = -12;
inline constexpr double kMaxLogVar = 8;

}  // namespace shalab
