// Passes the bytes of one connection on, in the weather that there is.
#include "relay.h"

#include "../model.h"
#include "proxy.h"

#include <algorithm>
#include <cerrno>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace soak {

namespace {

const size_t QUEUED_MOST = 64 << 10;
const int PIECES_AT_ONCE = 64; // so that one line does not keep the others waiting

} // namespace

Relay::Relay(int client, int server, unsigned half) : side_{client, server}, half_(half) {}

bool Relay::take(Flow& flow, int from, const Weather& weather) {
    char bytes[16384];
    if (flow.ended || flow.queued >= QUEUED_MOST) return true;
    const ssize_t count = recv(from, bytes, sizeof bytes, MSG_DONTWAIT);
    if (count < 0) return errno == EAGAIN || errno == EINTR || errno == ENOTCONN;
    flow.ended = count == 0;
    if (count == 0) return true;
    flow.chunks.push_back({Clock::now() + std::chrono::milliseconds(weather.delayMs),
                           std::string(bytes, static_cast<size_t>(count))});
    flow.queued += static_cast<size_t>(count);
    return true;
}

bool Relay::give(Flow& flow, int to, const Weather& weather, uint64_t* chance) {
    const auto now = Clock::now();
    if (weather.bytesPerMs > 0) {
        const std::chrono::duration<double, std::milli> passed = now - flow.allowedAt;
        flow.allowance = std::min(flow.allowance + passed.count() * weather.bytesPerMs,
                                  50.0 * weather.bytesPerMs);
    }
    flow.allowedAt = now;
    for (int piece = 0; piece < PIECES_AT_ONCE && !flow.chunks.empty(); piece++) {
        Flow::Chunk& chunk = flow.chunks.front();
        if (chunk.due > now) return true;
        size_t most = chunk.bytes.size();
        if (weather.pieceMost > 0)
            most = std::min<size_t>(most, 1 + soak_below(chance, weather.pieceMost));
        if (weather.bytesPerMs > 0) most = std::min(most, static_cast<size_t>(flow.allowance));
        if (most == 0) return true;
        const ssize_t count = send(to, chunk.bytes.data(), most, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (count < 0) return errno == EAGAIN || errno == EINTR;
        if (weather.bytesPerMs > 0) flow.allowance -= static_cast<double>(count);
        flow.queued -= static_cast<size_t>(count);
        chunk.bytes.erase(0, static_cast<size_t>(count));
        if (chunk.bytes.empty()) flow.chunks.pop_front();
    }
    if (flow.chunks.empty() && flow.ended && !flow.endPassed) {
        shutdown(to, SHUT_WR);
        flow.endPassed = true;
    }
    return true;
}

bool Relay::pass(const Weather& weather, uint64_t* chance) {
    if (weather.silent) return true;
    for (unsigned side = 0; side < 2; side++) {
        Flow& flow = flow_[side];
        if (!take(flow, side_[side], weather) || !give(flow, side_[1 - side], weather, chance))
            return false;
    }
    return !(flow_[0].endPassed && flow_[1].endPassed);
}

void Relay::close(bool reset) {
    for (int side : side_) {
        const linger none = {1, 0};
        if (reset) setsockopt(side, SOL_SOCKET, SO_LINGER, &none, sizeof none);
        ::close(side);
    }
}

short Relay::events(unsigned side, const Weather& weather) const {
    const Flow &from = flow_[side], &to = flow_[1 - side];
    short events = 0;
    if (weather.silent) return 0;
    if (!from.ended && from.queued < QUEUED_MOST) events |= POLLIN;
    // What waits for its time is looked after by the clock.
    if (!to.chunks.empty() && to.chunks.front().due <= Clock::now() && weather.bytesPerMs == 0)
        events |= POLLOUT;
    return events;
}

} // namespace soak
