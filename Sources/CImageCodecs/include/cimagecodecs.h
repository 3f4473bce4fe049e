/* PNG and JPEG through libpng and libjpeg-turbo, from memory to memory.
 *
 * Both libraries report errors by longjmp. It must never cross a Swift frame, so every setjmp and every call into the
 * libraries is here, and what Swift sees are plain functions that return a status.
 */
#ifndef CIMAGECODECS_H
#define CIMAGECODECS_H

#include <stddef.h>
#include <stdint.h>

enum {
    CIMAGECODECS_OK = 0,
    /* The file is broken. */
    CIMAGECODECS_INVALID = 1,
    /* The file ends too early. */
    CIMAGECODECS_TRUNCATED = 2,
    /* More pixels or scans than the limits allow. */
    CIMAGECODECS_TOO_LARGE = 3,
    /* Sound, but not supported. */
    CIMAGECODECS_UNSUPPORTED = 4,
    CIMAGECODECS_NO_MEMORY = 5,
};

enum {
    CIMAGECODECS_GREY = 1,
    CIMAGECODECS_RGB = 3,
    CIMAGECODECS_RGBA = 4,
    /* Four inks as stored, inverted as Adobe does it: 255 is no ink. */
    CIMAGECODECS_CMYK = 5,
    /* 16-bit grey in the machine's byte order. */
    CIMAGECODECS_GREY16 = 6,
};

struct cimagecodecs_info {
    uint32_t width;
    uint32_t height;
    /* One of the kinds above: what decoding gives. */
    int kind;
    /* Bytes of one pixel of that kind. */
    int pixel_bytes;
};

struct cimagecodecs_error {
    int status;
    char message[200];
};

/* Reads the headers. max_pixels: width times height may not be more. */
int cimagecodecs_png_info(const uint8_t *data, size_t size, uint64_t max_pixels, struct cimagecodecs_info *info,
                          struct cimagecodecs_error *error);

/* Decodes into pixels, which hold width * height * pixel_bytes bytes as info says, rows from the top, no gaps. */
int cimagecodecs_png_decode(const uint8_t *data, size_t size, const struct cimagecodecs_info *info, uint8_t *pixels,
                            struct cimagecodecs_error *error);

int cimagecodecs_jpeg_info(const uint8_t *data, size_t size, uint64_t max_pixels, struct cimagecodecs_info *info,
                           struct cimagecodecs_error *error);

int cimagecodecs_jpeg_decode(const uint8_t *data, size_t size, const struct cimagecodecs_info *info, uint8_t *pixels,
                             struct cimagecodecs_error *error);

/* As the two before, but with the fast cosine transform, as TensorFlow decodes, and brought to 1 or 3 channels by the codec; inks stay
 * inks. */
int cimagecodecs_jpeg_info_fast(const uint8_t *data, size_t size, uint64_t max_pixels, int channels, struct cimagecodecs_info *info,
                                struct cimagecodecs_error *error);

int cimagecodecs_jpeg_decode_fast(const uint8_t *data, size_t size, int channels, const struct cimagecodecs_info *info, uint8_t *pixels,
                                  struct cimagecodecs_error *error);

/* Encodes 8-bit pixels with 1 (grey), 3 (RGB) or 4 (RGBA, PNG only) channels. *data is to be given to
 * cimagecodecs_free. */
int cimagecodecs_png_encode(const uint8_t *pixels, uint32_t width, uint32_t height, int channels, uint8_t **data,
                            size_t *size, struct cimagecodecs_error *error);

/* quality: 1 to 100, as libjpeg scales it; colour is stored with 4:2:0 subsampling. */
int cimagecodecs_jpeg_encode(const uint8_t *pixels, uint32_t width, uint32_t height, int channels, int quality,
                             uint8_t **data, size_t *size, struct cimagecodecs_error *error);

void cimagecodecs_free(uint8_t *data);

#endif
