/*
 * tarscan.c - see filter.h.
 *
 *	HEADER -> MEMBER -> PAD -> HEADER	data of a member
 *	HEADER -> SPARSE -> MEMBER ...		old GNU sparse: its map first
 *	HEADER -> META -> PAD -> HEADER		pax header, GNU long name
 *	HEADER -> LAST -> BEHIND		two zero blocks, then zeros only
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "stream/filter.h"
#include "stream/tarhead.h"

/* A pax header holds extended attributes too; far above what there is. */
#define META_MAX ((int64_t)4 * 1024 * 1024)
#define SPARSE_MORE_AT 504

enum tarscan_state { HEADER, MEMBER, META, SPARSE, PAD, LAST, BEHIND };

struct tarscan {
	struct tarscan_hooks hooks;
	enum tarscan_state state;
	uint8_t block[TAR_BLOCK];
	size_t nblock;
	int64_t left;   /* Of the member's or meta data. */
	size_t pad;     /* Zeros behind it. */
	int64_t offset; /* Of the next byte. */
	int64_t entries;
	struct tarhead head;
	struct buf meta;
	struct buf name;      /* Of the current member. */
	struct buf long_name; /* From GNU 'L', for the next one. */
	struct tarpax pax;    /* For the next one. */
	bool is_pending;      /* One of the two waits for it. */
	bool is_handed;       /* The hooks see this member. */
};

struct tarscan *
tarscan_new(const struct tarscan_hooks *hooks)
{
	struct tarscan *t = xcalloc(1, sizeof(*t));

	if (hooks != NULL)
		t->hooks = *hooks;
	return t;
}

static int
tarscan_bad(struct tarscan *t, const char *what, struct err *e)
{
	return err_set(e, ERR_CORRUPT, "tar damaged before byte %lld: %s",
	    (long long)t->offset, what);
}

/* What was announced for "the next member" has been used. */
static void
tarscan_forget(struct tarscan *t)
{
	tarpax_clear(&t->pax);
	buf_clear(&t->long_name);
	t->is_pending = false;
}

static void
tarscan_next(struct tarscan *t)
{
	if (t->is_handed)
		t->hooks.end(t->hooks.arg);
	t->is_handed = false;
	t->state = t->pad > 0 ? PAD : HEADER;
}

static void
tarscan_member_data(struct tarscan *t)
{
	t->state = MEMBER;
	if (t->left == 0)
		tarscan_next(t);
}

static bool
tarscan_is_file(char type)
{
	return type == '0' || type == '\0' || type == '7';
}

/*
 * Links, directories and devices have no data; some readers skip what their
 * size says and some do not, so a size there hides members from one of them.
 */
static bool
tarscan_is_bare(char type)
{
	return type >= '1' && type <= '6';
}

static int
tarscan_member(struct tarscan *t, struct err *e)
{
	struct tarhead *h = &t->head;
	const char *name = h->name;
	bool is_whole = !t->pax.is_sparse && tarscan_is_file(h->type);

	if (t->pax.has_path)
		name = buf_str(&t->pax.path);
	else if (t->long_name.len > 0)
		name = buf_str(&t->long_name);
	buf_clear(&t->name);
	buf_adds(&t->name, name);
	t->left = t->pax.has_size ? t->pax.size : h->size;
	tarscan_forget(t);
	t->entries++;
	if (h->type == 'M')
		return tarscan_bad(t, "a part of a multi-volume archive", e);
	if (tarscan_is_bare(h->type) && t->left != 0)
		return tarscan_bad(t, "a link, folder or device with data", e);
	t->pad = (TAR_BLOCK - (size_t)(t->left % (int64_t)TAR_BLOCK)) %
	    TAR_BLOCK;
	t->is_handed = is_whole && t->hooks.begin != NULL;
	if (t->is_handed)
		t->hooks.begin(t->hooks.arg, buf_str(&t->name), t->left);
	if (h->is_extended)
		t->state = SPARSE;
	else
		tarscan_member_data(t);
	return 0;
}

static int
tarscan_global(struct tarscan *t, struct err *e)
{
	struct tarpax x = { .has_path = false };
	int rc = 0;

	if (tarpax_parse(t->meta.data, t->meta.len, &x, e) == -1)
		rc = tarscan_bad(t, "global pax header", e);
	else if (x.has_path || x.has_size || x.is_sparse)
		rc = tarscan_bad(t, "path or size for all members", e);
	tarpax_done(&x);
	return rc;
}

