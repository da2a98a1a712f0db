// rogue/EnableSharedFromThis.h, alone and through several of the bus classes.
#include "rogue/EnableSharedFromThis.h"

#include "rogue/interfaces/memory/Hub.h"
#include "rogue/interfaces/memory/Master.h"
#include "rogue/interfaces/memory/Slave.h"

#include "check.h"

namespace rim = rogue::interfaces::memory;

namespace {

struct A : rogue::EnableSharedFromThis<A> {
    int a = 1;
};

struct B : rogue::EnableSharedFromThis<B> {
    int b = 2;
};

struct Both : A, B {};

/// A master and a slave, and a base that knows its own type.
struct Device : rim::Master, rim::Slave, rogue::EnableSharedFromThis<Device> {
    Device() : rim::Slave(4, 64) {}
    std::shared_ptr<Device> self() {
        return rogue::EnableSharedFromThis<Device>::shared_from_this();
    }
};

struct MyHub : rim::Hub {
    MyHub() : rim::Hub(0x100, 0, 0) {}
};

/// Rogue's Master leaves this base to its subclasses, so the unqualified call works there.
struct MyMaster : rim::Master, rogue::EnableSharedFromThis<MyMaster> {
    std::shared_ptr<MyMaster> self() { return shared_from_this(); }
};

struct StdMaster : rim::Master, std::enable_shared_from_this<StdMaster> {
    std::shared_ptr<StdMaster> self() { return shared_from_this(); }
};

} // namespace

int main() {
    check::begin();
    const auto both = std::make_shared<Both>();
    const std::shared_ptr<A> a = both->A::shared_from_this();
    const std::shared_ptr<B> b = both->B::shared_from_this();
    CHECK(a == both && b == both);
    CHECK_EQUAL(both.use_count(), 3);

    const auto device = std::make_shared<Device>();
    CHECK(device->self() == device);
    CHECK(device->rim::Slave::shared_from_this() == device);

    const auto hub = std::make_shared<MyHub>();
    CHECK(hub->shared_from_this() == hub);

    CHECK(std::make_shared<MyMaster>()->self() != nullptr);
    CHECK(std::make_shared<StdMaster>()->self() != nullptr);

    Both outside;
    CHECK(check::thrown<std::bad_weak_ptr>([&] { outside.A::shared_from_this(); }) !=
          "(nothing thrown)");
    return check::finish();
}
