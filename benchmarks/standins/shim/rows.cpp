// A few rows in a process of their own, which may abort, or be watched: by a sanitizer of the CPU
// behind the shim, or, compiled by nvcc, by one of NVIDIA's on a device. Atoms depend on each other,
// there are codes to start from, and more atoms are wanted than there are places. It fails where a
// solved row is not at its optimum, or a pursuit is not what the plain one of the host comes to.
//
//   rows [n] [k]
#include "either.hpp"

constexpr int d = 40;
constexpr int SHARED_BYTES = PLACES * PLACES * sizeof(real);  // of a warp

// The correlation of each atom with what codes u leave of a row, in float64.
std::vector<double> left(const real *c, const std::vector<real> &G, const double *u, int k) {
  std::vector<double> q(c, c + k);
  for (int a = 0; a < k; a++)
    for (int j = 0; u[a] != 0 && j < k; j++) q[j] -= u[a] * G[a * k + j];
  return q;
}

// ‖x − u V‖².
double error(double sq, const real *c, const std::vector<double> &q, const double *u, int k) {
  for (int j = 0; j < k; j++) sq -= u[j] * (c[j] + q[j]);
  return sq;
}

// The squared error of a plain pursuit: least squares on the atoms so far, by many steps of descent.
double pursued(const real *c, const std::vector<real> &G, double sq, int k, int most) {
  std::vector<double> u(k), q = left(c, G, u.data(), k);
  std::vector<bool> in(k);
  for (int taken = 0; taken < most; taken++) {
    int best = -1;
    for (int j = 0; j < k; j++)
      if (!in[j] && (best < 0 || std::abs(q[j]) > std::abs(q[best]))) best = j;
    in[best] = true;
    for (int turn = 0; turn < 300; turn++)
      for (int j = 0; j < k; j++)
        if (in[j]) {
          const double step = q[j] / G[j * k + j];
          u[j] += step;
          for (int a = 0; a < k; a++) q[a] -= step * G[j * k + a];
        }
  }
  return error(sq, c, q, u.data(), k);
}

int main(int argc, char **argv) {
  const int n = argc > 1 ? std::atoi(argv[1]) : 3, k = argc > 2 ? std::atoi(argv[2]) : 48;
  look();
  Numbers random;
  std::vector<real> V(k * d), X(n * d), G(k * k), C(n * k), sq(n), alphas(n), start(n * k);
  for (auto &v : V) v = random.next() / 4;
  for (int i = 0; i < d; i++) V[d + i] = V[i], V[2 * d + i] = -V[i];
  for (auto &x : X) x = random.next();
  for (int i = 0; i < k; i++)
    for (int j = 0; j < k; j++)
      for (int f = 0; f < d; f++) G[i * k + j] += V[i * d + f] * V[j * d + f];
  for (int i = 0; i < n; i++) {
    for (int f = 0; f < d; f++) sq[i] += X[i * d + f] * X[i * d + f];
    for (int j = 0; j < k; j++)
      for (int f = 0; f < d; f++) C[i * k + j] += X[i * d + f] * V[j * d + f];
    alphas[i] = i % 8 ? real(0.3) : real(0.002);
    for (int j = 0; i % 3 == 2 && j < k; j += 3) start[i * k + j] = random.next();
  }
  real longest = 0;
  for (int j = 0; j < k; j++) longest = std::max(longest, G[j * k + j]);
  int wrong = 0;
  const Array<real> dG(G), dC(C), dsq(sq), dU(std::vector<real>(n * k)), rest(n);
#ifdef LASSO
  const Array<real> dalphas(alphas), dlongest(std::vector<real>{longest}), dstart(start);
  const Array<int> dstatus(n);
  RUN(lasso, n, SHARED_BYTES, dG.at, dC.at, dsq.at, dalphas.at, dlongest.at, dstart.at, dU.at, rest.at, dstatus.at,
      n, k, 0, 0, 100, 0, 0);
  const auto status = dstatus.read();
#else
  constexpr int MOST = 6;
  RUN(pursuit, n, SHARED_BYTES, dG.at, dC.at, dsq.at, dU.at, rest.at, n, k, MOST, 0.0);
#endif
  const auto U = dU.read(), said = rest.read();
  for (int i = 0; i < n; i++) {
    const std::vector<double> u(&U[i * k], &U[i * k] + k);
    const auto q = left(&C[i * k], G, u.data(), k);
    double off = 0;
#ifdef LASSO
    for (int j = 0; j < k; j++) {  // from the conditions of an optimum, as a share of alpha
      const double r = q[j] / alphas[i];
      off = std::max(off, u[j] > 0 ? std::abs(r - 1) : u[j] < 0 ? std::abs(r + 1) : std::abs(r) - 1);
    }
    const bool right = status[i] == CROWDED || (status[i] == SOLVED && off < 1e-2);
#else
    const double found = error(sq[i], &C[i * k], q, u.data(), k);
    const double want = pursued(&C[i * k], G, sq[i], k, MOST);
    const int many = int(k - std::count(u.begin(), u.end(), 0.0));
    off = std::max(std::abs(said[i] - found), found - want) / sq[i];
    const bool right = many <= MOST && off < 1e-3;
#endif
    if (!right || n < 9) std::printf("row %d: off by %.1e\n", i, off);
    wrong += !right;
  }
  return wrong ? 3 : 0;
}
