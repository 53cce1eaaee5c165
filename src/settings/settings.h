/* Settings: ONE table (settings.c) with name, type, bounds, default, unit and text of every setting;
 * the command line, the environment, the configuration file, the page, the API and the manual come
 * from it.
 *
 * Two kinds. Boot settings (category "server"): flag, else KIMONO_* environment variable, else
 * configuration file, else default; fixed while the process runs. Live settings (scheduler, rag …):
 * default, else configuration file or environment, else what an operator saved in the store; read as
 * one immutable snapshot, in force within a second of a change, whoever made it.
 *
 * Adding a setting: one row in SETTINGS_TABLE and its use. */
#ifndef KIMONO_SETTINGS_SETTINGS_H
#define KIMONO_SETTINGS_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "store/store.h"

enum setting_type { SETTING_INT, SETTING_REAL, SETTING_BOOL, SETTING_TEXT };
enum setting_apply { SETTING_BOOT, SETTING_LIVE };

/* member, category, name, type, minimum, maximum, default, unit, when it applies,
 * text in English, text in Chinese. Environment: KIMONO_<NAME> for boot settings,
 * KIMONO_<CATEGORY>_<NAME> for live ones; file: [category] name = value. */
#define SETTINGS_TABLE(X)                                                                                    \
    X(listen, "server", "listen", TEXT, 0, 0, "127.0.0.1:8080", "", BOOT, "Address and port to serve on",    \
      "监听的地址和端口")                                                                                    \
    X(data, "server", "data", TEXT, 0, 0, "data", "", BOOT, "Folder of the embedded store",                  \
      "内置数据库所在目录")                                                                                  \
    X(database, "server", "database", TEXT, 0, 0, "", "", BOOT,                                              \
      "PostgreSQL URL; empty: the embedded SQLite store", "PostgreSQL 地址；留空则使用内置 SQLite")          \
    X(static_folder, "server", "static", TEXT, 0, 0, "", "", BOOT,                                           \
      "Serve the pages from this folder; empty: from the program", "从此目录提供页面；留空则用程序内置页面") \
    X(timezone, "server", "timezone", TEXT, 0, 0, "Asia/Shanghai", "", BOOT,                                 \
      "IANA time zone of 'today', days and weeks of a store that is made; later it is the store's own",      \
      "新建数据时“今天”、日、周所用的 IANA 时区；此后以数据中记录的为准")                                    \
    X(rate_limits, "server", "rate_limits", BOOL, 0, 1, "on", "", BOOT,                                      \
      "Rate limiting; off only for tests and benchmarks", "限流；仅测试和压测时关闭")                        \
    X(trusted_proxy, "server", "trusted_proxy", TEXT, 0, 0, "", "", BOOT,                                    \
      "Addresses and networks of reverse proxies whose X-Forwarded-For is believed, as 10.0.0.1, fd00::/8",  \
      "可信反向代理的地址或网段，如 10.0.0.1, fd00::/8")                                                     \
    X(public_origin, "server", "public_origin", TEXT, 0, 0, "", "", BOOT,                                    \
      "Origin of the console behind a proxy, https://ops.example.com; empty: the Host that was asked",       \
      "经代理访问时控制台的 Origin，如 https://ops.example.com；留空则取请求的 Host")                        \
    X(workers, "server", "workers", INT, 2, 256, "16", "threads", BOOT,                                      \
      "Threads for what people wait for: chat, log-in, lists, edits", "处理对话、登录、列表、编辑的线程数")  \
    X(heavy_workers, "server", "heavy_workers", INT, 1, 64, "4", "threads", BOOT,                            \
      "Threads for files: exports, imports and their previews; one person has half of them",                 \
      "处理文件（导出、导入及预览）的线程数；每人至多占用一半")                                              \
    X(heavy_per_person, "server", "heavy_per_person", INT, 1, 256, "8", "requests", BOOT,                    \
      "Files that one person may have running or waiting; beyond it 429",                                    \
      "每人可同时处理或排队的文件请求数，超出则返回 429")                                                    \
    X(log_level, "server", "log_level", TEXT, 0, 0, "INFO", "", BOOT,                                        \
      "Least level on standard error: DEBUG, INFO, WARN, ERROR", "标准错误输出的最低级别")                   \
    X(audit_head_file, "server", "audit_head_file", TEXT, 0, 0, "", "", BOOT,                                \
      "File that gets the head of the audit chain once a day, and that 'check' compares; empty: none",       \
      "每天追加审计链头部的文件，check 会据此核对；留空则不写")                                              \
    X(audit_head_webhook, "server", "audit_head_webhook", TEXT, 0, 0, "", "", BOOT,                          \
      "Address that gets the head of the audit chain once a day by POST; empty: none",                       \
      "每天以 POST 发送审计链头部的地址；留空则不发送")                                                      \
    X(telemetry_days, "server", "telemetry_days", INT, 1, 3650, "90", "days", BOOT,                          \
      "Raw telemetry is kept this long; daily totals stay", "原始遥测数据保留天数；按日汇总永久保留")        \
    X(telemetry_max_age, "telemetry", "max_age_days", INT, 1, 365, "7", "days", LIVE,                        \
      "Records from outside that are older are refused", "外部上报的记录早于此天数则拒收")                   \
    X(process_interval, "scheduler", "process_interval", INT, 60, 3600, "300", "seconds", LIVE,              \
      "Time between two runs that learn from feedback", "反馈处理间隔")                                      \
    X(sync_interval, "scheduler", "sync_interval", INT, 60, 3600, "600", "seconds", LIVE,                    \
      "Time between two vector syncs", "同步间隔")                                                           \
    X(batch_size, "scheduler", "batch_size", INT, 10, 200, "50", "items", LIVE,                              \
      "Feedbacks or pairs taken in one transaction", "批处理大小")                                           \
    X(auto_learn_enabled, "scheduler", "auto_learn_enabled", BOOL, 0, 1, "on", "", LIVE,                     \
      "Corrections from feedback become pairs", "自动学习")                                                  \
    X(auto_sync_enabled, "scheduler", "auto_sync_enabled", BOOL, 0, 1, "on", "", LIVE,                       \
      "Changed pairs are indexed on a schedule", "自动同步")                                                 \
    X(storage_reserve, "storage", "reserve_mb", INT, 0, 1048576, "256", "MiB", LIVE,                         \
      "Disk that log rows, uploads and exports leave to money and conversations; at most a tenth of the "    \
      "disk",                                                                                                \
      "为费用与对话预留的磁盘空间，日志、上传和导出不得占用；不超过磁盘的十分之一")                          \
    X(top_k, "rag", "top_k", INT, 1, 20, "5", "pairs", LIVE, "Pairs retrieved for an answer", "检索数量")    \
    X(min_score, "rag", "min_score", REAL, 0, 1, "0.3", "", LIVE, "Least score of a pair that may answer",   \
      "最小相似度阈值")                                                                                      \
    X(auto_distribute, "templates", "auto_distribute", BOOL, 0, 1, "off", "", LIVE,                          \
      "Tenants that lack templates which go to all are given them on a schedule",                            \
      "自动向缺少的商家分发通用模板")

