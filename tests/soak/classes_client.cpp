// A client of the soak on the C++ classes: many transactions at a time through a Master. What must
// come of it is in model.h.
#include "life.h"

#include <rogue/GeneralError.h>
#include <rogue/Logging.h>
#include <rogue/interfaces/memory/Master.h>
#include <rogue/interfaces/memory/TcpClient.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace rim = rogue::interfaces::memory;

namespace {

uint64_t nowMs() {
    using namespace std::chrono;
    return static_cast<uint64_t>(
        duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count());
}

void sleepMs(uint64_t milliseconds) {
    std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
}

struct Client {
    std::string host;
    uint16_t port = 0;
    rim::TcpClientPtr tcp;
    rim::MasterPtr master;
    uint64_t incarnation = 0, timeoutMs = 0;
    soak_model model;
    soak_step steps[SOAK_BATCH];
    std::vector<uint64_t> bulk;
    bool good = false;

    void come();
    uint64_t connection() const;
    soak_outcome judge(const soak_step& step, const std::string& error, uint64_t elapsedMs);
    soak_outcome together(unsigned count);
    bool askLife();
    void oneStep();
    void endWell();
};

Client client;

void Client::come() {
    if (tcp) tcp->stop();
    tcp = rim::TcpClient::create(host, port);
    tcp->setKeepAlive(2000000);
    tcp->setConnectTimeout(1500000);
    master = rim::Master::create();
    *master >> tcp;
    incarnation++;
}

// The connection that there is, if that is certain. Between two of them there is none.
uint64_t Client::connection() const {
    const rim::TcpClientStats stats = tcp->stats();
    return stats.connects == stats.losses + 1 ? incarnation << 32 | stats.connects : 0;
}

// The classes tell by text alone what went wrong.
std::string kind(const std::string& error) {
    static const char* const kinds[][2] = {{SOAK_REFUSAL, "refused-by-slave"},
                                           {"imeout", "RIM_STATUS_TIMEOUT"},
                                           {"onnection lost", "RIM_STATUS_CONNECTION_LOST"},
                                           {"efused", "RIM_STATUS_REFUSED"},
                                           {"silent", "RIM_STATUS_SILENT"},
                                           {"stopped", "RIM_STATUS_STOPPED"}};
    if (error.empty()) return "RIM_STATUS_OK";
    for (const auto& known : kinds)
        if (error.find(known[0]) != std::string::npos) return known[1];
    return "";
}

soak_outcome Client::judge(const soak_step& step, const std::string& error, uint64_t elapsedMs) {
    const std::string name = kind(error);
    life_transaction(step.type, name.empty() ? "unexpected" : name.c_str(), elapsedMs, timeoutMs);
    if (name.empty()) life_wrong(("an error that nobody made: " + error).c_str());
    if (name == "refused-by-slave") return SOAK_NOT_DONE;
    if (!error.empty()) return SOAK_UNKNOWN;
    if (!good) life_good();
    good = true;
    return SOAK_DONE;
}

// The first `count` steps; gives the outcome of the last one.
soak_outcome Client::together(unsigned count) {
    uint32_t ids[SOAK_BATCH];
    std::string errors[SOAK_BATCH];
    uint64_t elapsed[SOAK_BATCH];
    const uint64_t before = connection(), begun = nowMs();
    master->setTimeout(timeoutMs * 1000);
    for (unsigned i = 0; i < count; i++) {
        steps[i].begun_ns = history_now();
        ids[i] =
            master->reqTransaction(steps[i].address, steps[i].size, steps[i].words, steps[i].type);
    }
    for (unsigned i = 0; i < count; i++) {
        master->clearError();
        master->waitTransaction(ids[i]);
        steps[i].ended_ns = history_now();
        errors[i] = master->getError();
        elapsed[i] = nowMs() - begun;
    }
    const uint64_t after = connection();
    soak_outcome outcome = SOAK_UNKNOWN;
    for (unsigned i = 0; i < count; i++) {
        outcome = judge(steps[i], errors[i], elapsed[i]);
        if (!soak_learn(&model, &steps[i], outcome, before == after ? after : 0))
            life_wrong(model.why);
    }
    return outcome;
}

// Which life the server is in.
bool Client::askLife() {
    steps[0] = soak_step();
    steps[0].type = SOAK_READ;
    steps[0].address = SOAK_LIVES_AT;
    steps[0].size = 8;
    steps[0].words = steps[0].own;
    if (together(1) != SOAK_DONE) return false;
    soak_learn_life(&model, steps[0].own[0]);
    return true;
}

void Client::oneStep() {
    static const uint64_t timeoutsMs[] = {20, 200, 1000, 1000, 3000};
    timeoutMs = timeoutsMs[soak_below(&model.random, 5)];
    if (soak_below(&model.random, 40) == 0) {
        askLife();
        return;
    }
    const bool alone = soak_below(&model.random, 2) == 0;
    const unsigned count = alone ? 1 : 1 + soak_below(&model.random, SOAK_BATCH);
    soak_next(&model, &steps[0], bulk.data());
    for (unsigned i = 1; i < count; i++)
        soak_next(&model, &steps[i], nullptr);
    together(count);
}

// Nothing is wrong any more: there must be an answer before long, and every register must hold what
// it may.
void Client::endWell() {
    const uint64_t begun = nowMs();
    timeoutMs = 5000;
    while (!askLife() && nowMs() - begun < SOAK_RECOVERY_MS)
        sleepMs(20);
    for (unsigned i = 0; i < SOAK_REGISTERS; i += SOAK_MOST) {
        soak_outcome outcome;
        do {
            soak_read(&model, &steps[0], i, SOAK_MOST);
            outcome = together(1);
        } while (outcome != SOAK_DONE && nowMs() - begun < SOAK_RECOVERY_MS);
        if (outcome == SOAK_DONE) continue;
        life_count("hung", 1);
        std::fprintf(stderr, "soak-classes-client: no good transaction within %u ms: %s\n",
                     SOAK_RECOVERY_MS, master->getError().c_str());
        break;
    }
    soak_read_shared(&steps[0], 0, SOAK_SHARED);
    together(1);
    life_most("ms-to-recover", nowMs() - begun);
    life_count("writes-unknown-at-the-end", soak_open_count(&model));
}

void run(unsigned) {
    while (!life_ending()) {
        client.oneStep();
        if (soak_below(&client.model.random, 8) != 0) sleepMs(soak_below(&client.model.random, 16));
        if (soak_below(&client.model.random, 1500) != 0) continue;
        client.come();
        life_count("client-objects-replaced", 1);
    }
    client.endWell();
    soak_end(&client.model);
}

} // namespace

int main(int argc, char** argv) {
    const unsigned long port = argc == 6 ? std::strtoul(argv[2], nullptr, 10) : 0;
    const unsigned long region = argc == 6 ? std::strtoul(argv[3], nullptr, 10) : 0;
    if (port == 0 || port > 65534 || region == 0 || region >= SOAK_SHARED_REGION) {
        std::fprintf(stderr, "usage: soak-classes-client ADDR PORT REGION SEED SERVER/CLIENT\n");
        return 2;
    }
    rogue::Logging::setLevel(rogue::Logging::Critical);
    client.host = argv[1];
    client.port = static_cast<uint16_t>(port);
    client.bulk.resize(SOAK_BULK_MOST / 8);
    soak_begin(&client.model, static_cast<unsigned>(region), std::strtoull(argv[4], nullptr, 10),
               argv[5]);
    try {
        client.come();
        life_run(1, run);
        client.tcp->stop();
    } catch (const rogue::GeneralError& error) {
        std::fprintf(stderr, "soak-classes-client: %s\n", error.what());
        return 1;
    }
    return 0;
}
