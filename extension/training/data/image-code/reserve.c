#include "reserve.h"
#include <stdlib.h>

static void *memory[PLACES];
static size_t size[PLACES];

void *reserve(enum place place, size_t bytes) {
  if (bytes + 64 <= size[place]) return memory[place];
  free(memory[place]);
  size[place] = bytes + 64;
  memory[place] = malloc(size[place]);
  if (!memory[place]) refuse(OUT_OF_MEMORY);
  return memory[place];
}
