/* Memory that is used again from image to image and grows with the largest. */
#ifndef RESERVE_H
#define RESERVE_H

#include <stddef.h>

enum place { ENCODED, PIXELS, FILTERS, NARROWED, RESULT, TABLE, PLANES, PLACES };

/* At least `bytes`, and 64 more that may be read or written past the end. What was there is lost if it must grow. */
void *reserve(enum place place, size_t bytes);

/* Ends the call with an exception in JavaScript, after which nothing here may be used again. */
__attribute__((import_module("host"), import_name("refuse"))) _Noreturn void refuse(int reason);
enum { OUT_OF_MEMORY = -1, CUT_OFF = -2, DAMAGED = -3 };

#endif