static int
tarscan_meta_end(struct tarscan *t, struct err *e)
{
	struct err why = ERR_INIT;
	int rc = 0;

	buf_addc(&t->meta, '\0'); /* So that data is never NULL. */
	t->meta.len--;
	switch (t->head.type) {
	case 'L':
		buf_clear(&t->long_name);
		buf_adds(&t->long_name, t->meta.data);
		t->is_pending = true;
		break;
	case 'K':
		t->is_pending = true;
		break;
	case 'g':
		rc = tarscan_global(t, e);
		break;
	default:
		t->is_pending = true;
		if (tarpax_parse(t->meta.data, t->meta.len, &t->pax, &why) ==
		    -1)
			rc = tarscan_bad(t, why.msg, e);
		break;
	}
	buf_clear(&t->meta);
	if (rc == 0)
		tarscan_next(t);
	return rc;
}

static int
tarscan_meta(struct tarscan *t, struct err *e)
{
	t->left = t->head.size;
	t->pad = (TAR_BLOCK - (size_t)(t->left % (int64_t)TAR_BLOCK)) %
	    TAR_BLOCK;
	if (t->left > META_MAX)
		return tarscan_bad(t, "extended header of more than 4 MiB", e);
	t->state = META;
	return t->left == 0 ? tarscan_meta_end(t, e) : 0;
}

static int
tarscan_header(struct tarscan *t, struct err *e)
{
	struct err why = ERR_INIT;

	if (tarhead_is_zero(t->block)) {
		if (t->is_pending)
			return tarscan_bad(t,
			    "extended header without its member", e);
		t->state = LAST;
		return 0;
	}
	if (tarhead_parse(t->block, &t->head, &why) == -1)
		return tarscan_bad(t, why.msg, e);
	switch (t->head.type) {
	case 'x':
	case 'X':
	case 'g':
	case 'L':
	case 'K':
		return tarscan_meta(t, e);
	default:
		return tarscan_member(t, e);
	}
}

/* A whole block was read in one of the states that read blocks. */
static int
tarscan_block(struct tarscan *t, struct err *e)
{
	switch (t->state) {
	case HEADER:
		return tarscan_header(t, e);
	case SPARSE:
		if (t->block[SPARSE_MORE_AT] == 0)
			tarscan_member_data(t);
		return 0;
	default:
		t->state = BEHIND;
		if (!tarhead_is_zero(t->block))
			return tarscan_bad(t, "a lone zero block", e);
		return 0;
	}
}

/* Take some of ${n} bytes; the count of bytes used up, -1 on an error. */
static int64_t
tarscan_step(struct tarscan *t, const uint8_t *p, size_t n, struct err *e)
{
	size_t room;

	switch (t->state) {
	case MEMBER:
	case META:
		room = (int64_t)n > t->left ? (size_t)t->left : n;
		if (t->state == META)
			buf_add(&t->meta, p, room);
		else if (t->is_handed)
			t->hooks.data(t->hooks.arg, p, room);
		t->left -= (int64_t)room;
		break;
	case PAD:
		room = n > t->pad ? t->pad : n;
		if ((t->pad -= room) == 0)
			t->state = HEADER;
		break;
	case BEHIND:
		for (room = 0; room < n; room++)
			if (p[room] != 0)
				return tarscan_bad(t, "data behind the end", e);
		break;
	default:
		room = TAR_BLOCK - t->nblock < n ? TAR_BLOCK - t->nblock : n;
		memcpy(t->block + t->nblock, p, room);
		t->nblock += room;
		break;
	}
	return (int64_t)room;
}

int
tarscan_write(struct tarscan *t, const void *data, size_t n, struct err *e)
{
	const uint8_t *p = data;
	int64_t used;

	while (n > 0) {
		if ((used = tarscan_step(t, p, n, e)) == -1)
			return -1;
		p += used;
		n -= (size_t)used;
		t->offset += used;
		if (t->state == MEMBER && t->left == 0)
			tarscan_next(t);
		else if (t->state == META && t->left == 0) {
			if (tarscan_meta_end(t, e) == -1)
				return -1;
		} else if (t->nblock == TAR_BLOCK) {
			t->nblock = 0;
			if (tarscan_block(t, e) == -1)
				return -1;
		}
	}
	return 0;
}

int
tarscan_end(struct tarscan *t, struct err *e)
{
	const char *name = buf_str(&t->name);

	if (t->state == BEHIND)
		return 0;
	if (t->state == MEMBER || t->state == PAD)
		return err_set(e, ERR_CORRUPT,
		    "tar truncated after %lld "
		    "bytes, inside '%.200s', %lld bytes missing",
		    (long long)t->offset, name,
		    (long long)(t->left + (int64_t)t->pad));
	return err_set(e, ERR_CORRUPT,
	    "tar truncated after %lld bytes: no "
	    "end mark",
	    (long long)t->offset);
}

int64_t
tarscan_entries(const struct tarscan *t)
{
	return t->entries;
}

void
tarscan_free(struct tarscan *t)
{
	if (t == NULL)
		return;
	tarpax_done(&t->pax);
	buf_done(&t->meta);
	buf_done(&t->name);
	buf_done(&t->long_name);
	free(t);
}
