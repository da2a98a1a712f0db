#include "rogue/Helpers.h"
#include "rogue/interfaces/memory/TcpServer.h"
#include "rogue/protocols/srp/SrpV3.h"

namespace rim = rogue::interfaces::memory;
namespace rps = rogue::protocols::srp;

int main() {
   // Local memory SRP bridge
   auto srpv3 = rps::SrpV3::create();

   // Listen on all interfaces using ports 8000 and 8001
   auto tcp = rim::TcpServer::create("*", 8000);

   // Connect the TCP bridge to the local memory Slave
   *tcp >> srpv3;
   return 0;
}
