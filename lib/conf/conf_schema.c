/* conf_schema.c - see conf_schema.h; conf/ragbackup.example.yaml shows it. */
#include "conf/conf_schema.h"

#include "base/mem.h"
#include "conf/conf_check.h"

#define S INT64_C(1000)
#define MIN (60 * S)
#define HOUR (60 * MIN)
#define DAY (24 * HOUR)
#define MIB (INT64_C(1) << 20)
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

static const char *const tier_words[] = { "Hot", "Cool", "Cold", NULL };
static const char *const style_words[] = { "auto", "path", "virtual", NULL };
static const char *const sse_words[] = { "AES256", "aws:kms", NULL };
static const char *const checksum_words[] = { "none", "crc32c", "sha256",
	NULL };

#define RATE_ROWS							\
	{ .key = "min_rate", .type = CONF_SIZE, .min = 1, .max = TIB,	\
	    .dflt = "64k", .help = "bytes a second the store must take" }, \
	{ .key = "stall", .type = CONF_DURATION, .min = S, .max = DAY,	\
	    .dflt = "60s", .help = "below min_rate for so long: fed later" }, \
	{ .key = "bandwidth", .type = CONF_SIZE, .max = TIB,		\
	    .dflt = "0", .help = "bytes a second, each way; 0: no limit" }

static const struct conf_row filesystem_rows[] = {
	{ .key = "host", .type = CONF_HOST,
	    .help = "entry of hosts; default: this machine" },
	{ .key = "path", .type = CONF_HOST_PATH, .flags = CONF_REQUIRED,
	    .help = "folder of the snapshots; it or its parent must exist" },
	RATE_ROWS,
	{ .key = "min_free", .type = CONF_SIZE, .max = 1024 * TIB,
	    .dflt = "0", .help = "keep this much free in its file system" },
};

#define CLOUD_ROWS							\
	{ .key = "path", .type = CONF_TEXT,				\
	    .help = "prefix of all names in it" },			\
	{ .key = "endpoint", .type = CONF_URL,				\
	    .help = "where the service is, when not at its usual place" }, \
	{ .key = "concurrency", .type = CONF_INT, .min = 2, .max = 16,	\
	    .dflt = "4", .help = "parts of one object in flight" },	\
	{ .key = "part_size", .type = CONF_SIZE, .min = 5 * MIB,	\
	    .max = 1024 * MIB, .dflt = "8MiB",				\
	    .help = "larger where an object would need too many parts" }, \
	RATE_ROWS,							\
	{ .key = "request_timeout", .type = CONF_DURATION, .min = S,	\
	    .max = HOUR, .dflt = "60s",					\
	    .help = "silence in a request before it is tried again" },	\
	{ .key = "retry_for", .type = CONF_DURATION, .min = S,		\
	    .max = DAY, .dflt = "5m",					\
	    .help = "how long one request is tried again" },		\
	{ .key = "ca_file", .type = CONF_PATH,				\
	    .help = "certificates to trust instead of the system's" },	\
	{ .key = "tls_verify", .type = CONF_BOOL, .dflt = "true",	\
	    .help = "false: any certificate is taken; status warns" }
#define SECRET_ROWS(name, file, env, text)				\
	{ .key = file, .type = CONF_PATH, .flags = CONF_PRIVATE,	\
	    .secret_of = name, .secret_kind = "file",			\
	    .help = "file with the " text ", mode 0600" },		\
	{ .key = env, .type = CONF_ENV_NAME, .flags = CONF_SECRET,	\
	    .secret_of = name, .secret_kind = "env",			\
	    .help = "environment variable with the " text }

