/* sink.c - see sink.h. */
#include "stream/sink.h"

#include "base/mem.h"
#include "base/str.h"

static void
on_put_ready(void *arg)
{
	struct sink *k = arg;

	if (k->state != SINK_WRITING)
		return;
	k->is_ready = true;
	k->changed(k->arg);
}

void
sink_open(struct sink *k, const struct stream_sink *opt, int64_t size_hint,
    struct stream_sink_result *result, void (*changed)(void *), void *arg)
{
	struct store_put_opt put = { .size_hint = size_hint };

	k->store = opt->store;
	k->min_rate = opt->min_rate;
	k->stall_ms = opt->stall_ms;
	k->result = result;
	k->changed = changed;
	k->arg = arg;
	k->put = store_put_open(k->store, opt->key, &put, on_put_ready, k,
	    &result->err);
	k->state = k->put == NULL ? SINK_OVER : SINK_WRITING;
	k->is_ready = true;
}

static void
on_put_finished(void *arg, const struct store_proof *proof, const struct err *e)
{
	struct sink *k = arg;

	k->state = SINK_OVER;
	k->put = NULL;
	if (e != NULL)
		err_copy(&k->result->err, e);
	else if (k->is_held_to_account)
		(void)err_set(&k->result->err, ERR_IO,
		    "a write to store '%s' failed", store_name(k->store));
	else
		k->result->proof = *proof;
	k->changed(k->arg);
}

void
sink_finish(struct sink *k)
{
	BUG_IF(k->state != SINK_WRITING);
	k->state = SINK_FINISHING;
	store_put_finish(k->put, on_put_finished, k);
}

void
sink_abort(struct sink *k)
{
	struct store_put *put = k->put;

	if (k->state == SINK_OVER ||
	    (k->state == SINK_FINISHING && store_put_moved(put) < 0))
		return;
	k->state = SINK_OVER;
	k->put = NULL;
	store_put_abort(put);
}

void
sink_feed(struct sink *k, const struct blockq *q, uint64_t first)
{
	struct block *b;

	while (k->state == SINK_WRITING) {
		if (store_put_failed(k->put)) {
			k->is_held_to_account = true;
			sink_finish(k);
			return;
		}
		if (!k->is_ready || k->taken - first >= q->n)
			return;
		b = blockq_at(q, (size_t)(k->taken - first));
		k->taken++;
		k->taken_bytes += (int64_t)b->len;
		k->is_ready = false;
		if (store_put_write(k->put, b))
			k->is_ready = true;
	}
}

static int64_t
sink_progress(const struct sink *k)
{
	int64_t moved = store_put_moved(k->put);

	return moved < 0 ? k->taken_bytes : moved;
}

/* What is sent again counts as no progress. */
static int64_t
sink_period_bytes(const struct sink *k)
{
	int64_t n = sink_progress(k) - k->period_from;

	return n > 0 ? n : 0;
}

bool
sink_is_lagging(const struct sink *k)
{
	int64_t moved;

	if (k->state != SINK_FINISHING)
		return false;
	moved = store_put_moved(k->put);
	return moved >= 0 && moved < k->taken_bytes;
}

static void
sink_detach(struct sink *k)
{
	char rate[32], least[32], time[32];

	str_format_size(sink_period_bytes(k) * 1000 / k->held_ms, rate,
	    sizeof(rate));
	str_format_size(k->min_rate, least, sizeof(least));
	str_format_duration(k->stall_ms, time, sizeof(time));
	k->result->is_detached = true;
	(void)err_set(&k->result->err, ERR_TIMEOUT,
	    "store '%s' is too slow: "
	    "%s/s, less than %s/s for %s",
	    store_name(k->store), rate, least, time);
	sink_abort(k);
}

static void
sink_new_period(struct sink *k)
{
	k->held_ms = 0;
	k->period_from = sink_progress(k);
}

/*
 * A period counts only the time in which the stream waited: a slow source is
 * not the sink's fault.  It begins anew after the sink has kept up for a while,
 * so that what it took then does not excuse a standstill.
 */
void
sink_watch(struct sink *k, int64_t now_ms, bool is_holding, bool is_last)
{
	int64_t bytes;

	if (k->state == SINK_OVER || k->min_rate <= 0 || k->stall_ms <= 0)
		return;
	if (k->is_holding)
		k->held_ms += now_ms - k->seen_ms;
	else if (is_holding &&
	    (k->held_ms == 0 || now_ms - k->seen_ms > k->stall_ms / 2))
		sink_new_period(k);
	if (k->is_holding || is_holding)
		k->seen_ms = now_ms;
	k->is_holding = is_holding;
	if (k->held_ms < k->stall_ms)
		return;
	bytes = sink_period_bytes(k);
	if (bytes * 1000 < k->min_rate * k->held_ms && (!is_last || bytes == 0))
		sink_detach(k);
	else
		sink_new_period(k);
}
