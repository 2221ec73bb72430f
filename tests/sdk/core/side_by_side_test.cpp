#include "shalab/side_by_side.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <vector>

namespace shalab {
namespace side_by_side_test {

using Order = std::vector<std::size_t>;

Order order_of(std::size_t count) {
  Order order;
  side_by_side(count, [&](std::size_t i) { order.push_back(i); });
  return order;
}

class Backwards final : public SideBySide {
 public:
  void run(std::size_t count,
           const std::function<void(std::size_t)>& body) override {
    ++calls;
    for (std::size_t i = count; i > 0; --i) body(i - 1);
  }
  int calls = 0;
};

TEST(SideBySide, IsALoopByDefault) {
  EXPECT_EQ(order_of(3), (Order{0, 1, 2}));
  EXPECT_EQ(order_of(0), Order{});
}

TEST(SideBySide, GoesTheWayOfItsScope) {
  Backwards way;
  {
    const SideBySideScope scope(way);
    EXPECT_EQ(order_of(3), (Order{2, 1, 0}));
    EXPECT_EQ(order_of(1), Order{0});
  }
  EXPECT_EQ(way.calls, 1) << "one body alone has nothing beside it";
  EXPECT_EQ(order_of(2), (Order{0, 1}));
}

TEST(SideBySide, IsPlainWithinABodyAndAfterAnError) {
  Backwards way;
  const SideBySideScope scope(way);
  side_by_side(2, [](std::size_t) { EXPECT_EQ(order_of(2), (Order{0, 1})); });
  EXPECT_THROW(side_by_side(2,
                            [](std::size_t i) {
                              if (i == 0) throw std::runtime_error("damaged");
                            }),
               std::runtime_error);
  EXPECT_EQ(order_of(2), (Order{1, 0}));
  EXPECT_EQ(way.calls, 3);
}

}  // namespace side_by_side_test
}  // namespace shalab
