/* JPEG by libjpeg-turbo, with the settings that Pillow leaves at their defaults: accurate integer DCT, smooth
 * upsampling, YCbCr to RGB, YCCK to CMYK. */
#include "cimagecodecs.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jerror.h>
#include <jpeglib.h>

/* A progressive file has about 10 scans; every scan costs a pass over the whole image, however few bytes it has. */
enum { MOST_SCANS = 500 };
static const uint64_t most_scanned_pixels = 8000000000;

struct manager {
    struct jpeg_error_mgr base;
    jmp_buf jump;
    struct cimagecodecs_error *error;
};

static void fail(struct cimagecodecs_error *error, int status, const char *message) {
    error->status = status;
    snprintf(error->message, sizeof error->message, "%s", message);
}

static void on_error(j_common_ptr codec) {
    struct manager *manager = (struct manager *)codec->err;
    if (manager->error->status == CIMAGECODECS_OK) {
        char message[JMSG_LENGTH_MAX];
        codec->err->format_message(codec, message);
        switch (codec->err->msg_code) {
        case JERR_OUT_OF_MEMORY: fail(manager->error, CIMAGECODECS_NO_MEMORY, message); break;
        case JERR_BAD_PRECISION:
        case JERR_SOF_UNSUPPORTED:
        case JERR_ARITH_NOTIMPL:
        case JERR_CONVERSION_NOTIMPL:
        case JERR_CCIR601_NOTIMPL:
        case JERR_FRACT_SAMPLE_NOTIMPL:
        case JERR_NOT_COMPILED: fail(manager->error, CIMAGECODECS_UNSUPPORTED, message); break;
        default: fail(manager->error, CIMAGECODECS_INVALID, message);
        }
    }
    longjmp(manager->jump, 1);
}

static void give_up(j_common_ptr codec, int status, const char *message) {
    struct manager *manager = (struct manager *)codec->err;
    fail(manager->error, status, message);
    longjmp(manager->jump, 1);
}

/* Warnings are ignored as Pillow ignores them: photographs with a few bad bytes are common. */
static void on_message(j_common_ptr codec, int level) {
    (void)codec;
    (void)level;
}

static void print_nothing(j_common_ptr codec) { (void)codec; }

static struct jpeg_error_mgr *quiet(struct manager *manager, struct cimagecodecs_error *error) {
    jpeg_std_error(&manager->base);
    manager->base.error_exit = on_error;
    manager->base.emit_message = on_message;
    manager->base.output_message = print_nothing;
    manager->error = error;
    error->status = CIMAGECODECS_OK;
    return &manager->base;
}

/* A source over memory. jpeg_mem_src would make up an end-of-image marker at the end of a file that was cut; here that
 * is an error, as it is with Pillow. */

static void start_source(j_decompress_ptr codec) { (void)codec; }

static boolean end_of_data(j_decompress_ptr codec) {
    give_up((j_common_ptr)codec, CIMAGECODECS_TRUNCATED, "the file ends before the image does");
    return FALSE;
}

static void skip_bytes(j_decompress_ptr codec, long count) {
    if (count <= 0) return;
    if ((size_t)count > codec->src->bytes_in_buffer) end_of_data(codec);
    codec->src->next_input_byte += count;
    codec->src->bytes_in_buffer -= (size_t)count;
}

static void end_source(j_decompress_ptr codec) { (void)codec; }

static void on_progress(j_common_ptr codec) {
    if (!codec->is_decompressor) return;
    j_decompress_ptr decoder = (j_decompress_ptr)codec;
    uint64_t pixels = (uint64_t)decoder->image_width * decoder->image_height;
    /* The first few scans are what every sound file has. */
    if (decoder->input_scan_number > MOST_SCANS ||
        (decoder->input_scan_number > 20 && pixels * (uint64_t)decoder->input_scan_number > most_scanned_pixels)) {
        give_up(codec, CIMAGECODECS_TOO_LARGE, "more scans than a progressive file has use for");
    }
}

