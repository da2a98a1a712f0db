// The functions of Rogue's TcpServer and TcpClient that other code may call: (name, symbol, result,
// parameters, arguments). An object passed by value is in fact a pointer to it (Itanium C++ ABI),
// and all shared pointers have the same layout. TcpClient has a virtual base: its constructor and
// destructor for a part of a derived class (C2, D2) take the derived class's table of virtual
// tables (VTT) after `this`. TcpServer has none.
#define BRIDGE_CLASS "_ZN5rogue10interfaces6memory9Tcp"
#define BRIDGE_STRING "NSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE"

#define BRIDGE_FUNCTIONS(X)                                                                        \
    X(server1, BRIDGE_CLASS "ServerC1E" BRIDGE_STRING "t", void,                                   \
      (void* self, std::string* address, unsigned short port), (self, address, port))              \
    X(server2, BRIDGE_CLASS "ServerC2E" BRIDGE_STRING "t", void,                                   \
      (void* self, std::string* address, unsigned short port), (self, address, port))              \
    X(serverEnd0, BRIDGE_CLASS "ServerD0Ev", void, (void* self), (self))                           \
    X(serverEnd1, BRIDGE_CLASS "ServerD1Ev", void, (void* self), (self))                           \
    X(serverEnd2, BRIDGE_CLASS "ServerD2Ev", void, (void* self), (self))                           \
    X(serverCreate, BRIDGE_CLASS "Server6createE" BRIDGE_STRING "t", std::shared_ptr<void>,        \
      (std::string * address, unsigned short port), (address, port))                               \
    X(serverPython, BRIDGE_CLASS "Server12setup_pythonEv", void, (), ())                           \
    X(serverClose, BRIDGE_CLASS "Server5closeEv", void, (void* self), (self))                      \
    X(serverStop, BRIDGE_CLASS "Server4stopEv", void, (void* self), (self))                        \
    X(serverStart, BRIDGE_CLASS "Server5startEv", void, (void* self), (self))                      \
    X(serverSend, BRIDGE_CLASS "Server16sendResponseMsg_EPvi", int,                                \
      (void* self, void* message, int flags), (self, message, flags))                              \
    X(client1, BRIDGE_CLASS "ClientC1E" BRIDGE_STRING "tb", void,                                  \
      (void* self, std::string* address, unsigned short port, bool ready),                         \
      (self, address, port, ready))                                                                \
    X(client2, BRIDGE_CLASS "ClientC2E" BRIDGE_STRING "tb", void,                                  \
      (void* self, void* tables, std::string* address, unsigned short port, bool ready),           \
      (self, tables, address, port, ready))                                                        \
    X(clientEnd0, BRIDGE_CLASS "ClientD0Ev", void, (void* self), (self))                           \
    X(clientEnd1, BRIDGE_CLASS "ClientD1Ev", void, (void* self), (self))                           \
    X(clientEnd2, BRIDGE_CLASS "ClientD2Ev", void, (void* self, void* tables), (self, tables))     \
    X(clientCreate, BRIDGE_CLASS "Client6createE" BRIDGE_STRING "tb", std::shared_ptr<void>,       \
      (std::string * address, unsigned short port, bool ready), (address, port, ready))            \
    X(clientPython, BRIDGE_CLASS "Client12setup_pythonEv", void, (), ())                           \
    X(clientClose, BRIDGE_CLASS "Client5closeEv", void, (void* self), (self))                      \
    X(clientStop, BRIDGE_CLASS "Client4stopEv", void, (void* self), (self))                        \
    X(clientReady, BRIDGE_CLASS "Client9waitReadyEdd", bool,                                       \
      (void* self, double timeout, double period), (self, timeout, period))                        \
    X(clientStart, BRIDGE_CLASS "Client5startEv", void, (void* self), (self))                      \
    X(clientTake, BRIDGE_CLASS "Client13doTransactionESt10shared_ptrINS1_11TransactionEE", void,   \
      (void* self, std::shared_ptr<void>* transaction), (self, transaction))
