// A kernel and its arrays, on a device where nvcc compiles it, and on the CPU behind the shim elsewhere.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>
#ifndef __CUDACC__
#include "shim.hpp"
#endif

#include KERNELS

// Of a block, if each warp has so many bytes of shared memory.
constexpr int warps(int shared) { return shared && 32768 / shared < 8 ? 32768 / shared : 8; }

#ifdef __CUDACC__
void done(cudaError_t error) {
  if (error == cudaSuccess) return;
  std::fprintf(stderr, "CUDA says %s\n", cudaGetErrorString(error));
  std::exit(4);
}

void look() {  // for a device that this runtime can use
  int devices = 0;
  const cudaError_t error = cudaGetDeviceCount(&devices);
  if (error == cudaSuccess && devices) return;
  std::fprintf(stderr, "no device for this toolkit: %s\n", cudaGetErrorString(error));
  std::exit(5);
}

template <class T>
struct Array {  // in the memory of the device
  T *at;
  int size;
  explicit Array(int n) : size(n) { done(cudaMalloc(&at, n * sizeof(T))); }
  Array(const std::vector<T> &x) : Array(int(x.size())) {
    done(cudaMemcpy(at, x.data(), size * sizeof(T), cudaMemcpyHostToDevice));
  }
  ~Array() { cudaFree(at); }
  std::vector<T> read() const {
    std::vector<T> x(size);
    done(cudaMemcpy(x.data(), at, size * sizeof(T), cudaMemcpyDeviceToHost));
    return x;
  }
};

#define RUN(kernel, n, shared, ...)                                                \
  kernel<<<((n) + warps(shared) - 1) / warps(shared), warps(shared) * LANES,       \
           warps(shared) * (shared)>>>(__VA_ARGS__);                               \
  done(cudaGetLastError()), done(cudaDeviceSynchronize())
#else
void look() {}

template <class T>
struct Array {
  std::vector<T> x;
  T *at;
  explicit Array(int n) : x(n), at(x.data()) {}
  Array(const std::vector<T> &y) : x(y), at(x.data()) {}
  const std::vector<T> &read() const { return x; }
};

#define RUN(kernel, n, shared, ...)                                          \
  launch(((n) + warps(shared) - 1) / warps(shared), warps(shared) * LANES, \
         [&] { kernel(__VA_ARGS__); })
#endif

struct Numbers {
  unsigned state = 1;
  real next() { return real((state = state * 1664525u + 1013904223u) >> 8) / (1 << 23) - 1; }
};
