// Starts a contestant's two processes, and understands what the client says.
#include "pair.h"

#include <cstdio>
#include <stdexcept>

namespace bench {

std::unique_ptr<Pair> Pair::start(const Contestant& who, const std::string& kind,
                                  const Placement& placement) {
    auto pair = std::make_unique<Pair>();
    const std::vector<std::string> server = {who.program, "server", kind};
    pair->server_ = std::make_unique<Process>(server, placement.serverCore);
    const std::string said = pair->server_->hear();
    if (said == "unsupported") return nullptr;
    unsigned port = 0;
    if (std::sscanf(said.c_str(), "ready %u", &port) != 1)
        throw std::runtime_error("not understood: " + said);

    const std::vector<std::string> client = {who.program, "client", std::to_string(port)};
    pair->client_ = std::make_unique<Process>(client, placement.clientCore);
    if (pair->client_->hear().compare(0, 5, "ready") != 0)
        throw std::runtime_error("the client did not get ready");
    return pair;
}

Answer Pair::run(const std::string& command) {
    client_->tell(command);
    const std::string line = client_->hear();
    Answer answer;
    if (line == "unsupported") return answer;
    answer.supported = true;
    if (std::sscanf(line.c_str(), "ok %lf %lf %lf %lf", &answer.seconds, &answer.transactions,
                    &answer.p50, &answer.p99) != 4)
        throw std::runtime_error("not understood: " + line);
    return answer;
}

} // namespace bench
