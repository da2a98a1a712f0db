// Who takes part in the soak: servers and clients, which of them are ours, and who talks to whom.
// Not what is done to them: see faults.h.
#ifndef RIM_SOAK_CAST_H
#define RIM_SOAK_CAST_H

#include "child.h"
#include "proxy.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace soak {

// The programs, as the command line names them; those of libzmq may be missing.
using Programs = std::map<std::string, std::string>;

// A process that was a server, in ns of the clock that clients record by.
struct Life {
    uint64_t begun, ended; // 0: not yet
};

struct Server {
    std::string name, program;
    bool polled = false, mayDie = false;
    uint16_t port = 0;
    int memory = -1;
    bool down = false, stopped = false; // just now
    Child child;
    std::vector<Life> lives;
    Holdings first;
};

struct Client {
    std::string name, program;
    unsigned region = 0;
    size_t server = 0;
    bool direct = false; // without a proxy
    Child child;
    Holdings first;
};

class Cast {
  public:
    // Starts all of them, and waits until every client has had an answer. Throws
    // std::runtime_error.
    Cast(const Programs& programs, uint64_t seed);

    // Starts a server again, on its port.
    void restart(Server& server);

    // What a server is told whenever it is started, and now: a line of ../memory.h.
    void order(const std::string& line);

    // A server has been ended.
    static void noteEnd(Server& server);

    // Writes `lives` to the folder of the histories. Throws std::runtime_error.
    void writeLives(const std::string& folder) const;

    // The servers and clients that have ended by themselves: name and how.
    std::vector<std::string> lost();

    std::vector<std::unique_ptr<Server>> servers;
    std::vector<std::unique_ptr<Client>> clients;
    Proxy proxy;

  private:
    Server& addServer(const Programs& programs, const std::string& name, const std::string& program,
                      bool polled, bool mayDie);
    void addClient(const Programs& programs, const std::string& name, const std::string& program,
                   bool direct);
    bool tryStart(Server& server);
    void startClients();

    uint64_t chance_;
    std::string order_;
    uint16_t nextPort_;
    unsigned nextRegion_ = 1;
};

} // namespace soak

#endif
