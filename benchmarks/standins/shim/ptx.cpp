// A kernel that was translated from PTX as a function of the CPU: ptx.hpp first, then its C++.
#include "ptx.hpp"

#include KERNELS

// Run blocks; return what went wrong, or null. `seen` counts how often each segment ran.
extern "C" const char *run(const Shape *shape, const Buffer *buffers, int count,
                           const void *const *parameters, long long *seen, long long patience) {
  static thread_local std::string trouble;
  Machine m = {*shape, buffers, count, sites, meeting, END, patience};
  try {
    for (unsigned block = 0; block < m.shape.blocks; block++) {
      m.ctaid = m.shape.first + block;
      m.shared.assign(m.shape.shared, char(0xfe)), m.owner.assign(m.shape.shared / 4, 0);
      for (m.first = 0; m.first < m.shape.threads; m.first += 32) {
        m.on = m.alive = ALL, m.steps = 0;
        warp(m, parameters, seen);
      }
    }
  } catch (const std::exception &e) {
    trouble = e.what();
    return trouble.c_str();
  }
  return nullptr;
}
