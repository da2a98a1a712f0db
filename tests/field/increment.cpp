// A subclassed Master as in the field, behind a Hub that selects the target: increments a counter,
// and changes a field of a register by read, modify and write.
#include <rogue/Helpers.h>
#include <rogue/interfaces/memory/Constants.h>
#include <rogue/interfaces/memory/Hub.h>
#include <rogue/interfaces/memory/Master.h>
#include <rogue/interfaces/memory/TcpClient.h>

#include <stdio.h>
#include <stdlib.h>

#include <memory>
#include <string>

class Registers;
typedef std::shared_ptr<Registers> RegistersPtr;

class Registers : public rogue::interfaces::memory::Master {
    bool access(uint64_t address, uint32_t* value, uint32_t type) {
        clearError();
        uint32_t id = reqTransaction(address, sizeof(uint32_t), value, type);
        waitTransaction(id);
        if (getError() == "") return true;
        fprintf(stderr, "0x%lx: %s\n", (unsigned long)address, getError().c_str());
        return false;
    }

  public:
    static RegistersPtr create() { return std::make_shared<Registers>(); }

    bool read(uint64_t address, uint32_t* value) {
        return access(address, value, rogue::interfaces::memory::Read);
    }

    bool increment(uint64_t address) {
        uint32_t value;
        if (!read(address, &value)) return false;
        value++;
        return access(address, &value, rogue::interfaces::memory::Write);
    }

    bool setField(uint64_t address, uint32_t lsb, uint32_t size, uint32_t value) {
        uint32_t word;
        if (!read(address, &word)) return false;
        copyBits((uint8_t*)&word, lsb, (uint8_t*)&value, 0, size);
        return access(address, &word, rogue::interfaces::memory::Write);
    }

    bool getField(uint64_t address, uint32_t lsb, uint32_t size, uint32_t* value) {
        uint32_t word;
        *value = 0;
        if (!read(address, &word)) return false;
        copyBits((uint8_t*)value, 0, (uint8_t*)&word, lsb, size);
        return true;
    }

    bool enable(uint64_t address, uint32_t lsb, uint32_t size) {
        uint32_t word;
        if (!read(address, &word)) return false;
        if (anyBits((uint8_t*)&word, lsb, size)) printf("enabled before\n");
        setBits((uint8_t*)&word, lsb, size);
        return access(address, &word, rogue::interfaces::memory::Write);
    }

    ~Registers() { stop(); }
};

static const uint64_t Counter = 0x800;
static const uint64_t Control = 0x804;

int main(int argc, char** argv) {
    if (argc < 3) return 2;
    uint64_t timeout = argc > 3 ? strtoull(argv[3], NULL, 10) * 1000000 : ROGUE_DEFAULT_TIMEOUT;

    rogue::interfaces::memory::TcpClientPtr tcp =
        rogue::interfaces::memory::TcpClient::create(argv[1], (uint16_t)atoi(argv[2]));
    rogue::interfaces::memory::HubPtr target =
        rogue::interfaces::memory::Hub::create((uint64_t)3 << 32, 0, 0);
    RegistersPtr regs = Registers::create();
    regs->setTimeout(timeout);
    rogueBusConnect(regs, target)
        rogueBusConnect(target, tcp) if (!tcp->waitReady(10e-6 * (double)timeout, 0.1)) return 1;

    uint32_t before, after, field, word;
    if (!regs->read(Counter, &before)) return 1;
    for (int i = 0; i < 10; i++)
        if (!regs->increment(Counter)) return 1;
    if (!regs->read(Counter, &after)) return 1;
    printf("counter %u to %u\n", before, after);

    // Bits 6 to 17 cross bytes at both ends.
    if (!regs->setField(Control, 6, 12, 0xABC) || !regs->enable(Control, 30, 2)) return 1;
    if (!regs->getField(Control, 6, 12, &field) || !regs->read(Control, &word)) return 1;
    printf("control 0x%08x field 0x%x at 0x%lx\n", word, field, (unsigned long)regs->reqAddress());
    tcp->stop();
    return (after == before + 10 && field == 0xABC && word == 0xC002AF00) ? 0 : 1;
}
