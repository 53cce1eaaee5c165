#include "formats/file_kind.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

#define BLOCK ((size_t)64 << 10)

/* ---- what the first bytes give away ---- */

struct signature {
    const char *bytes;
    size_t length;
    const char *en, *zh; /* what it is; Chinese is set apart from Latin letters by a space */
    const char *advice_en, *advice_zh;
};

#define NO_ADVICE "", ""
#define UNPACK ": unpack it first", "，请先解压"
#define SAVE_AS ": save it as .xlsx", "，请另存为 .xlsx"

static const struct signature signatures[] = {
    {"%PDF-", 5, "a PDF document", " PDF 文档", NO_ADVICE},
    {"\x89PNG", 4, "a picture", "图片", NO_ADVICE},
    {"\xFF\xD8\xFF", 3, "a picture", "图片", NO_ADVICE},
    {"GIF8", 4, "a picture", "图片", NO_ADVICE},
    {"RIFF", 4, "a picture or sound file", "图片或音频文件", NO_ADVICE},
    {"\x1F\x8B", 2, "a compressed file (gzip)", "压缩文件（gzip）", UNPACK},
    {"BZh", 3, "a compressed file (bzip2)", "压缩文件（bzip2）", UNPACK},
    {"\xFD"
     "7zXZ",
     5, "a compressed file (xz)", "压缩文件（xz）", UNPACK},
    {"\x28\xB5\x2F\xFD", 4, "a compressed file (zstd)", "压缩文件（zstd）", UNPACK},
    {"7z\xBC\xAF", 4, "an archive (7z)", "压缩包（7z）", UNPACK},
    {"Rar!", 4, "an archive (RAR)", "压缩包（RAR）", UNPACK},
    {"\x09\x00\x04\x00", 4, "a very old workbook", "很旧的工作簿", SAVE_AS},
    {"\x09\x02\x06\x00", 4, "a very old workbook", "很旧的工作簿", SAVE_AS},
    {"\x09\x04\x06\x00", 4, "a very old workbook", "很旧的工作簿", SAVE_AS},
    {"\x09\x08", 2, "a very old workbook", "很旧的工作簿", SAVE_AS},
    {"{\\rtf", 5, "a text document (RTF)", " RTF 文档", NO_ADVICE},
    {"SQLite format 3", 15, "a database", "数据库文件", NO_ADVICE},
    {"\x7F"
     "ELF",
     4, "a program", "可执行程序", NO_ADVICE},
    {"{\"", 2, "a JSON file", " JSON 文件", NO_ADVICE},
    {"[{\"", 3, "a JSON file", " JSON 文件", NO_ADVICE},
    {"ID;PWXL", 7, "a SYLK file (.slk)", " SYLK 文件（.slk）", SAVE_AS},
    {"ID;PGnumeric", 12, "a SYLK file (.slk)", " SYLK 文件（.slk）", SAVE_AS},
    {"ID;PCALCOOO", 12, "a SYLK file (.slk)", " SYLK 文件（.slk）", SAVE_AS},
};

/* Text that is a table only by its name: some systems 'export to Excel' this way. Compared without case,
 * behind a byte order mark and white space. */
static const struct signature markups[] = {
    {"<!doctype html", 14, "a web page (HTML)", "网页（HTML）", NO_ADVICE},
    {"<html", 5, "a web page (HTML)", "网页（HTML）", NO_ADVICE},
    {"<head", 5, "a web page (HTML)", "网页（HTML）", NO_ADVICE},
    {"<meta", 5, "a web page (HTML)", "网页（HTML）", NO_ADVICE},
    {"<body", 5, "a web page (HTML)", "网页（HTML）", NO_ADVICE},
    {"<table", 6, "a web page (HTML)", "网页（HTML）", NO_ADVICE},
    {"<?xml", 5, "an XML file", " XML 文件", NO_ADVICE},
    {"<workbook", 9, "an XML file", " XML 文件", NO_ADVICE},
    {"mime-version:", 13, "a web page (MHTML)", "网页（MHTML）", NO_ADVICE},
};

static bool refuse_signature(const char *bytes, size_t length, struct error *err)
{
    for (size_t i = 0; i < ARRAY_SIZE(signatures); i++)
        if (length >= signatures[i].length && memcmp(bytes, signatures[i].bytes, signatures[i].length) == 0)
            return error_set(err, ERROR_INVALID, "this is %s, not a table (.xlsx, .csv or .tsv)%s%.0s%.0s",
                             "这是%.0s%.0s%s，不是表格（.xlsx、.csv 或 .tsv）%s", signatures[i].en,
                             signatures[i].advice_en, signatures[i].zh, signatures[i].advice_zh);
    return true;
}

static bool refuse_markup(const char *bytes, size_t length, struct error *err)
{
    size_t at = length >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    while (at < length && bytes[at] && strchr(" \t\r\n", bytes[at]))
        at++;
    for (size_t i = 0; i < ARRAY_SIZE(markups); i++)
        if (length - at >= markups[i].length &&
            strncasecmp(bytes + at, markups[i].bytes, markups[i].length) == 0)
            return error_set(err, ERROR_INVALID,
                             "this is %s%.0s, whatever its name says; open it in Excel or WPS and save it as "
                             ".xlsx",
                             "无论文件名如何，这其实是%.0s%s；请用 Excel 或 WPS 打开后另存为 .xlsx",
                             markups[i].en, markups[i].zh);
    return true;
}

