#include "formats/package.h"

#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>

#include "base/memory.h"

struct package {
    zip_t *zip;
};

struct package_part {
    struct package *package;
    zip_file_t *file;
    char name[PACKAGE_NAME_MAX];
    uint64_t packed, read, ceiling;
};

static bool refuse_damaged_package(struct error *err)
{
    return error_set(err, ERROR_INVALID,
                     "the file is damaged or was cut off on its way: save it again, or send it once more",
                     "文件已损坏或传输不完整：请重新保存或重新上传");
}

static bool refuse_encrypted_package(struct error *err)
{
    return error_set(err, ERROR_INVALID, "this workbook is password-protected: save it without a password",
                     "此工作簿设有密码保护：请取消密码后另存");
}

/* ---- the directory's size, before libzip reads it (APPNOTE.TXT 4.3.14 to 4.3.16) ---- */

#define END_SIZE 22
#define LOCATOR_SIZE 20
#define END64_SIZE 56
#define COMMENT_MAX 65535
#define ENDS_MAX 16 /* places that look like the end; libzip tries each */

static uint64_t little_endian(const unsigned char *bytes, size_t size)
{
    uint64_t value = 0;
    for (size_t i = size; i-- > 0;)
        value = value << 8 | bytes[i];
    return value;
}

static bool package_check_size(uint64_t entries, uint64_t bytes, struct error *err)
{
    return (entries <= PACKAGE_ENTRIES_MAX && bytes <= PACKAGE_DIRECTORY_MAX) ||
           error_set(err, ERROR_INVALID,
                     "the file consists of more than %d parts; no workbook does. Save it again as .xlsx.",
                     "文件包含超过 %d 个部分，不是正常的工作簿。请重新另存为 .xlsx。", PACKAGE_ENTRIES_MAX);
}

/* `tail` holds the file's last bytes, `end` is where the record begins. */
static bool package_check_end(int fd, const unsigned char *tail, size_t end, struct error *err)
{
    if (end < LOCATOR_SIZE || memcmp(tail + end - LOCATOR_SIZE, "PK\6\7", 4) != 0)
        return package_check_size(little_endian(tail + end + 10, 2), little_endian(tail + end + 12, 4), err);
    unsigned char end64[END64_SIZE];
    off_t at = (off_t)little_endian(tail + end - LOCATOR_SIZE + 8, 8);
    if (at < 0 || pread(fd, end64, END64_SIZE, at) != END64_SIZE || memcmp(end64, "PK\6\6", 4) != 0)
        return refuse_damaged_package(err);
    return package_check_size(little_endian(end64 + 32, 8), little_endian(end64 + 40, 8), err);
}

static bool package_check_directory(int fd, struct error *err)
{
    struct stat status;
    CLEANUP(free_pointer) unsigned char *tail = xmalloc(COMMENT_MAX + END_SIZE + LOCATOR_SIZE);
    if (fstat(fd, &status) != 0 || status.st_size < END_SIZE)
        return refuse_damaged_package(err);
    off_t length = COMMENT_MAX + END_SIZE + LOCATOR_SIZE;
    if (length > status.st_size)
        length = status.st_size;
    if (pread(fd, tail, (size_t)length, status.st_size - length) != length)
        return refuse_damaged_package(err);
    int ends = 0;
    for (size_t at = 0; at + END_SIZE <= (size_t)length; at++)
        if (memcmp(tail + at, "PK\5\6", 4) == 0 &&
            (++ends > ENDS_MAX || !package_check_end(fd, tail, at, err)))
            return ends > ENDS_MAX ? refuse_damaged_package(err) : false;
    return ends > 0 || refuse_damaged_package(err);
}

/* ---- the package ---- */

bool package_open(int fd, struct package **ret_package, struct error *err)
{
    if (!package_check_directory(fd, err))
        return false;
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0), failure;
    if (copy < 0 || lseek(copy, 0, SEEK_SET) != 0)
        return error_set(err, ERROR_INTERNAL, "the file cannot be opened again", "无法再次打开文件");
    zip_t *zip = zip_fdopen(copy, 0, &failure);
    if (!zip) {
        close(copy);
        return refuse_damaged_package(err);
    }
    struct package *package = xcalloc(1, sizeof(*package));
    package->zip = zip;
    *ret_package = package;
    return true;
}

void package_close(struct package **package)
{
    if (!*package)
        return;
    zip_discard((*package)->zip);
    free(*package);
    *package = NULL;
}

/* Some programs write \ for /, others a / at the beginning, and many another case. */
static bool is_same_part_name(const char *a, const char *b)
{
    a += *a == '/' || *a == '\\';
    while (*a && *b) {
        char of_a = *a == '\\' ? '/' : *a;
        if (strncasecmp(&of_a, b, 1) != 0)
            return false;
        a++;
        b++;
    }
    return *a == *b;
}

