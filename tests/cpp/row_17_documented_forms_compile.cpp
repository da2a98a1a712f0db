// Row 17: the two C++ examples of the documentation of Rogue's memory bridge compile and run as
// they stand there (examples/server.cpp and examples/client.cpp), with a stand-in for what a memory
// bus has no part in. Both end at once: the client never waits for the address in it. That address
// is somebody's, so the test puts itself between the library and the system, and sends the client
// to this machine.
#include "standin/MyMemMaster.h"

#define main server_example
#include "examples/server.cpp"
#undef main

#define main client_example
#include "examples/client.cpp"
#undef main

#include "rogue/GeneralError.h"

#include "check.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>

/// Takes the place of the system's `connect` in the whole program.
extern "C" int connect(int fd, const struct sockaddr* to, socklen_t size) {
    sockaddr_in target;
    if (to->sa_family == AF_INET && size >= sizeof(target)) {
        std::memcpy(&target, to, sizeof(target));
        target.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return static_cast<int>(syscall(SYS_connect, fd, &target, sizeof(target)));
    }
    return static_cast<int>(syscall(SYS_connect, fd, to, size));
}

int main() {
    check::begin();
    try {
        CHECK_EQUAL(server_example(), 0);
    } catch (const rogue::GeneralError& error) {
        // The example's ports are fixed, and this machine may have them in use: then it says so.
        std::cerr << error.what() << std::endl;
        CHECK(check::contains(error.what(), "800") &&
              check::contains(error.what(), "another process"));
    }
    CHECK_EQUAL(rps::SrpV3::made(), 1);

    CHECK_EQUAL(client_example(), 0);
    CHECK_EQUAL(MyMemMaster::lastSlave(), typeid(rim::TcpClient).name());
    return check::finish();
}
