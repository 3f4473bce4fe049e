/* PNG by libpng. Everything is brought to 8 bits (16-bit grey excepted), palettes to colours, transparency to alpha. */
#include "cimagecodecs.h"

#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    const uint8_t *data;
    size_t size;
    size_t position;
    struct cimagecodecs_error *error;
};

static void fail(struct cimagecodecs_error *error, int status, const char *message) {
    error->status = status;
    snprintf(error->message, sizeof error->message, "%s", message);
}

static void on_error(png_structp png, png_const_charp message) {
    struct cimagecodecs_error *error = png_get_error_ptr(png);
    if (error->status == CIMAGECODECS_OK) fail(error, CIMAGECODECS_INVALID, message);
    longjmp(png_jmpbuf(png), 1);
}

static void on_warning(png_structp png, png_const_charp message) {
    (void)png;
    (void)message;
}

static void read_bytes(png_structp png, png_bytep target, size_t count) {
    struct reader *reader = png_get_io_ptr(png);
    if (count > reader->size - reader->position) {
        fail(reader->error, CIMAGECODECS_TRUNCATED, "the file ends before the image does");
        png_error(png, "truncated");
    }
    memcpy(target, reader->data + reader->position, count);
    reader->position += count;
}

/* Sets libpng's output to one of our kinds. */
static int choose_output(png_structp png, png_infop header) {
    int depth = png_get_bit_depth(png, header);
    int color = png_get_color_type(png, header);
    int transparent = png_get_valid(png, header, PNG_INFO_tRNS) != 0;
    if (color == PNG_COLOR_TYPE_GRAY && depth == 16 && !transparent) {
        const uint16_t probe = 1;
        if (*(const uint8_t *)&probe == 1) png_set_swap(png);
        return CIMAGECODECS_GREY16;
    }
    /* Also widens grey of 1, 2 and 4 bits. */
    png_set_expand(png);
    /* Drops the low byte, as Pillow does. */
    if (depth == 16) png_set_strip_16(png);
    if (color == PNG_COLOR_TYPE_GRAY && !transparent) return CIMAGECODECS_GREY;
    if (color == PNG_COLOR_TYPE_GRAY || color == PNG_COLOR_TYPE_GRAY_ALPHA) png_set_gray_to_rgb(png);
    return color & PNG_COLOR_MASK_ALPHA || transparent ? CIMAGECODECS_RGBA : CIMAGECODECS_RGB;
}

static int read_png(const uint8_t *data, size_t size, uint64_t max_pixels, struct cimagecodecs_info *info,
                    uint8_t *pixels, struct cimagecodecs_error *error) {
    struct reader reader = {data, size, 0, error};
    error->status = CIMAGECODECS_OK;
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, error, on_error, on_warning);
    png_infop header = png ? png_create_info_struct(png) : NULL;
    if (!header) {
        png_destroy_read_struct(&png, NULL, NULL);
        fail(error, CIMAGECODECS_NO_MEMORY, "no memory for the decoder");
        return error->status;
    }
    /* Kept across longjmp. */
    png_bytep *volatile rows = NULL;
    if (setjmp(png_jmpbuf(png))) {
        free((void *)rows);
        png_destroy_read_struct(&png, &header, NULL);
        return error->status;
    }
    png_set_read_fn(png, &reader, read_bytes);
    png_set_user_limits(png, 0x7fffffff, 0x7fffffff);
    png_set_chunk_malloc_max(png, 8000000);
    png_set_chunk_cache_max(png, 1000);
    png_read_info(png, header);

    struct cimagecodecs_info found = {png_get_image_width(png, header), png_get_image_height(png, header), 0, 0};
    if ((uint64_t)found.width * found.height > max_pixels) {
        char message[120];
        snprintf(message, sizeof message, "%u x %u pixels are more than %llu", found.width, found.height,
                 (unsigned long long)max_pixels);
        fail(error, CIMAGECODECS_TOO_LARGE, message);
        png_error(png, message);
    }
    /* Deflate packs at most 1032 to 1: a file this small cannot hold that many rows, so no memory is taken for it. */
    uint64_t raw = (uint64_t)png_get_rowbytes(png, header) * found.height;
    if (raw / 1040 > size) {
        fail(error, CIMAGECODECS_TRUNCATED, "the file is too short for an image of this size");
        png_error(png, "truncated");
    }
    found.kind = choose_output(png, header);
    int passes = png_set_interlace_handling(png);
    png_read_update_info(png, header);
    found.pixel_bytes = found.kind == CIMAGECODECS_GREY16 ? 2 : found.kind;
    if (png_get_rowbytes(png, header) != (size_t)found.width * (size_t)found.pixel_bytes) {
        png_error(png, "unexpected row size");
    }
    if (!pixels) {
        *info = found;
    } else {
        if (memcmp(&found, info, sizeof found) != 0) png_error(png, "the header changed");
        size_t stride = (size_t)found.width * (size_t)found.pixel_bytes;
        if (passes == 1) {
            for (uint32_t row = 0; row < found.height; row++) png_read_row(png, pixels + row * stride, NULL);
        } else {
            rows = malloc(found.height * sizeof *rows);
            if (!rows) {
                fail(error, CIMAGECODECS_NO_MEMORY, "no memory for the rows");
                png_error(png, "no memory");
            }
            for (uint32_t row = 0; row < found.height; row++) rows[row] = pixels + row * stride;
            png_read_image(png, (png_bytepp)rows);
            free((void *)rows);
            rows = NULL;
        }
    }
    png_destroy_read_struct(&png, &header, NULL);
    return CIMAGECODECS_OK;
}

