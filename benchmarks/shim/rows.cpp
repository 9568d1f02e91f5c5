// A few rows in a process of their own, which may abort, or be watched by the thread sanitizer: atoms
// that depend on each other, codes to start from, and more atoms wanted than there are places.
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
          status.data(), n, k, 0, 0, 40);
  });
#else
  launch(n, 32, [&] { pursuit(G.data(), C.data(), sq.data(), U.data(), rest.data(), n, k, 6, 0.0); });
#endif
  int codes = 0;
  for (auto u : U) codes += u != 0;
  std::printf("%d codes, status %d %d %d\n", codes, status[0], status[1], status[2]);
}
