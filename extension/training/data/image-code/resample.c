/*
 * Pixels resized as PIL resizes 8-bit images: first the rows, then the columns, each sample a sum of integers with weights in
 * units of 2^-22, rounded and cut to a byte after each direction.
 */
#include <stdint.h>
#include <wasm_simd128.h>
#include "reserve.h"

#define PRECISION 22

/* For each output: its first input, how many, and `taps` places for their weights. */
struct filter {
  int length, taps;
  const int *first, *count, *weights;
};

static struct filter filter_at(const int *memory) {
  const int length = memory[0];
  return (struct filter){ length, memory[1], memory + 2, memory + 2 + length, memory + 2 + 2 * length };
}

static inline v128_t half(void) { return wasm_i32x4_splat(1 << (PRECISION - 1)); }

/* Four bytes as integers. */
static inline v128_t four(const uint8_t *bytes) {
  return wasm_u32x4_extend_low_u16x8(wasm_u16x8_extend_low_u8x16(wasm_v128_load32_zero(bytes)));
}

static inline v128_t byte(v128_t a, v128_t b, v128_t c, v128_t d) {
  return wasm_u8x16_narrow_i16x8(
    wasm_i16x8_narrow_i32x4(wasm_i32x4_shr(a, PRECISION), wasm_i32x4_shr(b, PRECISION)),
    wasm_i16x8_narrow_i32x4(wasm_i32x4_shr(c, PRECISION), wasm_i32x4_shr(d, PRECISION)));
}

/* Pixels of 3 or 4 bytes to such of 4, the last of which means nothing. */
static void narrow_row(const uint8_t *source, int pixel, const struct filter *columns, uint8_t *target) {
  for (int x = 0; x < columns->length; x++) {
    const int *weights = columns->weights + x * columns->taps;
    const uint8_t *from = source + columns->first[x] * pixel;
    v128_t sum = half();
    for (int k = 0; k < columns->count[x]; k++, from += pixel) sum = wasm_i32x4_add(sum, wasm_i32x4_mul(four(from), wasm_i32x4_splat(weights[k])));
    wasm_v128_store32_lane(target + 4 * x, byte(sum, sum, sum, sum), 0);
  }
}

/* Sixteen bytes of a row of the result: four pixels. */
static inline v128_t column(const uint8_t *from, int stride, const int *weights, int count) {
  v128_t a = half(), b = half(), c = half(), d = half();
  for (int k = 0; k < count; k++, from += stride) {
    v128_t bytes = wasm_v128_load(from), weight = wasm_i32x4_splat(weights[k]);
    v128_t low = wasm_u16x8_extend_low_u8x16(bytes), high = wasm_u16x8_extend_high_u8x16(bytes);
    a = wasm_i32x4_add(a, wasm_i32x4_mul(wasm_u32x4_extend_low_u16x8(low), weight));
    b = wasm_i32x4_add(b, wasm_i32x4_mul(wasm_u32x4_extend_high_u16x8(low), weight));
    c = wasm_i32x4_add(c, wasm_i32x4_mul(wasm_u32x4_extend_low_u16x8(high), weight));
    d = wasm_i32x4_add(d, wasm_i32x4_mul(wasm_u32x4_extend_high_u16x8(high), weight));
  }
  return byte(a, b, c, d);
}

/* Sixteen bytes are written, the last four for nothing: what follows is written later. */
static inline void store_rgb(uint8_t *target, v128_t pixels) {
  wasm_v128_store(target, wasm_i8x16_shuffle(pixels, pixels, 0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 15, 15, 15, 15));
}

/*
 * `height` rows of pixels of 3 or 4 bytes, resized by the two filters that lie in FILTERS one after the other, columns first, to
 * red, green and blue.
 */
uint8_t *resample(const uint8_t *source, int stride, int pixel, int height, const int *filters) {
  const struct filter columns = filter_at(filters);
  const struct filter rows = filter_at(columns.weights + columns.length * columns.taps);
  const int width = columns.length;
  uint8_t *narrowed = reserve(NARROWED, (size_t)width * 4 * height);
  for (int y = 0; y < height; y++) narrow_row(source + (size_t)y * stride, pixel, &columns, narrowed + (size_t)y * width * 4);

  uint8_t *result = reserve(RESULT, (size_t)width * 3 * rows.length);
  for (int y = 0; y < rows.length; y++) {
    const uint8_t *from = narrowed + (size_t)rows.first[y] * width * 4;
    for (int x = 0; x < width; x += 4) {
      store_rgb(result + ((size_t)y * width + x) * 3, column(from + 4 * x, width * 4, rows.weights + y * rows.taps, rows.count[y]));
    }
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
