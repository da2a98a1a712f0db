// The few things that every test here needs: checks that count, an end in any case, a free pair of
// ports. A test is a program that returns `finish()`.
#ifndef TESTS_CPP_CHECK_H
#define TESTS_CPP_CHECK_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <iostream>
#include <string>

namespace check {

inline int& failures() {
    static int count = 0;
    return count;
}

inline void that(bool holds, const char* what, const char* file, int line) {
    if (holds) return;
    ++failures();
    std::cerr << file << ":" << line << ": does not hold: " << what << std::endl;
}

template <typename A, typename B>
void equal(const A& a, const B& b, const char* what, const char* file, int line) {
    if (a == b) return;
    ++failures();
    std::cerr << file << ":" << line << ": not equal: " << what << ": " << a << " and " << b
              << std::endl;
}

/// The text of the exception that `call` throws; "(nothing thrown)" if none.
template <typename Exception>
std::string thrown(const std::function<void()>& call) {
    try {
        call();
    } catch (const Exception& error) {
        return error.what();
    }
    return "(nothing thrown)";
}

inline bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

/// A program that hangs is ended by the alarm, and has failed.
inline void begin() { alarm(60); }

inline int finish() {
    if (failures() != 0) std::cerr << failures() << " checks failed" << std::endl;
    return failures() == 0 ? 0 : 1;
}

/// What `call` writes to the file descriptor `fd`, such as STDOUT_FILENO.
inline std::string written(int fd, const std::function<void()>& call) {
    fflush(nullptr);
    FILE* file = tmpfile();
    const int before = dup(fd);
    dup2(fileno(file), fd);
    call();
    fflush(nullptr);
    dup2(before, fd);
    close(before);
    rewind(file);
    std::string text;
    for (int c; (c = fgetc(file)) != EOF;)
        text += static_cast<char>(c);
    fclose(file);
    return text;
}

/// Whether `port` of the loopback address can be bound now.
inline bool isFree(uint16_t port) {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool bound = bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    close(fd);
    return bound;
}

/// The first of two neighbouring ports that were free just now. They may be taken since, so the
/// caller tries again with the next pair when it cannot have them.
inline uint16_t freePair() {
    static uint32_t next = static_cast<uint32_t>(getpid());
    for (int i = 0; i < 5000; ++i) {
        const uint16_t port = static_cast<uint16_t>(20000 + 2 * (next++ % 6000));
        if (isFree(port) && isFree(static_cast<uint16_t>(port + 1))) return port;
    }
    return 0;
}

/// Makes something of a pair of free ports with `make(port)`, which throws when the ports are gone.
template <typename Make>
auto onFreePorts(Make make) -> decltype(make(uint16_t())) {
    for (int i = 0; i < 20; ++i) {
        try {
            return make(freePair());
        } catch (const std::exception& error) {
            std::cerr << "another pair of ports: " << error.what() << std::endl;
        }
    }
    std::cerr << "no free ports" << std::endl;
    _exit(1);
}

} // namespace check

#define CHECK(condition) check::that((condition), #condition, __FILE__, __LINE__)
#define CHECK_EQUAL(a, b) check::equal((a), (b), #a " == " #b, __FILE__, __LINE__)

#endif
