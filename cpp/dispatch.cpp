// Calls a slave. While its code runs, no lock is held, and there is no Rust frame on the stack.
#include "dispatch.h"

#include "access.h"

#include <cxxabi.h>

#include <exception>

namespace rim = rogue::interfaces::memory;

namespace rogue_memory_bridge {
namespace {

/// Runs `call`, which is the user's code. If it throws or ends the thread, `transaction` fails.
template <typename Call>
void contain(const rim::TransactionPtr& transaction, Call call) {
    const auto fail = [&transaction](const char* text) {
        const std::string reason =
            text == nullptr || *text == '\0' ? "exception without text" : text;
        transaction_fail(Access::handle(*transaction), bytes(reason));
    };
    try {
        call();
    } catch (const std::exception& error) {
        fail(error.what());
#ifdef __GLIBCXX__ // with libc++, ending a thread runs no exception handlers
    } catch (abi::__forced_unwind&) {
        fail("the slave has ended the thread that called it");
        throw;
#endif
    } catch (...) {
        fail("the slave has thrown something that is not a std::exception");
    }
}

} // namespace

void dispatch(rim::Slave& slave, const rim::TransactionPtr& transaction) {
    contain(transaction, [&] { slave.doTransaction(transaction); });
}

void admitAndDispatch(rim::Slave& slave, const rim::TransactionPtr& transaction) {
    contain(transaction, [&] {
        const uint32_t min = slave.doMinAccess();
        const uint32_t max = slave.doMaxAccess();
        if (server_admit(Access::handle(*transaction), min, max)) slave.doTransaction(transaction);
    });
}

} // namespace rogue_memory_bridge
