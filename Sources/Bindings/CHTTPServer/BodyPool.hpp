// Memory of large bodies. All of it, in use and kept for reuse, is charged against one budget; what does not fit waits.
//
// A buffer is address space of a power of two; the system gives pages to it when bytes arrive. A body in progress is
// charged with what it announced, a finished one with what was ever touched. Whoever gets a buffer can therefore always
// finish, so bodies that wait for memory never wait for each other.
#pragma once

#include "CHTTPServer.h"

#include <array>
#include <atomic>
#include <cstddef>
#include <mutex>

struct ch_body {
    char *data = nullptr;
    std::size_t capacity = 0;
    std::size_t touched = 0;
    std::size_t charge = 0;
    ch_body *next = nullptr;
};

namespace edge {

class BodyPool {
public:
    explicit BodyPool(std::size_t budget) : budget_(budget) {}
    ~BodyPool();
    BodyPool(const BodyPool &) = delete;
    BodyPool &operator=(const BodyPool &) = delete;

    /// A buffer for `count` bytes, or null when the budget does not allow it now. An eager caller gets memory only
    /// while half of the budget stays free.
    ch_body *acquire(std::size_t count, bool eager);
    /// The body is complete: only its `count` bytes stay charged.
    void settle(ch_body *body, std::size_t count);
    /// From any thread. Returns whether somebody waits for memory.
    bool release(ch_body *body);
    void set_waiting(bool waiting);
    /// Gives back to the system what has not been used since the last call.
    void trim();

    std::size_t charged() const { return charged_.load(std::memory_order_relaxed); }
    std::size_t peak() const { return peak_.load(std::memory_order_relaxed); }
    bool has_cached();

private:
    static constexpr std::size_t smallest = 32 * 1024;
    static constexpr std::size_t classes = 20;

    static std::size_t class_of(std::size_t count);
    void charge(std::size_t count);
    void evict(std::size_t needed);
    void destroy(ch_body *body);

    const std::size_t budget_;
    std::mutex mutex_;
    std::array<ch_body *, classes> free_{};
    std::size_t cached_ = 0;
    std::size_t lowest_cached_ = 0;
    bool waiting_ = false;
    std::atomic<std::size_t> charged_{0};
    std::atomic<std::size_t> peak_{0};
};

}  // namespace edge
