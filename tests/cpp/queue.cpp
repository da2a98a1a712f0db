// rogue/Queue.h
#include "rogue/Queue.h"

#include "check.h"

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

int main() {
    check::begin();
    rogue::Queue<int> queue;
    CHECK(queue.empty());
    CHECK(!queue.busy());
    queue.setThold(2);
    queue.push(1);
    CHECK(!queue.busy());
    queue.push(2);
    CHECK(queue.busy());
    CHECK_EQUAL(queue.size(), 2u);
    CHECK_EQUAL(queue.pop(), 1);
    CHECK(!queue.busy());
    queue.reset();
    CHECK(queue.empty());

    // A full queue holds the producer back until there is room.
    queue.setMax(1);
    queue.push(10);
    std::atomic<bool> through(false);
    std::thread producer([&] {
        queue.push(11);
        through = true;
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    CHECK(!through);
    CHECK_EQUAL(queue.pop(), 10);
    CHECK_EQUAL(queue.pop(), 11);
    producer.join();
    CHECK(through);

    // A higher limit lets a waiting producer through.
    queue.push(12);
    std::thread second([&] { queue.push(13); });
    queue.setMax(0);
    second.join();
    CHECK_EQUAL(queue.size(), 2u);
    queue.reset();

    // Every entry comes out once, with several threads at both ends.
    queue.setMax(3);
    std::atomic<int> sum(0);
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t) {
        threads.emplace_back([&] {
            for (int i = 1; i <= 1000; ++i)
                queue.push(i);
        });
        threads.emplace_back([&] {
            for (int i = 1; i <= 1000; ++i)
                sum += queue.pop();
        });
    }
    for (std::thread& thread : threads)
        thread.join();
    CHECK_EQUAL(sum.load(), 3 * 500500);

    // stop() lets go of those who wait; from then on nothing goes in and nothing comes out.
    int popped = -1;
    std::thread waiting([&] { popped = queue.pop(); });
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    queue.stop();
    waiting.join();
    CHECK_EQUAL(popped, 0);
    queue.push(5);
    CHECK(queue.empty());

    rogue::Queue<std::shared_ptr<int>> pointers;
    pointers.push(std::make_shared<int>(3));
    CHECK_EQUAL(*pointers.pop(), 3);
    pointers.stop();
    CHECK(pointers.pop() == nullptr);
    return check::finish();
}