/* channels: 0 as the file has them, computed exactly; 1 or 3, computed fast. */
static int read_jpeg(const uint8_t *data, size_t size, uint64_t max_pixels, int channels, struct cimagecodecs_info *info,
                     uint8_t *pixels, struct cimagecodecs_error *error) {
    struct jpeg_decompress_struct codec;
    struct manager manager;
    struct jpeg_source_mgr source;
    struct jpeg_progress_mgr progress;
    memset(&codec, 0, sizeof codec);
    memset(&source, 0, sizeof source);
    memset(&progress, 0, sizeof progress);
    codec.err = quiet(&manager, error);
    if (setjmp(manager.jump)) {
        jpeg_destroy_decompress(&codec);
        return error->status;
    }
    jpeg_create_decompress(&codec);
    source.init_source = start_source;
    source.fill_input_buffer = end_of_data;
    source.skip_input_data = skip_bytes;
    source.resync_to_restart = jpeg_resync_to_restart;
    source.term_source = end_source;
    source.next_input_byte = data;
    source.bytes_in_buffer = size;
    codec.src = &source;
    progress.progress_monitor = on_progress;
    codec.progress = &progress;
    jpeg_read_header(&codec, TRUE);

    struct cimagecodecs_info found = {codec.image_width, codec.image_height, 0, 0};
    if ((uint64_t)found.width * found.height > max_pixels) {
        char message[120];
        snprintf(message, sizeof message, "%u x %u pixels are more than %llu", found.width, found.height,
                 (unsigned long long)max_pixels);
        give_up((j_common_ptr)&codec, CIMAGECODECS_TOO_LARGE, message);
    }
    /* Each block of 64 pixels takes at least one bit of Huffman code, arithmetic coding may take less. */
    if (!codec.arith_code && (uint64_t)found.width * found.height / 512 > size) {
        give_up((j_common_ptr)&codec, CIMAGECODECS_TRUNCATED, "the file is too short for an image of this size");
    }
    if (channels) codec.dct_method = JDCT_IFAST;
    switch (channels && codec.num_components < 4 ? channels : codec.num_components) {
    case 1:
        codec.out_color_space = JCS_GRAYSCALE;
        found.kind = CIMAGECODECS_GREY;
        found.pixel_bytes = 1;
        break;
    case 3:
        codec.out_color_space = JCS_RGB;
        found.kind = CIMAGECODECS_RGB;
        found.pixel_bytes = 3;
        break;
    case 4:
        codec.out_color_space = JCS_CMYK;
        found.kind = CIMAGECODECS_CMYK;
        found.pixel_bytes = 4;
        break;
    default: give_up((j_common_ptr)&codec, CIMAGECODECS_UNSUPPORTED, "expected 1, 3 or 4 components");
    }
    if (!pixels) {
        *info = found;
    } else {
        if (memcmp(&found, info, sizeof found) != 0) {
            give_up((j_common_ptr)&codec, CIMAGECODECS_INVALID, "the header changed");
        }
        jpeg_start_decompress(&codec);
        size_t stride = (size_t)found.width * (size_t)found.pixel_bytes;
        if (codec.output_width != found.width || codec.output_height != found.height ||
            codec.output_components != found.pixel_bytes) {
            give_up((j_common_ptr)&codec, CIMAGECODECS_INVALID, "unexpected output size");
        }
        while (codec.output_scanline < codec.output_height) {
            JSAMPROW row = pixels + codec.output_scanline * stride;
            jpeg_read_scanlines(&codec, &row, 1);
        }
    }
    jpeg_destroy_decompress(&codec);
    return CIMAGECODECS_OK;
}

int cimagecodecs_jpeg_info(const uint8_t *data, size_t size, uint64_t max_pixels, struct cimagecodecs_info *info,
                           struct cimagecodecs_error *error) {
    return read_jpeg(data, size, max_pixels, 0, info, NULL, error);
}

int cimagecodecs_jpeg_decode(const uint8_t *data, size_t size, const struct cimagecodecs_info *info, uint8_t *pixels,
                             struct cimagecodecs_error *error) {
    struct cimagecodecs_info copy = *info;
    return read_jpeg(data, size, UINT64_MAX, 0, &copy, pixels, error);
}

int cimagecodecs_jpeg_info_fast(const uint8_t *data, size_t size, uint64_t max_pixels, int channels, struct cimagecodecs_info *info,
                                struct cimagecodecs_error *error) {
    return read_jpeg(data, size, max_pixels, channels, info, NULL, error);
}

int cimagecodecs_jpeg_decode_fast(const uint8_t *data, size_t size, int channels, const struct cimagecodecs_info *info, uint8_t *pixels,
                                  struct cimagecodecs_error *error) {
    struct cimagecodecs_info copy = *info;
    return read_jpeg(data, size, UINT64_MAX, channels, &copy, pixels, error);
}

/* What jpeg_mem_dest writes to; allocated, so that it is sound after longjmp. */
struct output {
    unsigned char *data;
    unsigned long size;
};

int cimagecodecs_jpeg_encode(const uint8_t *pixels, uint32_t width, uint32_t height, int channels, int quality,
                             uint8_t **data, size_t *size, struct cimagecodecs_error *error) {
    struct jpeg_compress_struct codec;
    struct manager manager;
    struct output *output = calloc(1, sizeof *output);
    memset(&codec, 0, sizeof codec);
    codec.err = quiet(&manager, error);
    if (!output) {
        fail(error, CIMAGECODECS_NO_MEMORY, "no memory for the encoder");
        return error->status;
    }
    if (setjmp(manager.jump)) {
        jpeg_destroy_compress(&codec);
        free(output->data);
        free(output);
        return error->status;
    }
    jpeg_create_compress(&codec);
    jpeg_mem_dest(&codec, &output->data, &output->size);
    codec.image_width = width;
    codec.image_height = height;
    codec.input_components = channels;
    codec.in_color_space = channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(&codec);
    jpeg_set_quality(&codec, quality, TRUE);
    jpeg_start_compress(&codec, TRUE);
    size_t stride = (size_t)width * (size_t)channels;
    while (codec.next_scanline < height) {
        JSAMPROW row = (JSAMPROW)(pixels + codec.next_scanline * stride);
        jpeg_write_scanlines(&codec, &row, 1);
    }
    jpeg_finish_compress(&codec);
    jpeg_destroy_compress(&codec);
    *data = output->data;
    *size = output->size;
    free(output);
    return CIMAGECODECS_OK;
}
