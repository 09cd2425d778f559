/* source.c - see source.h. */
#include "source/source.h"

#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "source/hosted.h"

static const struct source_ops *const kinds[] = { &docker_ops, &directory_ops };

struct source *
source_new(const struct source_env *senv, const json_t *saved, struct err *e)
{
	const char *type = json_get_str(senv->cfg, "type", "");
	size_t i;

	for (i = 0; i < COUNT_OF(kinds); i++)
		if (strcmp(kinds[i]->type, type) == 0)
			return kinds[i]->create(senv, saved, e);
	(void)err_set(e, ERR_CONFIG, "no source of type '%s'", type);
	return NULL;
}

void
source_free(struct source *s)
{
	if (s != NULL)
		s->ops->free(s);
}

json_t *
source_save(struct source *s)
{
	return s->ops->save(s);
}

const struct source_facts *
source_facts(struct source *s)
{
	return s->ops->facts(s);
}

void
source_prepare(struct source *s, source_done_fn *fn, void *arg)
{
	s->ops->prepare(s, fn, arg);
}

void
source_quiesce(struct source *s, source_done_fn *fn, void *arg)
{
	s->ops->quiesce(s, fn, arg);
}

void
source_capture(struct source *s, source_done_fn *fn, void *arg)
{
	s->ops->capture(s, fn, arg);
}

void
source_resume(struct source *s, source_done_fn *fn, void *arg)
{
	s->ops->resume(s, fn, arg);
}

void
source_probe(struct source *s, source_probe_fn *fn, void *arg)
{
	s->ops->probe(s, fn, arg);
}

const struct source_artifact *
source_artifact(struct source *s, size_t i)
{
	return s->ops->artifact(s, i);
}

struct reader *
source_open(struct source *s, size_t i, bool is_gzip, int level,
    const char *const *tees)
{
	return s->ops->open(s, i, is_gzip, level, tees);
}

void
source_end(struct source *s, size_t i, source_done_fn *fn, void *arg)
{
	s->ops->end(s, i, fn, arg);
}

void
source_release(struct source *s, source_done_fn *fn, void *arg)
{
	s->ops->release(s, fn, arg);
}

void
source_undo(struct source *s, source_done_fn *fn, void *arg)
{
	s->ops->undo(s, fn, arg);
}

void
source_cancel(struct source *s, source_done_fn *fn, void *arg)
{
	s->ops->cancel(s, fn, arg);
}

void
source_recover(struct source *s, const char *state, source_recover_fn *fn,
    void *arg)
{
	s->ops->recover(s, state, fn, arg);
}