static bool package_find(const struct package *package, const char *name, zip_uint64_t *ret_index)
{
    zip_int64_t exact = zip_name_locate(package->zip, name, ZIP_FL_ENC_GUESS);
    zip_int64_t count = exact >= 0 ? 0 : zip_get_num_entries(package->zip, 0);
    for (zip_int64_t i = 0; i < count && exact < 0; i++) {
        const char *there = zip_get_name(package->zip, (zip_uint64_t)i, ZIP_FL_ENC_GUESS);
        if (there && is_same_part_name(there, name))
            exact = i;
    }
    if (exact >= 0)
        *ret_index = (zip_uint64_t)exact;
    return exact >= 0;
}

bool package_has(const struct package *package, const char *name)
{
    zip_uint64_t index;
    return package_find(package, name, &index);
}

/* ---- a part ---- */

static bool refuse_part_failure(const char *name, zip_error_t *failure, struct error *err)
{
    switch (zip_error_code_zip(failure)) {
    case ZIP_ER_NOPASSWD:
    case ZIP_ER_WRONGPASSWD:
    case ZIP_ER_ENCRNOTSUPP: return refuse_encrypted_package(err);
    case ZIP_ER_COMPNOTSUPP:
        error_set(err, ERROR_INVALID, "it is compressed in a way that cannot be read; save it again as .xlsx",
                  "压缩方式无法读取，请重新另存为 .xlsx");
        break;
    case ZIP_ER_CRC:
        error_set(err, ERROR_INVALID, "its checksum is wrong: the file is damaged; save it again",
                  "校验和不符：文件已损坏，请重新保存");
        break;
    default: refuse_damaged_package(err);
    }
    return error_prefix(err, "%s", "%s", name);
}

static bool refuse_large_part(const struct package_part *part, struct error *err)
{
    return error_set(
        err, ERROR_INVALID,
        "%s: unpacked it would be larger than can be read (%llu MiB at most, %d times its packed "
        "size); delete unused rows and columns, or split the table",
        "%s：解压后超出可读取的大小（最多 %llu MiB，且不超过压缩后大小的 %d 倍）；"
        "请删除无用的行列，或拆分表格",
        part->name, (unsigned long long)(part->ceiling >> 20), PACKAGE_RATIO_MAX);
}

static bool part_is_too_large(const struct package_part *part, uint64_t size)
{
    return size > part->ceiling || (size > PACKAGE_RATIO_FREE && size / PACKAGE_RATIO_MAX > part->packed);
}

static bool part_check_entry(struct package_part *part, zip_uint64_t index, struct error *err)
{
    zip_stat_t status;
    if (zip_stat_index(part->package->zip, index, 0, &status) != 0)
        return refuse_part_failure(part->name, zip_get_error(part->package->zip), err);
    if ((status.valid & ZIP_STAT_ENCRYPTION_METHOD) && status.encryption_method != ZIP_EM_NONE)
        return refuse_encrypted_package(err);
    part->packed = status.valid & ZIP_STAT_COMP_SIZE ? status.comp_size : 0;
    if ((status.valid & ZIP_STAT_SIZE) && part_is_too_large(part, status.size))
        return refuse_large_part(part, err);
    return true;
}

bool package_part_open(struct package *package, const char *name, uint64_t ceiling,
                       struct package_part **ret_part, struct error *err)
{
    zip_uint64_t index;
    if (!package_find(package, name, &index))
        return error_set(err, ERROR_INVALID, "the workbook lacks its part “%.200s”; save it again as .xlsx",
                         "工作簿缺少“%.200s”部分，请重新另存为 .xlsx", name);
    CLEANUP(package_part_close) struct package_part *part = xcalloc(1, sizeof(*part));
    part->package = package;
    part->ceiling = ceiling;
    strncpy(part->name, name, sizeof(part->name) - 1);
    if (!part_check_entry(part, index, err))
        return false;
    part->file = zip_fopen_index(package->zip, index, 0);
    if (!part->file)
        return refuse_part_failure(name, zip_get_error(package->zip), err);
    *ret_part = part;
    part = NULL;
    return true;
}

/* The sizes that the file states may lie: what counts is what comes. */
bool package_part_read(struct package_part *part, void *bytes, size_t size, size_t *ret_length,
                       struct error *err)
{
    zip_int64_t got = zip_fread(part->file, bytes, size);
    if (got < 0)
        return refuse_part_failure(part->name, zip_file_get_error(part->file), err);
    part->read += (uint64_t)got;
    if (part_is_too_large(part, part->read))
        return refuse_large_part(part, err);
    *ret_length = (size_t)got;
    return true;
}

void package_part_close(struct package_part **part)
{
    if (!*part)
        return;
    if ((*part)->file)
        zip_fclose((*part)->file);
    free(*part);
    *part = NULL;
}
