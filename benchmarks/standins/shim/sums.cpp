// The kernels around the lasso in a process of their own, as `rows.cpp`: the residual, the bound of the
// gap, the step on the sphere. It fails where one is not what the host computes in float64.
//
//   sums [n] [k]
#include "either.hpp"

constexpr int d = 300;  // more than a tile of the residual

double apart = 0;  // the largest difference, beside what it is compared with

void compare(double found, double want, double size) {
  const double off = std::abs(found - want) / size;
  if (!(off <= apart)) apart = off;
}

int main(int argc, char **argv) {
  const int n = argc > 1 ? std::atoi(argv[1]) : 9, k = argc > 2 ? std::atoi(argv[2]) : 48;
  look();
  Numbers random;
  std::vector<real> V(k * d), X(n * d), U(n * k), norms(k);
  for (auto &v : V) v = random.next() / 8;
  for (auto &x : X) x = random.next();
  for (int i = 0; i < n * k; i++) U[i] = i % 7 ? real(0) : random.next();
  for (int j = 0; j < k; j++) {
    double square = 0;
    for (int f = 0; f < d; f++) square += double(V[j * d + f]) * V[j * d + f];
    norms[j] = real(std::sqrt(square));
  }
  std::vector<double> r(n * d), sums(n * 5);
  for (int i = 0; i < n; i++) {
    double *of = &sums[i * 5];
    for (int f = 0; f < d; f++) {
      double y = 0;
      for (int j = 0; j < k; j++) y += double(U[i * k + j]) * V[j * d + f];
      const double x = X[i * d + f], left = r[i * d + f] = x - y;
      of[0] += x * x, of[1] += left * left, of[2] += y * left;
    }
    for (int j = 0; j < k; j++) of[3] += std::abs(U[i * k + j]) * norms[j], of[4] += std::abs(U[i * k + j]);
  }
#ifdef RESIDUAL
  const Array<real> dX(X), dV(V), dU(U), dnorms(norms), dR(n * d);
  const Array<double> dsums(n * 5);
  RUN(residual, n, 0, dX.at, dV.at, dU.at, dnorms.at, dR.at, dsums.at, n, d, k);
  const auto R = dR.read();
  const auto found = dsums.read();
  for (int i = 0; i < n * d; i++) compare(R[i], r[i], 4);
  for (int i = 0; i < n * 5; i++) compare(found[i], sums[i], sums[i / 5 * 5]);
#elif defined(BOUND)
  std::vector<real> corr(n * k);
  std::vector<double> alphas(n, 0.5);
  for (int i = 0; i < n; i++)
    for (int j = 0; j < k; j++) {
      double c = 0;
      for (int f = 0; f < d; f++) c += r[i * d + f] * V[j * d + f];
      corr[i * k + j] = real(c);
    }
  const Array<real> dcorr(corr), dnorms(norms);
  const Array<double> dsums(sums), dalphas(alphas), dgaps(n);
  RUN(bound, n, 0, dcorr.at, dsums.at, dnorms.at, dalphas.at, dgaps.at, n, k, 0, 0.0, 0.0, 0.0);
  const auto gaps = dgaps.read();
  for (int i = 0; i < n; i++) {  // P(u) − D(s r), both from their definition
    const double *of = &sums[i * 5];
    double pull = 0;
    for (int j = 0; j < k; j++) pull = std::max(pull, std::abs(double(corr[i * k + j])));
    const double s = pull > alphas[i] ? alphas[i] / pull : 1, rx = of[1] + of[2];  // ⟨r, x⟩
    const double primal = of[1] / 2 + alphas[i] * of[4], dual = s * rx - s * s * of[1] / 2;
    compare(gaps[i], std::min(primal - dual, primal), of[0]);
  }
#else
  std::vector<real> A(k * k), B(k * d), T(k * d);
  real greatest = 0;
  for (int a = 0; a < k; a++)
    for (int j = 0; j < k; j++) {
      for (int i = 0; i < n; i++) A[a * k + j] += U[i * k + a] * U[i * k + j];
      greatest = std::max(greatest, std::abs(A[a * k + j]));
    }
  for (int j = 0; j < k; j++)
    for (int f = 0; f < d; f++) {
      for (int i = 0; i < n; i++) B[j * d + f] += U[i * k + j] * X[i * d + f];
      for (int a = 0; a < k; a++) T[j * d + f] += A[j * k + a] * V[a * d + f];
    }
  const Array<real> dA(A), dB(B), dT(T), dV(V), most(std::vector<real>{greatest}), dW(k * d);
  RUN(sphere, k, 0, dA.at, dB.at, dT.at, dV.at, most.at, dW.at, k, d, 0);
  const auto W = dW.read();
  for (int j = 0; j < k; j++) {
    double D = 0, square = 0;
    std::vector<double> w(d);
    for (int a = 0; a < k; a++) D += std::abs(double(A[j * k + a]));
    for (int f = 0; f < d; f++) {
      const double step = D > 0 ? (double(B[j * d + f]) - T[j * d + f]) / D : 0;
      w[f] = V[j * d + f] + step, square += w[f] * w[f];
    }
    for (int f = 0; f < d; f++) compare(W[j * d + f], w[f] / std::sqrt(square), 1);
  }
#endif
  const bool right = apart < (sizeof(real) == 4 ? 1e-5 : 1e-12);
  if (!right) std::printf("off by %.1e\n", apart);
  return right ? 0 : 3;
}
