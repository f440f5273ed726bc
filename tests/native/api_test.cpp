#include <gtest/gtest.h>

#include "softthinking/backend.h"

TEST(Api, KnowsItsVersionOnly) {
  ASSERT_NE(st_get_api(1), nullptr);
  EXPECT_EQ(st_get_api(1)->version, 1u);
  EXPECT_EQ(st_get_api(0xffffffffu), nullptr);
}
