/* verdict.c - see verdict.h. */
#include "verdict.h"

#include <string.h>

#include "base/err.h"
#include "base/json.h"

static int
verdict_run(const json_t *run)
{
	const char *state = json_get_str(run, "state", "failed");

	if (strcmp(state, "done") == 0)
		return 0;
	return err_exit_status(strcmp(state, "partial") == 0 ? ERR_RUN_PARTIAL
							     : ERR_RUN_FAILED);
}

int
verdict_of(const struct words *w, const json_t *value, const json_t *end)
{
	switch (w->cmd->id) {
	case CTL_CMD_trigger:
	case CTL_CMD_verify:
	case CTL_CMD_copy:
	case CTL_CMD_retry:
	case CTL_CMD_prune:
		return words_waits(w) ? verdict_run(value) : 0;
	case CTL_CMD_watch:
		return verdict_run(value);
	case CTL_CMD_cancel:
		return strcmp(json_get_str(value, "state", ""), "canceled") == 0
		    ? 0
		    : verdict_run(value);
	case CTL_CMD_check:
		return json_get_bool(value, "ok", false)
		    ? 0
		    : err_exit_status(ERR_CONFIG);
	case CTL_CMD_snapshots:
		return json_array_size(json_get_array(end, "errors")) == 0 ? 0
									   : 1;
	default:
		return 0;
	}
}
