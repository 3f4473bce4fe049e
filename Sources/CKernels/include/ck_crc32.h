#ifndef CK_CRC32_H
#define CK_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* The CRC-32 of zip and zlib, carried on: 0 to begin with. */
uint32_t ck_crc32(uint32_t crc, const void *bytes, size_t count);

/* The CRC-32 of two runs of bytes, one behind the other, from theirs. */
uint32_t ck_crc32_combine(uint32_t first, uint32_t second, uint64_t second_count);

#endif
