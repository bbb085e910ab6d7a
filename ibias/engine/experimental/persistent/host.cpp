// The kernel on the CPU: blocks one after the other, a block's threads as threads, __syncthreads as a barrier between them.
// Built as C++20; shared memory is one array of the size that an H100 or H200 grants a block, full of NaN when a block starts.

#include <barrier>
#include <cmath>
#include <limits>
#include <math.h>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#ifndef REAL
#define REAL double
#endif

struct Index { int x; };
static thread_local Index threadIdx;
static Index blockIdx, blockDim;
static std::unique_ptr<std::barrier<>> meeting_point;
static REAL memory[SHARED_BYTES / sizeof(REAL)];

static void __syncthreads() {
    if (blockDim.x > 1) meeting_point->arrive_and_wait();
}

#define __global__
#define __device__
#define __shared__
#include "runs.cu"

// How many numbers of shared memory the last block has written, up to the last of them.
extern "C" int written() {
    int count = sizeof(memory) / sizeof(REAL);
    while (count && std::isnan(memory[count - 1])) count--;
    return count;
}

extern "C" void launch(int blocks, int threads, const Job *job) {
    static std::mutex one_at_a_time; // there is one chip
    const std::lock_guard lock(one_at_a_time);
    blockDim.x = threads;
    meeting_point = std::make_unique<std::barrier<>>(threads);
    for (blockIdx.x = 0; blockIdx.x < blocks; blockIdx.x++) {
        for (REAL &number : memory) number = std::numeric_limits<REAL>::quiet_NaN();
        std::vector<std::thread> others;
        auto thread = [&](int index) { threadIdx.x = index; persistent(job); };
        for (int index = 1; index < threads; index++) others.emplace_back(thread, index);
        thread(0);
        for (auto &other : others) other.join();
    }
}
