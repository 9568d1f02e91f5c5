// A few rows in a process of their own, which may abort, or be watched by a sanitizer: atoms that
// depend on each other, codes to start from, and more atoms wanted than there are places. It fails
// where a solved row is not at its optimum.
#include "shim.hpp"

#include KERNELS

struct Numbers {
  unsigned state = 1;
  real next() { return real((state = state * 1664525u + 1013904223u) >> 8) / (1 << 23) - 1; }
};

int main() {
  constexpr int n = 3, d = 40, k = 48;
  Numbers random;
  std::vector<real> V(k * d), X(n * d), G(k * k), C(n * k), sq(n), alphas(n), start(n * k), U(n * k), rest(n);
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
    alphas[i] = i ? real(0.3) : real(0.002);
    for (int j = 0; i == 2 && j < k; j += 3) start[i * k + j] = random.next();
  }
  real longest = 0;
  for (int j = 0; j < k; j++) longest = std::max(longest, std::sqrt(G[j * k + j]));
  std::vector<int> status(n);
#ifdef LASSO
  launch(n, 32, [&] {
    lasso(G.data(), C.data(), sq.data(), alphas.data(), &longest, start.data(), U.data(), rest.data(),
          status.data(), n, k, 0, 0, 40, 0, 0);
  });
#else
  launch(n, 32, [&] { pursuit(G.data(), C.data(), sq.data(), U.data(), rest.data(), n, k, 6, 0.0); });
#endif
#ifdef LASSO
  for (int i = 0; i < n; i++) {
    double off = 0;  // from the conditions of an optimum, as a share of alpha
    for (int j = 0; j < k; j++) {
      double q = C[i * k + j], u = U[i * k + j];
      for (int a = 0; a < k; a++) q -= double(U[i * k + a]) * G[a * k + j];
      q /= alphas[i];
      off = std::max(off, u > 0 ? std::abs(q - 1) : u < 0 ? std::abs(q + 1) : std::abs(q) - 1);
    }
    std::printf("row %d: status %d, off by %.1e\n", i, status[i], off);
    if (status[i] != CROWDED && !(status[i] == SOLVED && off < 1e-2)) return 3;
  }
#endif
}
