/* What Swift cannot see of libhdf5: macros that look like values but call functions, and calls whose name or struct
   changed between 1.10 and 1.14. Nothing here knows what the files hold. */
#ifndef SWIFT_KERAS_CHDF5_SHIM_H
#define SWIFT_KERAS_CHDF5_SHIM_H

#include <hdf5.h>
#include <stdbool.h>
#include <string.h>

/* Property lists and dataspaces. */
static inline hid_t chdf5_default(void) { return H5P_DEFAULT; }
static inline hid_t chdf5_all(void) { return H5S_ALL; }
static inline hid_t chdf5_class_file_access(void) { return H5P_FILE_ACCESS; }
static inline hid_t chdf5_class_file_create(void) { return H5P_FILE_CREATE; }
static inline hid_t chdf5_class_group_create(void) { return H5P_GROUP_CREATE; }
static inline hid_t chdf5_class_dataset_create(void) { return H5P_DATASET_CREATE; }
static inline hid_t chdf5_class_link_create(void) { return H5P_LINK_CREATE; }
static inline hid_t chdf5_class_attribute_create(void) { return H5P_ATTRIBUTE_CREATE; }
static inline unsigned chdf5_read_only(void) { return H5F_ACC_RDONLY; }
static inline unsigned chdf5_truncate(void) { return H5F_ACC_TRUNC; }
static inline ssize_t chdf5_open_objects(hid_t file) { return H5Fget_obj_count(file, H5F_OBJ_ALL); }
static inline ssize_t chdf5_open_objects_anywhere(void) {
    return H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_DATASET | H5F_OBJ_GROUP | H5F_OBJ_DATATYPE | H5F_OBJ_ATTR);
}

/* Element types; little-endian ones are what files are written with. */
static inline hid_t chdf5_c_string(void) { return H5T_C_S1; }
static inline size_t chdf5_variable(void) { return H5T_VARIABLE; }
static inline hid_t chdf5_float32_le(void) { return H5T_IEEE_F32LE; }
static inline hid_t chdf5_float64_le(void) { return H5T_IEEE_F64LE; }
static inline hid_t chdf5_int_le(size_t bytes, bool is_signed) {
    switch (bytes) {
    case 1: return is_signed ? H5T_STD_I8LE : H5T_STD_U8LE;
    case 2: return is_signed ? H5T_STD_I16LE : H5T_STD_U16LE;
    case 4: return is_signed ? H5T_STD_I32LE : H5T_STD_U32LE;
    case 8: return is_signed ? H5T_STD_I64LE : H5T_STD_U64LE;
    default: return -1;
    }
}
static inline H5T_order_t chdf5_native_order(void) { return H5Tget_order(H5T_NATIVE_INT); }

/* libhdf5's report on standard error, per thread: switched off, and put back as the host program had it. */
typedef struct { H5E_auto2_t function; void *data; } chdf5_report;
static inline chdf5_report chdf5_silence(void) {
    chdf5_report report = {0};
    H5Eget_auto2(H5E_DEFAULT, &report.function, &report.data);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    return report;
}
static inline void chdf5_unsilence(chdf5_report report) { H5Eset_auto2(H5E_DEFAULT, report.function, report.data); }

/* The thread's error stack: what the call said (outer), and the deepest cause (inner). */
typedef struct { char outer[200]; char inner[1000]; } chdf5_reason;
static inline herr_t chdf5_collect_reason(unsigned n, const H5E_error2_t *error, void *context) {
    chdf5_reason *reason = (chdf5_reason *)context;
    const char *text = error->desc ? error->desc : "";
    if (n == 0) strncpy(reason->outer, text, sizeof reason->outer - 1);
    else strncpy(reason->inner, text, sizeof reason->inner - 1);
    return 0;
}
static inline chdf5_reason chdf5_last_reason(void) {
    chdf5_reason reason;
    memset(&reason, 0, sizeof reason);
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, chdf5_collect_reason, &reason);
    return reason;
}

static inline ssize_t chdf5_error_count(void) { return H5Eget_num(H5E_DEFAULT); }
static inline void chdf5_clear_errors(void) { H5Eclear2(H5E_DEFAULT); }

/* A link of this very group, not followed: 0 absent, 1 hard, 2 soft, 3 external, 4 user-defined, negative on failure. */
static inline int chdf5_link_number(H5L_type_t type) {
    switch (type) {
    case H5L_TYPE_HARD: return 1;
    case H5L_TYPE_SOFT: return 2;
    case H5L_TYPE_EXTERNAL: return 3;
    default: return type < 0 ? -1 : 4;
    }
}
static inline int chdf5_link_kind(hid_t group, const char *name) {
    htri_t exists = H5Lexists(group, name, H5P_DEFAULT);
    if (exists <= 0) return (int)exists;
#if H5_VERSION_GE(1, 12, 0)
    H5L_info2_t info;
    if (H5Lget_info2(group, name, &info, H5P_DEFAULT) < 0) return -1;
#else
    H5L_info_t info;
    if (H5Lget_info(group, name, &info, H5P_DEFAULT) < 0) return -1;
#endif
    return chdf5_link_number(info.type);
}

/* Calls `visit` with the name and kind number of each link, sorted by name, until it returns non-zero. */
typedef int (*chdf5_visit_link)(const char *name, int kind, void *context);
typedef struct { chdf5_visit_link visit; void *context; } chdf5_link_walk;
#if H5_VERSION_GE(1, 12, 0)
static inline herr_t chdf5_walk_link(hid_t group, const char *name, const H5L_info2_t *info, void *data)
#else
static inline herr_t chdf5_walk_link(hid_t group, const char *name, const H5L_info_t *info, void *data)
#endif
{
    (void)group;
    chdf5_link_walk *walk = (chdf5_link_walk *)data;
    return walk->visit(name, chdf5_link_number(info->type), walk->context);
}
static inline herr_t chdf5_visit_links(hid_t group, chdf5_visit_link visit, void *context) {
    chdf5_link_walk walk = {visit, context};
    hsize_t index = 0;
#if H5_VERSION_GE(1, 12, 0)
    return H5Literate2(group, H5_INDEX_NAME, H5_ITER_INC, &index, chdf5_walk_link, &walk);
#else
    return H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, &index, chdf5_walk_link, &walk);
#endif
}

/* Calls `visit` with the name of each attribute, sorted by name, until it returns non-zero. */
typedef int (*chdf5_visit_attribute)(const char *name, void *context);
typedef struct { chdf5_visit_attribute visit; void *context; } chdf5_attribute_walk;
static inline herr_t chdf5_walk_attribute(hid_t object, const char *name, const H5A_info_t *info, void *data) {
    (void)object;
    (void)info;
    chdf5_attribute_walk *walk = (chdf5_attribute_walk *)data;
    return walk->visit(name, walk->context);
}
static inline herr_t chdf5_visit_attributes(hid_t object, chdf5_visit_attribute visit, void *context) {
    chdf5_attribute_walk walk = {visit, context};
    hsize_t index = 0;
    return H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_INC, &index, chdf5_walk_attribute, &walk);
}

/* Where an object's header lies, counted from the file's base address. */
static inline herr_t chdf5_object_address(hid_t object, haddr_t *address) {
#if H5_VERSION_GE(1, 12, 0)
    H5O_info2_t info;
    if (H5Oget_info3(object, &info, H5O_INFO_BASIC) < 0) return -1;
    return H5VLnative_token_to_addr(object, info.token, address);
#else
    H5O_info_t info;
    if (H5Oget_info2(object, &info, H5O_INFO_BASIC) < 0) return -1;
    *address = info.addr;
    return 0;
#endif
}

#endif
