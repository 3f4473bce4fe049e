#include "chdf5driver.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What the access property list carries; libhdf5 copies it bytewise. */
typedef struct {
    int descriptor;
    uint64_t offset;
    uint64_t length;
    const char *memory; /* instead of a descriptor */
} region_info;

typedef struct {
    H5FD_t base; /* libhdf5's own part comes first */
    region_info region;
    haddr_t end; /* what libhdf5 takes for the end of its addresses */
} region_file;

static hid_t driver = H5I_INVALID_HID;

static H5FD_t *region_open(const char *name, unsigned flags, hid_t access, haddr_t most) {
    (void)name;
    if (flags & (H5F_ACC_RDWR | H5F_ACC_TRUNC | H5F_ACC_CREAT | H5F_ACC_EXCL)) return NULL;
    const region_info *info = (const region_info *)H5Pget_driver_info(access);
    if (!info || info->length > most) return NULL;
    region_file *file = (region_file *)calloc(1, sizeof(region_file));
    if (!file) return NULL;
    file->region = *info;
    return (H5FD_t *)file;
}

static herr_t region_close(H5FD_t *file) {
    free(file);
    return 0;
}

/* No two opened files are one to libhdf5: each has a driver's file of its own. */
static int region_compare(const H5FD_t *a, const H5FD_t *b) { return a == b ? 0 : a < b ? -1 : 1; }

static herr_t region_query(const H5FD_t *file, unsigned long *flags) {
    (void)file;
    /* Without H5FD_FEAT_ACCUMULATE_METADATA: the accumulator of libhdf5 1.10 copies from nowhere when a file's address is the
       undefined one (all bits set), before a driver is asked. Here every address is held against the length. */
    if (flags) *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_DATA_SIEVE;
    return 0;
}

static haddr_t region_get_eoa(const H5FD_t *file, H5FD_mem_t type) {
    (void)type;
    return ((const region_file *)file)->end;
}

static herr_t region_set_eoa(H5FD_t *file, H5FD_mem_t type, haddr_t end) {
    (void)type;
    ((region_file *)file)->end = end;
    return 0;
}

static haddr_t region_get_eof(const H5FD_t *file, H5FD_mem_t type) {
    (void)type;
    return (haddr_t)((const region_file *)file)->region.length;
}

static herr_t region_read(H5FD_t *file, H5FD_mem_t type, hid_t transfer, haddr_t address, size_t size, void *buffer) {
    (void)type, (void)transfer;
    const region_info *region = &((const region_file *)file)->region;
    if (address > region->length || size > region->length - address) return -1;
    if (region->memory) {
        memcpy(buffer, region->memory + address, size);
        return 0;
    }
    uint64_t from = region->offset + address;
    char *to = (char *)buffer;
    while (size > 0) {
        size_t step = size < ((size_t)1 << 30) ? size : (size_t)1 << 30;
        ssize_t got = pread(region->descriptor, to, step, (off_t)from);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return -1;
        from += (uint64_t)got;
        to += got;
        size -= (size_t)got;
    }
    return 0;
}

static herr_t region_write(
    H5FD_t *file, H5FD_mem_t type, hid_t transfer, haddr_t address, size_t size, const void *buffer) {
    (void)file, (void)type, (void)transfer, (void)address, (void)size, (void)buffer;
    return -1;
}

static const H5FD_class_t region_class = {
#if H5_VERSION_GE(1, 14, 0)
    .version = H5FD_CLASS_VERSION,
    .value = 501,
#endif
    .name = "region",
    .maxaddr = (haddr_t)INT64_MAX,
    .fc_degree = H5F_CLOSE_STRONG,
    .fapl_size = sizeof(region_info),
    .open = region_open,
    .close = region_close,
    .cmp = region_compare,
    .query = region_query,
    .get_eoa = region_get_eoa,
    .set_eoa = region_set_eoa,
    .get_eof = region_get_eof,
    .read = region_read,
    .write = region_write,
    .fl_map = H5FD_FLMAP_DICHOTOMY,
};

static herr_t set(hid_t access, const region_info *info) {
    if (driver < 0) driver = H5FDregister(&region_class);
    return driver < 0 ? -1 : H5Pset_driver(access, driver, info);
}

herr_t chdf5_set_region(hid_t access, int descriptor, uint64_t offset, uint64_t length) {
    if (offset > INT64_MAX || length > INT64_MAX - offset) return -1;
    region_info info;
    memset(&info, 0, sizeof info);
    info.descriptor = descriptor;
    info.offset = offset;
    info.length = length;
    return set(access, &info);
}

herr_t chdf5_set_image(hid_t access, const chdf5_image *image) {
    region_info info;
    memset(&info, 0, sizeof info);
    info.descriptor = -1;
    info.length = image->count;
    info.memory = (const char *)image->bytes;
    return set(access, &info);
}
