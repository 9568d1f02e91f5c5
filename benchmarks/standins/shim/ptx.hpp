// What the instructions of PTX do, for the C++ that `ptx/cpp.py` makes of a kernel: a warp at a time,
// its 32 lanes in lock step under a mask, by the ISA
// (https://docs.nvidia.com/cuda/parallel-thread-execution/).
//
// Lanes may part at any branch. Those that do not wait go on, the ones that are furthest behind in
// the code first; a shuffle or vote runs once all living lanes have come to it, and to no other.
//
// Memory is watched. An access has to be aligned to its size, and lie within a buffer that was named;
// constant buffers are not written; what one thread has written no other one reads or writes, in
// shared memory or global: shuffles and votes order no memory. Shared memory is read once written.
#pragma once
#include <algorithm>
#include <bit>
#include <climits>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

struct Buffer {  // of a device: [base, base + size), which is at `host`
  uint64_t base, size;
  char *host;
  int constant;
};
struct Site {  // an instruction: its line of PTX, and where in the source it comes from
  int line;
  const char *source;
};
struct Shape {
  unsigned first, blocks, all, threads, shared;  // run blocks first … first + blocks − 1 of `all`
};

constexpr uint64_t SHARED = 1ull << 52;  // where shared memory begins: no buffer is near
constexpr unsigned ALL = ~0u;
#define LANES for (int l = 0; l < 32; l++) if (on >> l & 1)

struct Machine {
  Shape shape;
  const Buffer *buffers;
  int count;
  const Site *sites;    // of segments, then of loads and stores
  const bool *meeting;  // whether a segment is a shuffle or a vote
  int end;              // the segment after the last
  long long patience;   // steps until a warp counts as one that never ends

  unsigned ctaid = 0, first = 0, on = ALL, alive = ALL;  // masks: who runs this, who has not ended
  int at[32] = {};
  long long steps = 0;
  std::vector<char> shared;
  std::vector<int> owner;                          // of four bytes of shared memory: 1 + thread
  std::unordered_map<uint64_t, uint64_t> written;  // four bytes of global memory: thread

  unsigned tid(int l) const { return first + l; }
  uint64_t thread(int l) const { return uint64_t(ctaid) * shape.threads + first + l; }

  [[noreturn, gnu::noinline]] void fault(int site, int l, const std::string &what) const {
    const Site &s = sites[site];
    throw std::runtime_error(what + ": block " + std::to_string(ctaid) + ", thread " + std::to_string(tid(l)) +
                             ", PTX line " + std::to_string(s.line) + ", " + s.source);
  }

  // Lanes.
  [[gnu::noinline]] int pick() {
    int low = INT_MAX, some = -1;
    for (int l = 0; l < 32; l++) {
      if (!(alive >> l & 1)) continue;
      if (at[l] == end) {
        alive &= ~(1u << l);
        continue;
      }
      some = some < 0 ? l : some;
      if (!meeting[at[l]] && at[l] < low) low = at[l];
    }
    if (!alive) return end;
    if (low == INT_MAX)
      for (int l = 0; low = at[some], l < 32; l++)
        if ((alive >> l & 1) && at[l] != low)
          fault(at[l], l, "lanes part: thread " + std::to_string(tid(some)) + " waits at PTX line " +
                              std::to_string(sites[low].line) + ", " + sites[low].source);
    on = 0;
    for (int l = 0; l < 32; l++) on |= unsigned((alive >> l & 1) && at[l] == low) << l;
    return low;
  }
  int go(unsigned taken, int target, int next) {
    if (++steps > patience) fault(next < end ? next : 0, 0, "no end in sight");
    if (on == alive && !taken) return next;
    if (on == alive && taken == on && target != end) return target;
    for (int l = 0; l < 32; l++)
      if (on >> l & 1) at[l] = taken >> l & 1 ? target : next;
    return pick();
  }
  void member(unsigned mask, int l, int site) const {
    if (mask != ALL) fault(site, l, "a mask that is not of all lanes");
  }
  // From which lane a shuffle takes, and whether that is one of the segment.
  [[gnu::noinline]] int source(int kind, unsigned b, unsigned c, int l, bool &in, int site) const {
    const int segment = c >> 8 & 31, low = l & segment, high = low | (int(c & 31) & ~segment);
    const int far = b & 31, up = l - far, down = l + far;
    int from = kind == 'i' ? low | (far & ~segment) : kind == 'b' ? l ^ far : kind == 'u' ? up : down;
    in = kind == 'u' ? from >= high : from <= high;
    from = in ? from : l;
    if (!(alive >> from & 1)) fault(site, l, "a shuffle from a lane that has ended");
    return from;
  }

