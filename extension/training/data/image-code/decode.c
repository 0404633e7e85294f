/*
 * Part of a JPEG, decoded by libjpeg-turbo: accurate DCT, smooth upsampling, as PIL, torchvision and sharp decode.
 *
 * What lies below the part is not looked at; what lies above or beside it is only read as far as its bits must be.
 */
#include <stdio.h>
#include "jpeglib.h"
#include "reserve.h"

/*
 * Upsampled chroma depends on its neighbours: columns beside the part must be decoded, or it would be taken for the border. One for
 * each of four pixels, and two of those of which there are half as many, or the library upsamples by another method.
 */
#define BESIDE 8
/* Rows are passed over by whole units: at most four blocks of eight. */
#define UNIT 32

static struct jpeg_decompress_struct jpeg;

static void on_error(j_common_ptr info) { refuse(info->err->msg_code); }

/* The decoder goes on after damage with something of its own; here nothing is taken that is not in the file. */
static void on_message(j_common_ptr info, int level) {
  if (level < 0) refuse(DAMAGED);
}

static void on_start(j_decompress_ptr info) {}

static boolean on_end_of_bytes(j_decompress_ptr info) { refuse(CUT_OFF); }

static void pass_over(j_decompress_ptr info, long bytes) {
  if (bytes <= 0) return;
  if ((size_t)bytes > info->src->bytes_in_buffer) refuse(CUT_OFF);
  info->src->next_input_byte += bytes;
  info->src->bytes_in_buffer -= bytes;
}

static void on_reset(j_common_ptr info) {}

/* A decoder for one file: the library keeps tables, and would take an earlier file's where one has none. */
static void begin(size_t bytes) {
  static struct jpeg_error_mgr errors = { .error_exit = on_error, .emit_message = on_message, .reset_error_mgr = on_reset };
  static struct jpeg_source_mgr source = {
    .init_source = on_start,
    .fill_input_buffer = on_end_of_bytes,
    .skip_input_data = pass_over,
    .resync_to_restart = jpeg_resync_to_restart,
    .term_source = on_start,
  };
  jpeg.err = &errors;
  jpeg_create_decompress(&jpeg);
  jpeg.src = &source;
  source.next_input_byte = reserve(ENCODED, bytes);
  source.bytes_in_buffer = bytes;
}

/* A progressive file without its last scans: the library smooths blocks by those around them. */
static int is_smoothed(void) {
  if (!jpeg.coef_bits) return 0;
  for (int component = 0; component < jpeg.num_components; component++) {
    for (int k = 1; k < DCTSIZE2; k++) if (jpeg.coef_bits[component][k] != 0) return 1;
  }
  return 0;
}

static unsigned row_bytes;

/* From one row of what `decode` gave to the next. */
unsigned decoded_row_bytes(void) { return row_bytes; }

/*
 * The part of the file in ENCODED, red, green, blue and 255 for each pixel; at the first of them.
 * The part lies in the image, of whose size the caller knows.
 */
unsigned char *decode(size_t bytes, unsigned left, unsigned top, unsigned width, unsigned height) {
  begin(bytes);
  jpeg_read_header(&jpeg, TRUE);
  jpeg.out_color_space = JCS_EXT_RGBX;
  jpeg_start_decompress(&jpeg);

  unsigned first = left > BESIDE ? left - BESIDE : 0;
  unsigned last = left + width + BESIDE < jpeg.output_width ? left + width + BESIDE : jpeg.output_width;
  if (is_smoothed()) first = 0, last = jpeg.output_width;
  unsigned columns = last - first;
  if (columns < jpeg.output_width) jpeg_crop_scanline(&jpeg, &first, &columns);
  unsigned above = top / UNIT * UNIT;
  if (above > 0) jpeg_skip_scanlines(&jpeg, above);

  row_bytes = columns * 4;
  unsigned char *pixels = reserve(PIXELS, (size_t)row_bytes * (top + height - above));
  while (jpeg.output_scanline < top + height) {
    JSAMPROW row = pixels + (size_t)row_bytes * (jpeg.output_scanline - above);
    jpeg_read_scanlines(&jpeg, &row, 1);
  }
  jpeg_destroy_decompress(&jpeg);
  return pixels + (size_t)row_bytes * (top - above) + (left - first) * 4;
}
