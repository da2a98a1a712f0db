// Stands in for the class that the client example leaves to its reader.
#ifndef STANDIN_MY_MEM_MASTER_H
#define STANDIN_MY_MEM_MASTER_H

#include "rogue/interfaces/memory/Master.h"
#include "rogue/interfaces/memory/Slave.h"

#include <typeinfo>

/// A master that tells, when it goes, what it was connected to.
class MyMemMaster : public rogue::interfaces::memory::Master {
  public:
    static std::shared_ptr<MyMemMaster> create() { return std::make_shared<MyMemMaster>(); }

    ~MyMemMaster() override {
        const std::shared_ptr<rogue::interfaces::memory::Slave> pointer = getSlave();
        const rogue::interfaces::memory::Slave& slave = *pointer;
        lastSlave() = typeid(slave).name();
    }

    static std::string& lastSlave() {
        static std::string name;
        return name;
    }
};

#endif
