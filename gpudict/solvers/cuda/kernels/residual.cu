// What a code leaves of its row, r = x − Σ u_j v_j, in double precision whatever the data's.
#include "warp.cuh"

constexpr int TILE = 8;  // features that a lane takes at once
constexpr int SUMS = 5;

// Each row of X (n, d), a warp each, with its code in U (n, k) over the atoms V (k, d) of the norms (k,).
// Written are R (n, d), r as it is rounded, and of each row in sums (n, 5): ‖x‖², ‖r‖², ⟨uV, r⟩,
// Σ|u|‖v‖ and Σ|u|.
extern "C" __global__ void residual(const real *X, const real *V, const real *U, const real *norms,
                                    real *R, double *sums, int n, int d, int k) {
  const long long i = row_of_warp();
  if (i >= n) return;
  double own[SUMS] = {};  // of this lane, but for the last two, which all lanes have
  for (int low = 0; low < d; low += LANES * TILE) {
    double y[TILE] = {};  // uV
    for (int tile = 0; tile < k; tile += LANES) {
      const int mine = tile + lane();
      const real code = mine < k ? U[i * k + mine] : real(0);
      unsigned some = __ballot_sync(ALL, code != 0);
      for (; some; some &= some - 1) {
        const int from = first(some), j = tile + from;
        const double u = __shfl_sync(ALL, code, from);
        const real *v = V + (long long)j * d;
        if (!low) own[3] += (u < 0 ? -u : u) * norms[j], own[4] += u < 0 ? -u : u;
#pragma unroll
        for (int t = 0; t < TILE; t++) {
          const int f = low + t * LANES + lane();
          if (f < d) y[t] += u * v[f];
        }
      }
    }
#pragma unroll
    for (int t = 0; t < TILE; t++) {
      const int f = low + t * LANES + lane();
      if (f < d) {
        const double x = X[i * d + f], r = x - y[t];
        R[i * d + f] = real(r);
        own[0] += x * x, own[1] += r * r, own[2] += y[t] * r;
      }
    }
  }
  for (int s = 0; s < 3; s++) own[s] = total(own[s]);
  if (lane() == 0)
    for (int s = 0; s < SUMS; s++) sums[i * SUMS + s] = own[s];
}
