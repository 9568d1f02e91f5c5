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

#ifdef LASSO
extern "C" void run(unsigned blocks, unsigned threads, const real *G, const real *C, const real *sq,
                    const real *alphas, const real *longest, const real *start, real *U, real *gaps,
                    int *status, int n, int k, int apart, int positive, int rounds) {
  launch(blocks, threads, [=] {
    lasso(G, C, sq, alphas, longest, start, U, gaps, status, n, k, apart, positive, rounds);
  });
}
#else
extern "C" void run(unsigned blocks, unsigned threads, const real *G, const real *C, const real *sq,
                    real *U, real *rest, int n, int k, int most, double target) {
  launch(blocks, threads, [=] { pursuit(G, C, sq, U, rest, n, k, most, target); });
}
#endif
