/* conf_schema.c - see conf_schema.h; conf/ragbackup.example.yaml shows it. */
#include "conf/conf_schema.h"

#include "base/mem.h"
#include "conf/conf_check.h"

#define S INT64_C(1000)
#define MIN (60 * S)
#define HOUR (60 * MIN)
#define DAY (24 * HOUR)
#define TIB (INT64_C(1) << 40)

/* Rows are laid out to be read as a table. */
/* clang-format off */

#define OBJECT(name, rows, rules)					\
	static const struct conf_object name = { rows, COUNT_OF(rows), rules }

static const char *const level_words[] = { "debug", "info", "warn", "error",
	NULL };
static const char *const check_words[] = { "fail", "warn", "off", NULL };
static const char *const fail_words[] = { "fail", "warn", NULL };
static const char *const side_words[] = { "here", "host", NULL };
static const char *const gzip_words[] = { "fast", "default", "best", NULL };

static const struct conf_row daemon_rows[] = {
	{ .key = "state_dir", .type = CONF_PATH,
	    .help = "folder of the history, locks and leases" },
	{ .key = "socket", .type = CONF_PATH,
	    .help = "where ragbackupctl connects" },
	{ .key = "log", .type = CONF_PATH,
	    .help = "log file; default: standard error" },
	{ .key = "log_level", .type = CONF_WORD, .words = level_words,
	    .dflt = "info", .help = "least severity that is logged" },
	{ .key = "socket_group", .type = CONF_NAME,
	    .help = "group that may use the read-only commands" },
	{ .key = "max_runs", .type = CONF_INT, .min = 1, .max = 64,
	    .dflt = "2", .help = "runs at the same time; others wait" },
	{ .key = "min_free", .type = CONF_SIZE, .max = 1024 * TIB,
	    .dflt = "64MiB", .help = "least free space to start a run" },
	{ .key = "gc_age", .type = CONF_DURATION, .min = MIN,
	    .max = 3650 * DAY, .dflt = "7d",
	    .help = "own leftovers older than this are collected" },
};
OBJECT(daemon_object, daemon_rows, conf_rules_daemon);

static const struct conf_row filesystem_rows[] = {
	{ .key = "path", .type = CONF_PATH, .flags = CONF_REQUIRED,
	    .help = "folder of the snapshots; it or its parent must exist" },
	{ .key = "min_rate", .type = CONF_SIZE, .min = 1, .max = TIB,
	    .dflt = "64k", .help = "bytes a second the store must take" },
	{ .key = "stall", .type = CONF_DURATION, .min = S, .max = DAY,
	    .dflt = "60s", .help = "below min_rate for so long: left out" },
	{ .key = "min_free", .type = CONF_SIZE, .max = 1024 * TIB,
	    .dflt = "0", .help = "keep this much free in its file system" },
};

static const struct conf_variant store_types[] = {
	{ "filesystem", { filesystem_rows, COUNT_OF(filesystem_rows), NULL } },
};
static const struct conf_variants store_variants = { store_types,
	COUNT_OF(store_types) };

static const struct conf_row host_rows[] = {
	{ .key = "ssh", .type = CONF_SSH, .flags = CONF_REQUIRED,
	    .help = "user@machine" },
	{ .key = "port", .type = CONF_INT, .min = 1, .max = 65535,
	    .dflt = "22", .help = "of its SSH server" },
	{ .key = "identity", .type = CONF_PATH, .flags = CONF_PRIVATE,
	    .help = "private key; default: the agent, then ~/.ssh/id_*" },
	{ .key = "passphrase_file", .type = CONF_PATH, .flags = CONF_PRIVATE,
	    .secret_of = "passphrase", .secret_kind = "file",
	    .help = "file with the key's passphrase, mode 0600" },
	{ .key = "passphrase_env", .type = CONF_ENV_NAME,
	    .flags = CONF_SECRET, .secret_of = "passphrase",
	    .secret_kind = "env",
	    .help = "environment variable with the passphrase" },
	{ .key = "agent", .type = CONF_BOOL, .dflt = "true",
	    .help = "try the SSH agent" },
	{ .key = "known_hosts", .type = CONF_PATH,
	    .dflt = "~/.ssh/known_hosts", .help = "trusted host keys" },
	{ .key = "fingerprint", .type = CONF_FINGERPRINT,
	    .help = "pin the host key instead of known_hosts" },
	{ .key = "connect_timeout", .type = CONF_DURATION, .min = S,
	    .max = 10 * MIN, .dflt = "20s", .help = "to connect and log in" },
	{ .key = "keepalive", .type = CONF_DURATION, .min = S,
	    .max = HOUR, .dflt = "15s", .help = "between keepalives" },
};
OBJECT(host_object, host_rows, NULL);

