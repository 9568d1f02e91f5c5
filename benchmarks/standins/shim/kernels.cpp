// The kernels as functions of the CPU: shim.hpp first, then what the device would compile.
#include "shim.hpp"

#include KERNELS

#ifndef RACES
#include <dlfcn.h>

// Where in this library its shuffles and votes are, and how often a warp met there; return how many.
extern "C" int places_and_counts(long long *offsets, long long *times, int room) {
  int n = 0;
  for (auto [place, count] : counts) {
    Dl_info library;
    dladdr(place, &library);
    if (n < room) offsets[n] = (char *)place - (char *)library.dli_fbase, times[n] = count;
    n++;
  }
  return n;
}

extern "C" void forget_counts() { counts.clear(); }
#endif

// Call a kernel with arguments that lie where the pointers say, as a driver does.
template <class... A, size_t... I>
void call(unsigned blocks, unsigned threads, void (*kernel)(A...), void **given, std::index_sequence<I...>) {
  launch(blocks, threads, [=] { kernel(*static_cast<A *>(given[I])...); });
}

template <class... A>
void called(unsigned blocks, unsigned threads, void (*kernel)(A...), void **given) {
  call(blocks, threads, kernel, given, std::index_sequence_for<A...>{});
}

extern "C" void run(unsigned blocks, unsigned threads, void **given) { called(blocks, threads, ENTRY, given); }