struct setting {
    const char *category, *name;
    enum setting_type type;
    enum setting_apply apply;
    double minimum, maximum;
    const char *default_text, *unit;
    const char *text[LANGUAGE_COUNT];
    size_t offset; /* in struct settings */
};

extern const struct setting settings_table[];
extern const size_t settings_count;

#define SETTING_C_TYPE_TEXT const char *
#define SETTING_C_TYPE_INT int64_t
#define SETTING_C_TYPE_REAL double
#define SETTING_C_TYPE_BOOL bool

/* The values in force. One snapshot, never changed. */
struct settings {
#define X(member, category, name, type, min, max, fallback, unit, apply, en, zh) SETTING_C_TYPE_##type member;
    SETTINGS_TABLE(X)
#undef X
};

struct settings_box; /* the present snapshot and where it comes from; thread-safe */

/* Reads the configuration file (`file` NULL: none), the environment and the flags (name and value of
 * category "server", as given; NULL-terminated by name; NULL: none). All wrong ones are named at once,
 * each with where it came from: "KIMONO_WORKERS=abc: not a whole number". An unknown name in the file
 * is wrong, too; an unknown KIMONO_… in the environment that is nearly one is a line in the log. */
struct setting_flag {
    const char *name, *value;
};
bool settings_load(struct settings_box **ret_box, const char *file, const struct setting_flag *flags,
                   struct error *err);
void settings_free(struct settings_box *box); /* takes NULL */

/* The snapshot in force. It stays valid as long as the box: old ones are few and kept. */
const struct settings *settings_now(const struct settings_box *box);

/* Whether the file, the environment or a flag has named it. */
bool settings_is_given(const struct settings_box *box, const char *category, const char *name);

/* Reads the store's live values and, if they changed, puts a new snapshot in force. Called at start
 * and each second. */
bool settings_refresh(struct settings_box *box, struct db *db, struct error *err);

/* Checks and converts one value given as text: the error's field is the setting's name. `ret_value`
 * points to what SETTING_C_TYPE_… says; a text is lent, not copied. */
bool setting_parse(const struct setting *setting, const char *text, void *ret_value, struct error *err);
const struct setting *setting_find(const char *category, const char *name);

#define SETTING_ENVIRONMENT_SIZE 64
/* KIMONO_LISTEN, KIMONO_RAG_TOP_K … */
void setting_environment(const struct setting *setting, char ret_name[static SETTING_ENVIRONMENT_SIZE]);

/* Secrets are no settings: never in the table, in a flag, on a page. One comes from the environment
 * variable `name_env` (DASHSCOPE_API_KEY), else from the file, mode 0600, that `file_env`
 * (DASHSCOPE_API_KEY_FILE) names. `ret_secret` is NULL when there is none; else it is in the arena. */
bool settings_secret(const char *name_env, const char *file_env, struct arena *arena, const char **ret_secret,
                     struct error *err);

#endif
