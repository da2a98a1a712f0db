// A slave as in the field that keeps its transactions: it hands their ids to a device, and
// completes them by id when the device calls back, from the device's thread and not in the order in
// which they came.
#include <rogue/GeneralError.h>
#include <rogue/interfaces/memory/Constants.h>
#include <rogue/interfaces/memory/Slave.h>
#include <rogue/interfaces/memory/TcpServer.h>
#include <rogue/interfaces/memory/Transaction.h>
#include <rogue/interfaces/memory/TransactionLock.h>

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

// What a vendor's library looks like: requests with a tag, answered through a callback. It knows
// nothing of Rogue.
class Device {
  public:
    struct Request {
        uint32_t tag;
        uint64_t address;
        bool write;
        std::vector<uint8_t> bytes;
    };
    typedef std::function<void(const Request&, const char* failure)> Callback;

    explicit Device(Callback callback)
        : callback_(callback), run_(true), thread_(&Device::work, this) {}

    ~Device() {
        {
            std::lock_guard<std::mutex> lock(mutex_);
            run_ = false;
        }
        wake_.notify_all();
        thread_.join();
    }

    void submit(const Request& request) {
        std::lock_guard<std::mutex> lock(mutex_);
        waiting_.push_back(request);
        wake_.notify_all();
    }

  private:
    void work() {
        std::unique_lock<std::mutex> lock(mutex_);
        while (run_) {
            wake_.wait(lock, [this] { return !run_ || !waiting_.empty(); });
            std::vector<Request> batch;
            batch.swap(waiting_);
            lock.unlock();
            for (Request& request : batch)
                carryOut(request);
            // The last one first. What it did is done by now.
            std::reverse(batch.begin(), batch.end());
            for (Request& request : batch)
                callback_(request,
                          (request.address >> 32) < 4 ? NULL : "the device has four targets");
            lock.lock();
        }
    }

    void carryOut(Request& request) {
        for (size_t i = 0; i < request.bytes.size(); i++) {
            if (request.write)
                cells_[request.address + i] = request.bytes[i];
            else
                request.bytes[i] = cells_[request.address + i];
        }
    }

    std::map<uint64_t, uint8_t> cells_;
    Callback callback_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::vector<Request> waiting_;
    bool run_;
    std::thread thread_;
};

namespace rim = rogue::interfaces::memory;

class DeviceSlave : public rim::Slave {
    std::unique_ptr<Device> device_;

    void answered(const Device::Request& request, const char* failure) {
        rim::TransactionPtr tran = getTransaction(request.tag);
        if (!tran) {
            fprintf(stderr, "id %u is not kept\n", request.tag);
            abort();
        }
        rim::TransactionLockPtr lock = tran->lock();
        if (tran->expired()) return;
        if (failure != NULL) {
            tran->errorStr(failure);
            return;
        }
        if (!request.write) std::copy(request.bytes.begin(), request.bytes.end(), tran->begin());
        tran->done();
    }

  public:
    DeviceSlave() : rim::Slave(4, 1024) {
        using namespace std::placeholders;
        device_.reset(new Device(std::bind(&DeviceSlave::answered, this, _1, _2)));
        setName("device");
    }

    ~DeviceSlave() { device_.reset(); }

    void doTransaction(rim::TransactionPtr tran) override {
        rim::TransactionLockPtr lock = tran->lock();
        Device::Request request;
        request.tag = tran->id();
        request.address = tran->address();
        request.write = tran->type() == rim::Write || tran->type() == rim::Post;
        request.bytes.assign(tran->begin(), tran->end());
        lock->unlock();
        addTransaction(tran); // first: the device may call back at once
        device_->submit(request);
    }
};

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ends, NULL);
    try {
        auto slave = std::make_shared<DeviceSlave>();
        auto server = std::make_shared<rim::TcpServer>(argv[1], (uint16_t)atoi(argv[2]));
        *slave << server;
        printf("ready\n");
        fflush(stdout);
        int which;
        sigwait(&ends, &which);
        server->stop();
    } catch (const std::exception& error) {
        fprintf(stderr, "%s\n", error.what());
        return 1;
    }
    printf("bye\n");
    return 0;
}
