// Reads four bytes from a TcpServer in the same program, over and over, and tells how many mutexes
// the client's side locks for one such read: those of the Rust code, counted by counted.rs, and
// those of the C++ code, counted here in front of pthread_mutex_lock.
//
//     read MOST BUS    fails if the client locks more than MOST, or src/bus/transaction more than
//     BUS
#include "rogue/interfaces/memory/Constants.h"
#include "rogue/interfaces/memory/Emulate.h"
#include "rogue/interfaces/memory/Master.h"
#include "rogue/interfaces/memory/TcpClient.h"
#include "rogue/interfaces/memory/TcpServer.h"

#include "../cpp/check.h"

#include <cxxabi.h>
#include <dlfcn.h>
#include <pthread.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

namespace rim = rogue::interfaces::memory;

extern "C" void counted_locks(bool enable);
extern "C" void counted_locks_each(void (*each)(const uint8_t* file, size_t size, uint32_t line,
                                                bool own, uint64_t count));

namespace {

const int reads = 1000;
/// What counts on this thread, while it counts.
thread_local bool counting = false;
std::map<void*, uint64_t>* pthread_counts = nullptr;
double all = 0;
double bus = 0;

void tell(double count, const std::string& where) {
    std::printf("%7.3f  %s\n", count, where.c_str());
}

extern "C" void tellRust(const uint8_t* file, size_t size, uint32_t line, bool own,
                         uint64_t count) {
    const std::string path(reinterpret_cast<const char*>(file), size);
    const double each = static_cast<double>(count) / reads;
    all += each;
    if (path.find("src/bus/transaction") != std::string::npos) bus += each;
    tell(each, path + ":" + std::to_string(line) + (own ? ", the client's thread" : ""));
}

std::string nameOf(void* address) {
    Dl_info info;
    if (dladdr(address, &info) == 0 || info.dli_sname == nullptr) return "C++, somewhere";
    int status = 0;
    char* const plain = abi::__cxa_demangle(info.dli_sname, nullptr, nullptr, &status);
    const std::string name = status == 0 ? plain : info.dli_sname;
    std::free(plain);
    return name;
}

} // namespace

// The program's comes before the C library's, for the C++ classes and the standard library too.
extern "C" int pthread_mutex_lock(pthread_mutex_t* mutex) noexcept {
    typedef int (*Lock)(pthread_mutex_t*);
    static Lock next = nullptr;
    if (next == nullptr) next = reinterpret_cast<Lock>(dlsym(RTLD_NEXT, "pthread_mutex_lock"));
    if (counting) {
        counting = false;
        ++(*pthread_counts)[__builtin_return_address(0)];
        counting = true;
    }
    return next(mutex);
}

int main(int argc, char** argv) {
    const double most = argc > 1 ? std::atof(argv[1]) : 1000;
    const double most_bus = argc > 2 ? std::atof(argv[2]) : 1000;
    uint16_t port = 0;
    const rim::TcpServerPtr server = check::onFreePorts([&port](uint16_t at) {
        port = at;
        return rim::TcpServer::create("127.0.0.1", at);
    });
    *server >> rim::Emulate::create(4, 4096);
    const rim::TcpClientPtr client = rim::TcpClient::create("127.0.0.1", port);
    const rim::MasterPtr master = rim::Master::create();
    master->setTimeout(20000000);
    *master >> client;
    uint32_t word = 0;
    pthread_counts = new std::map<void*, uint64_t>;
    for (int i = 0; i < 2 * reads; ++i) {
        // The first ones connect, and fill what each thread keeps.
        if (i == reads) {
            counted_locks(true);
            counting = true;
        }
        master->waitTransaction(master->reqTransaction(0x10, 4, &word, rim::Read));
    }
    counting = false;
    counted_locks(false);
    if (!master->getError().empty()) {
        std::fprintf(stderr, "%s\n", master->getError().c_str());
        return 1;
    }
    std::printf("Mutexes that the client locks for one read of 4 bytes:\n");
    counted_locks_each(tellRust);
    for (const auto& place : *pthread_counts) {
        const double each = static_cast<double>(place.second) / reads;
        all += each;
        tell(each, nameOf(place.first));
    }
    std::printf("%7.3f  in all, %.3f of them in src/bus/transaction\n", all, bus);
    if (all > most || bus > most_bus) {
        std::printf("at most %g, and %g in src/bus/transaction, are allowed\n", most, most_bus);
        return 1;
    }
}
