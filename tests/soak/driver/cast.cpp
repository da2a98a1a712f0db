// Makes the servers and clients of the soak.
#include "cast.h"

#include "../model.h"

#include <fstream>
#include <stdexcept>
#include <sys/mman.h>
#include <thread>
#include <unistd.h>

namespace soak {

namespace {

const std::chrono::seconds PATIENCE(60); // of a machine that is busy with other things
const unsigned REGIONS_OF_ONE = 3;

int makeMemory() {
    const int file = memfd_create("soak", MFD_CLOEXEC);
    if (file < 0 || ftruncate(file, SOAK_MEMORY_BYTES) != 0)
        throw std::runtime_error("no memory file");
    std::vector<uint64_t> pattern((SOAK_MEMORY_BYTES - SOAK_PATTERN_AT) / 8);
    for (size_t word = 0; word < pattern.size(); word++)
        pattern[word] = soak_pattern(word);
    const ssize_t size = static_cast<ssize_t>(8 * pattern.size());
    if (pwrite(file, pattern.data(), 8 * pattern.size(), SOAK_PATTERN_AT) != size)
        throw std::runtime_error("no memory file");
    return file;
}

} // namespace

// Ports below the range that systems give to outgoing connections, so that nobody takes them while
// their owner is down.
Cast::Cast(const Programs& programs, uint64_t seed)
    : proxy(seed),
      chance_(seed + 1),
      nextPort_(static_cast<uint16_t>(10000 + getpid() % 400 * 40)) {
    Server* server = &addServer(programs, "ours-called", "server", false, true);
    addClient(programs, "ours", "client", true);
    addClient(programs, "classes", "classes-client", false);
    if (programs.count("peer-client") > 0) addClient(programs, "field", "peer-client", false);
    server = &addServer(programs, "ours-polled", "server", true, false);
    addClient(programs, "ours-steady", "client", false);
    if (programs.count("peer-client") > 0)
        addClient(programs, "field-steady", "peer-client", false);
    // More than one client at a server of the field get each other's responses.
    if (programs.count("peer-server") > 0) {
        server = &addServer(programs, "field", "peer-server", false, true);
        addClient(programs, "ours-to-field", "client", false);
        server = &addServer(programs, "field-steady", "peer-server", false, false);
        addClient(programs, "classes-to-field", "classes-client", false);
    }
    (void)server;
    startClients();
}

Server& Cast::addServer(const Programs& programs, const std::string& name,
                        const std::string& program, bool polled, bool mayDie) {
    servers.push_back(std::unique_ptr<Server>(new Server));
    Server& server = *servers.back();
    server.name = name;
    server.program = programs.at(program);
    server.polled = polled;
    server.mayDie = mayDie;
    server.memory = makeMemory();
    for (int attempt = 0; attempt < 100; attempt++) {
        server.port = nextPort_;
        nextPort_ = static_cast<uint16_t>(nextPort_ + 2);
        if (tryStart(server)) return server;
    }
    throw std::runtime_error("no free pair of ports for a server");
}

void Cast::addClient(const Programs& programs, const std::string& name, const std::string& program,
                     bool direct) {
    clients.push_back(std::unique_ptr<Client>(new Client));
    Client& client = *clients.back();
    client.name = name;
    client.program = programs.at(program);
    client.direct = direct;
    client.region = nextRegion_;
    nextRegion_ += REGIONS_OF_ONE;
    client.server = servers.size() - 1;
}

bool Cast::tryStart(Server& server) {
    std::vector<std::string> arguments = {server.program, std::to_string(server.port),
                                          std::to_string(server.memory),
                                          std::to_string(soak_random(&chance_))};
    if (server.program.find("peer") == std::string::npos)
        arguments.push_back(server.polled ? "1" : "0");
    server.lives.push_back({history_now(), 0});
    server.child.start(arguments, server.memory);
    if (!server.child.hear("ready ", PATIENCE).empty()) {
        if (!order_.empty()) server.child.tell(order_);
        return true;
    }
    server.child.kill();
    noteEnd(server);
    return false;
}

void Cast::noteEnd(Server& server) { server.lives.back().ended = history_now(); }

void Cast::order(const std::string& line) {
    order_ = line;
    for (const auto& server : servers)
        server->child.tell(line);
}

void Cast::writeLives(const std::string& folder) const {
    std::ofstream file(folder + "/lives");
    for (const auto& server : servers)
        for (const Life& life : server->lives)
            file << server->name << ' ' << life.begun << ' ' << life.ended << '\n';
    file.close();
    if (!file) throw std::runtime_error("the histories could not be written");
}

void Cast::restart(Server& server) {
    const auto until = Clock::now() + PATIENCE;
    while (!tryStart(server)) {
        if (Clock::now() > until) throw std::runtime_error(server.name + " does not start again");
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    server.down = false;
}

void Cast::startClients() {
    for (size_t number = 0; number < clients.size(); number++) {
        Client& client = *clients[number];
        uint16_t port = servers[client.server]->port;
        // Its own address, by which a server tells clients of the field apart.
        const std::string source = "127.0.0." + std::to_string(10 + number);
        if (!client.direct)
            nextPort_ = static_cast<uint16_t>((port = proxy.addLine(port, source, nextPort_)) + 2);
        client.child.start({client.program, "127.0.0.1", std::to_string(port),
                            std::to_string(client.region), std::to_string(soak_random(&chance_)),
                            servers[client.server]->name + "/" + client.name},
                           -1);
    }
    for (const auto& client : clients)
        if (client->child.hear("good", PATIENCE).empty())
            throw std::runtime_error(client->name + " has had no answer");
}

std::vector<std::string> Cast::lost() {
    std::vector<std::string> names;
    for (const auto& server : servers)
        if (server->child.hasEnded()) names.push_back("server " + server->name);
    for (const auto& client : clients)
        if (client->child.hasEnded()) names.push_back("client " + client->name);
    return names;
}

} // namespace soak
