// CUDA C on the CPU, a warp at a time: 32 lanes that meet at every shuffle and vote.
//
// Two engines stand behind one interface:
//   default   lanes are fibers of one thread, in turn: fast and deterministic. Where lanes do not
//             meet at the same place in the code, or one has ended, the process says so and aborts.
//   -DRACES   lanes are threads, for the thread sanitizer. A shuffle hands its value over by relaxed
//             atomics, which order nothing else, as on the device.
// Blocks and warps run one after the other. The kernels have no barrier, so none is here.
#pragma once
#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#define __global__
#define __device__
#define __forceinline__ inline __attribute__((always_inline))
#define __restrict__
#define SHARED(type, name) type *const name = reinterpret_cast<type *>(shared_memory)

struct Index {
  unsigned x = 1;
};
inline Index blockDim;
alignas(16) inline char shared_memory[1 << 16];

#ifdef RACES
inline thread_local Index threadIdx, blockIdx;
inline thread_local int own;
inline thread_local int turn;
inline std::atomic<uint64_t> board[2][32];

inline std::atomic<int> come, meeting;

inline void meet(uint64_t value, int) {
  constexpr auto relaxed = std::memory_order_relaxed;
  board[turn][own].store(value, relaxed);
  const int now = meeting.load(relaxed);
  if (come.fetch_add(1, relaxed) == 31) {
    come.store(0, relaxed);
    meeting.store(now + 1, relaxed);
  } else {
    while (meeting.load(relaxed) == now) std::this_thread::yield();
  }
}
inline uint64_t seen(int lane) { return board[turn][lane].load(std::memory_order_relaxed); }
inline void part() { turn ^= 1; }

template <class F>
void warp(unsigned block, unsigned first, F kernel) {
  std::vector<std::thread> lanes;
  for (int i = 0; i < 32; i++)
    lanes.emplace_back([=] {
      blockIdx = {block}, threadIdx = {first + i}, own = i, turn = 0;
      kernel();
    });
  for (auto &lane : lanes) lane.join();
}
#else
inline Index threadIdx, blockIdx;
inline int own;
inline uint64_t board[2][32];
inline int turns[32], lines[32];
inline void *places[32];  // where in the code a lane waits: a helper is there once for each use
inline bool ended[32];
inline std::unordered_map<void *, long long> counts;  // of shuffles and votes, by place
inline void *stacks[32], *outer;

// Save the registers that a call keeps on the stack, and go on where the other stack left off.
extern "C" void change_stack(void **from, void *to);
#if defined(__x86_64__)
asm(R"(
.text
.globl change_stack
change_stack:
  pushq %rbp; pushq %rbx; pushq %r12; pushq %r13; pushq %r14; pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15; popq %r14; popq %r13; popq %r12; popq %rbx; popq %rbp
  ret
)");
constexpr int SAVED = 6;
#else
#error "The fibers are written for x86-64: compile with -DRACES elsewhere."
#endif

inline void next() {
  const int now = own;
  if (now == 31) return change_stack(&stacks[now], outer);
  own = now + 1;
  threadIdx.x += 1;
  change_stack(&stacks[now], stacks[own]);
}
__attribute__((noinline)) inline void meet(uint64_t value, int line) {
  board[turns[own]][own] = value;
  lines[own] = line, places[own] = __builtin_return_address(0);
#ifdef COUNTED
  if (own == 0) counts[places[0]]++;
#endif
  next();
}
inline uint64_t seen(int lane) { return board[turns[own]][lane]; }
inline void part() { turns[own] ^= 1; }

template <class F>
void warp(unsigned block, unsigned first, F kernel) {
  constexpr size_t DEPTH = 1 << 16;
  static std::vector<char> memory(32 * DEPTH);
  static F *running;
  running = &kernel, blockIdx = {block};
  for (int i = 0; i < 32; i++) {
    ended[i] = false, turns[i] = lines[i] = 0, places[i] = nullptr;
    auto *top = (uint64_t *)(((uintptr_t)memory.data() + (i + 1) * DEPTH) & ~uintptr_t(15));
    *--top = 0;
    *--top = (uint64_t) + [] {
      (*running)();
      ended[own] = true;
      for (;;) next();
    };
    for (int r = 0; r < SAVED; r++) *--top = 0;
    stacks[i] = top;
  }
  for (int left = 32; left;) {
    own = 0, threadIdx = {first};
    change_stack(&outer, stacks[0]);
    left = 0;
    for (int i = 0; i < 32; i++) {
      left += !ended[i];
      if (ended[i] != ended[0] || places[i] != places[0]) {
        std::fprintf(stderr, "Lanes part in block %u: lane 0 is at line %d%s, lane %d at line %d%s.\n",
                     block, lines[0], ended[0] ? " (ended)" : "", i, lines[i], ended[i] ? " (ended)" : "");
        std::abort();
      }
    }
  }
}
#endif

template <class T>
uint64_t packed(T value) {
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  return bits;
}
template <class T>
T unpacked(uint64_t bits) {
  T value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}
template <class T>
T shuffle(T value, int from, int line) {
  meet(packed(value), line);
  const T other = unpacked<T>(seen(from & 31));
  part();
  return other;
}
inline unsigned vote(bool is, int line) {
  meet(is, line);
  unsigned all = 0;
  for (int i = 0; i < 32; i++) all |= unsigned(seen(i)) << i;
  part();
  return all;
}
#define __shfl_sync(mask, value, from) shuffle(value, from, __LINE__)
#define __shfl_xor_sync(mask, value, bits) shuffle(value, own ^ (bits), __LINE__)
#define __ballot_sync(mask, is) vote(is, __LINE__)

inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
inline int __ffsll(long long x) { return __builtin_ffsll(x); }
inline int __clzll(long long x) { return x ? __builtin_clzll(x) : 64; }
inline unsigned __float_as_uint(float x) { return unpacked<unsigned>(packed(x)); }
using std::max;
using std::sqrt;

template <class F>
void launch(unsigned blocks, unsigned threads, F kernel) {
  blockDim = {threads};
  for (unsigned block = 0; block < blocks; block++)
    for (unsigned first = 0; first < threads; first += 32) warp(block, first, kernel);
}
