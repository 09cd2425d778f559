/*
 * stream_bench.c - how fast each filter of a stream is, on one core.
 *
 * Prints MB/s (10^6 bytes of input, processor time) for data as LightRAG has
 * it: JSON with text and base64 vectors.  Argument: MB to put through, 256.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/mem.h"
#include "stream/chain.h"
#include "stream/filter.h"

#define BLOCK_COUNT 64

static struct buf sample = BUF_INIT; /* BLOCK_COUNT blocks of JSON. */
static int64_t total;                /* Bytes to put through. */
static int64_t stored;               /* Bytes that came out. */

static void
make_sample(void)
{
	static const char *const words[] = { "retrieval", "augmented", "graph",
		"entity", "relation", "of", "the", "and", "describes", "<SEP>",
		"chunk-7a", "document", "\\n", "\xc3\xa6ra" };
	static const char b64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqr"
				  "stuvwxyz0123456789+/";
	size_t i, n = BLOCK_COUNT * BLOCK_SIZE;

	srand(1);
	while (sample.len < n - 4096) {
		buf_adds(&sample, "{\"content\":\"");
		for (i = 0; i < 120; i++) {
			buf_adds(&sample,
			    words[(size_t)rand() % COUNT_OF(words)]);
			buf_addc(&sample, ' ');
		}
		buf_addf(&sample, "\",\"tokens\":%d,\"vector\":\"", rand());
		for (i = 0; i < 700; i++)
			buf_addc(&sample, b64[rand() % 64]);
		buf_adds(&sample, "\"},\n");
	}
	while (sample.len < n - 1)
		buf_addc(&sample, ' ');
	buf_addc(&sample, ' ');
}

static double
seconds(void)
{
	return (double)clock() / CLOCKS_PER_SEC;
}

static void
report(const char *name, double began, int64_t bytes)
{
	double took = seconds() - began;

	printf("%-28s %8.0f MB/s", name, (double)bytes / took / 1e6);
	if (stored > 0)
		printf("  to %2.0f %%", 100.0 * (double)stored / (double)bytes);
	printf("\n");
	stored = 0;
}

/* Feed the sample, block by block, until ${total} is reached. */
#define FEED(call)                                                             \
	for (at = 0; at < total; at += (int64_t)BLOCK_SIZE) {                  \
		p = sample.data + at % (int64_t)sample.len;                    \
		BUG_IF((call) == -1);                                          \
	}

static void
on_block(void *arg, struct block *b)
{
	struct buf *keep = arg;

	stored += (int64_t)b->len;
	if (keep != NULL)
		buf_add(keep, b->data, b->len);
	block_unref(b);
}

static int
on_bytes(void *arg, const void *p, size_t n, struct err *e)
{
	(void)arg;
	(void)p;
	(void)e;
	stored += (int64_t)n;
	return 0;
}

static void
bench_digest(void)
{
	struct digest *d = digest_new();
	double began = seconds();
	const char *p;
	int64_t at;

	FEED((digest_add(d, p, BLOCK_SIZE), 0));
	report("SHA-256", began, total);
	digest_free(d);
}

static void
bench_gzip(const char *name, enum stream_level level)
{
	struct gzip *g = gzip_new(level, on_block, NULL);
	double began = seconds();
	struct err e = ERR_INIT;
	const char *p;
	int64_t at;

	FEED(gzip_write(g, p, BLOCK_SIZE, &e));
	BUG_IF(gzip_end(g, &e) == -1);
	report(name, began, total);
	gzip_free(g);
}

