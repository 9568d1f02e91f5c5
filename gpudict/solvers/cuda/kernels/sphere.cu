// A step of majorise-minimise for each atom: what `portable/sphere_mm.py` is, which see.
#include "warp.cuh"

constexpr real LOWEST = real(-3e38);

// Each atom of V (k, d), a warp each: w = v + (b − t) / D, on the sphere, where A (k, k) and B (k, d) are
// the statistics of the codes, T = A V, D the sum of the |entries| of its row of A, and `greatest` is the
// largest entry of A, beside which the D of an atom that is used is no rounding. Written is W (k, d).
extern "C" __global__ void sphere(const real *A, const real *B, const real *T, const real *V,
                                  const real *greatest, real *W, int k, int d, int positive) {
  const long long j = row_of_warp();
  if (j >= k) return;
  real D = 0;
  for (int i = lane(); i < k; i += LANES) D += magnitude(A[j * k + i]);
  D = total(D);
  const real step = EPS * greatest[0] < D ? 1 / (D + NORMAL) : real(0);
  real size = LOWEST;  // of the largest entry, and its place
  int place = d;
  for (int f = lane(); f < d; f += LANES) {
    const real w = V[j * d + f] + (B[j * d + f] - T[j * d + f]) * step;
    const real entry = positive ? w : magnitude(w);
    if (entry > size) size = entry, place = f;
    W[j * d + f] = w;
  }
  const real top = largest(size);
  place = positive ? smallest(size == top ? place : d) : 0;
  real square = 0;  // of what is first brought to size 1: squares must not vanish
  for (int f = lane(); f < d; f += LANES) {
    const real w = W[j * d + f], kept = positive && w < 0 ? real(0) : w;
    const real scaled = top > 0 ? kept / (top + NORMAL) : real(f == place);
    square += scaled * scaled;
    W[j * d + f] = scaled;
  }
  const real norm = sqrt(total(square));
  for (int f = lane(); f < d; f += LANES) W[j * d + f] /= norm;
}
