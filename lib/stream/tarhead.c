/* tarhead.c - see tarhead.h. */
#include "stream/tarhead.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Where the fields are, and how long. */
#define NAME_AT 0
#define NAME_LEN 100
#define SIZE_AT 124
#define SIZE_LEN 12
#define SUM_AT 148
#define SUM_LEN 8
#define TYPE_AT 156
#define MAGIC_AT 257
#define PREFIX_AT 345
#define PREFIX_LEN 155
#define EXTENDED_AT 482

/* Room for the padding, and for sums of sizes. */
#define TAR_SIZE_MAX (INT64_MAX / 4)

bool
tarhead_is_zero(const uint8_t block[TAR_BLOCK])
{
	static const uint8_t zeros[TAR_BLOCK];

	return memcmp(block, zeros, TAR_BLOCK) == 0;
}

/* Octal, blanks before it, blanks or NULs behind it; all blank is zero. */
static int
tar_octal(const uint8_t *p, size_t n, int64_t *out)
{
	int64_t value = 0;
	size_t i = 0;

	while (i < n && p[i] == ' ')
		i++;
	for (; i < n && p[i] >= '0' && p[i] <= '7'; i++) {
		if (value > TAR_SIZE_MAX / 8)
			return -1;
		value = value * 8 + (p[i] - '0');
	}
	for (; i < n; i++)
		if (p[i] != ' ' && p[i] != '\0')
			return -1;
	*out = value;
	return 0;
}

/* A GNU number: the first byte 0x80, the rest big-endian. */
static int
tar_base256(const uint8_t *p, size_t n, int64_t *out)
{
	int64_t value = p[0] & 0x3f;
	size_t i;

	if ((p[0] & 0x40) != 0) /* Negative. */
		return -1;
	for (i = 1; i < n; i++) {
		if (value > TAR_SIZE_MAX / 256)
			return -1;
		value = value * 256 + p[i];
	}
	*out = value;
	return 0;
}

static int
tar_number(const uint8_t *p, size_t n, int64_t *out)
{
	return (p[0] & 0x80) != 0 ? tar_base256(p, n, out)
				  : tar_octal(p, n, out);
}

/* The sum with its own field as blanks; old writers summed signed bytes. */
static bool
tar_is_sum_right(const uint8_t block[TAR_BLOCK])
{
	int64_t sum = 0, sum_signed = 0, said;
	uint8_t c;
	size_t i;

	for (i = 0; i < TAR_BLOCK; i++) {
		c = i >= SUM_AT && i < SUM_AT + SUM_LEN ? ' ' : block[i];
		sum += c;
		sum_signed += c < 128 ? c : (int)c - 256;
	}
	if (tar_octal(block + SUM_AT, SUM_LEN, &said) == -1)
		return false;
	return said == sum || said == sum_signed;
}

static void
tar_name(const uint8_t block[TAR_BLOCK], char out[TAR_NAME_MAX])
{
	const char *name = (const char *)block + NAME_AT;
	const char *prefix = (const char *)block + PREFIX_AT;
	size_t n = 0, len;

	/* GNU's magic is "ustar  ": its prefix field holds other things. */
	if (memcmp(block + MAGIC_AT, "ustar", 6) == 0 && prefix[0] != '\0') {
		n = strnlen(prefix, PREFIX_LEN);
		memcpy(out, prefix, n);
		out[n++] = '/';
	}
	len = strnlen(name, NAME_LEN);
	memcpy(out + n, name, len);
	out[n + len] = '\0';
}

int
tarhead_parse(const uint8_t block[TAR_BLOCK], struct tarhead *h, struct err *e)
{
	if (!tar_is_sum_right(block))
		return err_set(e, ERR_CORRUPT, "header with a wrong checksum");
	h->type = (char)block[TYPE_AT];
	if (tar_number(block + SIZE_AT, SIZE_LEN, &h->size) == -1)
		return err_set(e, ERR_CORRUPT, "header with a wrong size");
	h->is_extended = h->type == 'S' && block[EXTENDED_AT] != 0;
	tar_name(block, h->name);
	return 0;
}

static int
tarpax_number(const char *p, size_t n, int64_t *out)
{
	int64_t value = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		if (p[i] < '0' || p[i] > '9' || value > TAR_SIZE_MAX / 10)
			return -1;
		value = value * 10 + (p[i] - '0');
	}
	*out = value;
	return n == 0 ? -1 : 0;
}

static bool
tarpax_is_key(const char *p, size_t n, const char *key)
{
	return n == strlen(key) && memcmp(p, key, n) == 0;
}

static int
tarpax_record(struct tarpax *x, const char *key, size_t nkey, const char *value,
    size_t n, struct err *e)
{
	if (tarpax_is_key(key, nkey, "path")) {
		if (memchr(value, '\0', n) != NULL)
			return err_set(e, ERR_CORRUPT, "pax path with a NUL");
		buf_clear(&x->path);
		buf_add(&x->path, value, n);
		x->has_path = n > 0; /* Empty: as if it were not there. */
	} else if (tarpax_is_key(key, nkey, "size")) {
		x->has_size = n > 0;
		if (n > 0 && tarpax_number(value, n, &x->size) == -1)
			return err_set(e, ERR_CORRUPT, "pax size is no size");
	} else if (nkey > 11 && memcmp(key, "GNU.sparse.", 11) == 0)
		x->is_sparse = true;
	return 0;
}

/* Records are "LENGTH KEY=VALUE\n", the length counting all of it. */
int
tarpax_parse(const char *p, size_t n, struct tarpax *x, struct err *e)
{
	const char *space, *equals;
	int64_t len;

	for (; n > 0; p += len, n -= (size_t)len) {
		space = memchr(p, ' ', n < 20 ? n : 20);
		if (space == NULL ||
		    tarpax_number(p, (size_t)(space - p), &len) == -1 ||
		    len > (int64_t)n || len < space - p + 3 ||
		    p[len - 1] != '\n')
			return err_set(e, ERR_CORRUPT, "pax header damaged");
		space++;
		equals = memchr(space, '=', (size_t)(p + len - 1 - space));
		if (equals == NULL || equals == space)
			return err_set(e, ERR_CORRUPT, "pax header damaged");
		if (tarpax_record(x, space, (size_t)(equals - space),
			equals + 1, (size_t)(p + len - 1 - (equals + 1)),
			e) == -1)
			return -1;
	}
	return 0;
}

void
tarpax_clear(struct tarpax *x)
{
	x->has_path = x->has_size = x->is_sparse = false;
	buf_clear(&x->path);
}

void
tarpax_done(struct tarpax *x)
{
	buf_done(&x->path);
}
