/*
 * Pixels resized as PIL resizes 8-bit images: first the rows, then the columns, each sample a sum of integers with weights in
 * units of 2^-22, rounded and cut to a byte after each direction.
 */
#include <stdint.h>
#include <wasm_simd128.h>
#include "reserve.h"

#define PRECISION 22

/*
 * For each output its first input, how many pairs of inputs, and places for the weights of `pairs` of them. A weight is split into
 * an upper part and twelve bits below, each of which fits into sixteen bits; one number holds such a part of both of a pair.
 */
struct filter {
  int length, pairs;
  const int *first, *count;
  const struct { int upper, lower; } *weights;
};

#define SPLIT 12

static struct filter filter_at(const int *memory) {
  const int length = memory[0];
  return (struct filter){ length, memory[1], memory + 2, memory + 2 + length, (const void *)(memory + 2 + 2 * length) };
}

struct sum { v128_t upper, lower; };

static inline struct sum nothing(void) { return (struct sum){ wasm_i32x4_splat(0), wasm_i32x4_splat(1 << (PRECISION - 1)) }; }

/* Adds four pairs of samples, of sixteen bits each, times a pair of weights. */
static inline void accumulate(struct sum *sum, v128_t samples, v128_t upper, v128_t lower) {
  sum->upper = wasm_i32x4_add(sum->upper, wasm_i32x4_dot_i16x8(samples, upper));
  sum->lower = wasm_i32x4_add(sum->lower, wasm_i32x4_dot_i16x8(samples, lower));
}

static inline v128_t total(struct sum sum) { return wasm_i32x4_shr(wasm_i32x4_add(wasm_i32x4_shl(sum.upper, SPLIT), sum.lower), PRECISION); }

static inline v128_t bytes(v128_t a, v128_t b, v128_t c, v128_t d) {
  return wasm_u8x16_narrow_i16x8(wasm_i16x8_narrow_i32x4(a, b), wasm_i16x8_narrow_i32x4(c, d));
}

/* The samples of one colour of two pixels of 3 or 4 bytes side by side, for each colour. */
static inline __attribute__((always_inline)) v128_t two_pixels(const uint8_t *from, const int pixel) {
  const v128_t read = wasm_v128_load64_zero(from);
  return pixel == 3 ? wasm_i8x16_shuffle(read, read, 0, 15, 3, 15, 1, 15, 4, 15, 2, 15, 5, 15, 15, 15, 15, 15)
                    : wasm_i8x16_shuffle(read, read, 0, 15, 4, 15, 1, 15, 5, 15, 2, 15, 6, 15, 3, 15, 7, 15);
}

/* To pixels of 4 bytes, the last of which means nothing. */
static inline __attribute__((always_inline)) void narrow_row(const uint8_t *source, const int pixel, const struct filter *columns, uint8_t *target) {
  for (int x = 0; x < columns->length; x++) {
    const uint8_t *from = source + columns->first[x] * pixel;
    struct sum sum = nothing();
    for (int k = 0; k < columns->count[x]; k++, from += 2 * pixel) {
      const int at = x * columns->pairs + k;
      accumulate(&sum, two_pixels(from, pixel), wasm_v128_load32_splat(&columns->weights[at].upper), wasm_v128_load32_splat(&columns->weights[at].lower));
    }
    const v128_t result = total(sum);
    wasm_v128_store32_lane(target + 4 * x, bytes(result, result, result, result), 0);
  }
}

/* Sixteen bytes of a row of the result: four pixels. */
static inline v128_t column(const uint8_t *from, int stride, const struct filter *rows, int row) {
  struct sum a = nothing(), b = nothing(), c = nothing(), d = nothing();
  for (int k = 0; k < rows->count[row]; k++, from += 2 * stride) {
    const int at = row * rows->pairs + k;
    const v128_t upper = wasm_v128_load32_splat(&rows->weights[at].upper), lower = wasm_v128_load32_splat(&rows->weights[at].lower);
    const v128_t above = wasm_v128_load(from), below = wasm_v128_load(from + stride);
    const v128_t left = wasm_i8x16_shuffle(above, below, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    const v128_t right = wasm_i8x16_shuffle(above, below, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    accumulate(&a, wasm_u16x8_extend_low_u8x16(left), upper, lower);
    accumulate(&b, wasm_u16x8_extend_high_u8x16(left), upper, lower);
    accumulate(&c, wasm_u16x8_extend_low_u8x16(right), upper, lower);
    accumulate(&d, wasm_u16x8_extend_high_u8x16(right), upper, lower);
  }
  return bytes(total(a), total(b), total(c), total(d));
}

/* Sixteen bytes are written, the last four for nothing: what follows is written later. */
static inline void store_rgb(uint8_t *target, v128_t pixels) {
  wasm_v128_store(target, wasm_i8x16_shuffle(pixels, pixels, 0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 15, 15, 15, 15));
}

/*
 * `height` rows of pixels of 3 or 4 bytes, resized by the two filters that lie in FILTERS one after the other, columns first, to
 * red, green and blue. The last pair of an output may reach past the last input, with a weight of nothing; a row more is there for that.
 */
uint8_t *resample(const uint8_t *source, int stride, int pixel, int height, const int *filters) {
  const struct filter columns = filter_at(filters);
  const struct filter rows = filter_at((const int *)(columns.weights + columns.length * columns.pairs));
  const int width = columns.length;
  uint8_t *narrowed = reserve(NARROWED, (size_t)width * 4 * (height + 1));
  for (int y = 0; y < height; y++) {
    const uint8_t *from = source + (size_t)y * stride;
    uint8_t *to = narrowed + (size_t)y * width * 4;
    if (pixel == 3) narrow_row(from, 3, &columns, to);
    else narrow_row(from, 4, &columns, to);
  }

  uint8_t *result = reserve(RESULT, (size_t)width * 3 * rows.length);
  for (int y = 0; y < rows.length; y++) {
    const uint8_t *from = narrowed + (size_t)rows.first[y] * width * 4;
    for (int x = 0; x < width; x += 4) store_rgb(result + ((size_t)y * width + x) * 3, column(from + 4 * x, width * 4, &rows, y));
  }
  return result;
}

/* Pixels of 4 bytes as such of 3. */
uint8_t *without_fourth(const uint8_t *source, int stride, int width, int height) {
  uint8_t *result = reserve(RESULT, (size_t)width * 3 * height);
  for (int y = 0; y < height; y++) {
    for (int x = 0; x < width; x += 4) store_rgb(result + ((size_t)y * width + x) * 3, wasm_v128_load(source + (size_t)y * stride + 4 * x));
  }
  return result;
}
