// The rows about ours alone.
#ifndef BENCH_DRIVER_OWN_ROWS_H
#define BENCH_DRIVER_OWN_ROWS_H

#include "rows.h"

namespace bench {

// `wanted` tells whether a work of some name is to be done.
void measureOwn(const Plan& plan, const std::function<bool(const std::string&)>& wanted,
                const std::function<void(const Row&)>& finished);

} // namespace bench

#endif
