/* A read-only file driver of libhdf5 for a range of an open file, such as a member of an archive, read where it lies, and for memory. */
#ifndef SWIFT_KERAS_CHDF5DRIVER_H
#define SWIFT_KERAS_CHDF5DRIVER_H

#include <hdf5.h>
#include <stdint.h>

/* Makes files that are opened with `access` the bytes [offset, offset + length) of `descriptor`, which the caller keeps open
   until the file is closed. The name given to H5Fopen is for messages only. Negative on failure. */
herr_t chdf5_set_region(hid_t access, int descriptor, uint64_t offset, uint64_t length);

/* A file in memory that the caller keeps where it is until the file is closed. */
typedef struct { void *bytes; size_t count; } chdf5_image;

/* Makes files that are opened with `access` the bytes of the image. Negative on failure. */
herr_t chdf5_set_image(hid_t access, const chdf5_image *image);

#endif
