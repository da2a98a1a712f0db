// Servers and clients that are destroyed in every state that they can be in, and by the slaves that
// run on their behalf.
#include "rogue/interfaces/memory/Constants.h"
#include "rogue/interfaces/memory/Emulate.h"
#include "rogue/interfaces/memory/Master.h"
#include "rogue/interfaces/memory/TcpClient.h"
#include "rogue/interfaces/memory/TcpServer.h"

#include "bridge.h"
#include "check.h"

#include <thread>
#include <vector>

namespace rim = rogue::interfaces::memory;

namespace {

const int kRounds = 10;

rim::MasterPtr masterOf(const rim::SlavePtr& slave) {
    const rim::MasterPtr master = rim::Master::create();
    master->setTimeout(20000000);
    *master >> slave;
    return master;
}

/// Does what it is told with the endpoints around it, then answers.
class Acting : public rim::Slave {
  public:
    explicit Acting(std::function<void()> act) : Slave(4, 4096), act_(std::move(act)) {}
    void doTransaction(rim::TransactionPtr transaction) override {
        act_();
        transaction->done();
    }

  private:
    std::function<void()> act_;
};

/// What a thread that asks is told.
std::string asked(const rim::MasterPtr& master) {
    uint32_t word = 0;
    master->waitTransaction(master->reqTransaction(0, 4, &word, rim::Read));
    return master->getError();
}

void idle() {
    uint16_t port = 0;
    for (int i = 0; i < kRounds; ++i) {
        bridge::serve(&port).reset();
        // With nobody there, at first and after a while.
        rim::TcpClient::create("127.0.0.1", port).reset();
        rim::TcpClientPtr client = rim::TcpClient::create("127.0.0.1", port);
        usleep(static_cast<useconds_t>(1000 * i));
        client.reset();
        // Connected, in both orders.
        rim::TcpServerPtr server = bridge::serve(&port);
        *server >> rim::Emulate::create(4, 64);
        client = rim::TcpClient::create("127.0.0.1", port);
        CHECK(client->waitReady(20.0, 0.1));
        if (i % 2 == 0) server.reset();
        client.reset();
    }
}

/// By two threads at a time, while a third waits for a transaction.
void stopped() {
    uint16_t port = 0;
    for (int i = 0; i < kRounds; ++i) {
        const auto keeping = std::make_shared<bridge::Keeping>();
        const rim::TcpServerPtr server = bridge::serve(&port);
        *server >> keeping;
        const rim::TcpClientPtr client = rim::TcpClient::create("127.0.0.1", port);
        std::string told;
        std::thread asking([&] { told = asked(masterOf(client)); });
        keeping->await(1);
        const bool first = i % 2 == 0;
        const auto stop = [&] {
            if (first) client->stop();
            server->stop();
            client->stop();
        };
        std::thread one(stop);
        std::thread other(stop);
        one.join();
        other.join();
        asking.join();
        CHECK(check::contains(told, first ? "stopped" : "connection lost") ||
              check::contains(told, "stopped"));
        // It is over for who asked, and the slave's to end all the same.
        for (const rim::TransactionPtr& transaction : keeping->take())
            transaction->done();
    }
}

/// A server that goes with transactions in its slave's hands; the slave ends them later, or never.
void underWay() {
    uint16_t port = 0;
    for (int i = 0; i < kRounds; ++i) {
        const auto keeping = std::make_shared<bridge::Keeping>();
        rim::TcpServerPtr server = bridge::serve(&port);
        *server >> keeping;
        rim::TcpClientPtr client = rim::TcpClient::create("127.0.0.1", port);
        rim::MasterPtr master = masterOf(client);
        uint32_t words[3] = {1, 2, 3};
        for (uint32_t& word : words)
            master->reqTransaction(0, 4, &word, rim::Read);
        keeping->await(1);
        if (i % 3 == 0) server.reset();
        if (i % 3 == 1) {
            client.reset();
            master.reset();
        }
        for (const rim::TransactionPtr& transaction : keeping->take())
            if (i % 2 == 0) transaction->done();
        master.reset();
        client.reset();
        server.reset();
        CHECK(i % 2 == 0 || (words[0] == 1 && words[1] == 2 && words[2] == 3));
    }
}

/// By a slave, which runs on the server's thread or behind a client.
void fromSlaves() {
    uint16_t port = 0;
    for (int i = 0; i < kRounds; ++i) {
        rim::TcpServerPtr server = bridge::serve(&port);
        rim::TcpClientPtr client = rim::TcpClient::create("127.0.0.1", port);
        const rim::MasterPtr master = masterOf(client);
        // The last reference to its own server, on that server's thread.
        *server >> std::make_shared<Acting>([&server] { server.reset(); });
        CHECK(check::contains(asked(master), "connection lost"));
        CHECK(server == nullptr);

        // The client that has asked.
        rim::TcpServerPtr other = bridge::serve(&port);
        rim::TcpClientPtr asking = rim::TcpClient::create("127.0.0.1", port);
        *other >> std::make_shared<Acting>([&asking] { asking->stop(); });
        CHECK(check::contains(asked(masterOf(asking)), "stopped"));

        // Another server, and another client, with nothing to do.
        rim::TcpServerPtr third = bridge::serve(&port);
        *third >> rim::Emulate::create(4, 64);
        rim::TcpClientPtr its = rim::TcpClient::create("127.0.0.1", port);
        rim::TcpServerPtr fourth = bridge::serve(&port);
        *fourth >> std::make_shared<Acting>([&] {
            its.reset();
            third.reset();
        });
        CHECK_EQUAL(asked(masterOf(rim::TcpClient::create("127.0.0.1", port))), "");
        CHECK(third == nullptr && its == nullptr);
    }
}

} // namespace

int main() {
    check::begin();
    idle();
    stopped();
    underWay();
    fromSlaves();
    return check::finish();
}
