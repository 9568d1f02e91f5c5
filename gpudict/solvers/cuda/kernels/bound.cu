// The duality gap of each row from its residual, rounding in it: what `L1.certificate` is, which see.
#include "warp.cuh"

constexpr double LEAST = 2.2250738585072014e-308, FAINT = LEAST / 2.220446049250313e-16;

// Each row of corr = R Vᵀ (n, k), a warp each, with the sums that `residual` has written (n, 5), the
// norms of the atoms (k,) and alphas (n,). An entry of V r for an atom of norm 1 is known to
// tight·(‖x‖ + Σ|u|‖v‖), and as it stands in corr, and is handled here, to loose·‖r‖ + lost beside. Written are gaps (n,).
extern "C" __global__ void bound(const real *corr, const double *sums, const real *norms,
                                 const double *alphas, double *gaps, int n, int k, int positive,
                                 double tight, double loose, double lost) {
  const long long i = row_of_warp();
  if (i >= n) return;
  const double *of = sums + i * SUMS;
  const double sq = of[0], rr = of[1], inner = of[2], mass = of[3], value = alphas[i] * of[4];
  const double length = sqrt(sq), noise = tight * (length + mass);
  const real doubt = real(noise + loose * sqrt(rr) + (rr > 0 ? lost : 0));
  real pull = 0;
  for (int j = lane(); j < k; j += LANES) {
    const real c = corr[i * k + j], p = (positive ? c : magnitude(c)) + doubt * norms[j];
    pull = p > pull || p != p ? p : pull;
  }
  const bool odd = __ballot_sync(ALL, pull != pull);
  pull = largest(pull);
  const double scale = pull > alphas[i] ? alphas[i] / pull : 1;
  const double more = rr + 2 * noise * (length + mass), slack = value - scale * inner;
  double gap = (1 - scale) * (1 - scale) / 2 * more + (slack > 0 ? slack : 0) + noise * mass;
  gap = more / 2 + value < gap ? more / 2 + value : gap;
  gap = sq < FAINT && pull > 0 && gap < LEAST ? LEAST : gap;
  if (lane() == 0) gaps[i] = odd ? nan("") : gap;
}