static const struct conf_row deadman_rows[] = {
	{ .key = "lease", .type = CONF_DURATION, .min = 2 * S, .max = HOUR,
	    .dflt = "60s", .help = "without a beat for so long it fires" },
	{ .key = "max_downtime", .type = CONF_DURATION, .min = 2 * S,
	    .max = DAY, .dflt = "15m", .help = "it fires then in any case" },
};
OBJECT(deadman_object, deadman_rows, conf_rules_deadman);

static const struct conf_row health_rows[] = {
	{ .key = "url", .type = CONF_URL, .flags = CONF_REQUIRED,
	    .help = "http:// or https://" },
	{ .key = "json", .type = CONF_MEMBERS,
	    .help = "members that the answer must have" },
	{ .key = "status", .type = CONF_INT, .min = 100, .max = 599,
	    .dflt = "200", .help = "HTTP status of a healthy answer" },
	{ .key = "timeout", .type = CONF_DURATION, .min = S, .max = DAY,
	    .dflt = "5m", .help = "unhealthy after so long" },
	{ .key = "interval", .type = CONF_DURATION, .min = 100, .max = HOUR,
	    .dflt = "2s", .help = "between two probes" },
	{ .key = "via", .type = CONF_WORD, .words = side_words,
	    .dflt = "here", .help = "from which side to ask" },
};
OBJECT(health_object, health_rows, NULL);

static const struct conf_row workspace_item = { .type = CONF_NAME,
	.help = "a workspace" };
static const struct conf_row idle_rows[] = {
	{ .key = "url", .type = CONF_URL, .flags = CONF_REQUIRED,
	    .help = "LightRAG's base URL" },
	{ .key = "api_key_file", .type = CONF_PATH, .flags = CONF_PRIVATE,
	    .secret_of = "api_key", .secret_kind = "file",
	    .help = "file with its API key, mode 0600" },
	{ .key = "workspaces", .type = CONF_LIST, .item = &workspace_item,
	    .flags = CONF_UNIQUE,
	    .help = "to ask about; default: the server's own" },
	{ .key = "wait", .type = CONF_DURATION, .max = DAY, .dflt = "10m",
	    .help = "for indexing to become idle" },
	{ .key = "interval", .type = CONF_DURATION, .min = 100, .max = HOUR,
	    .dflt = "3s", .help = "between the two polls that must agree" },
	{ .key = "when_unknown", .type = CONF_WORD, .words = fail_words,
	    .dflt = "warn", .help = "when the server does not tell" },
};
OBJECT(idle_object, idle_rows, NULL);

static const struct conf_row service_item = { .type = CONF_NAME,
	.help = "a service" };
static const struct conf_row volume_item = { .type = CONF_NAME,
	.help = "a volume" };
static const struct conf_row path_item = { .type = CONF_HOST_PATH,
	.help = "a path" };

#define HOST_ROW							\
	{ .key = "host", .type = CONF_HOST,				\
	    .help = "entry of hosts; default: this machine" }
#define LOCK_ROWS							\
	{ .key = "lock_wait", .type = CONF_DURATION, .max = DAY,	\
	    .dflt = "0s",						\
	    .help = "wait for another run on the same data" },		\
	{ .key = "deadman", .type = CONF_OBJECT,			\
	    .object = &deadman_object, .flags = CONF_FILLED,		\
	    .help = "starts the services when this daemon cannot" }

static const struct conf_row docker_rows[] = {
	HOST_ROW,
	{ .key = "compose", .type = CONF_HOST_PATH,
	    .help = "project folder on that host" },
	{ .key = "project", .type = CONF_NAME,
	    .help = "Compose project; default: by the containers' labels" },
	{ .key = "docker_path", .type = CONF_PROGRAM, .dflt = "docker",
	    .help = "the docker program on that host" },
	{ .key = "docker_host", .type = CONF_TEXT,
	    .help = "DOCKER_HOST there; default: docker's own choice" },
	{ .key = "stop", .type = CONF_LIST, .item = &service_item,
	    .flags = CONF_UNIQUE, .help = "services, in this order" },
	{ .key = "volumes", .type = CONF_LIST, .item = &volume_item,
	    .flags = CONF_UNIQUE, .help = "named volumes" },
	{ .key = "paths", .type = CONF_LIST, .item = &path_item,
	    .flags = CONF_UNIQUE, .help = "bind paths on that host" },
	{ .key = "stop_timeout", .type = CONF_DURATION, .min = S, .max = DAY,
	    .dflt = "60s", .help = "each container; then it is killed" },
	{ .key = "killed", .type = CONF_WORD, .words = fail_words,
	    .dflt = "fail", .help = "when one had to be killed" },
	{ .key = "helper_image", .type = CONF_TEXT,
	    .help = "image with sh, cp, tar; default: alpine if there" },
	{ .key = "checks", .type = CONF_WORD, .words = check_words,
	    .dflt = "fail", .help = "data files must be well formed" },
	{ .key = "downtime_budget", .type = CONF_DURATION, .min = 1,
	    .max = DAY, .help = "longer down fails the run" },
	LOCK_ROWS,
	{ .key = "health", .type = CONF_OBJECT, .object = &health_object,
	    .shorthand = "url", .help = "how to see that services are well" },
	{ .key = "idle", .type = CONF_OBJECT, .object = &idle_object,
	    .help = "how to see that indexing is idle" },
};

