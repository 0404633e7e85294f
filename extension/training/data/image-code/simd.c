/*
 * The two parts of libjpeg-turbo's decoder that take the most time, with WebAssembly's vectors, behind the interface that it has
 * for such (jsimd.h). Both give the bits of its vector code for x86, and so of its plain C: all arithmetic is on integers, and sums are
 * only put together otherwise. Sums that no encoder makes need not fit into sixteen bits; they wrap where they do on x86.
 */
#define JPEG_INTERNALS
#include <stdio.h>
#include "jpeglib.h"
#include "jsimd.h"
#include "jdct.h"
#include "jsimddct.h"
#include <wasm_simd128.h>

#define PLAIN(name) \
  GLOBAL(int) jsimd_can_##name(void) { return 0; }
PLAIN(idct_2x2)
PLAIN(idct_4x4)
PLAIN(idct_6x6)
PLAIN(idct_12x12)
PLAIN(idct_float)
PLAIN(idct_ifast)
PLAIN(int_upsample)
PLAIN(h2v1_upsample)
PLAIN(h2v2_upsample)
PLAIN(h1v2_fancy_upsample)
PLAIN(h2v1_fancy_upsample)
PLAIN(h2v2_fancy_upsample)
PLAIN(h2v1_merged_upsample)
PLAIN(h2v2_merged_upsample)
PLAIN(ycc_rgb565)
GLOBAL(int) jsimd_can_idct_islow(void) { return 1; }
/* `decode` asks for four bytes a pixel, which is all that the conversion below can do. */
GLOBAL(int) jsimd_can_ycc_rgb(void) { return 1; }

static inline v128_t add(v128_t a, v128_t b) { return wasm_i32x4_add(a, b); }
static inline v128_t sub(v128_t a, v128_t b) { return wasm_i32x4_sub(a, b); }

/* Rounded division by 2^n. */
#define ROUNDED(x, n) wasm_i32x4_shr(add(x, wasm_i32x4_splat(1 << ((n) - 1))), n)

/* Pairs of two vectors' numbers, of their first and last halves; a · (first of a pair) + b · (second). */
#define LOW(a, b) wasm_i16x8_shuffle(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define HIGH(a, b) wasm_i16x8_shuffle(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#define DOT(pairs, a, b) wasm_i32x4_dot_i16x8(pairs, wasm_i16x8_const(a, b, a, b, a, b, a, b))

/* The constants of jidctint.c in units of 2^-13, by the cosines that they are sums of. */
enum {
  F0298 = 2446, F0390 = 3196, F0541 = 4433, F0765 = 6270, F0899 = 7373, F1175 = 9633,
  F1501 = 12299, F1847 = 15137, F1961 = 16069, F2053 = 16819, F2562 = 20995, F3072 = 25172,
};

/* 2^13 times its last sixteen bits. */
#define WRAPPED(x) wasm_i32x4_shr(wasm_i32x4_shl(x, 16), 16 - 13)

struct four { v128_t a, b, c, d; };

/* tmp10 to tmp13 of jidctint.c, from pairs of inputs 0 and 4, and 2 and 6. */
static inline struct four even(v128_t in04, v128_t in26) {
  v128_t sum = WRAPPED(DOT(in04, 1, 1)), difference = WRAPPED(DOT(in04, 1, -1));
  v128_t outer = DOT(in26, F0541 + F0765, F0541), inner = DOT(in26, F0541, F0541 - F1847);
  return (struct four){ add(sum, outer), add(difference, inner), sub(difference, inner), sub(sum, outer) };
}

/* tmp3 to tmp0 of jidctint.c, from pairs of inputs 7 and 1, 5 and 3, and of the sums 7 + 3 and 5 + 1. */
static inline struct four odd(v128_t in71, v128_t in53, v128_t sums) {
  v128_t z3 = DOT(sums, F1175 - F1961, F1175), z4 = DOT(sums, F1175, F1175 - F0390);
  return (struct four){
    add(DOT(in71, -F0899, F1501 - F0899), z4),
    add(DOT(in53, -F2562, F3072 - F2562), z3),
    add(DOT(in53, F2053 - F2562, -F2562), z4),
    add(DOT(in71, F0298 - F0899, -F0899), z3),
  };
}

#define OUT(operation, x, y) \
  wasm_i16x8_narrow_i32x4(ROUNDED(operation(low_even.x, low_odd.y), n), ROUNDED(operation(high_even.x, high_odd.y), n))

/* One direction of the transform, of eight rows down to sixteen bits, divided by 2^n. */
static inline __attribute__((always_inline)) void transform(v128_t r[8], const int n) {
  v128_t sum73 = wasm_i16x8_add(r[7], r[3]), sum51 = wasm_i16x8_add(r[5], r[1]);
  struct four low_even = even(LOW(r[0], r[4]), LOW(r[2], r[6]));
  struct four low_odd = odd(LOW(r[7], r[1]), LOW(r[5], r[3]), LOW(sum73, sum51));
  struct four high_even = even(HIGH(r[0], r[4]), HIGH(r[2], r[6]));
  struct four high_odd = odd(HIGH(r[7], r[1]), HIGH(r[5], r[3]), HIGH(sum73, sum51));
  r[0] = OUT(add, a, a), r[7] = OUT(sub, a, a);
  r[1] = OUT(add, b, b), r[6] = OUT(sub, b, b);
  r[2] = OUT(add, c, c), r[5] = OUT(sub, c, c);
  r[3] = OUT(add, d, d), r[4] = OUT(sub, d, d);
}

