// Prints which bridge a program has that was compiled with Rogue's headers: "replaced" if a word
// has crossed, else the error.
#include "../bus.h"

#include <iostream>

namespace {

/// As a program's own class may be derived.
struct Derived : rim::TcpServer {
    using rim::TcpServer::TcpServer;
    int send() { return sendResponseMsg_(nullptr, 0); }
};

struct DerivedClient : rim::TcpClient {
    using rim::TcpClient::TcpClient;
};

} // namespace

int main() {
    check::begin();
    const uint16_t port = check::freePair();
    const auto server = std::make_shared<Derived>("127.0.0.1", port);
    server->setSlave(acting([](const rim::TransactionPtr& transaction) { complete(transaction); }));
    server->start();
    server->send();
    Asking asking(port);
    if (!asking.client->waitReady(20, 0.5)) std::cout << "not ready" << std::endl;
    asking.client->start();
    const std::string error = asking.access(0x44);
    std::cout << (error.empty() && asking.word == 0x44 ? "replaced" : error) << std::endl;
    std::make_shared<DerivedClient>("127.0.0.1", port, false)->stop();
    CHECK(dynamic_cast<rim::TcpServer*>(static_cast<rim::Master*>(server.get())) != nullptr);
    const rim::TcpServerPtr other =
        check::onFreePorts([](uint16_t free) { return rim::TcpServer::create("127.0.0.1", free); });
    other->stop();
    asking.client->stop();
    server->stop();
    return check::finish();
}