  void known(unsigned has, int l, int site) const {
    if (!(has >> l & 1)) fault(site, l, "a register that nobody set");
  }

  // Memory.
  [[gnu::noinline]] char *place(uint64_t at, int size, bool global, bool stores, int l, int site) {
    const auto how = [=] { return std::string(global ? "global " : "shared ") + (stores ? "store" : "load"); };
    if (at % size) fault(site, l, "misaligned " + how() + " of " + std::to_string(size) + " bytes");
    if (!global) {
      const uint64_t offset = at - SHARED;
      if (offset >= shared.size() || shared.size() - offset < uint64_t(size))
        fault(site, l, how() + " at " + std::to_string(offset) + " of " + std::to_string(shared.size()) + " bytes");
      for (int w = 0; w < size / 4; w++) {
        int &own = owner[offset / 4 + w];
        if (!own && !stores) fault(site, l, how() + " of what nobody wrote");
        if (own && own != int(tid(l)) + 1) fault(site, l, how() + " of what another thread wrote");
        own = tid(l) + 1;
      }
      return &shared[offset];
    }
    uint64_t near = ~0ull, gap = ~0ull;
    for (int i = 0; i < count; i++) {
      const Buffer &b = buffers[i];
      if (at - b.base < b.size && b.size - (at - b.base) >= uint64_t(size)) {
        if (stores && b.constant) fault(site, l, "a store to constant buffer " + std::to_string(i));
        if (!b.constant)
          for (int w = 0; w < size / 4; w++) {
            const auto known = written.find(at + 4 * w);
            if (known != written.end() && known->second != thread(l))
              fault(site, l, how() + " of what another thread wrote");
            if (stores) written[at + 4 * w] = thread(l);
          }
        return b.host + (at - b.base);
      }
      const uint64_t off = at < b.base ? b.base - at : at - b.base;
      if (off < gap) gap = off, near = i;
    }
    const Buffer &b = buffers[near];
    fault(site, l, how() + " outside all buffers, at byte " + std::to_string(int64_t(at - b.base)) +
                       " of buffer " + std::to_string(near) + " with " + std::to_string(b.size));
  }
  template <class T, int N>
  void load(T (&out)[N], uint64_t at, bool global, int l, int site) {
    static_assert(sizeof(T) >= 4);
    std::memcpy(out, place(at, N * sizeof(T), global, false, l, site), N * sizeof(T));
  }
  template <class T, int N>
  void store(const T (&x)[N], uint64_t at, bool global, int l, int site) {
    static_assert(sizeof(T) >= 4);
    std::memcpy(place(at, N * sizeof(T), global, true, l, site), x, N * sizeof(T));
  }
};

template <class To, class From>
inline To as(From x) {  // the same bits; as a number where sizes differ
  if constexpr (sizeof(To) != sizeof(From) || std::is_same_v<To, bool>) return To(x);
  else return std::bit_cast<To>(x);
}

// Numbers: what goes into an instruction of floats, and what comes out.
template <bool FTZ, class T>
inline T in(T x) {
  if constexpr (FTZ && sizeof(T) == 4) return std::fabs(x) < 0x1p-126f ? std::copysign(T(0), x) : x;
  return x;
}
template <bool FTZ, class T>
inline T out(T x) {
  if constexpr (sizeof(T) == 4) {
    if (x != x) return std::bit_cast<float>(0x7fffffffu);
    return in<FTZ>(x);
  }
  return x;
}
template <class T>
inline T larger(T a, T b) {
  return a != a ? b : b != b ? a : a == b ? (std::signbit(a) ? b : a) : a > b ? a : b;
}
template <class T>
inline T smaller(T a, T b) {
  return a != a ? b : b != b ? a : a == b ? (std::signbit(a) ? a : b) : a < b ? a : b;
}

// Integers. Counts are clamped, where C++ leaves shifts by too much open.
template <class T>
inline T shl(T x, uint32_t by) {
  return by < 8 * sizeof(T) ? x << by : T(0);
}
template <class T>
inline T shr(T x, uint32_t by) {
  const bool all = by >= 8 * sizeof(T);
  return x >> (all ? 8 * sizeof(T) - 1 : by) >> all;
}
template <class T>
inline T bfi(T x, T y, uint32_t from, uint32_t count) {
  const T low = count < 8 * sizeof(T) ? shl<T>(1, count) - 1 : ~T(0), ones = shl<T>(low, from);
  return (y & ~ones) | (shl(x, from) & ones);
}
inline uint32_t funnel(uint32_t low, uint32_t high, uint32_t by) {  // shf.l.wrap
  return by & 31 ? high << (by & 31) | low >> (32 - (by & 31)) : high;
}
