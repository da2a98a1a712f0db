#include "rogue/Helpers.h"
#include "rogue/interfaces/memory/TcpClient.h"

namespace rim = rogue::interfaces::memory;

int main() {
   // Local memory Master
   auto mst = MyMemMaster::create();

   // Connect to the remote server using ports 8000 and 8001
   auto tcp = rim::TcpClient::create("192.168.1.1", 8000);

   // Connect the local Master to the remote bridge
   *mst >> tcp;
   return 0;
}