static void
bench_gunzip(void)
{
	struct buf gz = BUF_INIT;
	struct gzip *g = gzip_new(STREAM_DEFAULT, on_block, &gz);
	struct err e = ERR_INIT;
	struct gunzip *u;
	const char *p;
	int64_t at;
	double began;

	FEED(gzip_write(g, p, BLOCK_SIZE, &e));
	BUG_IF(gzip_end(g, &e) == -1);
	gzip_free(g);
	stored = 0;
	u = gunzip_new(on_bytes, NULL);
	began = seconds();
	BUG_IF(gunzip_write(u, gz.data, gz.len, &e) == -1);
	BUG_IF(gunzip_end(u, &e) == -1);
	stored = 0;
	report("gunzip (of plain bytes)", began, total);
	gunzip_free(u);
	buf_done(&gz);
}

static void
bench_json(void)
{
	struct err e = ERR_INIT;
	struct jsonscan j;
	double began = seconds();
	const char *p;
	int64_t at;

	jsonscan_init(&j);
	BUG_IF(jsonscan_write(&j, "[", 1, &e) == -1);
	FEED(jsonscan_write(&j, p, BLOCK_SIZE, &e));
	report("JSON", began, total);
}

static void
bench_graphml(void)
{
	static const char node[] =
	    "<node id=\"Entity\"><data key=\"d0\">A "
	    "description of some length, as there are many.</data></node>\n";
	struct xmlscan *x = xmlscan_new();
	struct err e = ERR_INIT;
	struct buf text = BUF_INIT;
	double began;
	int64_t at;

	while (text.len < BLOCK_SIZE)
		buf_adds(&text, node);
	began = seconds();
	BUG_IF(xmlscan_write(x, "<graphml>", 9, &e) == -1);
	for (at = 0; at < total; at += (int64_t)text.len)
		BUG_IF(xmlscan_write(x, text.data, text.len, &e) == -1);
	report("GraphML", began, at);
	xmlscan_free(x);
	buf_done(&text);
}

/* All that a volume of one big JSON file goes through. */
static void
bench_chain(void)
{
	struct stream_opt opt = { .is_compressed_here = true,
		.is_tar = true,
		.has_data_checks = true,
		.level = STREAM_FAST };
	struct chain *c = chain_new(&opt);
	struct stream_result r = { .size = 0 };
	struct blockq out = { .ring = NULL };
	struct err e = ERR_INIT;
	struct block *b = block_new(BLOCK_SIZE), *o;
	uint8_t head[512] = "v.json";
	unsigned sum = 0;
	double began = seconds();
	int64_t at;
	size_t i;

	(void)snprintf((char *)head + 124, 12, "%011llo", (long long)total + 1);
	memset(head + 148, ' ', 8);
	for (i = 0; i < sizeof(head); i++)
		sum += head[i];
	(void)snprintf((char *)head + 148, 8, "%06o", sum);
	memcpy(b->data, head, sizeof(head));
	b->data[sizeof(head)] = '[';
	b->len = sizeof(head) + 1;
	BUG_IF(chain_write(c, b, &out, &e) == -1);
	for (at = 0; at < total; at += (int64_t)BLOCK_SIZE) {
		b->len = BLOCK_SIZE;
		memcpy(b->data, sample.data + at % (int64_t)sample.len,
		    BLOCK_SIZE);
		BUG_IF(chain_write(c, b, &out, &e) == -1);
		while ((o = blockq_take(&out)) != NULL)
			on_block(NULL, o);
	}
	report("all of them, gzip fast", began, total);
	chain_result(c, &r);
	BUG_IF(r.checked != 1); /* Cut off, so malformed, at its last byte. */
	block_unref(b);
	blockq_done(&out);
	chain_free(c);
}

int
main(int argc, char **argv)
{
	total = (argc > 1 ? atoll(argv[1]) : 256) * 1000000;
	total -= total % (int64_t)BLOCK_SIZE;
	make_sample();
	bench_digest();
	bench_gzip("gzip fast", STREAM_FAST);
	bench_gzip("gzip default", STREAM_DEFAULT);
	bench_gzip("gzip best", STREAM_BEST);
	bench_gunzip();
	bench_json();
	bench_graphml();
	bench_chain();
	buf_done(&sample);
	return 0;
}
