/* A read-only file driver of libhdf5 for a range of an open file: a member of an archive, read where it lies. */
#ifndef SWIFT_KERAS_CHDF5DRIVER_H
#define SWIFT_KERAS_CHDF5DRIVER_H

#include <hdf5.h>
#include <stdint.h>

/* Makes files that are opened with `access` the bytes [offset, offset + length) of `descriptor`, which the caller keeps open
   until the file is closed. The name given to H5Fopen is for messages only. Negative on failure. */
herr_t chdf5_set_region(hid_t access, int descriptor, uint64_t offset, uint64_t length);

#endif
