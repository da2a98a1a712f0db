// Makes the faults of the soak.
#include "faults.h"

#include "../model.h"

#include <algorithm>
#include <csignal>
#include <stdexcept>
#include <thread>

namespace soak {

namespace {

const unsigned PAUSE_MOST_MS = 300; // between two faults

} // namespace

Faults::Faults(Cast& cast, uint64_t seed)
    : cast_(cast), chance_(seed), busy_(cast.proxy.lines(), false) {}

unsigned Faults::below(unsigned bound) { return soak_below(&chance_, bound); }

void Faults::later(unsigned mostMs, std::function<void()> action) {
    const auto due = Clock::now() + std::chrono::milliseconds(1 + below(mostMs));
    lifts_.push_back({due, std::move(action)});
}

void Faults::liftDue(Clock::time_point now) {
    // One that is lifted may not be in the list any more when it acts.
    std::vector<Lift> due;
    const auto kept = std::stable_partition(lifts_.begin(), lifts_.end(),
                                            [&](const Lift& lift) { return lift.due > now; });
    due.assign(std::make_move_iterator(kept), std::make_move_iterator(lifts_.end()));
    lifts_.erase(kept, lifts_.end());
    for (const Lift& lift : due)
        lift.action();
}

void Faults::lift() { liftDue(Clock::time_point::max()); }

void Faults::run(Clock::time_point until) {
    auto next = Clock::now();
    while (Clock::now() < until) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
        for (const std::string& name : cast_.lost())
            throw std::runtime_error(name + " has ended by itself");
        liftDue(Clock::now());
        if (Clock::now() < next) continue;
        one();
        next = Clock::now() + std::chrono::milliseconds(below(PAUSE_MOST_MS));
    }
}

void Faults::one() {
    if (below(3) == 0)
        atServer();
    else
        onLine();
}

void Faults::atServer() {
    Server* server = cast_.servers[below(static_cast<unsigned>(cast_.servers.size()))].get();
    if (server->down || server->stopped) return;
    const unsigned kind = below(6);
    if (kind < 2 && server->mayDie) {
        // One of the field does not end by itself while it waits; it is killed in either case.
        counts[kind == 0 ? "server killed" : "server ended"]++;
        if (kind == 0)
            server->child.kill();
        else
            server->child.end(SIGTERM, std::chrono::seconds(5));
        Cast::noteEnd(*server);
        server->down = true;
        later(below(4) == 0 ? 3000 : 300, [this, server] { cast_.restart(*server); });
    } else if (kind < 3) {
        counts["server stopped for a while"]++;
        server->child.signal(SIGSTOP);
        server->stopped = true;
        later(below(4) == 0 ? 4000 : 400, [server] {
            server->child.signal(SIGCONT);
            server->stopped = false;
        });
    } else if (kind < 4) {
        counts["slave slow"]++;
        server->child.tell("delay " + std::to_string(1u << below(16)));
        later(1500, [server] { server->child.tell("delay 0"); });
    } else if (kind < 5) {
        counts["slave refuses some"]++;
        server->child.tell("fail " + std::to_string(1 + below(300)));
        later(1500, [server] { server->child.tell("fail 0"); });
    } else {
        counts["slave completes out of order"]++;
        server->child.tell("later 1");
        later(3000, [server] { server->child.tell("later 0"); });
    }
}

void Faults::onLine() {
    const size_t line = below(static_cast<unsigned>(busy_.size()));
    const unsigned kind = below(8), which = 1 + below(3);
    Proxy* proxy = &cast_.proxy;
    if (kind < 2) {
        const unsigned cut = proxy->cut(line, which, kind == 0 ? Cut::Reset : Cut::Close);
        counts[kind == 0 ? "connection reset" : "connection closed"] += cut;
        return;
    }
    if (busy_[line]) return;
    busy_[line] = true;
    const auto clear = [this, proxy, line] {
        proxy->setWeather(line, Weather());
        busy_[line] = false;
    };
    Weather weather;
    if (kind == 2) {
        counts["line refuses connections"]++;
        proxy->setRefusing(line, true);
        proxy->cut(line, which, Cut::Reset);
        later(1500, [this, proxy, line] {
            proxy->setRefusing(line, false);
            busy_[line] = false;
        });
        return;
    }
    if (kind == 3) {
        counts["line silent, then as before"]++;
        weather.silent = true;
        later(below(4) == 0 ? 6000 : 600, clear);
    } else if (kind == 4) {
        counts["line silent, then reset"]++;
        weather.silent = true;
        later(2000, [proxy, line, which, clear] {
            proxy->cut(line, which, Cut::Reset);
            clear();
        });
    } else if (kind == 5) {
        counts["line delayed"]++;
        weather.delayMs = 1 + below(200);
        later(2000, clear);
    } else if (kind == 6) {
        static const unsigned most[] = {1, 7, 64, 700};
        counts["line in small pieces"]++;
        weather.pieceMost = most[below(4)];
        later(2000, clear);
    } else {
        counts["line slow"]++;
        weather.bytesPerMs = 1 + below(200);
        later(2000, clear);
    }
    proxy->setWeather(line, weather);
}

} // namespace soak
