/* manifest.c - see manifest.h. */
#include "snapshot/manifest.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

#define HEX_LEN ((size_t)STR_HEX_SHA256 - 1)

struct manifest *
manifest_new(void)
{
	return xcalloc(1, sizeof(struct manifest));
}

void
manifest_free(struct manifest *m)
{
	size_t i;

	if (m == NULL)
		return;
	for (i = 0; i < m->n; i++)
		free(m->entries[i].name);
	free(m->entries);
	free(m);
}

/* Where ${name} is or would stand. */
static size_t
manifest_place(const struct manifest *m, const char *name, bool *is_there)
{
	size_t low = 0, high = m->n;

	*is_there = false;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int c = strcmp(m->entries[mid].name, name);

		if (c == 0) {
			*is_there = true;
			return mid;
		}
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static void
manifest_grow(struct manifest *m)
{
	/* Doubled whenever the count is a power of two. */
	if ((m->n & (m->n - 1)) == 0)
		m->entries = xrealloc(m->entries,
		    (m->n == 0 ? 1 : 2 * m->n) * sizeof(m->entries[0]));
}

static int
manifest_check_name(const char *name, struct err *e)
{
	if (!str_is_safe_path(name))
		return err_set(e, ERR_CORRUPT, "name '%.200s' is not safe",
		    name);
	if (strcmp(name, MANIFEST_NAME) == 0)
		return err_set(e, ERR_CORRUPT, "a manifest cannot list itself");
	return 0;
}

/* Lower-case copy of 64 hex digits. */
static int
manifest_copy_hex(const char *hex, char out[STR_HEX_SHA256], struct err *e)
{
	uint8_t raw[HEX_LEN / 2];

	if (str_unhex(hex, raw, sizeof(raw)) == -1)
		return err_set(e, ERR_CORRUPT, "not a SHA-256 digest");
	str_hex(raw, sizeof(raw), out);
	return 0;
}

int
manifest_add(struct manifest *m, const char *name, const char *sha256,
    struct err *e)
{
	struct manifest_entry entry;
	bool is_there;
	size_t at;

	if (manifest_check_name(name, e) == -1 ||
	    manifest_copy_hex(sha256, entry.sha256, e) == -1)
		return -1;
	at = manifest_place(m, name, &is_there);
	if (is_there)
		return err_set(e, ERR_CORRUPT, "'%s' stands twice", name);
	manifest_grow(m);
	memmove(&m->entries[at + 1], &m->entries[at],
	    (m->n - at) * sizeof(m->entries[0]));
	entry.name = xstrdup(name);
	m->entries[at] = entry;
	m->n++;
	return 0;
}

const struct manifest_entry *
manifest_find(const struct manifest *m, const char *name)
{
	bool is_there;
	size_t at = manifest_place(m, name, &is_there);

	return is_there ? &m->entries[at] : NULL;
}

char *
manifest_format(const struct manifest *m)
{
	struct buf b = BUF_INIT;
	size_t i;

	for (i = 0; i < m->n; i++) {
		buf_adds(&b, m->entries[i].sha256);
		buf_adds(&b, "  ");
		buf_adds(&b, m->entries[i].name);
		buf_addc(&b, '\n');
	}
	return b.data == NULL ? xstrdup("") : buf_take(&b);
}

/* One line without its end: "<hex> [ *]<name>".  Appended, not yet sorted. */
static int
manifest_parse_line(struct manifest *m, const char *s, size_t n, struct err *e)
{
	struct manifest_entry entry;
	char hex[STR_HEX_SHA256], *name;

	if (memchr(s, '\0', n) != NULL)
		return err_set(e, ERR_CORRUPT, "zero byte");
	if (n > 0 && s[0] == '\\')
		return err_set(e, ERR_CORRUPT, "escaped name");
	if (n < HEX_LEN + 3 || s[HEX_LEN] != ' ' ||
	    (s[HEX_LEN + 1] != ' ' && s[HEX_LEN + 1] != '*'))
		return err_set(e, ERR_CORRUPT,
		    "expected a SHA-256 digest, two spaces and a name");
	memcpy(hex, s, HEX_LEN);
	hex[HEX_LEN] = '\0';
	if (manifest_copy_hex(hex, entry.sha256, e) == -1)
		return -1;
	name = xstrndup(s + HEX_LEN + 2, n - HEX_LEN - 2);
	if (manifest_check_name(name, e) == -1) {
		free(name);
		return -1;
	}
	manifest_grow(m);
	entry.name = name;
	m->entries[m->n++] = entry;
	return 0;
}

static int
entry_compare(const void *a, const void *b)
{
	const struct manifest_entry *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int
manifest_sort(struct manifest *m, struct err *e)
{
	size_t i;

	if (m->n == 0)
		return err_set(e, ERR_CORRUPT, "it lists nothing");
	qsort(m->entries, m->n, sizeof(m->entries[0]), entry_compare);
	for (i = 1; i < m->n; i++) {
		if (strcmp(m->entries[i - 1].name, m->entries[i].name) == 0)
			return err_set(e, ERR_CORRUPT, "'%s' stands twice",
			    m->entries[i].name);
	}
	return 0;
}

struct manifest *
manifest_parse(const char *text, size_t n, struct err *e)
{
	struct manifest *m = manifest_new();
	const char *at = text, *end = text + n, *eol, *next;
	unsigned line;

	if (n > MANIFEST_MAX) {
		(void)err_set(e, ERR_CORRUPT, "it is too large");
		goto fail;
	}
	for (line = 1; at < end; line++, at = next) {
		eol = memchr(at, '\n', (size_t)(end - at));
		next = eol == NULL ? end : eol + 1;
		if (eol == NULL)
			eol = end;
		if (eol > at && eol[-1] == '\r')
			eol--;
		if (manifest_parse_line(m, at, (size_t)(eol - at), e) == -1) {
			(void)err_context(e, "line %u", line);
			goto fail;
		}
	}
	if (manifest_sort(m, e) == -1)
		goto fail;
	return m;
fail:
	manifest_free(m);
	(void)err_context(e, "%s", MANIFEST_NAME);
	return NULL;
}
