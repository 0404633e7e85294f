/* Bytes to what the model reads. */
#include <stdint.h>
#include "reserve.h"

/*
 * Red, green and blue of `side` × `side` pixels, in RESULT, as three planes of numbers, by a table of 256 for each colour;
 * mirrored if `flip`.
 */
float *normalise(int side, int flip, const float *table) {
  const uint8_t *pixel = reserve(RESULT, 0);
  const int plane = side * side, step = flip ? -1 : 1;
  float *planes = reserve(PLANES, sizeof(float) * 3 * plane);
  for (int y = 0; y < side; y++) {
    float *to = planes + y * side + (flip ? side - 1 : 0);
    for (int x = 0; x < side; x++, pixel += 3, to += step) {
      to[0] = table[pixel[0]];
      to[plane] = table[256 + pixel[1]];
      to[2 * plane] = table[512 + pixel[2]];
    }
  }
  return planes;
}
