/* upload_part.c - cutting blocks into parts, and how large these are. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/upload_int.h"

#define PART_DEFAULT ((int64_t)8 << 20)
/* Of all parts under way, when they had to grow. */
#define WINDOW_BYTES ((int64_t)256 << 20)
#define CONDITIONAL_MAX ((int64_t)64 << 20)
/* Of the limit of parts, and how many of these the hint may take. */
#define STEPS 20
#define HINT_STEPS 12

static int64_t
div_up(int64_t a, int64_t b)
{
	return a / b + (a % b != 0);
}

static int64_t
at_least(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* As the granule wants it, within what the store takes. */
static int64_t
size_fit(const struct upload_limits *l, int64_t size)
{
	int64_t g = l->granule > 1 ? l->granule : 1;
	int64_t max = l->part_max > 0 ? l->part_max / g * g : INT64_MAX / 2;

	if (size < l->part_min)
		size = l->part_min;
	if (size >= max)
		return max;
	size = div_up(size, g) * g;
	return size < max ? size : max;
}

int64_t
upload_part_size(const struct upload_limits *l, int64_t configured,
    int64_t size_hint, unsigned number)
{
	int64_t size = configured > 0 ? configured : PART_DEFAULT;
	int64_t max = size_fit(l, INT64_MAX / 2), expected = 0;
	int64_t step, most, steady, doublings;

	if (l->parts_max == 0)
		return size_fit(l, size);
	step = at_least(l->parts_max / STEPS, 1);
	most = at_least((int64_t)l->parts_max * HINT_STEPS / STEPS, 1);
	if (size_hint > 0)
		expected = size_hint < INT64_MAX / 4 ? size_hint / 4 * 5 + 5
						     : INT64_MAX / 2;
	size = size_fit(l, at_least(size, div_up(expected, most)));
	steady = at_least(div_up(div_up(expected, size), step) * step, step);
	if ((int64_t)number <= steady)
		return size;
	doublings = div_up((int64_t)number - steady, step);
	for (; doublings > 0 && size < max / 2; doublings--)
		size *= 2;
	return doublings > 0 ? max : size;
}

size_t
upload_part_window(unsigned concurrency, int64_t configured, int64_t size)
{
	size_t n = concurrency > 0 ? concurrency : 1;

	while (n > 2 && size > WINDOW_BYTES / (int64_t)n && size > configured)
		n--;
	return n;
}

bool
upload_is_full(const struct upload_piece *p)
{
	return p->part.size >= p->planned;
}

void
upload_piece_free(struct upload_piece *p)
{
	size_t i;

	if (p == NULL)
		return;
	for (i = 0; i < p->part.nblocks; i++)
		block_unref(p->part.blocks[i]);
	free(p->part.blocks);
	free(p);
}

void
upload_piece_take(struct upload *u, struct upload_piece *p)
{
	struct upload_work *w = u->work;
	struct upload_piece **at;

	for (at = &w->first; *at != p; at = &(*at)->next)
		BUG_IF(*at == NULL);
	if ((*at = p->next) == NULL)
		w->last = at;
	w->npieces--;
}

void
upload_piece_keep(struct upload *u, const struct upload_piece *p)
{
	struct upload_work *w = u->work;
	struct upload_part *done;
	size_t n = p->part.number;

	if (n > w->done_room) {
		while (n > w->done_room)
			w->done_room = w->done_room * 2 + 16;
		w->done = xrealloc(w->done, w->done_room * sizeof(*w->done));
	}
	done = &w->done[n - 1];
	*done = p->part;
	done->blocks = NULL;
	done->nblocks = 0;
	done->call = NULL;
	w->ndone++;
}

static int
piece_begin(struct upload *u, struct err *e)
{
	struct upload_work *w = u->work;
	const struct upload_limits *l = &u->ops->limits;
	struct upload_piece *p;
	unsigned number = w->ncut + 1;

	if (u->if_absent && number > 1)
		return err_set(e, ERR_INTERNAL,
		    "'%s' is too large to be written only if it is absent",
		    u->key);
	if (l->parts_max > 0 && number > l->parts_max)
		return err_set(e, ERR_LIMIT,
		    "'%s' needs more parts than the %u that the store takes",
		    u->key, l->parts_max);
	p = xcalloc(1, sizeof(*p));
	p->part.upload = u;
	p->part.number = number;
	p->planned = u->if_absent
	    ? CONDITIONAL_MAX
	    : upload_part_size(l, u->cloud->part_size, u->size_hint, number);
	p->part.offset = u->size;
	w->filling = p;
	return 0;
}

static void
piece_cut(struct upload *u)
{
	struct upload_work *w = u->work;
	struct upload_piece *p = w->filling;

	w->filling = NULL;
	*w->last = p;
	w->last = &p->next;
	w->npieces++;
	w->ncut++;
}

static void
piece_add(struct upload *u, struct block *b)
{
	struct upload_piece *p = u->work->filling;

	if (p->part.nblocks == p->room) {
		p->room = p->room * 2 + 8;
		p->part.blocks = xrealloc(p->part.blocks,
		    p->room * sizeof(struct block *));
	}
	p->part.blocks[p->part.nblocks++] = b;
	p->part.size += (int64_t)b->len;
	u->size += (int64_t)b->len;
}

/* How much of ${n} bytes goes into the part that is being filled. */
static size_t
piece_share(const struct upload *u, size_t n)
{
	const struct upload_piece *p = u->work->filling;
	const struct upload_limits *l = &u->ops->limits;
	int64_t left = p->planned - p->part.size;

	if (u->if_absent)
		return (int64_t)n <= left ? n : 0;
	if (l->granule > 1)
		return (int64_t)n <= left ? n : (size_t)left;
	if (left <= 0)
		return 0;
	if (l->part_max <= 0 || (int64_t)n <= l->part_max - p->part.size)
		return n;
	return p->part.size > 0 ? 0 : (size_t)l->part_max;
}

static struct block *
block_slice(struct block *b, size_t at, size_t n)
{
	struct block *s;

	if (n == b->len)
		return block_ref(b);
	s = block_new(n);
	memcpy(s->data, b->data + at, n);
	s->len = n;
	return s;
}

int
upload_cut(struct upload *u, struct block *b, struct err *e)
{
	struct upload_work *w = u->work;
	size_t at = 0, n;

	while (at < b->len) {
		if (w->filling == NULL && piece_begin(u, e) == -1)
			return -1;
		if ((n = piece_share(u, b->len - at)) == 0) {
			piece_cut(u);
			continue;
		}
		piece_add(u, block_slice(b, at, n));
		at += n;
	}
	return 0;
}

void
upload_cut_last(struct upload *u)
{
	struct upload_work *w = u->work;

	if (w->filling == NULL)
		BUG_IF(w->ncut > 0 || piece_begin(u, NULL) == -1);
	w->filling->part.is_last = true;
	piece_cut(u);
}