#define LOW2(a, b) wasm_i32x4_shuffle(a, b, 0, 4, 1, 5)
#define HIGH2(a, b) wasm_i32x4_shuffle(a, b, 2, 6, 3, 7)
#define LOW4(a, b) wasm_i64x2_shuffle(a, b, 0, 2)
#define HIGH4(a, b) wasm_i64x2_shuffle(a, b, 1, 3)

static inline __attribute__((always_inline)) void transpose(v128_t r[8]) {
  v128_t a0 = LOW(r[0], r[1]), a1 = HIGH(r[0], r[1]), a2 = LOW(r[2], r[3]), a3 = HIGH(r[2], r[3]);
  v128_t a4 = LOW(r[4], r[5]), a5 = HIGH(r[4], r[5]), a6 = LOW(r[6], r[7]), a7 = HIGH(r[6], r[7]);
  v128_t b0 = LOW2(a0, a2), b1 = HIGH2(a0, a2), b2 = LOW2(a1, a3), b3 = HIGH2(a1, a3);
  v128_t b4 = LOW2(a4, a6), b5 = HIGH2(a4, a6), b6 = LOW2(a5, a7), b7 = HIGH2(a5, a7);
  r[0] = LOW4(b0, b4), r[1] = HIGH4(b0, b4), r[2] = LOW4(b1, b5), r[3] = HIGH4(b1, b5);
  r[4] = LOW4(b2, b6), r[5] = HIGH4(b2, b6), r[6] = LOW4(b3, b7), r[7] = HIGH4(b3, b7);
}

static inline int is_nothing(const v128_t r[7]) {
  v128_t any = r[0];
  for (int i = 1; i < 7; i++) any = wasm_v128_or(any, r[i]);
  return !wasm_v128_any_true(any);
}

/* The accurate inverse DCT (jidctint.c): first down the columns, keeping two bits more, then along the rows. */
GLOBAL(void) jsimd_idct_islow(j_decompress_ptr info, jpeg_component_info *component, JCOEFPTR block, JSAMPARRAY output, JDIMENSION column) {
  const v128_t *coefficients = (const v128_t *)block, *quantisers = component->dct_table;
  v128_t r[8];
  for (int i = 0; i < 8; i++) r[i] = wasm_i16x8_mul(wasm_v128_load(coefficients + i), wasm_v128_load(quantisers + i));
  if (is_nothing(r + 1)) {
    r[0] = wasm_i16x8_shl(r[0], 2);
    for (int i = 1; i < 8; i++) r[i] = r[0];
  } else transform(r, 13 - 2);
  transpose(r);
  transform(r, 13 + 2 + 3);
  transpose(r);
  for (int i = 0; i < 8; i += 2) {
    v128_t rows = wasm_i8x16_add(wasm_i8x16_narrow_i16x8(r[i], r[i + 1]), wasm_i8x16_splat(CENTERJSAMPLE - 256));
    wasm_v128_store64_lane(output[i] + column, rows, 0);
    wasm_v128_store64_lane(output[i + 1] + column, rows, 1);
  }
}

/*
 * Eight pixels to red, green, blue and 255 (jdcolor.c). Its factors in units of 2^-16 are too large for sixteen bits; whole parts
 * of them are taken out, which the division leaves as they are: 1.40200 is 1 + 26345, −0.71414 is −1 + 18734, 1.77200 is 2 − 14942.
 */
static inline void convert(const JSAMPLE *y, const JSAMPLE *cb, const JSAMPLE *cr, JSAMPLE *out) {
  const v128_t centre = wasm_i16x8_splat(CENTERJSAMPLE);
  v128_t luma = wasm_u16x8_load8x8(y), blue = wasm_i16x8_sub(wasm_u16x8_load8x8(cb), centre), red = wasm_i16x8_sub(wasm_u16x8_load8x8(cr), centre);
  v128_t low = LOW(blue, red), high = HIGH(blue, red);
#define PART(a, b) wasm_i16x8_narrow_i32x4(ROUNDED(DOT(low, a, b), 16), ROUNDED(DOT(high, a, b), 16))
  v128_t r = wasm_i16x8_add(wasm_i16x8_add(luma, red), PART(0, 26345));
  v128_t g = wasm_i16x8_add(wasm_i16x8_sub(luma, red), PART(-22554, 18734));
  v128_t b = wasm_i16x8_add(wasm_i16x8_add(luma, wasm_i16x8_shl(blue, 1)), PART(-14942, 0));
#undef PART
  v128_t rb = wasm_u8x16_narrow_i16x8(r, b), gx = wasm_u8x16_narrow_i16x8(g, wasm_i16x8_splat(255));
  v128_t rg = wasm_i8x16_shuffle(rb, gx, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  v128_t bx = wasm_i8x16_shuffle(rb, gx, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
  wasm_v128_store(out, LOW(rg, bx));
  wasm_v128_store(out + 16, HIGH(rg, bx));
}

/* Up to seven pixels past a row's end are read, from libjpeg-turbo's own padding, and written, where the next row or `reserve`'s 64 bytes are. */
GLOBAL(void) jsimd_ycc_rgb_convert(j_decompress_ptr info, JSAMPIMAGE input, JDIMENSION row, JSAMPARRAY output, int rows) {
  for (int i = 0; i < rows; i++) {
    const JSAMPLE *y = input[0][row + i], *cb = input[1][row + i], *cr = input[2][row + i];
    for (unsigned x = 0; x < info->output_width; x += 8) convert(y + x, cb + x, cr + x, output[i] + 4 * x);
  }
}