int cimagecodecs_png_info(const uint8_t *data, size_t size, uint64_t max_pixels, struct cimagecodecs_info *info,
                          struct cimagecodecs_error *error) {
    return read_png(data, size, max_pixels, info, NULL, error);
}

int cimagecodecs_png_decode(const uint8_t *data, size_t size, const struct cimagecodecs_info *info, uint8_t *pixels,
                            struct cimagecodecs_error *error) {
    struct cimagecodecs_info copy = *info;
    return read_png(data, size, UINT64_MAX, &copy, pixels, error);
}

struct writer {
    uint8_t *data;
    size_t size;
    size_t capacity;
};

static void write_bytes(png_structp png, png_bytep source, size_t count) {
    struct writer *writer = png_get_io_ptr(png);
    if (count > writer->capacity - writer->size) {
        size_t capacity = (writer->size + count) * 2;
        uint8_t *grown = realloc(writer->data, capacity);
        if (!grown) png_error(png, "no memory for the encoded image");
        writer->data = grown;
        writer->capacity = capacity;
    }
    memcpy(writer->data + writer->size, source, count);
    writer->size += count;
}

static void flush_nothing(png_structp png) { (void)png; }

int cimagecodecs_png_encode(const uint8_t *pixels, uint32_t width, uint32_t height, int channels, uint8_t **data,
                            size_t *size, struct cimagecodecs_error *error) {
    /* Static storage is not used for it: several threads may encode. Allocated, so that it is sound after longjmp. */
    struct writer *writer = calloc(1, sizeof *writer);
    error->status = CIMAGECODECS_OK;
    png_structp png = writer ? png_create_write_struct(PNG_LIBPNG_VER_STRING, error, on_error, on_warning) : NULL;
    png_infop header = png ? png_create_info_struct(png) : NULL;
    if (!header) {
        png_destroy_write_struct(&png, NULL);
        free(writer);
        fail(error, CIMAGECODECS_NO_MEMORY, "no memory for the encoder");
        return error->status;
    }
    if (setjmp(png_jmpbuf(png))) {
        png_destroy_write_struct(&png, &header);
        free(writer->data);
        free(writer);
        return error->status;
    }
    png_set_write_fn(png, writer, write_bytes, flush_nothing);
    png_set_user_limits(png, 0x7fffffff, 0x7fffffff);
    int color = channels == 1 ? PNG_COLOR_TYPE_GRAY : channels == 3 ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_RGB_ALPHA;
    png_set_IHDR(png, header, width, height, 8, color, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, header);
    size_t stride = (size_t)width * (size_t)channels;
    for (uint32_t row = 0; row < height; row++) png_write_row(png, pixels + row * stride);
    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &header);
    *data = writer->data;
    *size = writer->size;
    free(writer);
    return CIMAGECODECS_OK;
}

void cimagecodecs_free(uint8_t *data) { free(data); }