static const struct conf_row directory_rows[] = {
	HOST_ROW,
	{ .key = "paths", .type = CONF_LIST, .item = &path_item, .min = 1,
	    .max = 1000, .flags = CONF_REQUIRED | CONF_UNIQUE,
	    .help = "folders on that host" },
	{ .key = "checks", .type = CONF_WORD, .words = check_words,
	    .dflt = "off", .help = "data files must be well formed" },
	LOCK_ROWS,
};

static const struct conf_variant source_types[] = {
	{ "docker", { docker_rows, COUNT_OF(docker_rows),
	    conf_rules_docker } },
	{ "directory", { directory_rows, COUNT_OF(directory_rows), NULL } },
};
static const struct conf_variants source_variants = { source_types,
	COUNT_OF(source_types) };

static const struct conf_row schedule_rows[] = {
	{ .key = "cron", .type = CONF_CRON, .flags = CONF_REQUIRED,
	    .help = "minute hour day month weekday" },
	{ .key = "timezone", .type = CONF_ZONE,
	    .help = "IANA name; default: this machine's" },
	{ .key = "catch_up", .type = CONF_DURATION, .max = 3650 * DAY,
	    .dflt = "24h", .help = "a missed firing is made up for so long" },
};
OBJECT(schedule_object, schedule_rows, conf_rules_schedule);

static const struct conf_row compress_rows[] = {
	{ .key = "level", .type = CONF_WORD, .words = gzip_words,
	    .dflt = "default", .help = "of gzip" },
	{ .key = "where", .type = CONF_WORD, .words = side_words,
	    .dflt = "here", .help = "which side compresses" },
};
OBJECT(compress_object, compress_rows, NULL);

static const struct conf_row keep_rows[] = {
	{ .key = "last", .type = CONF_INT, .min = 1, .max = 1000000,
	    .help = "proven snapshots; default: all" },
};
OBJECT(keep_object, keep_rows, conf_rules_keep);

static const struct conf_row job_store_rows[] = {
	{ .key = "store", .type = CONF_STORE, .flags = CONF_REQUIRED,
	    .help = "entry of stores" },
	{ .key = "keep", .type = CONF_OBJECT, .object = &keep_object,
	    .flags = CONF_FILLED, .help = "what retention keeps there" },
};
OBJECT(job_store_object, job_store_rows, NULL);
static const struct conf_row job_store_item = { .type = CONF_OBJECT,
	.object = &job_store_object, .help = "an entry {store: NAME}" };

static const struct conf_row job_rows[] = {
	{ .key = "enabled", .type = CONF_BOOL, .dflt = "true",
	    .help = "false: no schedule" },
	{ .key = "source", .type = CONF_VARIANT,
	    .variants = &source_variants, .flags = CONF_REQUIRED,
	    .help = "what is backed up" },
	{ .key = "schedule", .type = CONF_OBJECT, .object = &schedule_object,
	    .help = "when; default: by trigger only" },
	{ .key = "compress", .type = CONF_OBJECT, .object = &compress_object,
	    .flags = CONF_FILLED, .help = "how strongly, and where" },
	{ .key = "timeout", .type = CONF_DURATION, .min = S,
	    .max = 30 * DAY, .dflt = "6h", .help = "of the whole run" },
	{ .key = "stores", .type = CONF_LIST, .item = &job_store_item,
	    .min = 1, .max = 64, .flags = CONF_REQUIRED,
	    .help = "where snapshots go" },
};
OBJECT(job_object, job_rows, conf_rules_job);

static const struct conf_row store_item = { .type = CONF_VARIANT,
	.variants = &store_variants };
static const struct conf_row host_item = { .type = CONF_OBJECT,
	.object = &host_object };
static const struct conf_row job_item = { .type = CONF_OBJECT,
	.object = &job_object };

static const struct conf_row root_rows[] = {
	{ .key = "daemon", .type = CONF_OBJECT, .object = &daemon_object,
	    .flags = CONF_FILLED, .help = "the daemon itself" },
	{ .key = "stores", .type = CONF_MAP, .item = &store_item,
	    .help = "where snapshots can go" },
	{ .key = "hosts", .type = CONF_MAP, .item = &host_item,
	    .help = "machines reached by SSH" },
	{ .key = "jobs", .type = CONF_MAP, .item = &job_item,
	    .help = "what is backed up, when and where to" },
};

const struct conf_object conf_schema = { root_rows, COUNT_OF(root_rows),
	NULL };
