// A row is solved by a warp. Its active set has PLACES places: place p is register p / 32 of lane
// p % 32. Branches are the same for all lanes, so all of them meet at every shuffle and vote; what a
// lane knows reaches the others by those alone, never through memory, so no barrier is needed.
//
// Given at compile time: REAL (float or double), SLOTS (registers a lane has for the set, 1 or 2) and
// WIDTH (atoms that a lane loads at once, 8, 4 or 1; it divides their number).

using real = REAL;
constexpr int LANES = 32, PLACES = LANES * SLOTS;
constexpr unsigned ALL = 0xffffffffu;
#if SLOTS == 1
using Set = unsigned;  // of places, a bit each
#else
using Set = unsigned long long;
#endif
constexpr Set FULL = ~Set(0);

#define DEVICE __device__ __forceinline__
#ifndef SHARED  // a CPU has memory of its own to stand for it
#define SHARED(type, name)                                      \
  extern __shared__ __align__(16) unsigned char shared_bytes[]; \
  type *const name = reinterpret_cast<type *>(shared_bytes)
#endif
#define EACH(s) _Pragma("unroll") for (int s = 0; s < SLOTS; s++)
#define BY(many, b, end)                                           \
  _Pragma("unroll 1") for (int b##_ = 0; b##_ < end; b##_ += many) \
      _Pragma("unroll") for (int b = b##_; b < b##_ + many; b++)

DEVICE int lane() { return threadIdx.x % LANES; }
DEVICE long long row_of_warp() { return (long long)blockIdx.x * (blockDim.x / LANES) + threadIdx.x / LANES; }
DEVICE bool here(int place, int s) { return place == s * LANES + lane(); }
DEVICE bool in(Set set, int s) { return set >> (s * LANES + lane()) & 1; }
DEVICE int size(Set set) { return __popcll(set); }
DEVICE int first(Set set) { return __ffsll((long long)set) - 1; }  // −1 if it is empty
DEVICE int past(Set set) { return 64 - __clzll((long long)set); }  // one beyond the last place
DEVICE real magnitude(real x) { return x < 0 ? -x : x; }

// The places where it is so.
DEVICE Set votes(const bool (&is)[SLOTS]) {
  Set set = 0;
  EACH(s) set |= Set(__ballot_sync(ALL, is[s])) << s * LANES;
  return set;
}

// What a place has, for all lanes.
template <class T>
DEVICE T at(const T (&x)[SLOTS], int place) {
  return __shfl_sync(ALL, place < LANES ? x[0] : x[SLOTS - 1], place);  // of lane place % 32
}

template <class T>
DEVICE T total(T x) {
  for (int other = 16; other; other /= 2) x += __shfl_xor_sync(ALL, x, other);
  return x;
}

template <class T>
DEVICE T smallest(T x) {
  for (int other = 16; other; other /= 2) {
    const T y = __shfl_xor_sync(ALL, x, other);
    x = y < x ? y : x;
  }
  return x;
}

template <class T>
DEVICE T largest(T x) {
  return -smallest(-x);
}

// The candidate lane of the largest value, to five digits; −1 if there is no candidate.
DEVICE int strongest(real value, bool candidate) {
  unsigned key = __float_as_uint((float)value) & ~31u;  // floats that are not negative sort as ints
  key = candidate ? 1u << 31 | key | lane() : 0;
  for (int other = 16; other; other /= 2) key = max(key, __shfl_xor_sync(ALL, key, other));
  return key ? int(key % LANES) : -1;
}
