#include "BodyPool.hpp"

#include <algorithm>
#include <cstdlib>
#include <new>
#include <sys/mman.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define EDGE_BODIES_FROM_HEAP 1
#endif
#endif

namespace edge {

namespace {

// Mapped, so that freeing gives pages back at once; from the heap where the address sanitizer shall watch the bounds.
char *map(std::size_t capacity) {
#ifdef EDGE_BODIES_FROM_HEAP
    return static_cast<char *>(std::malloc(capacity));
#else
    void *memory = mmap(nullptr, capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return memory == MAP_FAILED ? nullptr : static_cast<char *>(memory);
#endif
}

void unmap(char *data, std::size_t capacity) {
#ifdef EDGE_BODIES_FROM_HEAP
    (void)capacity;
    std::free(data);
#else
    munmap(data, capacity);
#endif
}

}  // namespace

BodyPool::~BodyPool() {
    for (ch_body *&list : free_)
        while (ch_body *body = list) {
            list = body->next;
            destroy(body);
        }
}

std::size_t BodyPool::class_of(std::size_t count) {
    std::size_t index = 0;
    while (index < classes && (smallest << index) < count) index++;
    return index;
}

void BodyPool::charge(std::size_t count) {
    std::size_t now = charged_.fetch_add(count, std::memory_order_relaxed) + count;
    if (now > peak_.load(std::memory_order_relaxed)) peak_.store(now, std::memory_order_relaxed);
}

ch_body *BodyPool::acquire(std::size_t count, bool eager) {
    std::size_t index = class_of(count);
    if (index >= classes) return nullptr;
    std::lock_guard lock(mutex_);
    std::size_t in_use = charged() - cached_;
    // A body larger than the whole budget may come alone, or it would wait for ever.
    if (eager ? in_use + count > budget_ / 2 : in_use + count > budget_ && in_use > 0) return nullptr;

    ch_body *body = free_[index];
    if (body) {
        free_[index] = body->next;
        cached_ -= body->charge;
        lowest_cached_ = std::min(lowest_cached_, cached_);
        charged_.fetch_sub(body->charge, std::memory_order_relaxed);
    } else {
        body = new (std::nothrow) ch_body;
        if (!body) return nullptr;
        body->capacity = smallest << index;
        body->data = map(body->capacity);
        if (!body->data) {
            delete body;
            return nullptr;
        }
    }
    body->next = nullptr;
    body->charge = std::max(count, body->touched);
    evict(body->charge);
    charge(body->charge);
    return body;
}

void BodyPool::settle(ch_body *body, std::size_t count) {
    std::lock_guard lock(mutex_);
    body->touched = std::max(body->touched, count);
    charged_.fetch_sub(body->charge, std::memory_order_relaxed);
    body->charge = body->touched;
    charged_.fetch_add(body->charge, std::memory_order_relaxed);
}

bool BodyPool::release(ch_body *body) {
    std::lock_guard lock(mutex_);
    body->next = free_[class_of(body->capacity)];
    free_[class_of(body->capacity)] = body;
    cached_ += body->charge;
    return waiting_;
}

void BodyPool::set_waiting(bool waiting) {
    std::lock_guard lock(mutex_);
    waiting_ = waiting;
}

// Makes room for `needed` bytes by giving kept buffers back, the largest first.
void BodyPool::evict(std::size_t needed) {
    for (std::size_t index = classes; index-- > 0 && charged() + needed > budget_;)
        while (free_[index] && charged() + needed > budget_) {
            ch_body *body = free_[index];
            free_[index] = body->next;
            cached_ -= body->charge;
            charged_.fetch_sub(body->charge, std::memory_order_relaxed);
            destroy(body);
        }
    lowest_cached_ = std::min(lowest_cached_, cached_);
}

void BodyPool::trim() {
    std::lock_guard lock(mutex_);
    std::size_t surplus = lowest_cached_;
    for (std::size_t index = classes; index-- > 0 && surplus > 0;)
        while (free_[index] && surplus > 0) {
            ch_body *body = free_[index];
            free_[index] = body->next;
            cached_ -= body->charge;
            charged_.fetch_sub(body->charge, std::memory_order_relaxed);
            surplus -= std::min(surplus, body->charge);
            destroy(body);
        }
    lowest_cached_ = cached_;
}

bool BodyPool::has_cached() {
    std::lock_guard lock(mutex_);
    return cached_ > 0;
}

void BodyPool::destroy(ch_body *body) {
    unmap(body->data, body->capacity);
    delete body;
}

}  // namespace edge
