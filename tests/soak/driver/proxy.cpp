// The network between the clients and the servers of the soak; see the header.
#include "proxy.h"

#include "../model.h"

#include <arpa/inet.h>
#include <cerrno>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

namespace soak {

namespace {

const int LOOK_MS = 20; // at least so often it looks at the weather

sockaddr_in place(const std::string& address, uint16_t port) {
    sockaddr_in name = {};
    name.sin_family = AF_INET;
    name.sin_port = htons(port);
    inet_pton(AF_INET, address.c_str(), &name.sin_addr);
    return name;
}

int listener(uint16_t port) {
    const int one = 1, file = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const sockaddr_in name = place("127.0.0.1", port);
    setsockopt(file, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(file, reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0 &&
        ::listen(file, 64) == 0)
        return file;
    close(file);
    return -1;
}

// -1 when there is nobody.
int dial(const std::string& source, uint16_t port) {
    const int one = 1, file = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const sockaddr_in from = place(source, 0), to = place("127.0.0.1", port);
    setsockopt(file, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    setsockopt(file, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (bind(file, reinterpret_cast<const sockaddr*>(&from), sizeof from) == 0 &&
        (connect(file, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0 ||
         errno == EINPROGRESS))
        return file;
    close(file);
    return -1;
}

} // namespace

Proxy::Proxy(uint64_t seed) : chance_(seed), thread_([this] { run(); }) {}

Proxy::~Proxy() {
    over_ = true;
    thread_.join();
    for (Line& line : lines_) {
        for (Relay& relay : line.relays)
            relay.close(false);
        for (int file : line.listener)
            if (file >= 0) ::close(file);
    }
}

bool Proxy::listen(Line& line) {
    for (unsigned half = 0; half < 2; half++)
        if (line.listener[half] < 0)
            line.listener[half] = listener(static_cast<uint16_t>(line.port + half));
    return line.listener[0] >= 0 && line.listener[1] >= 0;
}

uint16_t Proxy::addLine(uint16_t port, const std::string& source, uint16_t lowest) {
    std::lock_guard<std::mutex> guard(mutex_);
    for (uint16_t attempt = lowest; attempt < lowest + 1000; attempt += 2) {
        Line line = {};
        line.port = attempt;
        line.target = port;
        line.source = source;
        line.listener[0] = line.listener[1] = -1;
        if (listen(line)) {
            lines_.push_back(std::move(line));
            return attempt;
        }
        for (int file : line.listener)
            if (file >= 0) ::close(file);
    }
    throw std::runtime_error("no free pair of ports for a proxy");
}

size_t Proxy::lines() {
    std::lock_guard<std::mutex> guard(mutex_);
    return lines_.size();
}

void Proxy::setWeather(size_t line, const Weather& weather) {
    std::lock_guard<std::mutex> guard(mutex_);
    lines_[line].weather = weather;
}

void Proxy::setRefusing(size_t number, bool refusing) {
    std::lock_guard<std::mutex> guard(mutex_);
    Line& line = lines_[number];
    // A port that somebody else has taken meanwhile is tried again when the lines are looked at.
    for (unsigned half = 0; half < 2 && refusing; half++) {
        if (line.listener[half] >= 0) ::close(line.listener[half]);
        line.listener[half] = -2;
    }
    for (unsigned half = 0; half < 2 && !refusing; half++)
        if (line.listener[half] == -2) line.listener[half] = -1;
}

unsigned Proxy::cut(size_t line, unsigned which, Cut how) {
    std::lock_guard<std::mutex> guard(mutex_);
    unsigned count = 0;
    lines_[line].relays.remove_if([&](Relay& relay) {
        if ((relay.half() & which) == 0) return false;
        relay.close(how == Cut::Reset);
        count++;
        return true;
    });
    return count;
}

void Proxy::accept(Line& line, unsigned half) {
    int client;
    while ((client = accept4(line.listener[half], nullptr, nullptr,
                             SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        const int one = 1, server = dial(line.source, static_cast<uint16_t>(line.target + half));
        setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (server < 0)
            ::close(client);
        else
            line.relays.emplace_back(client, server, half + 1);
    }
}

// Passes on what there is; gives how long it may be until the next look.
int Proxy::round() {
    std::lock_guard<std::mutex> guard(mutex_);
    int patience = LOOK_MS;
    for (Line& line : lines_) {
        if (line.listener[0] == -1 || line.listener[1] == -1) listen(line);
        for (unsigned half = 0; half < 2; half++)
            if (line.listener[half] >= 0) accept(line, half);
        line.relays.remove_if([&](Relay& relay) {
            if (relay.pass(line.weather, &chance_)) return false;
            relay.close(false);
            return true;
        });
        if (line.weather.delayMs > 0 || line.weather.bytesPerMs > 0) patience = 1;
    }
    return patience;
}

void Proxy::run() {
    while (!over_) {
        const int patience = round();
        std::vector<pollfd> files;
        {
            std::lock_guard<std::mutex> guard(mutex_);
            for (const Line& line : lines_) {
                for (int file : line.listener)
                    if (file >= 0) files.push_back({file, POLLIN, 0});
                for (const Relay& relay : line.relays) {
                    const short client = relay.events(0, line.weather);
                    const short server = relay.events(1, line.weather);
                    // Poll tells of an end also where nothing is asked for, again and again.
                    if (client != 0) files.push_back({relay.client(), client, 0});
                    if (server != 0) files.push_back({relay.server(), server, 0});
                }
            }
        }
        // A socket that is closed meanwhile by a cut makes it look sooner, no more.
        poll(files.data(), files.size(), patience);
    }
}

} // namespace soak