/* ---- compound files: [MS-CFB], the container of old Office files and of encrypted new ones ---- */

#define ENTRY 128 /* bytes of a directory entry; they begin at multiples of it */
#define NAME_LENGTH_AT 64
#define OBJECT_TYPE_AT 66

static const struct compound {
    const char *stream; /* by which it is known */
    const char *en, *zh;
} compounds[] = {
    {"EncryptedPackage", "this workbook is password-protected: save it without a password",
     "此工作簿设有密码保护：请取消密码后另存"},
    {"Workbook", "this is an old workbook (.xls): save it as .xlsx",
     "这是旧版工作簿（.xls）：请另存为 .xlsx"},
    {"Book", "this is an old workbook (.xls): save it as .xlsx", "这是旧版工作簿（.xls）：请另存为 .xlsx"},
    {"WordDocument", "this is an old Word document (.doc), not a table",
     "这是旧版 Word 文档（.doc），不是表格"},
    {"PowerPoint Document", "this is an old presentation (.ppt), not a table",
     "这是旧版演示文稿（.ppt），不是表格"},
};
#define NOT_FOUND ARRAY_SIZE(compounds)

/* The name is UTF-16LE with a zero behind it, its length in bytes counts the zero. */
static bool compound_entry_is(const unsigned char *entry, const char *name)
{
    size_t length = strlen(name);
    if (entry[NAME_LENGTH_AT] + (entry[NAME_LENGTH_AT + 1] << 8) != (int)(2 * length + 2))
        return false;
    for (size_t i = 0; i <= length; i++)
        if (entry[2 * i] != (unsigned char)name[i] || entry[2 * i + 1] != 0)
            return false;
    return entry[OBJECT_TYPE_AT] == 1 || entry[OBJECT_TYPE_AT] == 2;
}

/* The directory is looked for by the form of its entries, not by its chain of sectors: that also works
 * where the chain is broken. The first row of the table that any entry fits wins. */
static size_t find_compound(int fd)
{
    CLEANUP(free_pointer) unsigned char *block = xmalloc(BLOCK);
    size_t best = NOT_FOUND;
    off_t at = 0;
    for (ssize_t got; (got = pread(fd, block, BLOCK, at)) >= ENTRY; at += got - got % ENTRY)
        for (ssize_t entry = 0; entry + ENTRY <= got; entry += ENTRY)
            for (size_t i = 0; i < best; i++)
                if (compound_entry_is(block + entry, compounds[i].stream))
                    best = i;
    return best;
}

static bool refuse_compound(int fd, struct error *err)
{
    size_t found = find_compound(fd);
    if (found == NOT_FOUND)
        return error_set(err, ERROR_INVALID, "this is an old Office file; save it as .xlsx",
                         "这是旧版 Office 文件，请另存为 .xlsx");
    return error_set(err, ERROR_INVALID, "%s%.0s", "%.0s%s", compounds[found].en, compounds[found].zh);
}

/* ---- the whole ---- */

static bool bytes_start_with(const char *bytes, size_t length, const char *start, size_t start_length)
{
    return length >= start_length && memcmp(bytes, start, start_length) == 0;
}

static bool file_find_kind(int fd, enum file_kind *ret_kind, struct error *err)
{
    char bytes[4096];
    ssize_t got = pread(fd, bytes, sizeof(bytes), 0);
    if (got < 0)
        return error_set(err, ERROR_INTERNAL, "it cannot be read: %s", "无法读取：%s", strerror(errno));
    size_t length = (size_t)got;
    if (bytes_start_with(bytes, length, "PK\3\4", 4) || bytes_start_with(bytes, length, "PK\5\6", 4)) {
        *ret_kind = FILE_KIND_WORKBOOK;
        return true;
    }
    if (bytes_start_with(bytes, length, "\xD0\xCF\x11\xE0", 4))
        return refuse_compound(fd, err);
    *ret_kind = FILE_KIND_TEXT;
    return refuse_signature(bytes, length, err) && refuse_markup(bytes, length, err);
}

/* O_NONBLOCK: a pipe by that name must not hold us before it can be refused. */
static bool open_regular_file(const char *path, int *ret_fd, struct error *err)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    *ret_fd = fd;
    if (fd < 0 || fstat(fd, &status) != 0)
        return error_set(err, errno == ENOENT ? ERROR_NOT_FOUND : ERROR_INVALID, "it cannot be opened: %s",
                         "无法打开：%s", strerror(errno));
    if (S_ISDIR(status.st_mode))
        return error_set(err, ERROR_INVALID, "it is a folder; name a .xlsx, .csv or .tsv file",
                         "这是文件夹，请指定 .xlsx、.csv 或 .tsv 文件");
    if (!S_ISREG(status.st_mode))
        return error_set(err, ERROR_INVALID, "it is no regular file; save it to a file first",
                         "不是普通文件，请先保存为文件");
    return true;
}

bool file_open(const char *path, int *ret_fd, enum file_kind *ret_kind, struct error *err)
{
    CLEANUP(file_close) int fd = -1;
    if (!open_regular_file(path, &fd, err) || !file_find_kind(fd, ret_kind, err))
        return false;
    *ret_fd = fd;
    fd = -1;
    return true;
}

void file_close(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}