static const struct conf_row azure_rows[] = {
	{ .key = "container", .type = CONF_TEXT,
	    .help = "default: AZURE_STORAGE_CONTAINER of the credentials" },
	{ .key = "credentials", .type = CONF_PATH, .flags = CONF_PRIVATE,
	    .help = "file of AZURE_STORAGE_... lines, mode 0600" },
	{ .key = "account", .type = CONF_NAME,
	    .help = "storage account, where the credentials name none" },
	SECRET_ROWS("key", "key_file", "key_env", "account key"),
	SECRET_ROWS("sas", "sas_file", "sas_env", "shared access signature"),
	SECRET_ROWS("connection_string", "connection_string_file",
	    "connection_string_env", "connection string"),
	{ .key = "managed_identity", .type = CONF_BOOL, .dflt = "false",
	    .help = "ask this machine's or workload's identity" },
	{ .key = "client_id", .type = CONF_TEXT,
	    .help = "of a user-assigned identity" },
	{ .key = "access_tier", .type = CONF_WORD, .words = tier_words,
	    .help = "default: the account's own" },
	CLOUD_ROWS,
};

static const struct conf_row s3_rows[] = {
	{ .key = "bucket", .type = CONF_NAME, .flags = CONF_REQUIRED,
	    .help = "of the snapshots; must exist" },
	{ .key = "region", .type = CONF_NAME, .dflt = "us-east-1",
	    .help = "of the bucket" },
	{ .key = "style", .type = CONF_WORD, .words = style_words,
	    .dflt = "auto", .help = "where the bucket is named in the URL" },
	{ .key = "access_key_id", .type = CONF_TEXT,
	    .help = "with a secret; default: the chain of AWS's tools" },
	SECRET_ROWS("secret_access_key", "secret_access_key_file",
	    "secret_access_key_env", "secret access key"),
	SECRET_ROWS("session_token", "session_token_file",
	    "session_token_env", "session token"),
	{ .key = "credentials", .type = CONF_PATH, .flags = CONF_PRIVATE,
	    .help = "shared credentials file, mode 0600" },
	{ .key = "profile", .type = CONF_TEXT,
	    .help = "in the shared credentials file" },
	{ .key = "storage_class", .type = CONF_NAME,
	    .help = "default: the bucket's own" },
	{ .key = "sse", .type = CONF_WORD, .words = sse_words,
	    .help = "server-side encryption" },
	{ .key = "sse_kms_key_id", .type = CONF_TEXT,
	    .help = "the key of sse aws:kms" },
	{ .key = "checksum", .type = CONF_WORD, .words = checksum_words,
	    .dflt = "none", .help = "sent as x-amz-checksum-*, too" },
	CLOUD_ROWS,
};

static const struct conf_row gcs_rows[] = {
	{ .key = "bucket", .type = CONF_NAME, .flags = CONF_REQUIRED,
	    .help = "of the snapshots; must exist" },
	{ .key = "credentials", .type = CONF_PATH, .flags = CONF_PRIVATE,
	    .help = "service account's key file, mode 0600" },
	{ .key = "anonymous", .type = CONF_BOOL, .dflt = "false",
	    .help = "no credentials, for an emulator" },
	{ .key = "storage_class", .type = CONF_NAME,
	    .help = "default: the bucket's own" },
	CLOUD_ROWS,
};

static const struct conf_variant store_types[] = {
	{ "filesystem", { filesystem_rows, COUNT_OF(filesystem_rows),
	    conf_rules_rates } },
	{ "azure", { azure_rows, COUNT_OF(azure_rows), conf_rules_azure } },
	{ "s3", { s3_rows, COUNT_OF(s3_rows), conf_rules_s3 } },
	{ "gcs", { gcs_rows, COUNT_OF(gcs_rows), conf_rules_gcs } },
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

#define KEEP_ROW(name, text)						\
	{ .key = name, .type = CONF_INT, .min = 1, .max = 1000000,	\
	    .help = text }
static const struct conf_row keep_rows[] = {
	KEEP_ROW("last", "newest snapshots; no rule at all keeps all"),
	KEEP_ROW("hourly", "newest of each of so many hours"),
	KEEP_ROW("daily", "newest of each of so many days"),
	KEEP_ROW("weekly", "newest of each of so many weeks"),
	KEEP_ROW("monthly", "newest of each of so many months"),
	KEEP_ROW("yearly", "newest of each of so many years"),
	{ .key = "within", .type = CONF_DURATION, .min = 1,
	    .max = 36500 * DAY, .help = "all that are younger" },
	{ .key = "min_proven", .type = CONF_INT, .min = 1, .max = 1000000,
	    .dflt = "1", .help = "never fewer proven ones than this" },
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
